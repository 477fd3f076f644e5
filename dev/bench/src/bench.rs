//! What all parts of the bench share: the stand-ins, the programs, the jobs that peers make.

use std::{collections::HashMap, io::Write, sync::Arc};

use anyhow::{Context, Result, ensure};

use crate::{
    events::{Announced, Announcer, sqs_event},
    function::{Function, Taken},
    peers::{Built, Peer, Role},
    results::Figure,
    stand_ins::{World, aws::StoredObject, media::MediaFile},
};

/// The answer of a download function that stored everything.
pub(crate) const ALL_STORED: &str = r#"{"batchItemFailures":[]}"#;

/// How an instance's media are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    Wapi,
    Cdn,
}

impl Strategy {
    pub(crate) const BOTH: [Self; 2] = [Self::Cdn, Self::Wapi];

    /// Its name in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wapi => "W-API's link",
            Self::Cdn => "cdn",
        }
    }

    /// The n-th instance that uses it.
    pub(crate) fn instance(self, n: usize) -> String {
        match self {
            Self::Wapi => format!("LITE-WAPI00-{n:06}"),
            Self::Cdn => format!("LITE-CDN000-{n:06}"),
        }
    }
}

/// The state of a run of the bench.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) built: Built,
    pub(crate) peers: Vec<Peer>,
    pub(crate) rounds: usize,
    pub(crate) figures: Vec<Figure>,
    announcer: Announcer,
    /// A webhook function of each peer, which makes its jobs.
    job_makers: HashMap<Peer, Function>,
}

impl Bench {
    /// A run over these peers.
    pub(crate) fn new(
        (world, built): (World, Built),
        announcer: Announcer,
        peers: Vec<Peer>,
        rounds: usize,
    ) -> Self {
        let (figures, job_makers) = (Vec::new(), HashMap::new());
        Self { world, built, peers, rounds, figures, announcer, job_makers }
    }

    /// Starts a peer's function and waits until its init is over.
    pub(crate) async fn start(
        &self,
        peer: Peer,
        role: Role,
        memory_mb: u32,
    ) -> Result<(Function, Taken)> {
        let program = self.built.program(peer, role, memory_mb, &self.world);
        let starting = async {
            let mut function = Function::start(&program).await?;
            let init = function.wait_for_init().await?;
            Ok((function, init))
        };
        let started: Result<_> = starting.await;
        started.with_context(|| format!("the {} function of {}", role.name(), peer.name()))
    }

    /// A webhook that announces a file of an instance.
    pub(crate) fn announce(&mut self, instance: &str, file: &Arc<MediaFile>) -> Result<Announced> {
        self.announcer.announce(&self.world.origins, instance, file)
    }

    /// The job that a peer's own webhook function makes of a file of an instance, and the name
    /// under which the origins serve the file.
    pub(crate) async fn make_job(
        &mut self,
        peer: Peer,
        instance: &str,
        file: &Arc<MediaFile>,
    ) -> Result<(String, String)> {
        if !self.job_makers.contains_key(&peer) {
            let (maker, _) = self.start(peer, Role::Webhook, 512).await?;
            self.job_makers.insert(peer, maker);
        }
        let Announced { name, webhook } = self.announce(instance, file)?;
        self.world.aws.take_sent();
        let maker = self.job_makers.get_mut(&peer).context("the webhook function")?;
        let (answer, _) = maker.invoke(webhook).await?;
        let job = self.world.aws.take_sent().pop();
        let job = job.with_context(|| format!("{} queued nothing: {answer}", peer.name()))?;
        Ok((job, name))
    }

    /// Jobs of files, one for each instance.
    pub(crate) async fn make_jobs(
        &mut self,
        peer: Peer,
        instances: &[String],
        file: &Arc<MediaFile>,
    ) -> Result<Vec<String>> {
        let mut jobs = Vec::new();
        for instance in instances {
            jobs.push(self.make_job(peer, instance, file).await?.0);
        }
        Ok(jobs)
    }

    /// Ends the functions that made jobs.
    pub(crate) async fn end_job_makers(&mut self) -> Result<()> {
        for (_, maker) in self.job_makers.drain() {
            maker.stop().await?;
        }
        Ok(())
    }

    /// Has a function store a batch, and checks that it stored every byte of it.
    pub(crate) async fn store_batch(
        &self,
        function: &mut Function,
        jobs: &[String],
        size: u64,
    ) -> Result<(Vec<StoredObject>, Taken)> {
        self.world.aws.take_stored();
        let (answer, taken) = function.invoke(sqs_event(jobs)).await?;
        let answer: String = answer.split_whitespace().collect();
        ensure!(answer == ALL_STORED, "the download function answered {answer}");
        let stored = self.world.aws.take_stored();
        ensure!(stored.len() == jobs.len(), "{} of {} were stored", stored.len(), jobs.len());
        ensure!(stored.iter().all(|one| one.size == size), "other sizes were stored: {stored:?}");
        Ok((stored, taken))
    }

    /// Says what is being done.
    pub(crate) fn say(text: &str) {
        // Nobody may be there to read it.
        writeln!(std::io::stderr(), "… {text}").unwrap_or_default();
    }
}
