//! What the models claim of AWS, as code that any endpoint can be held against.
//!
//! Run against the models, and against an emulator that others wrote. What that emulator lacks is claimed of the
//! models alone, where each such claim says why.

pub mod bucket;
pub mod queues;
pub mod tables;

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::time::Instant;

/// How long something is waited for that must happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Clients of the services that the models stand for.
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
    /// Clients of an endpoint, through an HTTP client that leads there if one is given.
    #[must_use]
    pub fn at(endpoint: &str, through: Option<SharedHttpClient>) -> Self {
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

/// Looks again and again until there is something to see.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    unreachable!("{what} did not happen within {PATIENCE:?}")
}
