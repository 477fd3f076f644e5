//! The event source: takes batches from the queue of jobs, runs them, and acknowledges what did not fail.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use download::worker::Worker;

use crate::{
    cloud::{Cloud, queue::Delivery},
    function::{Ended, JOBS, Slot, Surroundings},
};

/// `BatchSize` in `template.yaml`.
const BATCH: usize = 10;

/// What all pollers of a world share.
pub(crate) struct Source {
    around: Arc<Surroundings>,
    time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    invocations: AtomicU32,
    busy: AtomicU32,
}

impl Source {
    /// Before its first invocation.
    #[must_use]
    pub(crate) fn new(
        around: &Arc<Surroundings>,
        time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    ) -> Arc<Self> {
        Arc::new(Self {
            around: Arc::clone(around),
            time_left,
            invocations: AtomicU32::new(0),
            busy: AtomicU32::new(0),
        })
    }

    /// Whether the queue is empty and nobody works.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        let sqs = self.cloud().sqs();
        let is_empty = sqs.queue(JOBS).is_none_or(|it| it.all().next().is_none());
        is_empty && self.busy.load(Ordering::Relaxed) == 0
    }

    /// Serves the queue with one process after the other, for ever.
    pub(crate) async fn serve(self: Arc<Self>, number: usize) {
        let mut slot = Slot::new(&self.around, format!("download-{number}"));
        loop {
            let batch = self.next_batch().await;
            self.busy.fetch_add(1, Ordering::Relaxed);
            self.invoke(&mut slot, &batch).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
            self.cloud().tell_of_queues();
        }
    }

    fn cloud(&self) -> &Cloud {
        &self.around.cloud
    }

    async fn next_batch(&self) -> Vec<Delivery> {
        loop {
            let changed = self.cloud().queues_changed();
            let batch = self.cloud().receive(JOBS, BATCH);
            if !batch.is_empty() {
                return batch;
            }
            let next = self
                .cloud()
                .sqs()
                .queue(JOBS)
                .and_then(|queue| queue.next_visible());
            match next {
                None => changed.await,
                Some(moment) => tokio::select! {
                    () = changed => {}
                    () = self.cloud().clock.until(moment) => {}
                },
            }
        }
    }

    async fn invoke(&self, slot: &mut Slot<Arc<Worker>>, batch: &[Delivery]) {
        let nth = self.invocations.fetch_add(1, Ordering::Relaxed) + 1;
        let ended = slot.download(batch, (self.time_left)(nth)).await;
        let Ended::Answered(failures) = ended else {
            return;
        };
        let known: BTreeSet<_> = batch.iter().map(|one| one.message.id.as_str()).collect();
        let failed: BTreeSet<_> = failures.iter().map(String::as_str).collect();
        if !failed.is_subset(&known) {
            return;
        }
        let done = batch
            .iter()
            .filter(|one| !failed.contains(one.message.id.as_str()));
        for delivery in done {
            self.cloud().sqs().acknowledge(JOBS, &delivery.receipt);
        }
    }
}
