//! The way from the SDK to the cloud: latency, faults, a trace of every call. No socket is on it.

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
    clockwork::stir,
    cloud::{
        Asked, Cloud,
        answer::{Answer, Answers},
    },
    fault::{Call, Fault},
};

/// Where every client is told that AWS is. An address, so that S3's bucket stays in the path.
pub const ENDPOINT: &str = "http://127.0.0.1:1";

/// How long an answer is waited for, if the SDK does not say.
const PATIENCE: Duration = Duration::from_secs(30);

/// One life of one process, as far as the cloud knows it.
pub struct Process {
    name: String,
    life: u32,
    calls: Mutex<u32>,
    killed: Notify,
}

impl Process {
    /// A process that was started again `life` times before.
    #[must_use]
    pub fn new(name: &str, life: u32) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            life,
            calls: Mutex::default(),
            killed: Notify::new(),
        })
    }

    /// Waits until it is killed.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    fn count(&self) -> u32 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls += 1;
        *calls
    }
}

/// Counts calls and writes them down.
#[derive(Default)]
pub struct Log {
    counts: Mutex<HashMap<String, u32>>,
    lines: Mutex<Vec<String>>,
    reached: Mutex<BTreeSet<Reached>>,
}

/// A function did something to a part of AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
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
        locked(&self.lines).clone()
    }

    /// What each function did to which part of AWS.
    #[must_use]
    pub fn reached(&self) -> BTreeSet<Reached> {
        locked(&self.reached).clone()
    }

    /// Adds a line.
    pub fn note(&self, at: Duration, line: impl fmt::Display) {
        stir();
        locked(&self.lines).push(format!("{:>12.3} {line}", at.as_secs_f64()));
    }

    /// How often something of this name was counted, this time included.
    pub fn count(&self, name: String) -> u32 {
        let mut counts = locked(&self.counts);
        let count = counts.entry(name).or_default();
        *count += 1;
        *count
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line of one process into the cloud.
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
    /// As an HTTP client of the SDK.
    #[must_use]
    pub fn client(cloud: &Arc<Cloud>, process: &Arc<Process>) -> SharedHttpClient {
        SharedHttpClient::new(Self {
            cloud: Arc::clone(cloud),
            process: Arc::clone(process),
            patience: PATIENCE,
        })
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let asked = read(request).await?;
        let call = self.call(&asked);
        let fault = (self.cloud.plan)(&call);
        let chance = self
            .cloud
            .chance
            .of(&call.subject)
            .of(&call.operation)
            .of(call.nth_of_subject);
        tokio::time::sleep(self.cloud.latency(chance.of("there"))).await;
        let answered = self.under(fault, &asked, &call).await;
        let status = match &answered {
            Ok(answer) => answer.status().as_str().to_owned(),
            Err(error) => format!("{error:?}").chars().take(40).collect(),
        };
        let Call {
            process,
            life,
            operation,
            subject,
            nth_of_subject,
            ..
        } = &call;
        let what = if fault == Fault::None {
            String::new()
        } else {
            format!(" {fault:?}")
        };
        let line =
            format!("{process}.{life} {operation} {subject} #{nth_of_subject}{what}: {status}");
        self.cloud.log.note(self.cloud.clock.now(), line);
        tokio::time::sleep(self.cloud.latency(chance.of("back"))).await;
        stir();
        answered.and_then(response)
    }

    fn call(&self, asked: &Asked) -> Call {
        let (operation, subject) = (asked.operation(), asked.subject());
        let log = &self.cloud.log;
        let who = self.process.name.split('-').next().unwrap_or_default();
        let reached = |operation: &str| Reached {
            who: who.to_owned(),
            operation: operation.to_owned(),
            part: asked.part(),
        };
        locked(&log.reached).insert(reached(&operation));
        if asked.is_tagging() {
            locked(&log.reached).insert(reached("s3:PutObjectTagging"));
        }
        Call {
            process: self.process.name.clone(),
            life: self.process.life,
            nth_of_subject: log.count(format!("{operation} {subject}")),
            nth_of_operation: log.count(operation.clone()),
            nth_of_process: self.process.count(),
            at: self.cloud.clock.now(),
            operation,
            subject,
        }
    }

    async fn under(
        &self,
        fault: Fault,
        asked: &Asked,
        call: &Call,
    ) -> Result<Answer, ConnectorError> {
        let chance = self
            .cloud
            .chance
            .of(&call.subject)
            .of(call.nth_of_operation);
        let done = async || {
            self.cloud
                .answer(asked, chance, fault == Fault::Partial)
                .await
        };
        match fault {
            Fault::None | Fault::Partial => Ok(done().await),
            Fault::Slow(wait) => {
                tokio::time::sleep(wait.min(self.patience)).await;
                if wait >= self.patience {
                    Err(silence())
                } else {
                    Ok(done().await)
                }
            }
            Fault::Refused { status, code } => Ok(refusal(asked, status, code)),
            Fault::DoneRefused { status, code } => {
                done().await;
                Ok(refusal(asked, status, code))
            }
            Fault::Broken => Err(broken()),
            Fault::DoneBroken => {
                done().await;
                Err(broken())
            }
            Fault::Silent | Fault::DoneSilent => {
                if fault == Fault::DoneSilent {
                    done().await;
                }
                tokio::time::sleep(self.patience).await;
                Err(silence())
            }
            Fault::Killed | Fault::DoneKilled => {
                if fault == Fault::DoneKilled {
                    done().await;
                }
                let Call {
                    process,
                    life,
                    operation,
                    subject,
                    ..
                } = call;
                self.cloud.log.note(
                    self.cloud.clock.now(),
                    format!("{process}.{life} {operation} {subject} {fault:?}"),
                );
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
        wire.patience = settings.read_timeout().unwrap_or(PATIENCE);
        SharedHttpConnector::new(wire)
    }
}

async fn read(request: HttpRequest) -> Result<Asked, ConnectorError> {
    let unreadable =
        |error: &dyn fmt::Display| ConnectorError::other(error.to_string().into(), None);
    let request = request
        .try_into_http1x()
        .map_err(|error| unreadable(&error))?;
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| unreadable(&error))?;
    Ok(Asked::new(head, body.to_bytes()))
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let answer = answer.map(|bytes: Bytes| SdkBody::from(bytes));
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

fn refusal(asked: &Asked, status: u16, code: &str) -> Answer {
    if asked.operation().starts_with("s3:") {
        Answer::s3_error(status, code)
    } else {
        Answer::failure(status, code)
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

fn silence() -> ConnectorError {
    ConnectorError::timeout(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
}
