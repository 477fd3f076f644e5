//! Spreads the instances over the hour: each run takes those of its slot.

use media::{ids::InstanceId, sha256::Sha256};

/// The time between two runs, in seconds. `template.yaml` has the same.
const SLOT_SECONDS: i64 = 5 * 60;

/// The runs of an hour.
const SLOTS: u64 = 12;

/// Whether the instance belongs to the run of `now` (seconds since 1970).
pub(crate) fn is_due(instance: &InstanceId, now: i64) -> bool {
    let slot = u64::try_from(now / SLOT_SECONDS).unwrap_or_default() % SLOTS;
    hash_text(instance.as_str()) % SLOTS == slot
}

/// Orders the instances of a run, differently every hour, so that a run without enough time does
/// not leave out the same ones each time.
pub(crate) fn order_of_hour(instance: &InstanceId, now: i64) -> u64 {
    let hour = now / 3600;
    hash_text(&format!("{instance} {hour}"))
}

/// The first eight bytes of the text's SHA-256.
fn hash_text(text: &str) -> u64 {
    let hash = Sha256::from_data(text.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
