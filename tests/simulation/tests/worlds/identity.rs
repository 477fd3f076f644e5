//! Two media files are never taken for one, and one is never stored twice, with a real table and
//! the real functions.

use std::{collections::BTreeSet, time::Duration};

use simulation::{
    Outcome,
    plan::{Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::Kind;

const ID: &str = "3EB0D8C2DC513BD63DC4";

/// A picture with these bytes under the shared message id.
fn picture_of(bytes: &str) -> PlannedMedia {
    PlannedMedia::healthy(Kind::Image, bytes).with_spec(|spec| spec.message_id(ID))
}

/// The same in a chat that is identified by a hidden id alone.
fn by_lid(bytes: &str, lid: &str) -> PlannedMedia {
    in_chat(bytes, &format!("{lid}@lid")).with_changed_field(
        "/sender",
        serde_json::json!({ "id": lid, "senderLid": format!("{lid}@lid") }),
    )
}

/// The same in a chat that is identified by a hidden id and by a number.
fn by_both(bytes: &str, lid: &str, phone: &str) -> PlannedMedia {
    in_chat(bytes, &format!("{lid}@lid")).with_changed_field(
        "/sender",
        serde_json::json!({ "id": phone, "senderLid": format!("{lid}@lid") }),
    )
}

fn in_chat(bytes: &str, chat: &str) -> PlannedMedia {
    let chat = chat.to_owned();
    picture_of(bytes)
        .with_spec(|spec| spec.chat(chat.clone()).sender("5500900000099"))
        .with_changed_field("/sender", serde_json::json!(null))
}

fn in_group(bytes: &str, group: &str) -> PlannedMedia {
    in_chat(bytes, group).with_changed_field("/isGroup", true)
}

/// The keys of all objects. Each must be named by exactly one record in state `stored`.
fn stored_keys(outcome: &Outcome) -> BTreeSet<String> {
    let objects = outcome.evidence.objects.iter();
    let objects: Vec<_> = objects.map(|one| one.key.clone()).collect();
    let records = outcome.evidence.records.iter();
    let named: Vec<_> = records
        .filter(|record| record.state == "stored")
        .filter_map(|record| record.object_key.clone())
        .collect();
    let (mut one, mut other) = (objects.clone(), named);
    one.sort();
    other.sort();
    assert_eq!(one, other, "each object has its record");
    assert!(outcome.evidence.parked.is_empty() && outcome.evidence.queued.is_empty());
    objects.into_iter().collect()
}

/// How many files are stored when these arrive in order, in reverse order, and all at once.
fn count_files(media: &[PlannedMedia]) -> [usize; 3] {
    let spaced = |media: Vec<PlannedMedia>| {
        let later =
            |(n, planned): (u64, PlannedMedia)| planned.announced_at(Duration::from_mins(n));
        stored_keys(&run_world(Plan::healthy((0..).zip(media).map(later).collect()))).len()
    };
    let reversed = media.iter().rev().cloned().collect();
    let at_once = stored_keys(&run_world(Plan::healthy(media.to_vec()))).len();
    [spaced(media.to_vec()), spaced(reversed), at_once]
}

#[test]
fn the_same_id_content_and_chat_are_one_file() {
    assert_eq!(count_files(&[picture_of("a"), picture_of("a"), picture_of("a")]), [1; 3]);
}

#[test]
fn three_pictures_under_one_id_are_three_files() {
    assert_eq!(count_files(&[picture_of("a"), picture_of("b"), picture_of("c")]), [3; 3]);
}

#[test]
fn the_same_content_under_another_id_is_another_file() {
    let edit = picture_of("a").with_spec(|spec| spec.message_id("3EB0EDITED"));
    assert_eq!(count_files(&[picture_of("a"), edit]), [2; 3]);
}

#[test]
fn lid_and_number_of_a_chat_are_one_file() {
    let (lid, phone) = ("200000000000002", "5500900000002");
    let all = [by_lid("a", lid), by_both("a", lid, phone), in_chat("a", phone)];
    assert_eq!(count_files(&all), [1; 3]);
    assert_eq!(count_files(&[by_lid("a", lid), in_chat("a", phone)]), [1; 3]);
}

#[test]
fn chats_that_differ_get_a_file_each() {
    for chats in [
        [in_chat("a", "5500900000002"), in_chat("a", "5500900000003")],
        [by_lid("a", "200000000000002"), by_lid("a", "200000000000003")],
        [in_chat("a", "5500900000002"), in_group("a", "120363000000000001@g.us")],
        [by_lid("a", "200000000000002"), in_group("a", "120363000000000001@g.us")],
        [in_group("a", "120363000000000001@g.us"), in_group("a", "120363000000000002@g.us")],
        [in_chat("a", "5500900000002"), in_chat("a", "status@broadcast")],
        // A number that belonged to somebody else before: one folder, one second, one id and the
        // same bytes.
        [by_both("a", "2000001", "5500900000002"), by_both("a", "2000002", "5500900000002")],
    ] {
        assert_eq!(count_files(&chats), [2; 3], "{chats:?}");
    }
}

/// A hidden id may belong to either number, but once a record knows its number, another number is
/// another chat.
#[test]
fn a_record_that_knows_its_chat_excludes_others() {
    let chats = [
        by_lid("a", "200000000000002"),
        in_chat("a", "5500900000002"),
        in_chat("a", "5500900000003"),
        by_both("a", "200000000000003", "5500900000003"),
        by_lid("a", "200000000000003"),
    ];
    let [forwards, ..] = count_files(&chats);
    assert_eq!(forwards, 2);
}

/// Another sender's media message under a known id neither replaces a picture that is on its way
/// nor is taken for it.
#[test]
fn a_known_id_does_not_help_an_attacker() {
    let victims = in_group("the victim's", "120363000000000001@g.us").with_spec(|spec| {
        spec.cdn(stand_in::CdnScenario::fail_times(3)).wapi(stand_in::WapiScenario::fail_times(3))
    });
    let attackers = in_chat("the attacker's", "5500900000009");
    assert_eq!(count_files(&[victims, attackers]), [2; 3]);
}

/// A sender may choose an id that looks like another media file's key.
#[test]
fn an_id_that_looks_like_a_key_is_an_id() {
    let key = run_world(Plan::healthy(vec![picture_of("a")])).trace;
    let sort_key = key.iter().find_map(|line| {
        let (_, rest) = line.split_once(&format!("{ID}#"))?;
        Some(format!("{ID}#{}", rest.get(..26)?))
    });
    let chosen = sort_key.unwrap_or_else(|| panic!("no key in the trace: {:?}", key.first()));
    let forged = picture_of("b").with_spec(|spec| spec.message_id(chosen.clone()));
    assert_eq!(count_files(&[picture_of("a"), forged]), [2; 3]);
}

const STORED: PriorState =
    PriorState { record: Some("stored"), job: false, parked: false, unread: false };
const WAITING: PriorState =
    PriorState { record: Some("retrying"), job: true, parked: false, unread: false };

/// What the previous version stored is not fetched again.
#[test]
fn a_file_stored_by_the_previous_version_stays() {
    let outcome = run_world(Plan::healthy(vec![picture_of("a").with_prior_state(STORED)]));
    assert_eq!(outcome.evidence.objects.len(), 0, "{:?}", outcome.evidence.objects);
    assert_eq!(outcome.evidence.records.len(), 1);
    assert!(outcome.evidence.queued.is_empty() && outcome.evidence.parked.is_empty());
}

/// The previous version took the second file of a message for a duplicate; it is fetched when it
/// is announced again.
#[test]
fn a_file_the_previous_version_missed_is_fetched() {
    let stored = picture_of("a").with_prior_state(STORED);
    let others = ["b", "c"].map(|bytes| picture_of(bytes).announced_at(Duration::from_mins(1)));
    let outcome = run_world(Plan::healthy([vec![stored], others.to_vec()].concat()));
    assert_eq!(outcome.evidence.objects.len(), 2, "{:?}", outcome.evidence.objects);
    assert_eq!(outcome.evidence.records.len(), 3);
}

/// The record of a file that is on its way names no hash, and fits the other file as well. Both
/// wait in the jobs table, which has one entry for each record.
#[test]
fn a_waiting_record_of_the_previous_version_has_one_file() {
    let failing = |bytes: &str| {
        picture_of(bytes).with_spec(|spec| {
            let cdn = stand_in::CdnScenario::fail_times(8);
            spec.cdn(cdn).wapi(stand_in::WapiScenario::fail_times(8))
        })
    };
    let other = failing("b").announced_at(Duration::from_secs(10));
    let waiting = failing("a").with_prior_state(WAITING);
    let outcome = run_world(Plan::healthy(vec![waiting, other]));
    assert!(outcome.account.is_clean(), "{}", outcome.account);
    assert_eq!(stored_keys(&outcome).len(), 2);
}

#[test]
fn a_job_of_the_previous_version_ends_in_its_record() {
    let outcome = run_world(Plan::healthy(vec![picture_of("a").with_prior_state(WAITING)]));
    assert_eq!(stored_keys(&outcome).len(), 1);
    assert_eq!(outcome.evidence.records.len(), 1, "{:?}", outcome.evidence.records);
    // Without a record it creates one, and the same media message announced again is not stored
    // twice.
    let alone = PriorState { job: true, ..PriorState::default() };
    let again = picture_of("a").announced_at(Duration::from_mins(1));
    let outcome =
        run_world(Plan::healthy(vec![picture_of("a").with_prior_state(alone), again.clone()]));
    assert_eq!(stored_keys(&outcome).len(), 1);
    let outcome = run_world(Plan::healthy(vec![picture_of("a").with_prior_state(WAITING), again]));
    assert_eq!(stored_keys(&outcome).len(), 1);
}

/// A webhook says whose LID it is. What the account sends to the LID later is filed beside what
/// the person sent; what came before stays where it is.
#[test]
fn media_of_one_person_go_to_one_folder() {
    let (lid, phone) = ("200000000000031", "5500900000031");
    let sent = |bytes: &str| {
        let sent = PlannedMedia::healthy(Kind::Image, bytes);
        sent.with_spec(|spec| spec.chat("200000000000031@lid").from_me())
    };
    let plan = vec![
        sent("before").announced_at(Duration::ZERO),
        PlannedMedia::healthy(Kind::Image, "received")
            .with_spec(|spec| spec.chat("200000000000031@lid"))
            .with_changed_field("/sender", serde_json::json!({ "id": phone, "senderLid": lid }))
            .announced_at(Duration::from_mins(1)),
        sent("after").announced_at(Duration::from_mins(2)),
    ];
    let keys = stored_keys(&run_world(Plan::healthy(plan)));
    let folder = |key: &String| key.split('/').nth(2).map(str::to_owned);
    let mut folders: Vec<_> = keys.iter().filter_map(folder).collect();
    folders.sort();
    assert_eq!(folders, [phone, phone, "lid-200000000000031"]);
}
