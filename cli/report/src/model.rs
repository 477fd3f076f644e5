//! What a diagnosis found, in the words that its JSON keeps.

use media::strategy::Strategy;
use serde::Serialize;

/// Everything one run of the diagnosis found. What was not looked at is empty or `None`; what was
/// looked at and could not be seen is [`Status::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the stack.
    pub stack: String,
    /// The AWS region it is in.
    pub region: String,
    /// When the diagnosis was made, in seconds since 1970.
    pub taken_at: i64,
    /// The only instance that was asked about; `None` means every instance.
    pub instance: Option<String>,
    /// What explains most of what is wrong, if anything is and it is known.
    pub root_cause: Option<RootCause>,
    /// The steps of a media's way. They are shown in the order of [`StepId::ALL`], and one that is
    /// missing is shown as unknown.
    pub steps: Vec<Step>,
    /// What W-API's endpoints answered.
    pub endpoints: Vec<Endpoint>,
    /// The registered instances.
    pub instances: Vec<InstanceCheck>,
    /// What the bucket holds, compared with what the records promise.
    pub folders: Vec<Folder>,
    /// Media that are not stored, by the class of their failure.
    pub failures: Vec<FailureCount>,
    /// The same media fetched by each strategy; `None` when no such test was made.
    pub controlled: Option<ControlledTest>,
    /// What is configured, compared with what it should be.
    pub settings: Vec<Setting>,
    /// Media that are not stored and can be counted on for less than 48 hours.
    pub expiring: u64,
    /// The last 24 hours, the oldest first. Empty when they could not be read.
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

/// How something is. The order is that of severity: what is unknown is worse than what is fine, and
/// better than what is known to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Looked at, and as it should be.
    Ok,
    /// Could not be checked. The evidence, value or note beside it says why.
    Unknown,
    /// Works, and a person should look at it.
    Warn,
    /// Does not work.
    Fail,
}

impl Status {
    /// The worst of several; [`Status::Unknown`] when there is none, because then nothing was
    /// checked.
    pub fn worst_of(of: impl IntoIterator<Item = Self>) -> Self {
        of.into_iter().max().unwrap_or(Self::Unknown)
    }

    /// A sign that can be told from the others without colour.
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

/// The one thing to know and to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RootCause {
    /// What is wrong, in one sentence a customer understands.
    pub sentence: String,
    /// The command that mends it or leads on, if there is one.
    pub command: Option<String>,
}

/// One step of a media's way, and what was seen there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which one.
    pub id: StepId,
    /// How it is.
    pub status: Status,
    /// What was seen; for [`Status::Unknown`], why nothing could be.
    pub evidence: String,
    /// What a person does about it.
    pub remedy: Option<String>,
}

impl Step {
    /// A step without a remedy.
    #[must_use]
    pub fn new(id: StepId, status: Status, evidence: String) -> Self {
        Self { id, status, evidence, remedy: None }
    }

    /// The same step with what a person does about it.
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
    /// 4: the jobs queue moves.
    JobsQueue,
    /// 5: the download function runs.
    DownloadFunction,
    /// 6: W-API's download endpoint gives media.
    WapiDownload,
    /// 7: WhatsApp's CDN gives media.
    Cdn,
    /// 8: the bucket has what was stored.
    Bucket,
    /// 9: the records are kept, and nothing lies parked.
    Records,
}

impl StepId {
    /// Every step, in the order of a media's way.
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

    /// The step's place on the way, 1 to 9.
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

/// One question put to W-API, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: String,
    /// The path, without host and query: those may hold secrets.
    pub path: String,
    /// How the answer is to be taken.
    pub status: Status,
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// How long the answer took.
    pub latency_ms: Option<u64>,
    /// What the answer says, or why there is none.
    pub note: String,
}

/// One registered instance, and what W-API says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceCheck {
    /// Whose it is.
    pub tenant: String,
    /// W-API's id of it.
    pub instance: String,
    /// How it is, all in all.
    pub status: Status,
    /// When its last webhook came, in seconds since 1970; `None` if none is known.
    pub last_webhook_at: Option<i64>,
    /// What was checked of it: whether its token is taken, is its own and no other tenant's,
    /// whether each hook points here, and whatever else there is.
    pub checks: Vec<Setting>,
}

/// One kind of media of one instance: the bucket compared with the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Folder {
    /// Whose it is.
    pub tenant: String,
    /// Of which instance.
    pub instance: String,
    /// Which media, such as `image`.
    pub kind: String,
    /// Objects found in the bucket.
    pub objects: u64,
    /// Records that say `stored`.
    pub records: u64,
    /// Nothing in the bucket while records say stored is a [`Status::Fail`].
    pub status: Status,
}

/// Media that are not stored, of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureCount {
    /// The class, as the record has it. One of [`media::failure::FailureClass`] is explained to the
    /// reader.
    pub class: String,
    /// How many.
    pub count: u64,
    /// The reason of the one that failed last.
    pub last_reason: String,
    /// When that was, in seconds since 1970.
    pub last_at: i64,
}

/// The same media asked of each strategy, one beside the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlledTest {
    /// Whether the keys were invented: then no strategy can bring a file, and only how it answers
    /// counts.
    pub synthetic_keys: bool,
    /// Each media with each strategy that was tried.
    pub rows: Vec<TestRow>,
}

/// One media asked of one strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestRow {
    /// Which message.
    pub message_id: String,
    /// Which strategy.
    pub strategy: Strategy,
    /// How it went.
    pub status: Status,
    /// The HTTP status that decided, if there was one.
    pub http_status: Option<u16>,
    /// How long it took.
    pub latency_ms: u64,
    /// How many bytes came.
    pub bytes: u64,
    /// What the answer said.
    pub note: String,
}

/// One thing that is configured, or was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What it is.
    pub name: String,
    /// Whether it is as it should be.
    pub status: Status,
    /// What it is, or what was seen; for [`Status::Unknown`], why it could not be read.
    pub value: String,
    /// What it should be, where that is one value.
    pub expected: Option<String>,
    /// What a person does about it.
    pub remedy: Option<String>,
}

/// One hour of the last 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Hour {
    /// When it began, in seconds since 1970.
    pub at: i64,
    /// Media stored by W-API's link.
    pub wapi: u64,
    /// Media stored by W-API's older endpoint.
    pub wapi_alternate: u64,
    /// Media stored from WhatsApp's CDN.
    pub cdn: u64,
    /// Media that wait for another try.
    pub retrying: u64,
    /// Media that are parked.
    pub parked: u64,
    /// Webhooks that came in. Shown only if at least one hour knows it.
    pub webhooks: Option<u64>,
}

impl Hour {
    /// Media stored, by all strategies together.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.wapi.saturating_add(self.wapi_alternate).saturating_add(self.cdn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_is_the_verdict_and_nothing_checked_is_unknown() {
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
