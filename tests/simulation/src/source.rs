//! The event source: takes batches from the jobs queue, runs them, and acknowledges the messages
//! that did not fail.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use download::worker::Worker;

use crate::{
    cloud::{Cloud, queue::Delivery},
    function::{InvocationEnd, JOBS, ProcessContext, Slot},
};

/// `BatchSize` in `template.yaml`.
const BATCH: usize = 10;

/// What all pollers of a world share.
pub(crate) struct EventSource {
    around: Arc<ProcessContext>,
    time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    invocations: AtomicU32,
    busy: AtomicU32,
    invoked_ms: AtomicU64,
}

impl EventSource {
    /// Builds a source before its first invocation.
    #[must_use]
    pub(crate) fn new(
        around: &Arc<ProcessContext>,
        time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    ) -> Arc<Self> {
        Arc::new(Self {
            around: Arc::clone(around),
            time_left,
            invocations: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            invoked_ms: AtomicU64::new(0),
        })
    }

    /// Whether the queue is empty and no invocation runs.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        let sqs = self.cloud().lock_sqs();
        let is_empty = sqs.queue(JOBS).is_none_or(|it| it.messages().next().is_none());
        is_empty && self.busy.load(Ordering::Relaxed) == 0
    }

    /// How long the invocations ran so far, together.
    #[must_use]
    pub(crate) fn invoked_time(&self) -> Duration {
        Duration::from_millis(self.invoked_ms.load(Ordering::Relaxed))
    }

    /// Serves the queue with one process after another, without end.
    pub(crate) async fn run_poller(self: Arc<Self>, number: usize) {
        let mut slot = Slot::new(&self.around, format!("download-{number}"));
        loop {
            let batch = self.next_batch().await;
            self.busy.fetch_add(1, Ordering::Relaxed);
            self.invoke_function(&mut slot, &batch).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
            self.cloud().notify_queue_change();
        }
    }

    fn cloud(&self) -> &Cloud {
        &self.around.cloud
    }

    async fn next_batch(&self) -> Vec<Delivery> {
        loop {
            let changed = self.cloud().wait_for_queue_change();
            let batch = self.cloud().receive(JOBS, BATCH);
            if !batch.is_empty() {
                return batch;
            }
            let next = self.next_delivery();
            match next {
                None => changed.await,
                Some(moment) => tokio::select! {
                    () = changed => {}
                    () = self.cloud().clock.sleep_until(moment) => {}
                },
            }
        }
    }

    /// When the queue may give out a message.
    fn next_delivery(&self) -> Option<Duration> {
        let now = self.cloud().clock.now();
        let sqs = self.cloud().lock_sqs();
        let queue = sqs.queue(JOBS)?;
        if queue.is_full(now) {
            self.cloud().log.add_line(now, "too many messages are in flight");
        }
        queue.next_receivable_at(now)
    }

    async fn invoke_function(&self, slot: &mut Slot<Arc<Worker>>, batch: &[Delivery]) {
        let nth = self.invocations.fetch_add(1, Ordering::Relaxed) + 1;
        let began = self.cloud().clock.now();
        let ended = slot.download_batch(batch, (self.time_left)(nth)).await;
        let took = self.cloud().clock.now().saturating_sub(began).as_millis();
        self.invoked_ms.fetch_add(u64::try_from(took).unwrap_or_default(), Ordering::Relaxed);
        let InvocationEnd::Answered(failures) = ended else {
            return;
        };
        let known: BTreeSet<_> = batch.iter().map(|one| one.message.id.as_str()).collect();
        let failed: BTreeSet<_> = failures.iter().map(String::as_str).collect();
        if !failed.is_subset(&known) {
            return;
        }
        let done = batch.iter().filter(|one| !failed.contains(one.message.id.as_str()));
        for delivery in done {
            self.cloud().lock_sqs().acknowledge(JOBS, &delivery.receipt);
        }
    }
}
