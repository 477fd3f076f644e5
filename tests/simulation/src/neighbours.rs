//! A quiet tenant's wait in a fair queue beside a tenant with a huge backlog, at size.
//!
//! [`crate::fairness`] asks the model of the queue that worlds use, which looks through all of its
//! messages at every receive. This one has the rule of fair queues as AWS documents it, and nothing
//! else of a queue:
//!
//! - A message group is noisy if it has at least 30 messages in flight and more than 10 % of all
//!   that are in flight, or if it had more than 10 % of the recent processing time.
//! - While a group is noisy, messages of the groups that are not go first. Otherwise the oldest
//!   message goes first.
//!
//! Not modelled: that AWS's thresholds are approximate, and how long SQS takes to notice. AWS does
//! not say how long "recent" is; here it is five minutes.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

/// How long each job takes.
const SERVICE: Duration = Duration::from_secs(2);
/// The size of the event source's batches.
const BATCH: usize = 10;
/// Jobs of a batch that run at the same time.
const AT_ONCE: usize = 4;
/// A group with fewer messages in flight is not noisy because of them.
const MIN_NOISY: usize = 30;
/// A larger share of what is in flight, or of the processing time, is noisy, in percent.
const MAX_SHARE: u128 = 10;
/// How long processing counts as recent.
const RECENT: Duration = Duration::from_mins(5);

/// A tenant with a backlog at the beginning, and a quiet one with a job every ten seconds.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours {
    /// Functions that run at the same time.
    pub functions: u32,
    /// Jobs of the loud tenant.
    pub backlog: usize,
    /// Jobs of the quiet tenant.
    pub quiet: usize,
}

/// One message group of the queue.
#[derive(Default)]
struct Group {
    /// When each message was sent, the oldest first.
    waiting: VecDeque<Duration>,
    /// When each message in flight is deleted.
    in_flight: BinaryHeap<Reverse<Duration>>,
    /// When recent jobs ended.
    ended: VecDeque<Duration>,
}

impl Group {
    /// Deletes the messages whose jobs have ended by now, and forgets what is not recent.
    fn catch_up(&mut self, now: Duration) {
        while self.in_flight.peek().is_some_and(|Reverse(end)| *end <= now) {
            if let Some(Reverse(end)) = self.in_flight.pop() {
                self.ended.push_back(end);
            }
        }
        while self.ended.front().is_some_and(|end| *end + RECENT < now) {
            self.ended.pop_front();
        }
    }

    fn has_message(&self, now: Duration) -> bool {
        self.waiting.front().is_some_and(|sent_at| *sent_at <= now)
    }
}

impl Neighbours {
    /// The longest time of a job of the quiet tenant, from sent to done.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        let step = Duration::from_secs(10);
        let sent = |n: usize| step * u32::try_from(n + 1).unwrap_or(u32::MAX);
        let loud = Group { waiting: vec![Duration::ZERO; self.backlog].into(), ..Group::default() };
        let quiet = Group { waiting: (0..self.quiet).map(sent).collect(), ..Group::default() };
        let mut groups = [loud, quiet];
        // Functions do not start in step: their ends are spread over the duration of a batch.
        let turns = u32::try_from(BATCH.div_ceil(AT_ONCE)).unwrap_or(1);
        let begin = |n| Reverse(SERVICE * turns * n / self.functions);
        let mut free: BinaryHeap<_> = (0..self.functions).map(begin).collect();
        let (mut done, mut longest) = (0, Duration::ZERO);
        while done < self.quiet
            && let Some(Reverse(now)) = free.pop()
        {
            groups.iter_mut().for_each(|group| group.catch_up(now));
            let mut end = now + SERVICE / 20;
            for n in 0..BATCH {
                let Some(which) = choose_group(&groups, now) else {
                    break;
                };
                let Some(group) = groups.get_mut(which) else {
                    break;
                };
                let sent_at = group.waiting.pop_front().unwrap_or_default();
                end = now + SERVICE * u32::try_from(n / AT_ONCE + 1).unwrap_or(1);
                group.in_flight.push(Reverse(end));
                if which == 1 {
                    (done, longest) = (done + 1, longest.max(end - sent_at));
                }
            }
            free.push(Reverse(end));
        }
        longest
    }
}

/// The group whose message is delivered next.
fn choose_group(groups: &[Group; 2], now: Duration) -> Option<usize> {
    let in_flight = |group: &Group| group.in_flight.len() as u128;
    let ended = |group: &Group| group.ended.len() as u128;
    let all_in_flight: u128 = groups.iter().map(in_flight).sum();
    let all_ended: u128 = groups.iter().map(ended).sum();
    let is_noisy = |group: &Group| {
        let is_crowding = group.in_flight.len() >= MIN_NOISY
            && in_flight(group) * 100 > all_in_flight * MAX_SHARE;
        is_crowding || ended(group) * 100 > all_ended * MAX_SHARE
    };
    let waiting = groups.iter().enumerate().filter(|(_, group)| group.has_message(now));
    waiting.min_by_key(|(_, group)| (is_noisy(group), group.waiting.front())).map(|(n, _)| n)
}
