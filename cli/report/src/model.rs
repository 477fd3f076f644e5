//! The results of a diagnosis. The field names are those of its JSON.

use media::strategy::Strategy;
use serde::Serialize;

/// The results of one diagnosis. A part that was not checked is empty or `None`; one that could not
/// be checked is [`Status::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the stack.
    pub stack: String,
    /// The AWS region it is in.
    pub region: String,
    /// When the diagnosis was made, in seconds since 1970.
    pub taken_at: i64,
    /// The only instance that was checked; `None` means every instance.
    pub instance: Option<String>,
    /// The failure that explains most of the others, if one is known.
    pub root_cause: Option<RootCause>,
    /// The steps from WhatsApp to the bucket. They are shown in the order of [`StepId::ALL`], and a
    /// missing one is shown as unknown.
    pub steps: Vec<Step>,
    /// What W-API's endpoints answered.
    pub endpoints: Vec<Endpoint>,
    /// The registered instances.
    pub instances: Vec<InstanceCheck>,
    /// The objects in the bucket, compared with the records that say stored.
    pub folders: Vec<Folder>,
    /// Media that are not stored, by the class of their failure.
    pub failures: Vec<FailureCount>,
    /// The same media file fetched by each strategy; `None` if there was no such test.
    pub controlled: Option<ControlledTest>,
    /// What is configured, compared with what it should be.
    pub settings: Vec<Setting>,
    /// Media that are not stored and may be lost within 48 hours.
    pub expiring: u64,
    /// The last 24 hours, the oldest first. Empty if they could not be read.
    pub hours: Vec<Hour>,
}

impl Report {
    /// The verdict: the worst of the steps, instances, folders and settings. A single endpoint's or
    /// strategy's failure counts through the step it belongs to, because another may do its work.
    #[must_use]
    pub fn status(&self) -> Status {
        let steps = self.steps.iter().map(|step| step.status);
        let instances = self.instances.iter().map(|one| one.status);
        let folders = self.folders.iter().map(|one| one.status);
        let settings = self.settings.iter().map(|one| one.status);
        Status::worst_of(steps.chain(instances).chain(folders).chain(settings))
    }
}

/// The result of a check. The order is that of severity: unknown is worse than ok, and better than
/// a known failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Checked, and nothing is wrong.
    Ok,
    /// Could not be checked. The evidence, value or note says why.
    Unknown,
    /// Works, and a person should look at it.
    Warn,
    /// Does not work.
    Fail,
}

impl Status {
    /// The worst of several; [`Status::Unknown`] without any, because nothing was checked.
    pub fn worst_of(of: impl IntoIterator<Item = Self>) -> Self {
        of.into_iter().max().unwrap_or(Self::Unknown)
    }

    /// A sign that differs from the others without colour.
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Unknown => "?",
            Self::Warn => "!",
            Self::Fail => "✗",
        }
    }
}

/// The root cause: one sentence, and the command that fixes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootCause {
    /// What is wrong, in one sentence for a customer.
    pub sentence: String,
    /// The command that fixes it or shows more, if there is one.
    pub command: Option<String>,
}

/// One step from WhatsApp to the bucket, and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The step.
    pub id: StepId,
    /// The result.
    pub status: Status,
    /// What was found; for [`Status::Unknown`], why it could not be checked.
    pub evidence: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Step {
    /// A step without a remedy.
    #[must_use]
    pub fn new(id: StepId, status: Status, evidence: String) -> Self {
        Self { id, status, evidence, remedy: None }
    }

    /// The same step with a remedy.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// The nine steps from a WhatsApp account to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepId {
    /// 1: the WhatsApp account is connected to W-API.
    Connection,
    /// 2: W-API's hooks are registered with this stack's URL.
    Hooks,
    /// 3: API Gateway and the webhook function answer.
    Api,
    /// 4: the jobs queue has the right settings.
    JobsQueue,
    /// 5: the download function and its trigger are enabled.
    DownloadFunction,
    /// 6: W-API's download endpoint delivers media files.
    WapiDownload,
    /// 7: WhatsApp's CDN delivers media files.
    Cdn,
    /// 8: the bucket has the files that the records say are stored.
    Bucket,
    /// 9: nothing is parked, and all records can be parsed.
    Records,
}

impl StepId {
    /// Every step, in the order from WhatsApp to the bucket.
    pub const ALL: [Self; 9] = [
        Self::Connection,
        Self::Hooks,
        Self::Api,
        Self::JobsQueue,
        Self::DownloadFunction,
        Self::WapiDownload,
        Self::Cdn,
        Self::Bucket,
        Self::Records,
    ];

    /// The step that a strategy's downloads belong to. The older endpoint has none: it may not
    /// exist, and only the side-by-side test shows it.
    #[must_use]
    pub fn for_strategy(strategy: Strategy) -> Option<Self> {
        match strategy {
            Strategy::Wapi => Some(Self::WapiDownload),
            Strategy::WapiAlternate => None,
            Strategy::Cdn => Some(Self::Cdn),
        }
    }

    /// The step's number, 1 to 9.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Connection => 1,
            Self::Hooks => 2,
            Self::Api => 3,
            Self::JobsQueue => 4,
            Self::DownloadFunction => 5,
            Self::WapiDownload => 6,
            Self::Cdn => 7,
            Self::Bucket => 8,
            Self::Records => 9,
        }
    }
}

/// One request to W-API, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: String,
    /// The path, without host and query, which may contain secrets.
    pub path: String,
    /// Whether the answer is a good one.
    pub status: Status,
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// How long the answer took.
    pub latency_ms: Option<u64>,
    /// An excerpt of the answer, or why there is none.
    pub note: String,
}

/// One registered instance, and the results of its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceCheck {
    /// The tenant's id.
    pub tenant: String,
    /// The instance's id.
    pub instance: String,
    /// The worst result of its checks.
    pub status: Status,
    /// When its last webhook arrived, in seconds since 1970; `None` if not known.
    pub last_webhook_at: Option<i64>,
    /// Its checks: token, connection, hooks, latest media, and the separation of tenants.
    pub checks: Vec<Setting>,
}

/// One kind of media of one instance: the objects in the bucket, compared with the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// The tenant's id.
    pub tenant: String,
    /// The instance's id.
    pub instance: String,
    /// The kind of media, such as `image`.
    pub kind: String,
    /// Objects found in the bucket.
    pub objects: u64,
    /// Records that say `stored`.
    pub records: u64,
    /// Nothing in the bucket while records say stored is a [`Status::Fail`].
    pub status: Status,
}

/// Unstored media of one failure class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// The class's word in the record. Those of [`media::failure::FailureClass`] are explained in
    /// the report.
    pub class: String,
    /// The number of media.
    pub count: u64,
    /// The reason of the latest failure.
    pub last_reason: String,
    /// The time of the latest failure, in seconds since 1970.
    pub last_at: i64,
}

/// The same media file fetched by each strategy, side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlledTest {
    /// Whether the keys were invented: then no strategy can fetch a file, and only its answer
    /// counts.
    pub synthetic_keys: bool,
    /// One row per media message and strategy that was tried.
    pub rows: Vec<TestRow>,
}

/// The result of one strategy for one media message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestRow {
    /// The message's id.
    pub message_id: String,
    /// The strategy.
    pub strategy: Strategy,
    /// The result.
    pub status: Status,
    /// The HTTP status of the last response, if there was one.
    pub http_status: Option<u16>,
    /// The duration in milliseconds.
    pub latency_ms: u64,
    /// The bytes received.
    pub bytes: u64,
    /// Why it failed, with an excerpt of the answer; empty on success.
    pub note: String,
}

/// One setting or check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The name, in the report's language.
    pub name: String,
    /// Whether the value is right.
    pub status: Status,
    /// The value, or the evidence; for [`Status::Unknown`], why it could not be read.
    pub value: String,
    /// The right value, if there is only one.
    pub expected: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// One hour of the last 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Hour {
    /// When it began, in seconds since 1970.
    pub at: i64,
    /// Media stored by the strategy `wapi`.
    pub wapi: u64,
    /// Media stored by the strategy `wapi_alternate`.
    pub wapi_alternate: u64,
    /// Media stored by the strategy `cdn`.
    pub cdn: u64,
    /// Media that wait for another attempt.
    pub retrying: u64,
    /// Media that are parked.
    pub parked: u64,
    /// Webhooks received. Shown only if at least one hour has a number.
    pub webhooks: Option<u64>,
}

impl Hour {
    /// Counts one media file that a strategy stored.
    pub fn count_stored(&mut self, strategy: Strategy) {
        let count = match strategy {
            Strategy::Wapi => &mut self.wapi,
            Strategy::WapiAlternate => &mut self.wapi_alternate,
            Strategy::Cdn => &mut self.cdn,
        };
        *count = count.saturating_add(1);
    }

    /// Media stored by a strategy.
    #[must_use]
    pub fn stored_by(&self, strategy: Strategy) -> u64 {
        match strategy {
            Strategy::Wapi => self.wapi,
            Strategy::WapiAlternate => self.wapi_alternate,
            Strategy::Cdn => self.cdn,
        }
    }

    /// Media stored, by all strategies together.
    #[must_use]
    pub fn stored(&self) -> u64 {
        let counts = Strategy::DEFAULT.map(|strategy| self.stored_by(strategy));
        counts.into_iter().fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing checked is unknown.
    #[test]
    fn the_verdict_is_the_worst_status() {
        assert_eq!(Status::worst_of([Status::Ok, Status::Ok]), Status::Ok);
        assert_eq!(Status::worst_of([Status::Unknown, Status::Ok]), Status::Unknown);
        assert_eq!(Status::worst_of([Status::Unknown, Status::Warn]), Status::Warn);
        assert_eq!(Status::worst_of([Status::Fail, Status::Warn]), Status::Fail);
        assert_eq!(Status::worst_of([]), Status::Unknown);
    }

    #[test]
    fn the_steps_are_numbered_in_their_order() {
        let numbers = StepId::ALL.map(StepId::number);
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
