//! Notes which media messages expire soon, so that those who wait for them hear of it in time.

use aws::{entry_key::EntryKey, error::AwsError, ledger::Ledger};
use futures_util::{StreamExt, TryStreamExt, stream};

/// A media message that is not stored and may expire within this time is counted, and said to be
/// expiring: two days are enough for a person to act.
pub(crate) const EXPIRES_SOON_SECONDS: i64 = 48 * 60 * 60;

/// How far back a pass looks for what has become one of them, in seconds: so many hourly passes may
/// fail in a row. What was noted before is not noted again.
const LOOK_BACK_SECONDS: i64 = 3 * 60 * 60;

/// How many are noted in a pass, at most. Each is an event.
const MAX_NOTED: usize = 10_000;

/// Records that are written at the same time.
const MAX_AT_ONCE: usize = 16;

/// Notes those that have become so old since the last passes, and those that were retried or parked
/// since then when they were so old already.
///
/// # Errors
/// [`AwsError`] when a call fails. The next passes note the rest.
pub(crate) async fn note_expiring(ledger: &Ledger, now: i64) -> Result<(), AwsError> {
    let soon = now.saturating_add(EXPIRES_SOON_SECONDS);
    let lately = soon - LOOK_BACK_SECONDS;
    let mut all = ledger.jobs.list_expiring(lately..=soon, None, MAX_NOTED).await?;
    let changed_since = now.saturating_sub(LOOK_BACK_SECONDS);
    let left = MAX_NOTED.saturating_sub(all.len());
    if left > 0 {
        let earlier = now..=lately.saturating_sub(1);
        all.extend(ledger.jobs.list_expiring(earlier, Some(changed_since), left).await?);
    }
    let note = |entry: EntryKey| async move { ledger.note_expiring(&entry, now).await.map(drop) };
    stream::iter(all).map(note).buffer_unordered(MAX_AT_ONCE).try_collect().await
}
