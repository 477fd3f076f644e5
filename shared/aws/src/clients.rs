//! Builds the AWS SDK's clients, once per process.

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
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the SDK waits for the first byte of a response.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The clients of one process, sharing connections where they share an endpoint.
#[derive(Debug, Clone)]
pub struct Clients {
    /// `DynamoDB`: the tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// KMS: the key that encrypts tokens.
    pub kms: aws_sdk_kms::Client,
    /// S3: the bucket.
    pub s3: aws_sdk_s3::Client,
    /// SQS: the queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients for a Lambda function: with this region, and with the credentials that the Lambda
    /// runtime puts into the environment. No other source of credentials is tried.
    ///
    /// `endpoint` is the URL of an emulator. `timeout` limits every call, its retries included:
    /// choose it so that the function can still act on the failure.
    #[must_use]
    pub fn for_lambda(region: &str, endpoint: Option<&str>, timeout: Duration) -> Self {
        let credentials =
            SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        Self::from_config(&shared_config(region, credentials, endpoint, timeout))
    }

    /// Clients for an emulator that checks no signature: the region and the credentials are made
    /// up.
    #[must_use]
    pub fn for_stand_in(endpoint: &str, timeout: Duration) -> Self {
        Self::with_http_client(https_client(), endpoint, timeout)
    }

    /// [`Self::for_stand_in`], with `http_client` answering the requests, for example in this
    /// process. The SDK builds complete requests, with conditions, headers and retries.
    #[must_use]
    pub fn with_http_client(
        http_client: SharedHttpClient,
        endpoint: &str,
        timeout: Duration,
    ) -> Self {
        let made_up = Credentials::new("stand-in", "stand-in", None, None, "made up");
        let credentials = SharedCredentialsProvider::new(made_up);
        let config = shared_config("us-east-1", credentials, Some(endpoint), timeout);
        Self::from_config(&config.into_builder().http_client(http_client).build())
    }

    /// Clients of a configuration. The operator's command loads its own, as the AWS CLI does.
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

/// The configuration that all clients of a process share.
fn shared_config(
    region: &str,
    credentials: SharedCredentialsProvider,
    endpoint: Option<&str>,
    timeout: Duration,
) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .http_client(https_client())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .operation_timeout(timeout)
                .build(),
        );
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

/// The HTTP client over the one TLS stack, rustls.
fn https_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}
