//! The download function's settings, from its environment. `template.yaml` sets all but those that
//! only tests set.

use aws::bucket::MultipartChecksum;
use boot::environment::{Environment, SettingError};
use fetch::Origins;
use media::object_key::parse_offset;
use time::UtcOffset;

use crate::fault::PlannedPanic;

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
    /// `COUNTERS_TABLE`.
    pub counters_table: String,
    /// `ORDERS_TABLE`.
    pub orders_table: String,
    /// `MEDIA_BUCKET`.
    pub bucket: String,
    /// `JOBS_QUEUE_URL`.
    pub jobs_queue_url: String,
    /// `PARKED_QUEUE_URL`.
    pub parked_queue_url: String,
    /// `WAPI_BASE_URL` and `CDN_BASE_URLS`.
    pub origins: Origins,
    /// `UTC_OFFSET`, of the times in object keys.
    pub offset: UtcOffset,
    /// `MULTIPART_CHECKSUM`.
    pub checksum: MultipartChecksum,
    /// `PANIC_ON_MESSAGE`, which only tests set.
    pub planned_panic: PlannedPanic,
}

impl Config {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// [`SettingError`] names the first one that is missing or wrong.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let required = |name| environment.required(name);
        let invalid =
            |name, rule: &dyn ToString| SettingError::Invalid { name, rule: rule.to_string() };
        let origins = Origins::parse(&required("WAPI_BASE_URL")?, &required("CDN_BASE_URLS")?);
        let offset = parse_offset(&required("UTC_OFFSET")?);
        Ok(Self {
            region: required("AWS_REGION")?,
            endpoint: environment.optional("AWS_ENDPOINT_URL").map(str::to_owned),
            instances_table: required("INSTANCES_TABLE")?,
            media_table: required("MEDIA_TABLE")?,
            jobs_table: required("JOBS_TABLE")?,
            counters_table: required("COUNTERS_TABLE")?,
            orders_table: required("ORDERS_TABLE")?,
            bucket: required("MEDIA_BUCKET")?,
            jobs_queue_url: required("JOBS_QUEUE_URL")?,
            parked_queue_url: required("PARKED_QUEUE_URL")?,
            origins: origins.map_err(|bad| invalid(bad.name, &bad))?,
            offset: offset.ok_or_else(|| invalid("UTC_OFFSET", &"an offset such as -03:00"))?,
            checksum: environment.parse_required("MULTIPART_CHECKSUM")?,
            planned_panic: PlannedPanic::new(environment.optional("PANIC_ON_MESSAGE")),
        })
    }
}
