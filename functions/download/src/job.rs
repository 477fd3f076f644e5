//! One job, top to bottom: whose? claimed by someone? wanted? which way? into the bucket, and write
//! it down.

use std::{sync::Arc, time::Duration};

use aws::{
    bucket::{StoreError, StoredObject},
    instances::{Instance, InstanceError},
    ledger::{Claim, Word, WriteOutcome},
};
use fetch::{FetchError, FetchRequest, MediaStream};
use media::{
    failure::{Disposition, FailureClass, class_from_findings, max_retry_after, may_be_mistaken},
    job::{Job, NotAJob, QueueBody},
    message::Secret,
    object::{Claims, ObjectDescription},
    open::Proof,
    policy::{Retention, SkipRule},
    record::{Attempt, Integrity, State},
    strategy::Strategy,
};
use tokio::time::Instant;

use crate::{
    settle::{Acknowledgement, ClaimedJob, Failure, RunResult},
    worker::Worker,
};

/// Times one strategy is started over within a run because S3 or the proof asked for it.
const MAX_STARTS: usize = 3;

/// A token this old is read again when W-API refuses it: it may have been changed.
const TOKEN_RECHECKED_AFTER: Duration = Duration::from_secs(10);

/// The instance's record: whose the job may be. Nothing if it is not registered.
type Owner = Result<Option<Arc<Instance>>, InstanceError>;

/// One message of the queue, without what only SQS needs.
#[derive(Clone, Copy)]
pub struct QueueMessage<'a> {
    /// Its body.
    pub body: &'a str,
    /// How often it has been received, this time included.
    pub receives: u32,
    /// When the job must be over.
    pub deadline: Instant,
}

/// Leaves out the body, which holds a media key.
impl std::fmt::Debug for QueueMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueMessage").field("receives", &self.receives).finish_non_exhaustive()
    }
}

/// Ends one message of the queue: a job, a body to read again, or what is neither.
pub async fn run(worker: &Worker, received: QueueMessage<'_>) -> Acknowledgement {
    match QueueBody::parse(received.body) {
        Ok(QueueBody::Job(job)) => run_job(worker, *job, received).await,
        Ok(QueueBody::Unread(body)) => worker.read_again(&body, &received).await,
        Err(NotAJob) => worker.park_poison(&received).await,
    }
}

/// Runs the job and ends it. A job that names another tenant than its instance's is parked before
/// anything of that tenant's is touched, its record included.
async fn run_job(worker: &Worker, job: Job, received: QueueMessage<'_>) -> Acknowledgement {
    let started = Instant::now();
    let owner = worker.instances.find(&job.instance).await;
    if let Ok(Some(instance)) = &owner
        && instance.tenant != job.tenant
    {
        let reason = "the instance belongs to another tenant than the job says";
        return worker.park_stranger(&job, &received, reason).await;
    }
    let lease = worker.lease(received.deadline);
    let claim = worker.ledger.claim(&job, &lease, worker.now()).await;
    let (key, before, words, lost_since) = match claim {
        Ok(Claim::Mine { key, attempts, words, lost_since }) => (key, attempts, words, lost_since),
        Ok(Claim::Stored) => return worker.settle_duplicate(&job),
        Ok(Claim::StoredForAnother) => {
            let reason = "it is stored for the tenant to whom the instance belonged before";
            return worker.park_stranger(&job, &received, reason).await;
        }
        Ok(Claim::Erased) => return worker.settle_erased(&job),
        Ok(Claim::Elsewhere { until }) => return worker.settle_elsewhere(&job, until),
        Err(error) => return worker.settle_unrecorded(&job, &received, &error).await,
    };
    let claimed = ClaimedJob { job: &job, received, key, lease };
    let mut run = Run {
        worker,
        job: &job,
        claimed: &claimed,
        words,
        attempts: Vec::new(),
        findings: Vec::new(),
        mismatched: Vec::new(),
        is_tokenless: false,
        max_bytes: None,
        retention: None,
    };
    let outcome = run.fetch_and_store(owner).await;
    let Run { attempts, .. } = run;
    let ended = RunResult { before, lost_since, attempts, outcome, took: started.elapsed() };
    worker.settle(&claimed, ended).await
}

impl Worker {
    /// Writes down what is about to be committed. Without this nothing is.
    async fn announce(&self, claimed: &ClaimedJob<'_>, earlier: &[Word], word: Word) -> bool {
        let ClaimedJob { job, key, lease, .. } = claimed;
        let given = self.ledger.give_word(&job.instance, key, lease, earlier, &word);
        match given.await {
            Ok(WriteOutcome::Yes) => true,
            Ok(WriteOutcome::Overtaken) => {
                tracing::warn!(instance = %job.instance, message_id = %job.message.message_id, outcome = "overtaken", "another run took the medium over; nothing is committed");
                false
            }
            Err(error) => {
                tracing::error!(instance = %job.instance, message_id = %job.message.message_id, %error, "what would be committed could not be written down");
                false
            }
        }
    }
}

/// How one strategy is tried.
#[derive(Debug, Clone, Copy)]
struct Way {
    strategy: Strategy,
    /// Bytes that contradict the sender's hash are better than none.
    keep_mismatch: bool,
    /// Also if it failed too often of late: the credentials are new.
    insist: bool,
}

impl Way {
    fn by(strategy: Strategy) -> Self {
        Self { strategy, keep_mismatch: false, insist: false }
    }
}

/// A job under way.
struct Run<'a> {
    worker: &'a Worker,
    job: &'a Job,
    claimed: &'a ClaimedJob<'a>,
    /// What earlier runs were about to commit.
    words: Vec<Word>,
    attempts: Vec<Attempt>,
    findings: Vec<Disposition>,
    /// The strategies that brought complete bytes which contradict the sender's hash.
    mismatched: Vec<Strategy>,
    /// The token could not be decrypted, so W-API was not asked.
    is_tokenless: bool,
    /// The tenant's cap.
    max_bytes: Option<u64>,
    /// How long the tenant keeps files.
    retention: Option<Retention>,
}

impl Run<'_> {
    /// Tries the instance's strategies in order until one is stored.
    async fn fetch_and_store(&mut self, owner: Owner) -> Result<State, Failure> {
        let unregistered = || Failure::new(FailureClass::Poison, "the instance is not registered");
        let instance = owner.map_err(|error| Failure::later(&error))?;
        let instance = instance.ok_or_else(unregistered)?;
        let message = &self.job.message;
        let shell = message.is_shell().then_some(SkipRule::Shell);
        if let Some(rule) = instance.policy.skip_rule(message).or(shell) {
            return Ok(State::Skipped { rule });
        }
        self.max_bytes = instance.policy.max_bytes;
        self.retention = instance.policy.retention;
        for strategy in &instance.strategies {
            let way = Way::by(*strategy);
            if let Some(stored) = self.try_with_token(way, &instance).await? {
                return Ok(stored);
            }
        }
        if let Some(strategy) = self.mismatched.first().copied()
            && self.nothing_better_can_come()
        {
            let way = Way { keep_mismatch: true, ..Way::by(strategy) };
            if let Some(stored) = self.try_with_token(way, &instance).await? {
                return Ok(stored);
            }
        }
        Err(self.failure())
    }

    /// Tries one strategy with the token it needs, and once more if the token was refused and has
    /// been changed meanwhile. The CDN needs none, so it works while KMS does not.
    async fn try_with_token(
        &mut self,
        way: Way,
        instance: &Instance,
    ) -> Result<Option<State>, Failure> {
        if !way.strategy.needs_token() {
            return self.try_strategy(way, None).await;
        }
        let token = match self.worker.instances.token(instance).await {
            Ok(token) => token,
            Err(error) => {
                self.attempts.push(not_begun(way.strategy, &error));
                self.findings.push(Disposition::Retry { after: None });
                self.is_tokenless = true;
                return Ok(None);
            }
        };
        let tried = self.try_strategy(way, Some(&token)).await?;
        if tried.is_none()
            && self.findings.last() == Some(&Disposition::Unauthorized)
            && let Some(fresh) = self.changed_token(&token).await
        {
            self.findings.pop();
            let way = Way { insist: true, ..way };
            return self.try_strategy(way, Some(&fresh)).await;
        }
        Ok(tried)
    }

    /// The token as it is in the table now, if it is another than the one that was refused, and
    /// still the same tenant's.
    async fn changed_token(&self, refused: &Secret) -> Option<Secret> {
        let instances = &self.worker.instances;
        let instance =
            instances.find_younger_than(&self.job.instance, TOKEN_RECHECKED_AFTER).await.ok()??;
        if instance.tenant != self.job.tenant {
            return None;
        }
        let token = instances.token(&instance).await.ok()?;
        (token != *refused).then_some(token)
    }

    /// Tries one strategy. `None`: it failed, the finding is noted, and others may do better.
    async fn try_strategy(
        &mut self,
        way: Way,
        token: Option<&Secret>,
    ) -> Result<Option<State>, Failure> {
        let strategy = way.strategy;
        let is_sealed = self.job.message.media_key.is_some();
        let mut claims = if way.keep_mismatch {
            Claims { sha256: None, integrity: Some(Integrity::Mismatch) }
        } else {
            Claims::from_announcement(self.job.message.file_sha256, strategy, is_sealed)
        };
        for _ in 0..MAX_STARTS {
            match self.attempt(way, token, claims).await {
                Ok(stored) => return Ok(Some(self.state_of(stored, strategy))),
                Err(StoreError::ClaimsRefuted(proof)) => claims = Claims::from_proof(&proof),
                Err(StoreError::Conflict) => {}
                Err(StoreError::S3(error)) => return Err(Failure::later(&error)),
                Err(error @ (StoreError::NoProof | StoreError::Unannounced)) => {
                    return Err(Failure::later(&error));
                }
                Err(StoreError::Source(error)) => {
                    if error.is_mismatch() && strategy.may_keep_mismatch() {
                        self.mismatched.push(strategy);
                    }
                    self.findings.push(error.disposition());
                    return Ok(None);
                }
            }
        }
        Err(Failure::new(
            FailureClass::Transient,
            "other writers were at the same key at the same moment",
        ))
    }

    /// One stream of one strategy into the bucket.
    async fn attempt(
        &mut self,
        way: Way,
        token: Option<&Secret>,
        claims: Claims,
    ) -> Result<StoredObject, StoreError<FetchError>> {
        let (worker, job, strategy) = (self.worker, self.job, way.strategy);
        let (claimed, words, retention) = (self.claimed, &self.words, self.retention);
        let request = FetchRequest {
            message: &job.message,
            instance: &job.instance,
            token,
            keep_mismatch: way.keep_mismatch,
            max_bytes: self.max_bytes,
            insist: way.insist || worker.is_last_try(job),
            deadline: self.claimed.received.deadline,
            now: worker.now(),
        };
        let store = async |media: MediaStream| {
            let describe = |head: &[u8], proof: Option<&_>| {
                let claims = proof.map_or(claims, Claims::from_proof);
                ObjectDescription::new(job, strategy, head, claims, worker.offset)
                    .with_retention(retention)
            };
            let announce = async |object: &ObjectDescription, proof: &Proof| {
                worker.announce(claimed, words, word(object, proof, strategy)).await
            };
            match Box::pin(worker.bucket.store(media.into_parts(), describe, announce)).await {
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

    /// Whether contradicted bytes are the best there will be: every other finding is final, or the
    /// job will not be tried again.
    fn nothing_better_can_come(&self) -> bool {
        let may_pass = |one: &&Disposition| {
            matches!(one, Disposition::Retry { .. } | Disposition::Unauthorized)
        };
        // A mismatch is noted as a finding that may pass, too.
        let may_pass = self.findings.iter().filter(may_pass).count();
        may_pass <= self.mismatched.len() || self.worker.is_last_try(self.job)
    }

    /// What is in the bucket: this run's object, or that of the run before which had put it there,
    /// by that run's own word. Where nobody gave one (the record was lost) equal announcements have
    /// to do.
    fn state_of(&self, stored: StoredObject, strategy: Strategy) -> State {
        let word = word(&stored.description, &stored.proof, strategy);
        let is_of_it = |one: &&Word| one.object_key == word.object_key;
        let before = self.words.iter().rev().find(is_of_it);
        let is = match before {
            Some(before) if stored.was_there => before.clone(),
            Some(_) | None => word,
        };
        State::Stored {
            proof: is.proof(),
            strategy: is.strategy,
            object_key: is.object_key,
            was_there: stored.was_there,
        }
    }

    fn failure(&self) -> Failure {
        let class = class_from_findings(&self.findings);
        let verdicts = self.attempts.iter().map(|one| format!("{}: {}", one.strategy, one.verdict));
        let reason = verdicts.collect::<Vec<_>>().join("; ");
        Failure {
            class,
            reason,
            after: max_retry_after(&self.findings),
            is_aws_failure: self.is_tokenless,
            is_doubtful: may_be_mistaken(&self.findings),
        }
    }
}

/// An attempt that failed before any origin was asked.
fn not_begun(strategy: Strategy, error: &dyn std::error::Error) -> Attempt {
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

/// What this run is about to commit.
fn word(object: &ObjectDescription, proof: &Proof, strategy: Strategy) -> Word {
    Word {
        object_key: object.key.as_str().to_owned(),
        strategy,
        size_bytes: proof.size_bytes,
        sha256: proof.sha256,
        integrity: proof.integrity,
    }
}
