//! The links function's settings, from its environment. `template.yaml` sets each of them.

use boot::environment::{Environment, SettingError};

/// The function's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// `AWS_REGION`, set by Lambda.
    pub region: String,
    /// `AWS_ENDPOINT_URL`, only where an emulator stands in for AWS.
    pub endpoint: Option<String>,
    /// `LINKS_TABLE`.
    pub links_table: String,
    /// `TENANTS_TABLE`.
    pub tenants_table: String,
    /// `MEDIA_TABLE`.
    pub media_table: String,
    /// `MEDIA_BUCKET`.
    pub media_bucket: String,
    /// `MALWARE_SCAN`: whether a file needs a clean verdict. Any word but `off` says so.
    pub scans_for_malware: bool,
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
            links_table: environment.required("LINKS_TABLE")?,
            tenants_table: environment.required("TENANTS_TABLE")?,
            media_table: environment.required("MEDIA_TABLE")?,
            media_bucket: environment.required("MEDIA_BUCKET")?,
            scans_for_malware: environment.required("MALWARE_SCAN")? != "off",
        })
    }
}
