//! The path from the SDK to the cloud, without a socket: latency, faults, and a trace of every
//! call.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::Notify;

use crate::{
    clockwork::report_activity,
    cloud::{
        AwsRequest, Cloud,
        answer::{Answer, BuildAnswer},
    },
    fault::{Call, Fault, MAX_IDLE},
};

/// The endpoint of every client. It is an IP address, so that S3's bucket stays in the path.
pub const ENDPOINT: &str = "http://127.0.0.1:1";

/// How long a client waits for an answer if the SDK sets no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// One life of one process, as the cloud sees it.
pub struct Process {
    name: String,
    life: u32,
    calls: Mutex<CallHistory>,
    killed: Notify,
}

/// The calls of one life of a process.
#[derive(Default)]
struct CallHistory {
    count: u32,
    /// When each service was last called.
    latest: HashMap<&'static str, Duration>,
}

impl Process {
    /// Builds a process that was restarted `life` times before.
    #[must_use]
    pub fn new(name: &str, life: u32) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            life,
            calls: Mutex::default(),
            killed: Notify::new(),
        })
    }

    /// Waits until the process is killed.
    pub async fn wait_until_killed(&self) {
        self.killed.notified().await;
    }

    /// Counts a call of a service, and returns how long the service had not been called.
    fn count(&self, service: &'static str, now: Duration) -> (u32, Duration) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.count += 1;
        let before = calls.latest.insert(service, now);
        (calls.count, before.map_or(Duration::ZERO, |before| now.saturating_sub(before)))
    }
}

/// Counts and records calls.
#[derive(Default)]
pub struct Log {
    counts: Mutex<HashMap<String, u32>>,
    lines: Mutex<Vec<String>>,
    accesses: Mutex<BTreeSet<ResourceAccess>>,
}

/// A function's use of a part of AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceAccess {
    /// `webhook`, `download`, `watch`, or `operator`.
    pub who: String,
    /// `service:Operation`.
    pub operation: String,
    /// The name of the table, queue, bucket or key.
    pub part: String,
}

impl Log {
    /// Every line so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lock_mutex(&self.lines).clone()
    }

    /// What each function used of which part of AWS.
    #[must_use]
    pub fn resource_accesses(&self) -> BTreeSet<ResourceAccess> {
        lock_mutex(&self.accesses).clone()
    }

    /// Adds a line with the time in seconds.
    pub fn add_line(&self, at: Duration, line: impl fmt::Display) {
        report_activity();
        lock_mutex(&self.lines).push(format!("{:>12.3} {line}", at.as_secs_f64()));
    }

    /// Counts an event of this name and returns its count.
    pub fn count_event(&self, name: String) -> u32 {
        let mut counts = lock_mutex(&self.counts);
        let count = counts.entry(name).or_default();
        *count += 1;
        *count
    }
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connection of one process to the cloud.
#[derive(Clone)]
pub struct Wire {
    cloud: Arc<Cloud>,
    process: Arc<Process>,
    patience: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire of {}", self.process.name)
    }
}

impl Wire {
    /// Builds an HTTP client for the SDK.
    #[must_use]
    pub fn http_client(cloud: &Arc<Cloud>, process: &Arc<Process>) -> SharedHttpClient {
        SharedHttpClient::new(Self {
            cloud: Arc::clone(cloud),
            process: Arc::clone(process),
            patience: DEFAULT_TIMEOUT,
        })
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let asked = read_request(request).await?;
        let call = self.describe_call(&asked);
        let fault = (self.cloud.plan)(&call);
        let chance = self
            .cloud
            .chance
            .named(&call.subject)
            .named(&call.operation)
            .named(call.nth_of_subject);
        tokio::time::sleep(self.cloud.random_latency(chance.named("there"))).await;
        let answered = self.apply_fault(fault, &asked, &call).await;
        let status = match &answered {
            Ok(answer) => answer.status().as_str().to_owned(),
            Err(error) => format!("{error:?}").chars().take(40).collect(),
        };
        let Call { process, life, operation, subject, nth_of_subject, .. } = &call;
        let idle = if call.idle > MAX_IDLE { " after a pause" } else { "" };
        let what = if fault == Fault::None { String::new() } else { format!("{idle} {fault:?}") };
        let line =
            format!("{process}.{life} {operation} {subject} #{nth_of_subject}{what}: {status}");
        self.cloud.log.add_line(self.cloud.clock.now(), line);
        tokio::time::sleep(self.cloud.random_latency(chance.named("back"))).await;
        // The caller continues in a later turn; until then time must not advance.
        report_activity();
        answered.and_then(sdk_response)
    }

    fn describe_call(&self, asked: &AwsRequest) -> Call {
        let (operation, subject) = (asked.operation(), asked.subject());
        let log = &self.cloud.log;
        let who = self.process.name.split('-').next().unwrap_or_default();
        let reached = |operation: String, part: String| ResourceAccess {
            who: who.to_owned(),
            operation,
            part,
        };
        let mut accesses = asked.transacted_writes();
        if accesses.is_empty() {
            accesses.push((operation.clone(), asked.resource()));
        }
        if asked.is_tagging() {
            accesses.push(("s3:PutObjectTagging".to_owned(), asked.resource()));
        }
        let accesses = accesses.into_iter().map(|(operation, part)| reached(operation, part));
        lock_mutex(&log.accesses).extend(accesses);
        let at = self.cloud.clock.now();
        let (nth_of_process, idle) = self.process.count(asked.target().0, at);
        Call {
            process: self.process.name.clone(),
            life: self.process.life,
            nth_of_subject: log.count_event(format!("{operation} {subject}")),
            nth_of_operation: log.count_event(operation.clone()),
            nth_of_process,
            at,
            idle,
            operation,
            subject,
        }
    }

    async fn apply_fault(
        &self,
        fault: Fault,
        asked: &AwsRequest,
        call: &Call,
    ) -> Result<Answer, ConnectorError> {
        let chance = self.cloud.chance.named(&call.subject).named(call.nth_of_operation);
        let done = async || self.cloud.execute_call(asked, chance, fault == Fault::Partial).await;
        match fault {
            Fault::None | Fault::Partial => Ok(done().await),
            Fault::Slow(wait) => {
                tokio::time::sleep(wait.min(self.patience)).await;
                if wait >= self.patience { Err(no_answer()) } else { Ok(done().await) }
            }
            Fault::Refused { status, code } => Ok(refusal_answer(asked, status, code)),
            Fault::DoneRefused { status, code } => {
                done().await;
                Ok(refusal_answer(asked, status, code))
            }
            Fault::Broken => Err(broken_connection()),
            Fault::DoneBroken => {
                done().await;
                Err(broken_connection())
            }
            Fault::Silent | Fault::DoneSilent => {
                if fault == Fault::DoneSilent {
                    done().await;
                }
                tokio::time::sleep(self.patience).await;
                Err(no_answer())
            }
            Fault::Killed | Fault::DoneKilled => {
                if fault == Fault::DoneKilled {
                    done().await;
                }
                let (process, life) = (&call.process, call.life);
                let (operation, subject) = (&call.operation, &call.subject);
                let line = format!("{process}.{life} {operation} {subject} {fault:?}");
                self.cloud.log.add_line(self.cloud.clock.now(), line);
                self.process.killed.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let mut wire = self.clone();
        wire.patience = settings.read_timeout().unwrap_or(DEFAULT_TIMEOUT);
        SharedHttpConnector::new(wire)
    }
}

async fn read_request(request: HttpRequest) -> Result<AwsRequest, ConnectorError> {
    let unreadable =
        |error: &dyn fmt::Display| ConnectorError::other(error.to_string().into(), None);
    let request = request.try_into_http1x().map_err(|error| unreadable(&error))?;
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| unreadable(&error))?;
    Ok(AwsRequest::new(head, body.to_bytes()))
}

fn sdk_response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let answer = answer.map(|bytes: Bytes| SdkBody::from(bytes));
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

fn refusal_answer(asked: &AwsRequest, status: u16, code: &str) -> Answer {
    if asked.operation().starts_with("s3:") {
        Answer::s3_error(status, code)
    } else {
        Answer::failure(status, code)
    }
}

fn broken_connection() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

fn no_answer() -> ConnectorError {
    ConnectorError::timeout(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
}
