//! The deliver function's settings, from its environment. `template.yaml` sets each of them.

use boot::environment::{Environment, SettingError};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `AWS_REGION`, set by Lambda.
    pub region: String,
    /// `AWS_ENDPOINT_URL`, only where an emulator stands in for AWS.
    pub endpoint: Option<String>,
    /// `RECEIVERS_TABLE`.
    pub receivers_table: String,
    /// `JOBS_TABLE`.
    pub jobs_table: String,
    /// `ORDERS_TABLE`.
    pub orders_table: String,
    /// `DELIVERIES_QUEUE_URL`.
    pub deliveries_queue_url: String,
    /// `DELIVERIES_BUCKET`.
    pub deliveries_bucket: String,
    /// `WEBHOOK_BASE_URL`, where this stack receives webhooks: no receiver may be there.
    pub webhook_base_url: String,
    /// `WAPI_BASE_URL`. Only if it is on this machine, receivers may be so, too.
    pub wapi_base_url: String,
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// [`SettingError`] names the first one that is missing.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            region: environment.required("AWS_REGION")?,
            endpoint: environment.optional("AWS_ENDPOINT_URL").map(str::to_owned),
            receivers_table: environment.required("RECEIVERS_TABLE")?,
            jobs_table: environment.required("JOBS_TABLE")?,
            orders_table: environment.required("ORDERS_TABLE")?,
            deliveries_queue_url: environment.required("DELIVERIES_QUEUE_URL")?,
            deliveries_bucket: environment.required("DELIVERIES_BUCKET")?,
            webhook_base_url: environment.required("WEBHOOK_BASE_URL")?,
            wapi_base_url: environment.required("WAPI_BASE_URL")?,
        })
    }
}
