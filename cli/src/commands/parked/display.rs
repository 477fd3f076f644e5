//! Parked jobs and unread bodies as a table and as JSON.

use std::collections::BTreeMap;

use comfy_table::Table;
use media::{failure::FailureClass, parked::ParkedJob};
use serde_json::{Value, json};

use crate::screen;

/// The table of parked jobs, one row each.
pub(crate) fn parked_table(found: &[ParkedJob]) -> Table {
    let mut table = screen::new_table([
        "expires", "class", "tenant", "instance", "message", "kind", "receives", "reason",
    ]);
    for parked in found {
        let none = || "-".to_owned();
        let expires = parked.recoverable_until();
        table.add_row([
            expires.map_or_else(none, screen::format_time),
            parked.class_word().to_owned(),
            parked.tenant().map_or_else(none, ToString::to_string),
            parked.instance().map_or_else(none, ToString::to_string),
            parked.message_id().map_or_else(none, str::to_owned),
            parked.kind().map_or_else(none, |kind| kind.to_string()),
            parked.receives.map_or_else(none, |n| n.to_string()),
            parked.reason.clone(),
        ]);
    }
    table
}

/// The table of the first jobs, at most `limit` rows, and how many more there are.
pub(super) fn first_rows(found: &[ParkedJob], limit: usize) -> String {
    let shown = found.get(..limit).unwrap_or(found);
    match found.len() - shown.len() {
        0 => parked_table(shown).to_string(),
        more => format!(
            "{}\n\u{2026} and {more} more: --limit shows more, --json all",
            parked_table(shown)
        ),
    }
}

/// The number of parked jobs per class.
pub(super) fn count_classes(found: &[ParkedJob]) -> BTreeMap<&str, usize> {
    let mut classes = BTreeMap::new();
    for parked in found {
        *classes.entry(parked.class_word()).or_default() += 1;
    }
    classes
}

/// The numbers as `3 instance, 1 transient`.
pub(super) fn describe_classes(classes: &BTreeMap<&str, usize>) -> String {
    let counts: Vec<_> = classes.iter().map(|(class, n)| format!("{n} {class}")).collect();
    counts.join(", ")
}

/// What to do about each failure class among these jobs.
pub(super) fn class_remedies(
    found: &[ParkedJob],
) -> impl Iterator<Item = (FailureClass, &'static str)> {
    let is_there = |class: &FailureClass| {
        let known = found.iter().filter(|parked| parked.unknown_class.is_none());
        known.map(|parked| parked.class).any(|one| one == *class)
    };
    let classes = FailureClass::ALL.into_iter().filter(is_there);
    classes.map(|class| (class, class.remedy()))
}

/// The JSON of a parked job. Without the body, which contains a media key or a whole webhook.
pub(crate) fn to_json(parked: &ParkedJob) -> Value {
    json!({
        "tenant": parked.tenant(),
        "instance": parked.instance(),
        "message_id": parked.message_id(),
        "kind": parked.kind(),
        "class": parked.class_word(),
        "reason": parked.reason,
        "receives": parked.receives,
        "parked_at": parked.parked_at,
        "recoverable_until": parked.recoverable_until(),
        "moved_by_sqs": parked.is_moved_by_sqs,
    })
}

/// The JSON and the text about an unread webhook, without its body.
pub(super) fn describe_unread(parked: &ParkedJob) -> (Value, String) {
    let mut json = to_json(parked);
    let Some(unread) = parked.unread() else {
        return (json, String::new());
    };
    let (accepted_at, size_bytes) = (unread.accepted_at, unread.size_bytes);
    if let Some(fields) = json.as_object_mut() {
        let about =
            json!({ "accepted_at": accepted_at, "why": unread.why, "size_bytes": size_bytes });
        fields.insert("unread".to_owned(), about);
    }
    let when = screen::format_time(accepted_at);
    let line = format!("\n\nA body of {size_bytes} bytes, accepted at {when}: {}.", unread.why);
    (json, line)
}
