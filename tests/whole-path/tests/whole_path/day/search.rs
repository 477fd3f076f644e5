//! The search of what the local AWS holds: both buckets, tables, queues and logs.

use local::Holding;
use stand_in::AnnouncedMedia;

use super::{
    FAR, LEAVING, MOVED, OTHER, Person, STAYING,
    sent::{FOREIGN, QUEUED, find_attribute},
};
use crate::World;

/// What is left of a person: the number, the LID, the name, a media key or the bytes of a file
/// anywhere; a message's id anywhere but in log lines, in the marks that take the place of erased
/// records, and in what tells a receiver of them.
pub(super) fn find_traces(
    all: &[Holding],
    person: &Person,
    media: &[AnnouncedMedia],
) -> Vec<Holding> {
    let secrets = media.iter().flat_map(|one| {
        [&one.sha256_hex, &one.sealed_sha256_hex, &one.media_key].map(Clone::clone)
    });
    let words: Vec<_> = person.words().into_iter().chain(secrets).collect();
    let ids = media.iter().map(|one| one.message_id.clone());
    let ids: Vec<_> = ids.chain([QUEUED, FOREIGN].map(str::to_owned)).collect();
    let may_have_ids = |one: &Holding| {
        one.place.starts_with("log ")
            || one.text.contains(r#""state":{"S":"erased"}"#)
            || one.has_any(&["media.erased".to_owned()])
    };
    let is_trace = |one: &&Holding| one.has_any(&words) || !may_have_ids(one) && one.has_any(&ids);
    all.iter().filter(is_trace).cloned().collect()
}

/// Whether something is of this tenant: names it, is the texts of a record that does, or a pair of
/// people in an instance that is its now.
pub(super) fn has_tenant(one: &Holding, tenant: &str, all: &[Holding]) -> bool {
    if let Some(record) = find_record_of_texts(one, all) {
        return record.text.contains(tenant);
    }
    let is_pair = one.place.contains("People") && tenant == OTHER;
    let has = |text: &str| one.text.contains(text);
    has(tenant) || is_pair && (has(MOVED) || has(FAR))
}

/// The record of the same message, if this is the item of a file's caption and name.
fn find_record_of_texts<'a>(one: &Holding, all: &'a [Holding]) -> Option<&'a Holding> {
    let instance = find_attribute(&one.text, "instance")?["S"].as_str()?.to_owned();
    let instance = serde_json::json!({ "S": instance.strip_prefix("texts#")? });
    let message = find_attribute(&one.text, "message_id");
    let is_record = |other: &&Holding| {
        find_attribute(&other.text, "instance").as_ref() == Some(&instance)
            && find_attribute(&other.text, "message_id") == message
            && find_attribute(&other.text, "tenant").is_some()
    };
    all.iter().find(is_record)
}

/// What an erasure of the person from the first tenant must leave as it was: the files with their
/// tags, the records, job entries and parked messages of everybody else and of the other tenant.
pub(super) fn intact_part(all: &[Holding], world: &World) -> Vec<Holding> {
    let outputs = world.stack().outputs();
    let tables = [&outputs.media_table, &outputs.jobs_table].map(|name| format!("table {name}"));
    let is_compared = |one: &Holding| {
        ["object", "marker", "upload", "body"].contains(&one.place.as_str())
            || one.place.starts_with("queue ")
            || tables.contains(&one.place)
    };
    let (staying, leaving) = (STAYING.words(), LEAVING.words());
    let is_meant = |one: &Holding| one.has_any(&staying) || one.has_any(&leaving);
    let is_kept = |one: &&Holding| {
        let is_staying = one.has_any(&staying) || has_tenant(one, OTHER, all) && is_meant(one);
        is_compared(one) && is_staying
    };
    let mut kept: Vec<_> = all.iter().filter(is_kept).cloned().collect();
    kept.sort();
    kept
}

/// Every part that was there is there unchanged.
pub(super) fn check_intact(before: &[Holding], after: &[Holding]) {
    assert!(before.len() > 15, "{before:#?}");
    let lost: Vec<_> = before.iter().filter(|one| !after.contains(one)).collect();
    assert!(lost.is_empty(), "lost or changed: {lost:#?}");
}
