//! One queue with SQS's semantics: visibility, receipts, receive counts, retention, fairness,
//! duplicates.
//!
//! Pure: time and chance are parameters. Chance decides when the behaviour that SQS documents as
//! possible occurs: messages arrive out of order, and a received message may be delivered again
//! at once.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

/// Maximum time a message may be hidden, counted from its receipt.
const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// The settings of a queue.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// The maximum receive count, and the queue that a message moves to when it is exceeded.
    pub redrive: Option<(u32, String)>,
    /// Whether message groups with many messages in flight let others go first.
    pub is_fair: bool,
    /// How many messages may be in flight. With so many, a receive brings none.
    pub max_in_flight: usize,
}

/// How many messages of a standard queue may be in flight, as SQS documents it.
pub const MAX_IN_FLIGHT: usize = 120_000;

impl Default for Settings {
    /// SQS's own defaults: 30 seconds hidden, four days kept.
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            retention: Duration::from_hours(4 * 24),
            redrive: None,
            is_fair: true,
            max_in_flight: MAX_IN_FLIGHT,
        }
    }
}

/// A message as it was sent.
#[derive(Debug, Clone)]
pub struct SentMessage {
    /// The id, assigned by the queue; a duplicate has the same.
    pub id: String,
    /// Its body, as it was sent.
    pub body: String,
    /// Its attributes, as SQS's JSON writes them.
    pub attributes: Value,
    /// `MessageGroupId`.
    pub group: Option<String>,
    /// When it was first sent.
    pub sent_at: Duration,
    /// Whether it came to its queue because it was received too often in another.
    pub is_dead_letter: bool,
}

/// One delivery of a message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message as it was sent.
    pub message: SentMessage,
    /// The receipt handle of this delivery.
    pub receipt: String,
    /// `ApproximateReceiveCount`, this delivery included.
    pub receives: u32,
}

/// Why a receipt is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `ReceiptHandleIsInvalid`: not a receipt of this queue.
    Unknown,
    /// `MessageNotInflight`: an older receipt, or the message is visible again or deleted.
    NotInFlight,
    /// `InvalidParameterValue`: more than twelve hours from the receipt.
    TooLong,
}

#[derive(Debug, Clone)]
struct QueueEntry {
    sent: SentMessage,
    visible_at: Duration,
    received_at: Duration,
    receives: u32,
}

impl QueueEntry {
    /// Received, and neither deleted nor visible again.
    fn is_in_flight(&self, now: Duration) -> bool {
        self.receives > 0 && self.visible_at > now
    }
}

/// A queue. Its entries are numbered in the order in which messages and duplicates arrive.
#[derive(Debug)]
pub struct Queue {
    /// The settings it was created with.
    pub settings: Settings,
    messages: BTreeMap<u64, QueueEntry>,
    next: u64,
}

/// Decides by chance how messages are delivered.
pub trait Luck {
    /// Any number; messages are delivered in its order.
    fn order_of(&mut self, id: &str, receives: u32) -> u64;
    /// Whether a duplicate of the message stays visible after its receipt.
    fn is_duplicated(&mut self, id: &str, receives: u32) -> bool;
}

/// Delivers in order and without duplicates.
pub struct InOrder;

impl Luck for InOrder {
    fn order_of(&mut self, _: &str, _: u32) -> u64 {
        0
    }
    fn is_duplicated(&mut self, _: &str, _: u32) -> bool {
        false
    }
}

impl Queue {
    /// Creates an empty queue.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, messages: BTreeMap::new(), next: 0 }
    }

    /// Stores a message that becomes visible after `delay`.
    pub fn send(&mut self, sent: SentMessage, now: Duration, delay: Duration) {
        let kept = QueueEntry { sent, visible_at: now + delay, received_at: now, receives: 0 };
        self.next += 1;
        self.messages.insert(self.next, kept);
    }

    /// Receives up to `most` visible messages. Also returns the messages that exceeded the
    /// receive count and move to the other queue.
    pub fn receive(
        &mut self,
        most: usize,
        visibility: Option<Duration>,
        now: Duration,
        luck: &mut dyn Luck,
    ) -> (Vec<Delivery>, Vec<SentMessage>) {
        self.drop_expired(now);
        // As in SQS, the receive that exceeds the limit moves the message and does not deliver it.
        let leaving = self.take_over_received(now);
        let until = now + visibility.unwrap_or(self.settings.visibility);
        let mut waiting = self.visible_messages(now, luck);
        let most = most.min(self.settings.max_in_flight.saturating_sub(waiting.count_in_flight()));
        let mut deliveries = Vec::new();
        while deliveries.len() < most {
            let Some(number) = waiting.take_next(&self.settings) else {
                break;
            };
            deliveries.extend(self.deliver_message(number, now, until, luck));
        }
        (deliveries, leaving)
    }

    /// Deletes a received message. Deleting with an old receipt has no effect and is no error.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub fn delete(&mut self, receipt: &str) -> Result<(), Refusal> {
        let (number, receives) = parse_receipt(receipt).ok_or(Refusal::Unknown)?;
        let is_latest = |kept: &QueueEntry| kept.receives == receives;
        if self.messages.get(&number).is_some_and(is_latest) {
            self.messages.remove(&number);
        }
        Ok(())
    }

    /// Hides a received message until `wait` from now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn change_visibility(
        &mut self,
        receipt: &str,
        wait: Duration,
        now: Duration,
    ) -> Result<(), Refusal> {
        let (number, receives) = parse_receipt(receipt).ok_or(Refusal::Unknown)?;
        let kept = self
            .messages
            .get_mut(&number)
            .filter(|kept| kept.receives == receives && kept.visible_at > now)
            .ok_or(Refusal::NotInFlight)?;
        if now + wait > kept.received_at + MAX_VISIBILITY {
            return Err(Refusal::TooLong);
        }
        kept.visible_at = now + wait;
        Ok(())
    }

    /// When the next message becomes visible; in the past if one already is.
    #[must_use]
    pub fn next_visible_at(&self) -> Option<Duration> {
        self.messages.values().map(|kept| kept.visible_at).min()
    }

    /// When a receive may bring a message: with too many in flight, not before one of them ends.
    #[must_use]
    pub fn next_receivable_at(&self, now: Duration) -> Option<Duration> {
        if !self.is_full(now) {
            return self.next_visible_at();
        }
        self.messages.values().filter(|kept| kept.is_in_flight(now)).map(|it| it.visible_at).min()
    }

    /// Whether as many messages are in flight as may be.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        let in_flight = self.messages.values().filter(|kept| kept.is_in_flight(now)).count();
        in_flight >= self.settings.max_in_flight
    }

    /// Every message, visible or not.
    pub fn messages(&self) -> impl Iterator<Item = &SentMessage> {
        self.messages.values().map(|kept| &kept.sent)
    }

    /// The numbers of visible and of hidden messages.
    #[must_use]
    pub fn count_messages(&self, now: Duration) -> (usize, usize) {
        let is_visible = |kept: &&QueueEntry| kept.visible_at <= now;
        let visible = self.messages.values().filter(is_visible).count();
        (visible, self.messages.len() - visible)
    }

    /// Removes and returns every message, as a redrive does.
    pub fn take_all(&mut self) -> Vec<SentMessage> {
        let all = std::mem::take(&mut self.messages);
        all.into_values().map(|kept| kept.sent).collect()
    }

    /// Removes the messages whose bodies are meant.
    pub fn purge(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.messages.retain(|_, kept| !is_meant(&kept.sent.body));
    }

    /// Drops the messages whose retention has ended. It counts from when they were first sent, also
    /// in a dead-letter queue.
    pub fn drop_expired(&mut self, now: Duration) {
        let retention = self.settings.retention;
        self.messages.retain(|_, kept| kept.sent.sent_at + retention > now);
    }

    fn take_over_received(&mut self, now: Duration) -> Vec<SentMessage> {
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

    fn visible_messages(&self, now: Duration, luck: &mut dyn Luck) -> VisibleMessages {
        let mut waiting = VisibleMessages::default();
        for (number, kept) in &self.messages {
            let group = kept.sent.group.clone().unwrap_or_default();
            if kept.visible_at <= now {
                let place = luck.order_of(&kept.sent.id, kept.receives);
                waiting.lines.entry(group).or_default().push((place, *number));
            } else {
                let in_flight = usize::from(kept.is_in_flight(now));
                *waiting.in_flight.entry(group).or_default() += in_flight;
            }
        }
        // The first to deliver comes last, so that taking it is a `pop`.
        for line in waiting.lines.values_mut() {
            line.sort_unstable_by(|one, other| other.cmp(one));
        }
        waiting
    }

    fn deliver_message(
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
        // Copied before the visibility changes, so the duplicate is visible at once.
        let copy = luck.is_duplicated(&kept.sent.id, kept.receives).then(|| kept.clone());
        kept.visible_at = until;
        kept.received_at = now;
        if let Some(copy) = copy {
            self.next += 1;
            self.messages.insert(self.next, copy);
        }
        Some(delivery)
    }
}

/// The number and the receive count in a receipt.
fn parse_receipt(receipt: &str) -> Option<(u64, u32)> {
    let (number, receives) = receipt.strip_prefix("r-")?.split_once('-')?;
    Some((number.parse().ok()?, receives.parse().ok()?))
}

/// Visible messages by group, each list ending with the first to deliver, and the messages in
/// flight.
#[derive(Default)]
struct VisibleMessages {
    lines: BTreeMap<String, Vec<(u64, u64)>>,
    in_flight: BTreeMap<String, usize>,
}

impl VisibleMessages {
    fn count_in_flight(&self) -> usize {
        self.in_flight.values().sum()
    }

    /// Takes the next message: in a fair queue from the group with the least in flight, otherwise
    /// the first.
    fn take_next(&mut self, settings: &Settings) -> Option<u64> {
        let rank = |(group, line): &(&String, &mut Vec<(u64, u64)>)| {
            let busy = self.in_flight.get(*group).copied().unwrap_or_default();
            (if settings.is_fair { busy } else { 0 }, line.last().copied())
        };
        let (group, line) =
            self.lines.iter_mut().filter(|(_, line)| !line.is_empty()).min_by_key(rank)?;
        let (_, number) = line.pop()?;
        *self.in_flight.entry(group.clone()).or_default() += 1;
        Some(number)
    }
}
