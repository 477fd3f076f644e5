//! The two queues, as sets of the kinds of their messages.

use std::marker::PhantomData;

/// A message of the jobs queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum JobMessage {
    /// From the webhook function, or moved by SQS from the parked queue. If a run had parked it
    /// there, it still has the attributes that the run gave it.
    Plain,
    /// Sent from the entry, and marked so.
    Marked,
    /// Its job was accepted before the operator's latest redrive or drop.
    Stale,
}

/// A message of the parked queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ParkedMessage {
    /// Sent by a run that had written the record before.
    Ticketed,
    /// Parked by SQS after too many receives, or by a run that did not reach the table.
    Unrecorded,
    /// Its job was accepted before the operator's latest redrive or drop.
    Stale,
}

/// A kind of message, as a bit of a set.
pub(crate) trait Kind: Copy + 'static {
    const ALL: &'static [Self];
    fn to_bit(self) -> u8;
}

impl Kind for JobMessage {
    const ALL: &'static [Self] = &[Self::Plain, Self::Marked, Self::Stale];
    fn to_bit(self) -> u8 {
        1 << self as u8
    }
}

impl Kind for ParkedMessage {
    const ALL: &'static [Self] = &[Self::Ticketed, Self::Unrecorded, Self::Stale];
    fn to_bit(self) -> u8 {
        1 << self as u8
    }
}

/// A queue, as the set of the kinds of which it has at least one message. A set stands for every
/// number of copies: taking a message leaves the kind in the set, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Messages<K> {
    bits: u8,
    kind: PhantomData<K>,
}

impl<K: Kind> Messages<K> {
    pub(crate) const EMPTY: Self = Self { bits: 0, kind: PhantomData };

    pub(crate) fn is_empty(self) -> bool {
        self.bits == 0
    }

    pub(crate) fn insert(&mut self, kind: K) {
        self.bits |= kind.to_bit();
    }

    /// Takes the last message of a kind.
    pub(crate) fn remove(&mut self, kind: K) {
        self.bits &= !kind.to_bit();
    }

    pub(crate) fn to_number(self) -> u64 {
        self.bits.into()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = K> {
        K::ALL.iter().copied().filter(move |kind| self.bits & kind.to_bit() != 0)
    }
}

/// Takes a message of a queue: it was the last of its kind, or there are more, because SQS delivers
/// a message twice or because an acknowledgement did not reach it.
pub(crate) fn take<K: Kind>(
    from: Messages<K>,
    message: K,
    mut each: impl FnMut(Messages<K>, bool),
) {
    let mut without = from;
    without.remove(message);
    each(without, true);
    each(from, false);
}
