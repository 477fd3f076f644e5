//! Evidence that is complete, contradictory or missing, and the complaints about it.

use crate::{
    Account, AnnouncedMedia, Evidence, Fate, FileFacts, Identity, JobEntry, Object, ParkedTicket,
    Record, SenderAnswer,
};

fn announced_media(fate: Fate) -> AnnouncedMedia {
    AnnouncedMedia {
        identity: Identity::new("I", "m"),
        tenant: "acme".to_owned(),
        other_tenant: None,
        sha256: "aa".to_owned(),
        told: SenderAnswer::Accepted,
        fate,
    }
}

fn sample_object(key: &str, sha256: &str) -> Object {
    Object {
        key: key.to_owned(),
        identity: Identity::new("I", "m"),
        sha256: sha256.to_owned(),
        writes: 1,
        facts: None,
    }
}

fn sample_record(state: &str) -> Record {
    Record {
        identity: Identity::new("I", "m"),
        state: state.to_owned(),
        object_key: Some("acme/I/k".to_owned()),
        class: (state == "parked").then(|| "expired".to_owned()),
        facts: FileFacts::default(),
    }
}

fn sample_entry(state: &str) -> JobEntry {
    JobEntry {
        identity: Identity::new("I", "m"),
        state: state.to_owned(),
        class: Some("expired".to_owned()),
        reason: Some("gone".to_owned()),
    }
}

fn sample_ticket(reason: Option<&str>) -> ParkedTicket {
    ParkedTicket {
        identity: Identity::new("I", "m"),
        class: Some("expired".to_owned()),
        reason: reason.map(str::to_owned),
    }
}

fn count_complaints(fate: Fate, evidence: &Evidence) -> [usize; 4] {
    let account = Account::new(&[announced_media(fate)], evidence);
    [account.lost.len(), account.twice.len(), account.unexpected.len(), account.orphans.len()]
}

#[test]
fn stored_once_with_a_record_is_clean() {
    let evidence = Evidence {
        objects: vec![sample_object("acme/I/k", "aa")],
        records: vec![sample_record("stored")],
        ..Evidence::default()
    };
    assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 0, 0]);
}

#[test]
fn what_is_nowhere_is_lost() {
    assert_eq!(count_complaints(Fate::Stored, &Evidence::default()), [1, 0, 0, 0]);
}

#[test]
fn two_objects_or_writes_are_twice() {
    let mut evidence = Evidence {
        objects: vec![sample_object("acme/I/k", "aa"), sample_object("acme/I/l", "aa")],
        records: vec![sample_record("stored")],
        ..Evidence::default()
    };
    assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 1, 0, 0]);
    evidence.objects = vec![Object { writes: 2, ..sample_object("acme/I/k", "aa") }];
    assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 1, 0, 0]);
}

#[test]
fn wrong_bytes_folders_and_records_are_unexpected() {
    let of = |objects: Vec<Object>, state: &str| Evidence {
        objects,
        records: vec![sample_record(state)],
        ..Evidence::default()
    };
    let good = || vec![sample_object("acme/I/k", "aa")];
    for evidence in [
        of(vec![sample_object("acme/I/k", "bb")], "stored"),
        of(good(), "retrying"),
        of(good(), "parked"),
    ] {
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 0], "{evidence:?}");
    }
    // The record names another key as well.
    let elsewhere = of(vec![sample_object("other/I/k", "aa")], "stored");
    assert_eq!(count_complaints(Fate::Stored, &elsewhere), [0, 0, 2, 0]);
    for state in ["stored", "retrying", "parked"] {
        let empty = of(Vec::new(), state);
        assert_eq!(count_complaints(Fate::Either, &empty), [1, 0, 1, 0], "{state}");
    }
}

#[test]
fn parking_needs_a_reason_and_no_source() {
    let of = |reason| Evidence {
        parked: vec![sample_ticket(reason)],
        records: vec![sample_record("parked")],
        entries: vec![sample_entry("parked")],
        ..Evidence::default()
    };
    assert_eq!(count_complaints(Fate::Parked, &of(Some("gone"))), [0, 0, 0, 0]);
    // The message, and the entry.
    assert_eq!(count_complaints(Fate::Stored, &of(Some("gone"))), [0, 0, 2, 0]);
    assert_eq!(count_complaints(Fate::Parked, &of(None)), [0, 0, 1, 0]);
}

#[test]
fn a_parked_file_has_its_records_class() {
    let of = |parked: Vec<ParkedTicket>| Evidence {
        parked,
        records: vec![sample_record("parked")],
        entries: vec![sample_entry("parked")],
        ..Evidence::default()
    };
    let twice = of(vec![sample_ticket(Some("gone")), sample_ticket(Some("gone"))]);
    let account = Account::new(&[announced_media(Fate::Parked)], &twice);
    assert_eq!((account.parked, account.parked_again), (1, 1));
    let other = ParkedTicket { class: Some("corrupt".to_owned()), ..sample_ticket(Some("gone")) };
    assert_eq!(count_complaints(Fate::Parked, &of(vec![other])), [0, 0, 1, 0]);
}

/// The parked queue forgets its message after 14 days, and the jobs table does not.
#[test]
fn an_entry_says_what_its_record_says() {
    let of = |state: &str, entry: JobEntry| Evidence {
        records: vec![sample_record(state)],
        entries: vec![entry],
        ..Evidence::default()
    };
    assert_eq!(count_complaints(Fate::Parked, &of("parked", sample_entry("parked"))), [0; 4]);
    let retrying = of("parked", sample_entry("retrying"));
    assert_eq!(count_complaints(Fate::Parked, &retrying), [0, 0, 1, 0]);
    let silent = JobEntry { class: None, ..sample_entry("parked") };
    assert_eq!(count_complaints(Fate::Parked, &of("parked", silent)), [0, 0, 1, 0]);
    let stored = Evidence {
        objects: vec![sample_object("acme/I/k", "aa")],
        ..of("stored", sample_entry("retrying"))
    };
    assert_eq!(count_complaints(Fate::Stored, &stored), [0, 0, 1, 0]);
}

#[test]
fn skipping_needs_a_rule() {
    let evidence = Evidence { records: vec![sample_record("skipped")], ..Evidence::default() };
    assert_eq!(count_complaints(Fate::Skipped, &evidence), [0, 0, 0, 0]);
    assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 0]);
    assert_eq!(count_complaints(Fate::Skipped, &Evidence::default()), [1, 0, 1, 0]);
}

#[test]
fn unannounced_files_and_open_uploads_are_reported() {
    let evidence = Evidence {
        queued: vec![Identity::new("I", "m"), Identity::new("I", "other")],
        uploads: vec!["acme/I/k".to_owned()],
        ..Evidence::default()
    };
    assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 1]);
}

#[test]
fn chat_and_bytes_distinguish_one_message_id() {
    let of = |chat: &str, sha256: &str| AnnouncedMedia {
        identity: Identity::new("I", "m").with_content(chat, sha256),
        sha256: sha256.to_owned(),
        ..announced_media(Fate::Stored)
    };
    let all = [of("1", "aa"), of("1", "bb"), of("2@g.us", "aa")];
    let object = |chat: &str, sha256: &str| Object {
        identity: Identity::new("I", "m").with_content(chat, sha256),
        ..sample_object(&format!("acme/I/{chat}/{sha256}"), sha256)
    };
    let record = |chat: &str, sha256: &str| Record {
        identity: Identity::new("I", "m").with_content(chat, sha256),
        object_key: Some(format!("acme/I/{chat}/{sha256}")),
        ..sample_record("stored")
    };
    let places = [("1", "aa"), ("1", "bb"), ("group-2", "aa")];
    let evidence = Evidence {
        objects: places.map(|(chat, sha256)| object(chat, sha256)).to_vec(),
        records: places.map(|(chat, sha256)| record(chat, sha256)).to_vec(),
        ..Evidence::default()
    };
    assert!(Account::new(&all, &evidence).is_clean());
    for n in 0..3 {
        let mut short = evidence.clone();
        short.objects.remove(n);
        let account = Account::new(&all, &short);
        assert_eq!((account.lost.len(), account.stored), (1, 2), "{account}");
    }
}

#[test]
fn a_record_contradicting_its_object_is_reported() {
    let is = FileFacts {
        size_bytes: Some(3),
        sha256: Some("aa".to_owned()),
        integrity: Some("sha256".to_owned()),
        strategy: Some("wapi".to_owned()),
    };
    let text = |text: &str| Some(text.to_owned());
    for said in [
        FileFacts { size_bytes: Some(4), ..is.clone() },
        FileFacts { sha256: text("bb"), ..is.clone() },
        FileFacts { integrity: text("mac-only"), ..is.clone() },
        FileFacts { strategy: text("cdn"), ..is.clone() },
    ] {
        let of = |said: &FileFacts| Evidence {
            objects: vec![Object { facts: Some(is.clone()), ..sample_object("acme/I/k", "aa") }],
            records: vec![Record { facts: said.clone(), ..sample_record("stored") }],
            ..Evidence::default()
        };
        assert_eq!(count_complaints(Fate::Stored, &of(&is)), [0, 0, 0, 0]);
        assert_eq!(count_complaints(Fate::Stored, &of(&said)), [0, 0, 1, 0], "{said:?}");
    }
}

#[test]
fn an_erased_file_that_exists_is_unexpected() {
    let mark = Record { object_key: None, ..sample_record("erased") };
    let mut evidence = Evidence { records: vec![mark], ..Evidence::default() };
    assert_eq!(count_complaints(Fate::Erased, &evidence), [0, 0, 0, 0]);
    // Nobody ordered it.
    assert_eq!(count_complaints(Fate::Stored, &evidence), [1, 0, 1, 0]);
    evidence.entries = vec![sample_entry("retrying")];
    assert!(count_complaints(Fate::Erased, &evidence)[2] > 0);
    evidence = Evidence { objects: vec![sample_object("acme/I/k", "aa")], ..Evidence::default() };
    assert!(count_complaints(Fate::Erased, &evidence)[2] > 0);
}

#[test]
fn a_moved_instances_file_may_be_in_two_folders() {
    let moved =
        AnnouncedMedia { other_tenant: Some("bravo".to_owned()), ..announced_media(Fate::Stored) };
    for (key, unexpected) in [("acme/I/k", 0), ("bravo/I/k", 0), ("charlie/I/k", 1)] {
        let record = Record { object_key: Some(key.to_owned()), ..sample_record("stored") };
        let objects = vec![sample_object(key, "aa")];
        let evidence = Evidence { objects, records: vec![record], ..Evidence::default() };
        let account = Account::new(std::slice::from_ref(&moved), &evidence);
        assert_eq!(account.unexpected.len(), unexpected, "{account}");
    }
}
