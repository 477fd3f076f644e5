//! How long a quiet tenant's jobs take during another tenant's burst, in the model of the queue
//! alone.
//!
//! A constant service time replaces the functions: the question is in which order SQS delivers
//! messages, and whether the tenant as message group is enough to make it fair.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use serde_json::Value;

use crate::cloud::queue::{InOrder, Queue, SentMessage, Settings};

/// How long each job takes.
const SERVICE: Duration = Duration::from_secs(2);
/// The size of the event source's batches.
const BATCH: usize = 10;
/// Jobs of a batch that run at the same time.
const AT_ONCE: usize = 4;

/// A queue, its functions, and what two tenants send.
#[derive(Debug, Clone, Copy)]
pub struct Rush {
    /// Functions that run at the same time.
    pub functions: usize,
    /// Jobs that the loud tenant sends at once, at the beginning.
    pub burst: usize,
    /// Jobs of the quiet tenant, one every ten seconds.
    pub quiet: usize,
    /// Whether the queue respects message groups.
    pub is_fair: bool,
}

impl Rush {
    /// The 99th percentile of the quiet tenant's times, from sent to done.
    #[must_use]
    pub fn quiet_p99(&self) -> Duration {
        let mut queue = Queue::new(Settings {
            visibility: Duration::from_hours(1),
            is_fair: self.is_fair,
            ..Settings::default()
        });
        for n in 0..self.burst {
            queue.send(queued_job("loud", n, Duration::ZERO), Duration::ZERO, Duration::ZERO);
        }
        for n in 0..self.quiet {
            let at = Duration::from_secs(10) * u32::try_from(n).unwrap_or_default();
            // Sent ahead of time, and visible at the intended moment.
            queue.send(queued_job("quiet", n, at), Duration::ZERO, at);
        }
        let mut times = self.serve_queue(&mut queue);
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        times.get(last * 99 / 100).copied().unwrap_or_default()
    }

    /// Each function takes a batch when it is free. Returns the times of the quiet tenant's jobs.
    fn serve_queue(&self, queue: &mut Queue) -> Vec<Duration> {
        // Functions do not start in step: their ends are spread over the duration of a batch.
        let turns = u32::try_from(BATCH.div_ceil(AT_ONCE)).unwrap_or(1);
        let functions = u32::try_from(self.functions).unwrap_or(1);
        let begin = |n| Reverse(SERVICE * turns * n / functions);
        let mut free: BinaryHeap<_> = (0..functions).map(begin).collect();
        let (mut times, mut endings) = (Vec::new(), BTreeMap::<Duration, Vec<String>>::new());
        while times.len() < self.quiet {
            let Some(Reverse(mut now)) = free.pop() else {
                break;
            };
            // Deletes the messages whose jobs have ended by now; they no longer count as in flight.
            let later = endings.split_off(&(now + Duration::from_nanos(1)));
            for receipt in std::mem::replace(&mut endings, later).into_values().flatten() {
                queue.delete(&receipt).unwrap_or_default();
            }
            let (batch, _) = queue.receive(BATCH, None, now, &mut InOrder);
            // An idle poller waits for the next message, at least a moment, so the loop advances.
            if batch.is_empty() {
                now = queue
                    .next_visible_at()
                    .map_or(now + SERVICE, |next| next.max(now + SERVICE / 20));
            }
            for (n, delivery) in batch.iter().enumerate() {
                let turn = u32::try_from(n / AT_ONCE + 1).unwrap_or(1);
                if delivery.message.group.as_deref() == Some("quiet") {
                    let done = now + SERVICE * turn;
                    times.push(done.saturating_sub(delivery.message.sent_at));
                }
                endings.entry(now + SERVICE * turn).or_default().push(delivery.receipt.clone());
            }
            let turns = u32::try_from(batch.len().div_ceil(AT_ONCE)).unwrap_or(1);
            free.push(Reverse(now + SERVICE * turns));
        }
        times
    }
}

fn queued_job(tenant: &str, n: usize, sent_at: Duration) -> SentMessage {
    SentMessage {
        id: format!("{tenant}-{n}"),
        body: String::new(),
        attributes: Value::Null,
        group: Some(tenant.to_owned()),
        sent_at,
        is_dead_letter: false,
    }
}
