//! The AWS calls that only the operator's command makes: about a stack's parts, its records and its
//! files.

pub mod audit;
pub mod audit_copies;
mod audit_line;
pub mod chats;
pub mod counters;
pub mod erase;
pub mod files;
pub mod health;
pub mod logs;
mod pairs;
mod record;
pub mod records;
pub mod relink;
pub mod retention;
pub mod revocations;
pub mod senders;
pub mod stack;
pub mod tags;
pub mod unsettled;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};

use aws::clients::Clients;

/// The AWS clients of the operator's command. Profile, region and credentials are found as by the
/// AWS CLI.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The clients that the functions use as well.
    pub clients: Clients,
    /// The configured region, if any.
    pub region: Option<String>,
    /// What the clients sign with.
    pub(crate) credentials: Option<SharedCredentialsProvider>,
    pub(crate) cloudformation: aws_sdk_cloudformation::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) cloudwatchlogs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) sns: aws_sdk_sns::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

impl Operator {
    /// Loads the configuration and builds the clients.
    pub async fn connect() -> Self {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Self::from_config(Clients::from_config(&config), &config)
    }

    /// With these clients for tables, queues and files, and with invented credentials for anything
    /// else at this endpoint: for tests against a scripted AWS.
    #[must_use]
    pub fn with_clients(clients: Clients, endpoint: &str) -> Self {
        let invented = Credentials::new("invented", "invented", None, None, "invented");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(invented))
            .endpoint_url(endpoint)
            .build();
        Self::from_config(clients, &config)
    }

    fn from_config(clients: Clients, config: &SdkConfig) -> Self {
        Self {
            clients,
            region: config.region().map(ToString::to_string),
            credentials: config.credentials_provider(),
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            cloudwatchlogs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
        }
    }
}
