//! What was found. The JSON of it is the stable shape that programs read.

use serde::Serialize;

/// How something is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It could not be checked.
    Unknown,
    /// Worth a look.
    Warn,
    /// Media are or will be lost unless a person acts.
    Fail,
}

/// The steps that a medium takes, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepId {
    /// The WhatsApp account is connected to W-API, and the token is right.
    Connection,
    /// W-API's webhooks lead here.
    Hooks,
    /// The API and the webhook function.
    Api,
    /// The queue of jobs.
    JobsQueue,
    /// The download function and its trigger.
    DownloadFunction,
    /// W-API's download endpoint.
    WapiDownload,
    /// WhatsApp's CDN.
    Cdn,
    /// The files.
    Bucket,
    /// The records, and what is parked.
    Records,
}

/// One step of the flow.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Which.
    pub id: StepId,
    /// How it is.
    pub status: Status,
    /// What says so.
    pub evidence: String,
    /// What mends it.
    pub remedy: Option<String>,
}

/// What explains most of what is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct RootCause {
    /// In one sentence.
    pub sentence: String,
    /// The command that mends it.
    pub command: Option<String>,
}

/// One of W-API's endpoints.
#[derive(Debug, Clone, Serialize)]
pub struct Endpoint {
    /// `GET`, `POST`, …
    pub method: String,
    /// Below W-API's base.
    pub path: String,
    /// How it is.
    pub status: Status,
    /// The status it answered with.
    pub http_status: Option<u16>,
    /// Until its answer was there.
    pub latency_ms: Option<u64>,
    /// Its own words, or what to know about it.
    pub note: String,
}

/// Something that has a value, and how that is.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// What.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// Its value, or the evidence.
    pub value: String,
    /// What mends it.
    pub remedy: Option<String>,
}

/// One instance.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceCheck {
    /// Whose it is.
    pub tenant: String,
    /// Its id.
    pub instance: String,
    /// The worst of its checks.
    pub status: Status,
    /// Each with its evidence.
    pub checks: Vec<Setting>,
}

/// The files of one kind of one instance, against the records.
#[derive(Debug, Clone, Serialize)]
pub struct Folder {
    /// Whose they are.
    pub tenant: String,
    /// The instance.
    pub instance: String,
    /// `image`, `video`, …
    pub kind: String,
    /// Files in the bucket.
    pub objects: u64,
    /// Records that say stored.
    pub records: u64,
    /// Whether they agree.
    pub status: Status,
}

/// Media of one class that are not stored.
#[derive(Debug, Clone, Serialize)]
pub struct FailureCount {
    /// `transient`, `expired`, …
    pub class: String,
    /// How many.
    pub count: u64,
    /// The reason of the latest.
    pub last_reason: String,
    /// When that was, in seconds since 1970.
    pub last_at: i64,
}

/// A medium fetched by every strategy, side by side.
#[derive(Debug, Clone, Serialize)]
pub struct ControlledTest {
    /// There was no real medium to try with: W-API answers an invented key with 500 however well it is.
    pub synthetic_keys: bool,
    /// One per strategy.
    pub rows: Vec<TestRow>,
}

/// One strategy's try.
#[derive(Debug, Clone, Serialize)]
pub struct TestRow {
    /// Of the medium.
    pub message_id: String,
    /// `wapi`, `wapi_alternate`, `cdn`.
    pub strategy: String,
    /// How it went.
    pub status: Status,
    /// The last answer's status.
    pub http_status: Option<u16>,
    /// How long it took.
    pub latency_ms: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Why it failed.
    pub note: String,
}

/// The media sent in one hour, by what became of them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Hour {
    /// When it begins, in seconds since 1970.
    pub at: i64,
    /// Stored by W-API's way.
    pub wapi: u64,
    /// Stored by W-API's older endpoint.
    pub wapi_alternate: u64,
    /// Stored by the CDN.
    pub cdn: u64,
    /// Still retried.
    pub retrying: u64,
    /// Parked.
    pub parked: u64,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The stack's name.
    pub stack: String,
    /// Its region.
    pub region: String,
    /// When it was examined, in seconds since 1970.
    pub taken_at: i64,
    /// The one instance that was examined, if not all were.
    pub instance: Option<String>,
    /// What explains most of what is wrong.
    pub root_cause: Option<RootCause>,
    /// The flow.
    pub steps: Vec<Step>,
    /// W-API's endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The instances.
    pub instances: Vec<InstanceCheck>,
    /// The folders.
    pub folders: Vec<Folder>,
    /// What is not stored.
    pub failures: Vec<FailureCount>,
    /// The controlled test.
    pub controlled: Option<ControlledTest>,
    /// Settings, alarms.
    pub settings: Vec<Setting>,
    /// Media that are not stored and can be counted on for less than 48 hours.
    pub expiring: u64,
    /// The last 24 hours, the oldest first.
    pub hours: Vec<Hour>,
}

impl Report {
    /// The worst of all that was found.
    #[must_use]
    pub fn status(&self) -> Status {
        let steps = self.steps.iter().map(|one| one.status);
        let settings = self.settings.iter().map(|one| one.status);
        let folders = self.folders.iter().map(|one| one.status);
        let instances = self.instances.iter().map(|one| one.status);
        let expiring = (self.expiring > 0).then_some(Status::Warn);
        let all = steps.chain(settings).chain(folders).chain(instances);
        all.chain(expiring).max().unwrap_or(Status::Ok)
    }
}
