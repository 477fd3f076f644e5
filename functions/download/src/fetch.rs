//! The middle phase of a run: tries the instance's strategies until one has stored the media file.

use std::time::Duration;

use aws::{
    bucket::{StoreError, StoredObject},
    instances::Instance,
};
use fetch::{FetchError, FetchRequest, MediaStream};
use media::{
    failure::{Disposition, FailureClass, class_from_findings, max_retry_after, may_be_mistaken},
    message::Secret,
    object::{Claims, ObjectDescription},
    open::Proof,
    policy::SkipRule,
    record::{Attempt, Integrity, State},
    schedule,
    strategy::Strategy,
};
use tokio::time::Instant;

use crate::{
    claim::{ClaimedJob, FOREIGN},
    commit::{build_intent, find_stored, run_tag, stored_state, write_intent},
    order::may_commit,
    retry::{Failure, MAX_RUN_TIME, is_last_try},
    revoked::find_rule,
    time_plan::{MIN_SHARE, TimePlan},
    worker::Worker,
};

/// How often one strategy is started in a run, because the bytes are proven otherwise than the
/// metadata claims.
const MAX_STARTS: usize = 3;

/// The age from which a token is read again when W-API refuses it: an operator may have changed it.
const MAX_TOKEN_AGE: Duration = Duration::from_secs(10);

/// Runs whose time is over before a source has delivered the file, after which the job is parked.
/// By then each origin had the whole time of a run.
const MAX_LATE_RUNS: u32 = 3;

/// The least time of a run that may count as late.
const MIN_WHOLE_RUN: Duration = Duration::from_secs(MAX_RUN_TIME.as_secs() / 2);

/// What the fetch phase of a run leads to.
#[derive(Debug)]
pub(crate) struct FetchResult {
    /// What was tried in this run.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether the time of a whole run was over before any source had delivered the file.
    pub(crate) is_late: bool,
    /// Stored or skipped, or why neither.
    pub(crate) outcome: Result<State, Failure>,
}

/// How one strategy is tried.
#[derive(Debug, Clone, Copy)]
struct StrategyPlan {
    strategy: Strategy,
    /// Whether bytes that contradict the sender's hash are stored: they are better than none.
    keep_mismatch: bool,
    /// Whether an open circuit is ignored: the credentials are new.
    insist: bool,
    /// When it must be over.
    deadline: Instant,
    /// Whether W-API is left for the CDN if it does not answer soon.
    is_cdn_next: bool,
}

/// What trying one strategy led to.
enum Tried {
    /// The file is stored or skipped.
    Settled(State),
    /// The finding is noted; another strategy may do better.
    Failed,
    /// W-API had not answered yet, and the CDN can be asked meanwhile.
    LeftForCdn,
}

/// A run that tries strategies.
struct FetchRun<'a> {
    worker: &'a Worker,
    claimed: &'a ClaimedJob<'a>,
    instance: &'a Instance,
    attempts: Vec<Attempt>,
    findings: Vec<Disposition>,
    /// The strategies that brought complete bytes which contradict the sender's hash.
    mismatched: Vec<Strategy>,
    /// Whether the time was over before each strategy had its turn.
    is_cut: bool,
    /// Whether the token could not be decrypted, so that W-API was not asked.
    is_tokenless: bool,
}

/// Fetches the media file of a claimed job and stores it, unless the tenant's rules skip it.
pub(crate) async fn fetch_media(worker: &Worker, claimed: &ClaimedJob<'_>) -> FetchResult {
    let without_attempts = |outcome| FetchResult { attempts: Vec::new(), is_late: false, outcome };
    if let Some(stored) = find_stored(worker, claimed).await {
        return without_attempts(Ok(stored));
    }
    let instance = match &claimed.instance {
        Ok(Some(instance)) => instance,
        Ok(None) if claimed.is_foreign => {
            return without_attempts(Err(Failure::new(FailureClass::Poison, FOREIGN)));
        }
        Ok(None) => {
            let reason = "the instance is not registered";
            let retry_until = schedule::registration_deadline(claimed.job.accepted_at);
            let failure = Failure::new(FailureClass::Poison, reason);
            return without_attempts(Err(Failure { retry_until: Some(retry_until), ..failure }));
        }
        Err(error) => return without_attempts(Err(Failure::of_aws(error))),
    };
    let message = &claimed.job.message;
    let (policy, now) = (&instance.policy, worker.now());
    let shell = message.is_shell().then_some(SkipRule::Shell);
    let expired = policy.is_expired(claimed.job, now).then_some(SkipRule::Expired);
    if let Some(rule) = policy.skip_rule(message).or(expired).or(shell) {
        return without_attempts(Ok(State::Skipped { rule }));
    }
    match find_rule(worker, claimed, policy.revoked).await {
        Ok(None) => {}
        Ok(Some(rule)) => return without_attempts(Ok(State::Skipped { rule })),
        Err(failure) => return without_attempts(Err(failure)),
    }
    let mut run = FetchRun {
        worker,
        claimed,
        instance,
        attempts: Vec::new(),
        findings: Vec::new(),
        mismatched: Vec::new(),
        is_cut: false,
        is_tokenless: false,
    };
    let outcome = run.try_strategies().await;
    let is_late = outcome.is_err() && run.is_late();
    let outcome = outcome.map_err(|failure| {
        let late_runs = claimed.earlier_runs.late.saturating_add(u32::from(is_late));
        let is_over = is_late && late_runs >= MAX_LATE_RUNS;
        if is_over && failure.class == FailureClass::Transient {
            too_slow_failure(failure)
        } else {
            failure
        }
    });
    FetchResult { attempts: run.attempts, is_late, outcome }
}

impl FetchRun<'_> {
    /// When the strategies must be over: time is kept for storing contradicted bytes, if there are
    /// any.
    fn end_of_strategies(&self) -> Instant {
        let run_ends = self.claimed.message.deadline;
        if self.mismatched.is_empty() {
            return run_ends;
        }
        run_ends.checked_sub(MIN_SHARE).unwrap_or(run_ends)
    }

    /// A plan that may take the whole run.
    fn plan_strategy(&self, strategy: Strategy) -> StrategyPlan {
        let deadline = self.claimed.message.deadline;
        StrategyPlan { strategy, keep_mismatch: false, insist: false, deadline, is_cdn_next: false }
    }

    /// Whether the CDN can be asked if W-API does not answer soon.
    fn can_ask_cdn(&self) -> bool {
        let (worker, job) = (self.worker, self.claimed.job);
        worker.fetcher.can_ask_cdn(&job.message, &job.instance, worker.now())
    }

    async fn try_strategies(&mut self) -> Result<State, Failure> {
        let claimed = self.claimed;
        let is_last_try = is_last_try(self.worker, claimed.job);
        let mut times =
            TimePlan::new(self.instance.strategies(), &claimed.earlier_attempts, is_last_try);
        let mut n = 0;
        while let Some(strategy) = times.strategies.get(n).copied() {
            let now = Instant::now();
            let run_ends = self.end_of_strategies();
            // An attempt without time would count as one of a slow source.
            if !self.attempts.is_empty() && now >= run_ends {
                self.cut_short();
                break;
            }
            let plan = StrategyPlan {
                deadline: times.deadline_of(n, now, run_ends),
                is_cdn_next: times.is_cdn_to_come(n) && self.can_ask_cdn(),
                ..self.plan_strategy(strategy)
            };
            match self.try_with_token(plan).await? {
                Tried::Settled(state) => return Ok(state),
                Tried::Failed => n += 1,
                Tried::LeftForCdn => {
                    times.bring_cdn_forward(n);
                    continue;
                }
            }
            // The file is too large wherever it comes from.
            if self.findings.last() == Some(&Disposition::OverLimit) {
                return Err(self.summarize_failure());
            }
            if self.is_out_of_time() {
                if n < times.strategies.len() {
                    self.cut_short();
                }
                return Err(self.summarize_failure());
            }
        }
        if let Some(strategy) = self.mismatched.first().copied()
            && self.is_mismatch_final()
        {
            let plan = StrategyPlan { keep_mismatch: true, ..self.plan_strategy(strategy) };
            if let Tried::Settled(state) = self.try_with_token(plan).await? {
                return Ok(state);
            }
        }
        Err(self.summarize_failure())
    }

    /// Notes that the time is over before each strategy had its turn: what the others found does
    /// not settle the job.
    fn cut_short(&mut self) {
        self.is_cut = true;
        self.findings.push(Disposition::Retry { after: None });
    }

    /// Tries one strategy with the token it needs, and once more if the token was refused and has
    /// been changed meanwhile. The CDN needs no token, so it works while KMS does not.
    async fn try_with_token(&mut self, plan: StrategyPlan) -> Result<Tried, Failure> {
        if !plan.strategy.needs_token() {
            return self.try_strategy(plan, None).await;
        }
        let token = match self.worker.instances.token(self.instance).await {
            Ok(token) => token,
            Err(error) => {
                self.attempts.push(unstarted_attempt(plan.strategy, &error));
                self.findings.push(Disposition::Retry { after: None });
                self.is_tokenless = true;
                return Ok(Tried::Failed);
            }
        };
        let tried = self.try_strategy(plan, Some(&token)).await?;
        if matches!(tried, Tried::Failed)
            && self.findings.last() == Some(&Disposition::Unauthorized)
            && let Some(changed) = self.find_changed_token(&token).await
        {
            self.findings.pop();
            let plan = StrategyPlan { insist: true, ..plan };
            return self.try_strategy(plan, Some(&changed)).await;
        }
        Ok(tried)
    }

    /// The token as it is in the table now, if it is another than the one that was refused, and
    /// still the same tenant's.
    async fn find_changed_token(&self, refused: &Secret) -> Option<Secret> {
        let (instances, job) = (&self.worker.instances, self.claimed.job);
        let instance = instances.find_younger_than(&job.instance, MAX_TOKEN_AGE).await.ok()??;
        if instance.tenant != job.tenant {
            return None;
        }
        let token = instances.token(&instance).await.ok()?;
        (token != *refused).then_some(token)
    }

    /// Tries one strategy.
    async fn try_strategy(
        &mut self,
        plan: StrategyPlan,
        token: Option<&Secret>,
    ) -> Result<Tried, Failure> {
        let strategy = plan.strategy;
        let message = &self.claimed.job.message;
        let mut claims = if plan.keep_mismatch {
            Claims { sha256: None, integrity: Some(Integrity::Mismatch) }
        } else {
            let is_encrypted = message.media_key.is_some();
            Claims::from_announcement(message.file_sha256, strategy, is_encrypted)
        };
        for _ in 0..MAX_STARTS {
            match self.attempt(plan, token, claims).await {
                Ok(stored) => {
                    let state = stored_state(self.worker, self.claimed, &stored, strategy).await;
                    return state.map(Tried::Settled).map_err(|error| Failure::of_aws(&error));
                }
                Err(StoreError::ClaimsRefuted(proof)) => claims = Claims::from_proof(&proof),
                Err(StoreError::S3(error)) => return Err(Failure::of_aws(&error)),
                // After a conflict it is not known whose object there will be: the next run asks.
                Err(
                    error @ (StoreError::Conflict
                    | StoreError::NoProof
                    | StoreError::IntentNotWritten),
                ) => return Err(Failure::of_aws(&error)),
                Err(StoreError::Source(error)) if error.is_for_cdn() => {
                    return Ok(Tried::LeftForCdn);
                }
                Err(StoreError::Source(error)) => {
                    if error.is_mismatch() && strategy.may_keep_mismatch() {
                        self.mismatched.push(strategy);
                    }
                    self.findings.push(error.disposition());
                    return Ok(Tried::Failed);
                }
            }
        }
        let reason = "each start brought bytes that are proven differently";
        Err(Failure::new(FailureClass::Transient, reason))
    }

    /// Streams the media file of one strategy into the bucket.
    async fn attempt(
        &mut self,
        plan: StrategyPlan,
        token: Option<&Secret>,
        claims: Claims,
    ) -> Result<StoredObject, StoreError<FetchError>> {
        let (worker, claimed, strategy) = (self.worker, self.claimed, plan.strategy);
        let (job, policy) = (claimed.job, &self.instance.policy);
        let run = run_tag(claimed);
        let request = FetchRequest {
            message: &job.message,
            instance: &job.instance,
            token,
            keep_mismatch: plan.keep_mismatch,
            max_bytes: policy.max_bytes,
            insist: plan.insist || is_last_try(worker, job),
            deadline: plan.deadline,
            is_share: plan.deadline < claimed.message.deadline,
            is_cdn_next: plan.is_cdn_next,
            now: worker.now(),
            slot: Some(claimed.message.slot),
        };
        let store = async |media: MediaStream| {
            let describe = |head: &[u8], proof: Option<&_>| {
                let claims = proof.map_or(claims, Claims::from_proof);
                ObjectDescription::new(job, strategy, head, claims, worker.offset)
                    .with_retention(policy.retention)
                    .with_run(run)
            };
            let write_intent = async |object: &ObjectDescription, proof: &Proof| {
                may_commit(worker, claimed).await
                    && write_intent(worker, claimed, build_intent(object, proof, strategy, run))
                        .await
            };
            match Box::pin(worker.bucket.store(media.into_parts(), describe, write_intent)).await {
                Err(StoreError::Source(error)) => Err(error),
                settled => Ok(settled),
            }
        };
        let (mut attempt, fetched) = worker.fetcher.fetch(strategy, request, store).await;
        let stored = fetched.map_err(StoreError::Source).flatten();
        match &stored {
            Ok(_) | Err(StoreError::Source(_)) => {}
            Err(error) => attempt.verdict = error.to_string(),
        }
        self.attempts.push(attempt);
        stored
    }

    /// Whether no strategy can bring better bytes than contradicted ones: each was tried, and every
    /// other finding is final; or the job will not be tried again.
    fn is_mismatch_final(&self) -> bool {
        let may_pass = |one: &&Disposition| {
            matches!(one, Disposition::Retry { .. } | Disposition::Unauthorized)
        };
        // A mismatch is noted as a finding that may pass, too.
        let may_pass = self.findings.iter().filter(may_pass).count();
        let is_final = !self.is_cut && may_pass <= self.mismatched.len();
        is_final || is_last_try(self.worker, self.claimed.job)
    }

    fn is_out_of_time(&self) -> bool {
        Instant::now() >= self.claimed.message.deadline
    }

    /// Whether the last attempt ran out of the run's time, in a run that had enough of it to count.
    /// A job that began late in a batch has less, as one that waited for room in it, and one whose
    /// token was not available did not ask every source.
    fn is_late(&self) -> bool {
        let ClaimedJob { message, started, .. } = self.claimed;
        let had = message.deadline.saturating_duration_since(*started);
        let is_whole = had.saturating_sub(message.slot.waited()) >= MIN_WHOLE_RUN;
        let last = self.attempts.last();
        let is_deadline = last.is_some_and(|one| FetchError::is_deadline_verdict(&one.verdict));
        is_whole && is_deadline && !self.is_tokenless
    }

    fn summarize_failure(&self) -> Failure {
        let class = class_from_findings(&self.findings);
        let verdicts = self.attempts.iter().map(|one| format!("{}: {}", one.strategy, one.verdict));
        let reason = verdicts.collect::<Vec<_>>().join("; ");
        Failure {
            class,
            reason,
            after: max_retry_after(&self.findings),
            is_aws_failure: self.is_tokenless,
            is_doubtful: may_be_mistaken(&self.findings),
            retry_until: None,
            is_final: false,
        }
    }
}

/// The failure of a job whose last allowed run was late, too.
fn too_slow_failure(failure: Failure) -> Failure {
    const TOO_SLOW: &str = "no source delivers the file within one run";
    let reason = format!("{TOO_SLOW}: {}", failure.reason);
    Failure { reason, is_final: true, ..failure }
}

/// An attempt that failed before any origin was asked.
fn unstarted_attempt(strategy: Strategy, error: &dyn std::error::Error) -> Attempt {
    Attempt {
        strategy,
        host: None,
        status: None,
        excerpt: None,
        received_bytes: 0,
        duration_ms: 0,
        verdict: error.to_string(),
    }
}
