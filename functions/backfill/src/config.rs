//! The back-fill function's settings, from its environment. `template.yaml` sets each of them.

use boot::environment::{Environment, SettingError};
use fetch::Origins;

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
    /// `MARKS_TABLE`.
    pub marks_table: String,
    /// `ORDERS_TABLE`.
    pub orders_table: String,
    /// `PEOPLE_TABLE`, if W-API is asked for the LIDs of numbers.
    pub people_table: Option<String>,
    /// `JOBS_QUEUE_URL`.
    pub jobs_queue_url: String,
    /// `WAPI_BASE_URL`. The function requests nothing of the CDN.
    pub origins: Origins,
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// [`SettingError`] names the first one that is missing or wrong.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let origins = Origins::for_wapi(&environment.required("WAPI_BASE_URL")?);
        Ok(Self {
            region: environment.required("AWS_REGION")?,
            endpoint: environment.optional("AWS_ENDPOINT_URL").map(str::to_owned),
            instances_table: environment.required("INSTANCES_TABLE")?,
            media_table: environment.required("MEDIA_TABLE")?,
            marks_table: environment.required("MARKS_TABLE")?,
            orders_table: environment.required("ORDERS_TABLE")?,
            people_table: environment.optional("PEOPLE_TABLE").map(str::to_owned),
            jobs_queue_url: environment.required("JOBS_QUEUE_URL")?,
            origins: origins
                .map_err(|bad| SettingError::Invalid { name: bad.name, rule: bad.to_string() })?,
        })
    }
}
