//! The watch function's settings, from its environment. `template.yaml` sets each of them.

use boot::environment::{Environment, SettingError};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `AWS_REGION`, set by Lambda.
    pub region: String,
    /// `AWS_ENDPOINT_URL`, only where an emulator stands in for AWS.
    pub endpoint: Option<String>,
    /// `INSTANCES_TABLE`.
    pub instances_table: String,
    /// `MEDIA_TABLE`.
    pub media_table: String,
    /// `JOBS_TABLE`.
    pub jobs_table: String,
    /// `ORDERS_TABLE`.
    pub orders_table: String,
    /// `RECEIVERS_TABLE`.
    pub receivers_table: String,
    /// `JOBS_QUEUE_URL`.
    pub jobs_queue_url: String,
    /// `DELIVERIES_QUEUE_URL`.
    pub deliveries_queue_url: String,
    /// `PARKED_QUEUE_URL`.
    pub parked_queue_url: String,
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
            instances_table: environment.required("INSTANCES_TABLE")?,
            media_table: environment.required("MEDIA_TABLE")?,
            jobs_table: environment.required("JOBS_TABLE")?,
            orders_table: environment.required("ORDERS_TABLE")?,
            receivers_table: environment.required("RECEIVERS_TABLE")?,
            deliveries_queue_url: environment.required("DELIVERIES_QUEUE_URL")?,
            jobs_queue_url: environment.required("JOBS_QUEUE_URL")?,
            parked_queue_url: environment.required("PARKED_QUEUE_URL")?,
        })
    }
}
