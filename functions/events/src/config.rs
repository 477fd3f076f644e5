//! The events function's settings, from its environment. `template.yaml` sets each of them.

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
    /// `TENANTS_TABLE`.
    pub tenants_table: String,
    /// `MEDIA_TABLE`.
    pub media_table: String,
    /// `JOBS_TABLE`.
    pub jobs_table: String,
    /// `LINKS_TABLE`.
    pub links_table: String,
    /// `MEDIA_BUCKET`, which events name.
    pub media_bucket: String,
    /// `DELIVERIES_QUEUE_URL`.
    pub deliveries_queue_url: String,
    /// `EVENT_BUS`, the name of a bus. Without it, only receivers get events.
    pub event_bus: Option<String>,
    /// `WEBHOOK_BASE_URL`, under which media links are.
    pub base_url: String,
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
            tenants_table: environment.required("TENANTS_TABLE")?,
            media_table: environment.required("MEDIA_TABLE")?,
            jobs_table: environment.required("JOBS_TABLE")?,
            links_table: environment.required("LINKS_TABLE")?,
            media_bucket: environment.required("MEDIA_BUCKET")?,
            deliveries_queue_url: environment.required("DELIVERIES_QUEUE_URL")?,
            event_bus: environment.optional("EVENT_BUS").map(str::to_owned),
            base_url: environment.required("WEBHOOK_BASE_URL")?,
        })
    }
}
