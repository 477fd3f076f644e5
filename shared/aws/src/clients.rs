//! Builds the SDK's clients, once per process.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// How long the SDK waits for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the SDK waits for the first byte of an answer.
const READ: Duration = Duration::from_secs(30);

/// The clients of one process, sharing connections where they share an endpoint.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Keys.
    pub kms: aws_sdk_kms::Client,
    /// Objects.
    pub s3: aws_sdk_s3::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients for a Lambda: the region is given, and the credentials are read from the
    /// environment, where the Lambda runtime puts them. Nothing is searched for.
    ///
    /// `endpoint` leads to an emulator. No call takes longer than `longest`, its retries included:
    /// choose it so that the function can still act on the failure.
    #[must_use]
    pub fn for_lambda(region: &str, endpoint: Option<&str>, longest: Duration) -> Self {
        let credentials =
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        Self::from_config(&config(region, credentials, endpoint, longest))
    }

    /// Clients as those of a Lambda, for something on this machine that stands in for AWS and looks
    /// at no signature: the region and the credentials are made up.
    #[must_use]
    pub fn for_stand_in(endpoint: &str, longest: Duration) -> Self {
        Self::over(https(), endpoint, longest)
    }

    /// The same with every request going through `http_client`: what lies behind it may be in this
    /// very process. The requests are really built, with their conditions, headers and retries.
    #[must_use]
    pub fn over(http_client: SharedHttpClient, endpoint: &str, longest: Duration) -> Self {
        let made_up = Credentials::new("stand-in", "stand-in", None, None, "made up");
        let credentials = SharedCredentialsProvider::new(made_up);
        let config = config("us-east-1", credentials, Some(endpoint), longest);
        Self::from_config(&config.into_builder().http_client(http_client).build())
    }

    /// Clients of one configuration: the operator's command finds its own, as the AWS CLI does.
    #[must_use]
    pub fn from_config(config: &SdkConfig) -> Self {
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            s3: aws_sdk_s3::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }
}

/// What all four clients of a process share.
fn config(
    region: &str,
    credentials: SharedCredentialsProvider,
    endpoint: Option<&str>,
    longest: Duration,
) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .http_client(https())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .read_timeout(READ)
                .operation_timeout(longest)
                .build(),
        );
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

/// The one TLS stack.
fn https() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}
