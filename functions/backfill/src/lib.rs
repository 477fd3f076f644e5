//! Reads W-API's log of webhooks, instance by instance, and queues the media messages that the door
//! lost: a webhook that never arrived is late, not lost.

mod asking;
pub mod config;
mod pass;
mod report;
mod services;
mod slot;
mod states;
mod window;

use std::{panic::AssertUnwindSafe, time::Duration};

use aws::{
    clients::Clients,
    error::AwsError,
    instances::{Instance, OpenInstances},
    marks::MarkOutcome,
};
use fetch::FetchError;
use futures_util::FutureExt;
use media::{
    access::VerifiedInstance,
    ids::{IdError, InstanceId},
};
use serde_json::Value;
use tokio::time::Instant;

pub use crate::services::Pace;
use crate::{
    config::Config,
    pass::{MIN_TIME_FOR_PAGE, Pass},
    report::{Counts, PassEnd, PassReport, Stop},
    services::Services,
    window::{Window, adopt_mark, is_a_day_behind, is_unreadable_for_a_day},
};

/// The time limit of a call to AWS.
const MAX_CALL_TIME: Duration = Duration::from_secs(10);

/// A run reads no log while more messages than this wait in the jobs queue: they have no record
/// yet, and would all be found. A download function with the default concurrency takes so many in
/// little more than a minute.
const MAX_WAITING: u64 = 1000;

/// Which instances a run takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunScope {
    /// Those whose turn it is. Each has one turn in an hour.
    Due,
    /// One instance, whatever the time.
    One(InstanceId),
}

impl RunScope {
    /// Reads the event of an invocation. The schedule's names no `instance`; a person's may.
    ///
    /// # Errors
    /// [`IdError`] if `instance` is not the id of an instance.
    pub fn from_event(event: &Value) -> Result<Self, IdError> {
        match event.get("instance").and_then(Value::as_str) {
            Some(id) => Ok(Self::One(InstanceId::parse(id)?)),
            None => Ok(Self::Due),
        }
    }
}

/// Why a run failed. The log of each other instance was read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The instances could not be listed, or the queue could not be examined.
    #[error(transparent)]
    Start(#[from] AwsError),
    /// The passes of some instances failed on this side. Each has a log line with its reason.
    #[error("{failed} of {passes} passes failed")]
    Passes {
        /// How many passes failed.
        failed: usize,
        /// How many passes were made.
        passes: usize,
    },
}

/// The state of the function between two invocations.
#[derive(Debug)]
pub struct Backfill {
    services: Services,
}

impl Backfill {
    /// Builds the clients, once.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(config: Config) -> Result<Self, FetchError> {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config, Pace::default())
    }

    /// Builds the function from existing clients and with another pace.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clients(clients: &Clients, config: Config, pace: Pace) -> Result<Self, FetchError> {
        Ok(Self { services: Services::new(clients, config, pace)? })
    }

    /// Reads the logs of the instances of this run, one after the other, and writes a log line for
    /// each and one for the run. `now` is in seconds since 1970; `deadline` is the invocation's.
    ///
    /// # Errors
    /// [`RunError`], after every other instance was read.
    pub async fn run(&self, scope: &RunScope, now: i64, deadline: Instant) -> Result<(), RunError> {
        let waiting = self.services.jobs.count_waiting().await?;
        if waiting > MAX_WAITING {
            tracing::warn!(waiting, is_postponed = true, "backfill run");
            return self.report_postponed(scope, now).await;
        }
        let OpenInstances { ids, unreadable } = self.list_instances(scope, now).await?;
        let (mut passes, mut failed, mut not_started) = (0, 0, 0);
        for id in &ids {
            if Instant::now() + MIN_TIME_FOR_PAGE > deadline {
                not_started += 1;
                continue;
            }
            // One instance's log must not stop the others.
            let pass = Box::pin(self.run_pass(id, now, deadline));
            let pass = AssertUnwindSafe(pass).catch_unwind().await;
            let report = match pass {
                Ok(Ok(Some(report))) => report,
                Ok(Ok(None)) => continue,
                Ok(Err(stop)) => PassReport::from_stop(stop),
                Err(_panic) => PassReport::from_stop(Stop::Panicked),
            };
            report.log(id);
            passes += 1;
            failed += usize::from(report.is_failure());
        }
        tracing::info!(
            instances = ids.len(),
            passes,
            failed,
            not_started,
            unreadable_instances = unreadable,
            waiting,
            is_postponed = false,
            "backfill run"
        );
        if failed > 0 { Err(RunError::Passes { failed, passes }) } else { Ok(()) }
    }

    /// Writes a line for each instance of the run whose log was not read for a day because a
    /// backlog has postponed its turns. Reads marks only.
    async fn report_postponed(&self, scope: &RunScope, now: i64) -> Result<(), RunError> {
        for id in &self.list_instances(scope, now).await?.ids {
            let mark = self.services.marks.get(id).await?;
            if is_a_day_behind(&mark, now) {
                let report = PassReport::from_stop(Stop::Postponed);
                let tenant = mark.tenant;
                PassReport { tenant, is_unreadable_for_a_day: true, ..report }.log(id);
            }
        }
        Ok(())
    }

    /// The instances of the run, in the order of the hour.
    async fn list_instances(&self, scope: &RunScope, now: i64) -> Result<OpenInstances, AwsError> {
        let mut open = match scope {
            RunScope::One(id) => OpenInstances { ids: vec![id.clone()], unreadable: 0 },
            RunScope::Due => self.services.instances.list_open().await?,
        };
        if *scope == RunScope::Due {
            open.ids.retain(|id| slot::is_due(id, now));
            open.ids.sort_by_cached_key(|id| slot::order_of_hour(id, now));
        }
        Ok(open)
    }

    /// Reads the log of one instance and moves its mark. `None`: the instance is paused, or was
    /// removed.
    async fn run_pass(
        &self,
        id: &InstanceId,
        now: i64,
        deadline: Instant,
    ) -> Result<Option<PassReport>, Stop> {
        let instance = self.services.instances.find_current(id).await?;
        let Some(instance) = instance.filter(|one| one.paused_at.is_none()) else {
            return Ok(None);
        };
        let report = self.read_log(&instance, now, deadline).await;
        let report = report.unwrap_or_else(PassReport::from_stop);
        if report.is_answered() {
            Box::pin(self.note_state(&instance, report.newest, (now, deadline))).await;
            self.ask_people(&instance, now, deadline).await;
        }
        Ok(Some(PassReport { tenant: Some(instance.tenant.clone()), ..report }))
    }

    /// Reads on in the log of an instance, and moves its mark.
    async fn read_log(
        &self,
        instance: &Instance,
        now: i64,
        deadline: Instant,
    ) -> Result<PassReport, Stop> {
        let mut mark = self.services.marks.get(&instance.id).await?;
        let token = self.services.instances.token(instance).await?;
        adopt_mark(&mut mark, instance);
        let window = Window::new(&mark, instance, now);
        let mut walk = window.walk();
        let mut pass = Pass {
            services: &self.services,
            instance,
            token: &token,
            verified: VerifiedInstance::for_own_log(&instance.tenant, &instance.id),
            window,
            mark: &mut mark,
            counts: Counts::default(),
            newest: None,
            now,
        };
        let end = Box::pin(pass.read_pages(&mut walk, deadline)).await;
        let (counts, newest) = (pass.counts, pass.newest);
        window.move_mark(&mut mark, &walk, &end, now);
        let report = PassReport {
            tenant: None,
            counts,
            newest: newest.filter(|_| window.begins_with_newest()),
            is_oldest_first: walk.is_oldest_first(),
            is_unreadable_for_a_day: is_unreadable_for_a_day(&mark, &end, now),
            end,
        };
        match self.services.marks.put(&instance.id, &mark, now).await {
            Ok(MarkOutcome::Written) => {}
            // The mark of the other run stays; what both read is read again at most.
            Ok(MarkOutcome::Overtaken) => {
                let instance = &instance.id;
                tracing::info!(%instance, "another run moved the mark of this instance");
            }
            Err(error) if report.is_failure() => {
                let instance = &instance.id;
                tracing::warn!(%instance, %error, "the mark of an instance was not written");
            }
            Err(error) => return Ok(PassReport { end: PassEnd::Stopped(error.into()), ..report }),
        }
        Ok(report)
    }
}
