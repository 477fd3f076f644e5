//! The AWS calls that only the operator's command makes: about a stack's parts, its records and its
//! files.

pub mod audit;
pub mod erase;
pub mod files;
pub mod health;
pub mod logs;
mod record;
pub mod records;
pub mod stack;
pub mod unsettled;

use aws_config::{BehaviorVersion, SdkConfig};

use aws::clients::Clients;

/// The AWS clients of the operator's command. Profile, region and credentials are found as by the
/// AWS CLI.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The clients that the functions use as well.
    pub clients: Clients,
    /// The configured region, if any.
    pub region: Option<String>,
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
        Self::from_parts(Clients::from_config(&config), &config)
    }

    /// Uses existing clients of the services that the functions call too. Its other clients have
    /// neither region nor credentials, so their calls fail.
    #[must_use]
    pub fn with_clients(clients: Clients) -> Self {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        Self::from_parts(clients, &config)
    }

    fn from_parts(clients: Clients, config: &SdkConfig) -> Self {
        Self {
            clients,
            region: config.region().map(ToString::to_string),
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            cloudwatchlogs: aws_sdk_cloudwatchlogs::Client::new(config),
            lambda: aws_sdk_lambda::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
        }
    }
}
