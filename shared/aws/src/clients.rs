//! Builds the AWS SDK's clients, once per process.

use std::{sync::Arc, time::Duration};

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

/// How many times the SDK tries a call at least, if its attempts use all of their time.
const ATTEMPTS: u32 = 3;
/// How many times the SDK tries a call if the waits between attempts are short: AWS's errors come
/// at once, so that there is time for more.
const ATTEMPTS_WITH_SHORT_WAITS: u32 = 5;
/// The longest time of one attempt at a small call, however much time the call has.
const MAX_ATTEMPT_TIME: Duration = Duration::from_secs(20);
/// The longest time that the SDK waits before the second attempt; before the third, it is twice as
/// long.
const MAX_FIRST_WAIT: Duration = Duration::from_secs(1);

/// The time of one attempt at a small call that may take `timeout` in all. Three attempts and the
/// waits between them end within it, so that a connection that has become silent costs one attempt
/// and not the call: of 3 s, an attempt has 800 ms.
fn attempt_time(timeout: Duration) -> Duration {
    (timeout * 4 / 15).min(MAX_ATTEMPT_TIME)
}

/// The retries of a call that may take `timeout` in all. Of 3 s, the wait before the second attempt
/// is at most 100 ms.
fn retries(timeout: Duration) -> RetryConfig {
    let first_wait = (timeout / 30).min(MAX_FIRST_WAIT);
    let is_short = first_wait < MAX_FIRST_WAIT;
    let attempts = if is_short { ATTEMPTS_WITH_SHORT_WAITS } else { ATTEMPTS };
    RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(first_wait)
}

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
    config: Arc<SdkConfig>,
}

impl Clients {
    /// Clients for a Lambda function: with this region, and with the credentials that the Lambda
    /// runtime puts into the environment. No other source of credentials is tried.
    ///
    /// `endpoint` is the URL of an emulator. `timeout` limits every call, its three attempts
    /// included: choose it so that the function can still act on the failure. One attempt has about
    /// a quarter of it, but at most 20 s; a call of S3, which may send a large body, has no limit
    /// of this kind.
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
            s3: aws_sdk_s3::Client::from_conf(s3_config(config)),
            sqs: aws_sdk_sqs::Client::new(config),
            config: Arc::new(config.clone()),
        }
    }

    /// A client of `EventBridge`, which only the events function needs.
    pub(crate) fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }
}

/// The configuration of S3: without a limit for an attempt, because the bytes of a part may take
/// longer than a small call.
fn s3_config(config: &SdkConfig) -> aws_sdk_s3::Config {
    let timeouts = config.timeout_config().map(|timeouts| {
        let mut timeouts = timeouts.to_builder();
        timeouts.set_operation_attempt_timeout(None);
        timeouts.build()
    });
    let mut builder = aws_sdk_s3::config::Builder::from(config);
    builder.set_timeout_config(timeouts);
    builder.build()
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
        .retry_config(retries(timeout))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .operation_timeout(timeout)
                .operation_attempt_timeout(attempt_time(timeout))
                .build(),
        );
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

/// The HTTP client over the one TLS stack, rustls.
fn https_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}
