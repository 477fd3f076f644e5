//! The webhook function's settings, from its environment. `template.yaml` sets each of them.

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
    /// `JOBS_TABLE`.
    pub jobs_table: String,
    /// `PEOPLE_TABLE`.
    pub people_table: String,
    /// `ORDERS_TABLE`.
    pub orders_table: String,
    /// `MARKS_TABLE`, in which connections are noted.
    pub marks_table: String,
    /// `RECEIVERS_TABLE`.
    pub receivers_table: String,
    /// `JOBS_QUEUE_URL`.
    pub jobs_queue_url: String,
    /// `DELIVERIES_QUEUE_URL`.
    pub deliveries_queue_url: String,
    /// `DELIVERIES_BUCKET`.
    pub deliveries_bucket: String,
    /// `ASK_LIDS`: whether numbers whose LID is not known are noted, so that W-API is asked.
    pub asks_lids: bool,
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
            jobs_table: environment.required("JOBS_TABLE")?,
            people_table: environment.required("PEOPLE_TABLE")?,
            orders_table: environment.required("ORDERS_TABLE")?,
            marks_table: environment.required("MARKS_TABLE")?,
            receivers_table: environment.required("RECEIVERS_TABLE")?,
            deliveries_bucket: environment.required("DELIVERIES_BUCKET")?,
            deliveries_queue_url: environment.required("DELIVERIES_QUEUE_URL")?,
            jobs_queue_url: environment.required("JOBS_QUEUE_URL")?,
            asks_lids: environment.optional("ASK_LIDS") == Some("on"),
        })
    }
}
