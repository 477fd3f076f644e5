//! The protocol holds in every state that it can reach; each way to break it is found.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it has searched"
)]

use model::{Broken, Property, Search, Step};

/// A search of a model that can do nothing would find no violation either.
#[test]
fn every_state_keeps_every_promise() {
    let proof = Search::new(Broken::Nothing).run().unwrap_or_else(|found| panic!("{found}"));
    println!(
        "{} states, {} transitions, {} states at rest",
        proof.states, proof.transitions, proof.at_rest
    );
    for step in Step::ALL {
        assert!(proof.taken.contains_key(&step), "{step:?} was never taken");
    }
    assert!(proof.states > 300_000, "{} states", proof.states);
    assert!(proof.at_rest > 20, "{} states at rest", proof.at_rest);
}

#[track_caller]
fn assert_found(broken: Broken, property: Property) {
    match Search::new(broken).only(property).run() {
        Ok(proof) => panic!("{broken:?} is not found in {} states", proof.states),
        Err(found) => {
            println!("{broken:?}: {found}");
            assert_eq!(found.property(), property);
        }
    }
}

#[test]
fn acknowledging_before_the_entry_loses_jobs() {
    assert_found(Broken::AcknowledgeBeforeEntry, Property::NothingIsLost);
}

/// Why the back-fill is needed.
#[test]
fn a_purge_before_the_entry_loses_jobs() {
    assert_found(Broken::LossBeforeEntry, Property::NothingIsLost);
}

#[test]
fn a_commit_that_overwrites_makes_two_objects() {
    assert_found(Broken::CommitOverwrites, Property::AtMostOneObject);
}

#[test]
fn recording_before_the_commit_lies() {
    assert_found(Broken::RecordBeforeCommit, Property::StoredMeansStored);
}

#[test]
fn an_overtaken_run_must_not_write_entries() {
    assert_found(Broken::EntryWithoutLease, Property::RecordsDoNotLie);
}

#[test]
fn storing_must_delete_the_entry() {
    assert_found(Broken::RecordStoredKeepsEntry, Property::RecordsDoNotLie);
}

#[test]
fn parking_must_write_the_entry() {
    assert_found(Broken::ParkWithoutEntry, Property::RecordsDoNotLie);
}

#[test]
fn retrying_a_parked_job_must_write_its_entry() {
    assert_found(Broken::RetryKeepsParkedEntry, Property::RecordsDoNotLie);
}

/// The entry may be parked meanwhile, or deleted.
#[test]
fn setting_back_a_changed_entry_lies() {
    assert_found(Broken::PutBackUnconditionally, Property::RecordsDoNotLie);
}

#[test]
fn a_redrive_must_respect_the_lease() {
    assert_found(Broken::RedriveIgnoresLease, Property::RecordsDoNotLie);
}

#[test]
fn erasing_must_delete_the_entry() {
    assert_found(Broken::EraseWithoutEntry, Property::RecordsDoNotLie);
}

/// A copy in the jobs queue finds no record and stores the media file again.
#[test]
fn every_erased_record_needs_a_mark() {
    assert_found(Broken::EraseWithoutMark, Property::ErasedStaysErased);
}

/// The webhook function puts an entry when SQS fails. Its job has no record yet.
#[test]
fn erasing_must_find_entries_without_records() {
    assert_found(Broken::EraseSkipsUnrecorded, Property::ErasedStaysErased);
}

#[test]
fn erasing_needs_commits_within_the_lease() {
    assert_found(Broken::LateCommit, Property::ErasedStaysErased);
}

/// A copy from before a drop would bring the job back.
#[test]
fn a_run_must_refuse_stale_copies() {
    assert_found(Broken::ClaimsStaleCopies, Property::DecisionsHold);
}

#[test]
fn the_look_must_delete_stale_copies() {
    assert_found(Broken::LookBelievesStaleCopies, Property::DecisionsHold);
}

/// A run that was too late would otherwise write over the operator's decision.
#[test]
fn an_operators_write_must_end_the_lease() {
    assert_found(Broken::NotesKeepLease, Property::DecisionsHold);
}

#[test]
fn the_look_must_not_believe_tickets() {
    assert_found(Broken::LookBelievesTickets, Property::LookBelievesNoCopy);
}

#[test]
fn sending_before_the_update_sends_twice() {
    assert_found(Broken::SendBeforeUpdate, Property::SentOnce);
}

#[test]
fn a_duplicate_must_delete_a_leftover_entry() {
    assert_found(Broken::DuplicateKeepsEntry, Property::EveryJobEnds);
}

#[test]
fn a_lost_message_must_be_sent_again() {
    assert_found(Broken::NoOrphans, Property::EveryJobEnds);
}

/// Each hour would add a copy of what only waits for its turn.
#[test]
fn a_backlog_must_not_be_sent_again() {
    assert_found(Broken::OrphansDespiteBacklog, Property::EveryJobEnds);
}
