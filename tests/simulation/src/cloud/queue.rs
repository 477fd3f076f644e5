//! One queue as SQS keeps it: visibility, receipts, receive counts, retention, fairness, copies.
//!
//! Pure: the time and the chance are handed in. What SQS documents as possible happens here when chance
//! says so: messages come in another order, and a message that was received may come again at once.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

/// No message may be hidden for longer, counted from its receipt.
const LONGEST_HIDING: Duration = Duration::from_hours(12);

/// What a queue is told when it is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// After so many receives the next one moves the message to that queue.
    pub redrive: Option<(u32, String)>,
    /// Whether groups that have much in flight let others go first.
    pub is_fair: bool,
}

impl Default for Settings {
    /// SQS's own defaults.
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            retention: Duration::from_hours(4 * 24),
            redrive: None,
            is_fair: true,
        }
    }
}

/// A message as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Given by the queue; a copy has the same.
    pub id: String,
    /// The body.
    pub body: String,
    /// As SQS's JSON has them.
    pub attributes: Value,
    /// `MessageGroupId`.
    pub group: Option<String>,
    /// When it was first sent.
    pub sent_at: Duration,
}

/// A message that was received.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub message: Sent,
    /// Which receipt this is.
    pub receipt: String,
    /// `ApproximateReceiveCount`, this time included.
    pub receives: u32,
}

/// Why a receipt does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `ReceiptHandleIsInvalid`: no receipt of this queue.
    Unknown,
    /// `MessageNotInflight`: an older receipt, or the message is visible again or gone.
    NotInFlight,
    /// `InvalidParameterValue`: beyond twelve hours from the receipt.
    TooLong,
}

#[derive(Debug, Clone)]
struct Kept {
    sent: Sent,
    visible_at: Duration,
    received_at: Duration,
    receives: u32,
}

/// The queue. Messages are kept by a number that grows with every message and copy.
#[derive(Debug)]
pub struct Queue {
    /// As it was made.
    pub settings: Settings,
    messages: BTreeMap<u64, Kept>,
    next: u64,
}

/// What chance decides when messages are received.
pub trait Luck {
    /// Any number, of which the order of messages follows.
    fn place(&mut self, id: &str, receives: u32) -> u64;
    /// Whether a copy of the message stays visible although it was received.
    fn is_copied(&mut self, id: &str, receives: u32) -> bool;
}

/// In order, once each.
pub struct NoLuck;

impl Luck for NoLuck {
    fn place(&mut self, _: &str, _: u32) -> u64 {
        0
    }
    fn is_copied(&mut self, _: &str, _: u32) -> bool {
        false
    }
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            messages: BTreeMap::new(),
            next: 0,
        }
    }

    /// Keeps a message, visible after `delay`.
    pub fn send(&mut self, sent: Sent, now: Duration, delay: Duration) {
        let kept = Kept {
            sent,
            visible_at: now + delay,
            received_at: now,
            receives: 0,
        };
        self.next += 1;
        self.messages.insert(self.next, kept);
    }

    /// Up to `most` visible messages, and those that were received too often and leave for the other queue.
    pub fn receive(
        &mut self,
        most: usize,
        visibility: Option<Duration>,
        now: Duration,
        luck: &mut dyn Luck,
    ) -> (Vec<Delivery>, Vec<Sent>) {
        self.forget_old(now);
        let leaving = self.take_exhausted(now);
        let until = now + visibility.unwrap_or(self.settings.visibility);
        let mut waiting = self.waiting(now, luck);
        let mut deliveries = Vec::new();
        while deliveries.len() < most {
            let Some(number) = waiting.next(&self.settings) else {
                break;
            };
            deliveries.extend(self.deliver(number, now, until, luck));
        }
        (deliveries, leaving)
    }

    /// Removes a received message. An old receipt removes nothing, and that is no error.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub fn delete(&mut self, receipt: &str) -> Result<(), Refusal> {
        let (number, receives) = parse(receipt).ok_or(Refusal::Unknown)?;
        let is_latest = |kept: &Kept| kept.receives == receives;
        if self.messages.get(&number).is_some_and(is_latest) {
            self.messages.remove(&number);
        }
        Ok(())
    }

    /// Hides a received message until `wait` from now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn hide(&mut self, receipt: &str, wait: Duration, now: Duration) -> Result<(), Refusal> {
        let (number, receives) = parse(receipt).ok_or(Refusal::Unknown)?;
        let kept = self
            .messages
            .get_mut(&number)
            .filter(|kept| kept.receives == receives && kept.visible_at > now)
            .ok_or(Refusal::NotInFlight)?;
        if now + wait > kept.received_at + LONGEST_HIDING {
            return Err(Refusal::TooLong);
        }
        kept.visible_at = now + wait;
        Ok(())
    }

    /// When the next message becomes visible; now, if one is.
    #[must_use]
    pub fn next_visible(&self) -> Option<Duration> {
        self.messages.values().map(|kept| kept.visible_at).min()
    }

    /// Every message, visible or not.
    pub fn all(&self) -> impl Iterator<Item = &Sent> {
        self.messages.values().map(|kept| &kept.sent)
    }

    /// How many are visible, and how many are not.
    #[must_use]
    pub fn sizes(&self, now: Duration) -> (usize, usize) {
        let is_visible = |kept: &&Kept| kept.visible_at <= now;
        let visible = self.messages.values().filter(is_visible).count();
        (visible, self.messages.len() - visible)
    }

    /// Takes every message out, as a redrive does.
    pub fn drain(&mut self) -> Vec<Sent> {
        let all = std::mem::take(&mut self.messages);
        all.into_values().map(|kept| kept.sent).collect()
    }

    fn forget_old(&mut self, now: Duration) {
        let retention = self.settings.retention;
        self.messages
            .retain(|_, kept| kept.sent.sent_at + retention > now);
    }

    fn take_exhausted(&mut self, now: Duration) -> Vec<Sent> {
        let Some((most, _)) = &self.settings.redrive else {
            return Vec::new();
        };
        let (most, mut leaving) = (*most, Vec::new());
        self.messages.retain(|_, kept| {
            let leaves = kept.visible_at <= now && kept.receives >= most;
            if leaves {
                leaving.push(kept.sent.clone());
            }
            !leaves
        });
        leaving
    }

    fn waiting(&self, now: Duration, luck: &mut dyn Luck) -> Waiting {
        let mut waiting = Waiting::default();
        for (number, kept) in &self.messages {
            let group = kept.sent.group.clone().unwrap_or_default();
            if kept.visible_at <= now {
                let place = luck.place(&kept.sent.id, kept.receives);
                waiting
                    .lines
                    .entry(group)
                    .or_default()
                    .push((place, *number));
            } else {
                *waiting.in_flight.entry(group).or_default() += usize::from(kept.receives > 0);
            }
        }
        for line in waiting.lines.values_mut() {
            line.sort_unstable_by(|one, other| other.cmp(one));
        }
        waiting
    }

    fn deliver(
        &mut self,
        number: u64,
        now: Duration,
        until: Duration,
        luck: &mut dyn Luck,
    ) -> Option<Delivery> {
        let kept = self.messages.get_mut(&number)?;
        kept.receives += 1;
        let delivery = Delivery {
            message: kept.sent.clone(),
            receipt: format!("r-{number}-{}", kept.receives),
            receives: kept.receives,
        };
        let copy = luck
            .is_copied(&kept.sent.id, kept.receives)
            .then(|| kept.clone());
        kept.visible_at = until;
        kept.received_at = now;
        if let Some(copy) = copy {
            self.next += 1;
            self.messages.insert(self.next, copy);
        }
        Some(delivery)
    }
}

/// The number and the receive that a receipt stands for.
fn parse(receipt: &str) -> Option<(u64, u32)> {
    let (number, receives) = receipt.strip_prefix("r-")?.split_once('-')?;
    Some((number.parse().ok()?, receives.parse().ok()?))
}

/// Visible messages by group, each line ending with the one that comes first, and what is in flight.
#[derive(Default)]
struct Waiting {
    lines: BTreeMap<String, Vec<(u64, u64)>>,
    in_flight: BTreeMap<String, usize>,
}

impl Waiting {
    /// Of a fair queue the group with the least in flight comes first; else the first message does.
    fn next(&mut self, settings: &Settings) -> Option<u64> {
        let rank = |(group, line): &(&String, &mut Vec<(u64, u64)>)| {
            let busy = self.in_flight.get(*group).copied().unwrap_or_default();
            (
                if settings.is_fair { busy } else { 0 },
                line.last().copied(),
            )
        };
        let (group, line) = self
            .lines
            .iter_mut()
            .filter(|(_, line)| !line.is_empty())
            .min_by_key(rank)?;
        let (_, number) = line.pop()?;
        *self.in_flight.entry(group.clone()).or_default() += 1;
        Some(number)
    }
}
