//! Two media never meet and one is never two, in a real table and with both functions running.

use std::{collections::BTreeSet, time::Duration};

use simulation::{
    Outcome, live,
    plan::{Left, Medium, Plan},
};
use stand_in::Kind;

const ID: &str = "3EB0D8C2DC513BD63DC4";

/// A picture with these bytes under the one id.
fn picture(bytes: &str) -> Medium {
    Medium::healthy(Kind::Image, bytes).with(|spec| spec.message_id(ID))
}

/// The same in a chat that is told by a hidden id alone.
fn by_lid(bytes: &str, lid: &str) -> Medium {
    in_chat(bytes, &format!("{lid}@lid")).telling(
        "/sender",
        serde_json::json!({ "id": lid, "senderLid": format!("{lid}@lid") }),
    )
}

/// The same in a chat that is told by a hidden id and by a number.
fn by_both(bytes: &str, lid: &str, phone: &str) -> Medium {
    in_chat(bytes, &format!("{lid}@lid")).telling(
        "/sender",
        serde_json::json!({ "id": phone, "senderLid": format!("{lid}@lid") }),
    )
}

fn in_chat(bytes: &str, chat: &str) -> Medium {
    let chat = chat.to_owned();
    picture(bytes)
        .with(|spec| spec.chat(chat.clone()).sender("5500900000099"))
        .telling("/sender", serde_json::json!(null))
}

fn in_group(bytes: &str, group: &str) -> Medium {
    in_chat(bytes, group).telling("/isGroup", true)
}

/// The keys of all objects, each of which must be named by exactly one record that says it is
/// stored.
fn stored(outcome: &Outcome) -> BTreeSet<String> {
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

/// How many files these are: one after the other, the other way round, and all at once.
fn files(media: &[Medium]) -> [usize; 3] {
    let spaced = |media: Vec<Medium>| {
        let later = |(n, medium): (u64, Medium)| medium.at(Duration::from_mins(n));
        stored(&live(Plan::healthy((0..).zip(media).map(later).collect()))).len()
    };
    let reversed = media.iter().rev().cloned().collect();
    let at_once = stored(&live(Plan::healthy(media.to_vec()))).len();
    [spaced(media.to_vec()), spaced(reversed), at_once]
}

#[test]
fn the_same_id_content_and_chat_are_one_file() {
    assert_eq!(files(&[picture("a"), picture("a"), picture("a")]), [1; 3]);
}

#[test]
fn three_pictures_under_one_id_are_three_files() {
    assert_eq!(files(&[picture("a"), picture("b"), picture("c")]), [3; 3]);
}

#[test]
fn the_same_content_under_another_id_is_another_file() {
    let edit = picture("a").with(|spec| spec.message_id("3EB0EDITED"));
    assert_eq!(files(&[picture("a"), edit]), [2; 3]);
}

#[test]
fn one_medium_told_by_lid_and_by_number_is_one_file() {
    let (lid, phone) = ("200000000000002", "5500900000002");
    let all = [
        by_lid("a", lid),
        by_both("a", lid, phone),
        in_chat("a", phone),
    ];
    assert_eq!(files(&all), [1; 3]);
    assert_eq!(files(&[by_lid("a", lid), in_chat("a", phone)]), [1; 3]);
}

#[test]
fn one_content_in_chats_that_cannot_be_one_is_a_file_in_each() {
    for chats in [
        [in_chat("a", "5500900000002"), in_chat("a", "5500900000003")],
        [
            by_lid("a", "200000000000002"),
            by_lid("a", "200000000000003"),
        ],
        [
            in_chat("a", "5500900000002"),
            in_group("a", "120363000000000001@g.us"),
        ],
        [
            by_lid("a", "200000000000002"),
            in_group("a", "120363000000000001@g.us"),
        ],
        [
            in_group("a", "120363000000000001@g.us"),
            in_group("a", "120363000000000002@g.us"),
        ],
        [
            in_chat("a", "5500900000002"),
            in_chat("a", "status@broadcast"),
        ],
        // A number that somebody else had before: one folder, one second, one id and the same
        // bytes.
        [
            by_both("a", "2000001", "5500900000002"),
            by_both("a", "2000002", "5500900000002"),
        ],
    ] {
        assert_eq!(files(&chats), [2; 3], "{chats:?}");
    }
}

/// A hidden id may be either number's, but once a record knows its number another one is another
/// chat.
#[test]
fn what_a_stored_record_learns_of_its_chat_tells_it_from_the_next() {
    let chats = [
        by_lid("a", "200000000000002"),
        in_chat("a", "5500900000002"),
        in_chat("a", "5500900000003"),
        by_both("a", "200000000000003", "5500900000003"),
        by_lid("a", "200000000000003"),
    ];
    let [forwards, ..] = files(&chats);
    assert_eq!(forwards, 2);
}

/// What somebody else sends under a known id neither replaces a picture that is on its way nor
/// hides behind one.
#[test]
fn a_known_id_is_of_no_use_to_who_sends_something_else_under_it() {
    let victims = in_group("the victim's", "120363000000000001@g.us").with(|spec| {
        spec.cdn(stand_in::CdnScenario::fail_times(3))
            .wapi(stand_in::WapiScenario::fail_times(3))
    });
    let attackers = in_chat("the attacker's", "5500900000009");
    assert_eq!(files(&[victims, attackers]), [2; 3]);
}

/// An id may be chosen so that it reads like another medium's key.
#[test]
fn an_id_that_looks_like_a_key_is_an_id() {
    let key = live(Plan::healthy(vec![picture("a")])).trace;
    let sort_key = key.iter().find_map(|line| {
        let (_, rest) = line.split_once(&format!("{ID}#"))?;
        Some(format!("{ID}#{}", rest.get(..26)?))
    });
    let chosen = sort_key.unwrap_or_else(|| panic!("no key in the trace: {:?}", key.first()));
    let forged = picture("b").with(|spec| spec.message_id(chosen.clone()));
    assert_eq!(files(&[picture("a"), forged]), [2; 3]);
}

const STORED: Left = Left {
    record: Some("stored"),
    job: false,
    unread: false,
};
const WAITING: Left = Left {
    record: Some("retrying"),
    job: true,
    unread: false,
};

#[test]
fn what_the_version_before_has_stored_is_not_fetched_again() {
    let outcome = live(Plan::healthy(vec![picture("a").leaving(STORED)]));
    assert_eq!(
        outcome.evidence.objects.len(),
        0,
        "{:?}",
        outcome.evidence.objects
    );
    assert_eq!(outcome.evidence.records.len(), 1);
    assert!(outcome.evidence.queued.is_empty() && outcome.evidence.parked.is_empty());
}

#[test]
fn what_the_version_before_took_for_a_duplicate_is_fetched_when_it_is_announced_again() {
    let stored = picture("a").leaving(STORED);
    let others = ["b", "c"].map(|bytes| picture(bytes).at(Duration::from_mins(1)));
    let outcome = live(Plan::healthy([vec![stored], others.to_vec()].concat()));
    assert_eq!(
        outcome.evidence.objects.len(),
        2,
        "{:?}",
        outcome.evidence.objects
    );
    assert_eq!(outcome.evidence.records.len(), 3);
}

#[test]
fn a_job_of_the_version_before_ends_in_its_record() {
    let outcome = live(Plan::healthy(vec![picture("a").leaving(WAITING)]));
    assert_eq!(stored(&outcome).len(), 1);
    assert_eq!(
        outcome.evidence.records.len(),
        1,
        "{:?}",
        outcome.evidence.records
    );
    // Without a record it makes one, and what is announced again is the same medium.
    let alone = Left {
        job: true,
        ..Left::default()
    };
    let again = picture("a").at(Duration::from_mins(1));
    let outcome = live(Plan::healthy(vec![
        picture("a").leaving(alone),
        again.clone(),
    ]));
    assert_eq!(stored(&outcome).len(), 1);
    let outcome = live(Plan::healthy(vec![picture("a").leaving(WAITING), again]));
    assert_eq!(stored(&outcome).len(), 1);
}
