//! The report as JSON.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{error::RenderError, model::Report};

/// The version of the JSON, in its first field. It changes when a field is removed or changes its
/// meaning, not when a field is added.
pub const SCHEMA: u32 = 1;

/// The report as indented JSON: one object with the names of [`Report`]'s fields, and [`SCHEMA`] as
/// `schema` and the verdict as `status`. Times are seconds since 1970; what is not known is `null`.
///
/// # Errors
/// [`RenderError::Json`]; no report is known that causes it.
pub fn render_json(report: &Report) -> Result<String, RenderError> {
    Ok(serde_json::to_string_pretty(report)?)
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Report", 16)?;
        object.serialize_field("schema", &SCHEMA)?;
        object.serialize_field("stack", &self.stack)?;
        object.serialize_field("region", &self.region)?;
        object.serialize_field("taken_at", &self.taken_at)?;
        object.serialize_field("instance", &self.instance)?;
        object.serialize_field("status", &self.status())?;
        object.serialize_field("root_cause", &self.root_cause)?;
        object.serialize_field("steps", &self.steps)?;
        object.serialize_field("endpoints", &self.endpoints)?;
        object.serialize_field("instances", &self.instances)?;
        object.serialize_field("folders", &self.folders)?;
        object.serialize_field("failures", &self.failures)?;
        object.serialize_field("controlled", &self.controlled)?;
        object.serialize_field("settings", &self.settings)?;
        object.serialize_field("expiring", &self.expiring)?;
        object.serialize_field("hours", &self.hours)?;
        object.end()
    }
}
