//! What the models assume about AWS, as checks that run against any endpoint.
//!
//! They run against the models and against an independent emulator. A check that the emulator
//! does not support runs against the models alone and says why.

pub mod bucket;
pub mod queues;
pub mod tables;

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::time::Instant;

/// Maximum time to wait for an expected event.
const WAIT_LIMIT: Duration = Duration::from_secs(30);
/// The time between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Clients of the services that the models replace.
#[derive(Debug, Clone)]
pub struct Services {
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// `DynamoDB`.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

impl Services {
    /// Clients of an endpoint, with this HTTP client if one is given.
    #[must_use]
    pub fn connect(endpoint: &str, through: Option<SharedHttpClient>) -> Self {
        macro_rules! client {
            ($sdk:ident, $($more:tt)*) => {{
                let mut config = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new("us-east-1"))
                    .credentials_provider(Credentials::new("test", "test", None, None, "made up"))
                    .endpoint_url(endpoint)
                    $($more)*;
                config.set_http_client(through.clone());
                $sdk::Client::from_conf(config.build())
            }};
        }
        Self {
            sqs: client!(aws_sdk_sqs,),
            s3: client!(aws_sdk_s3, .force_path_style(true)),
            dynamodb: client!(aws_sdk_dynamodb,),
        }
    }
}

/// Repeats a check until it returns a value.
async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < WAIT_LIMIT {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    unreachable!("{what} did not happen within {WAIT_LIMIT:?}")
}
