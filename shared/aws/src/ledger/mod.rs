//! The media table: one record for each media message, with its state and what was tried. And the
//! jobs table: one entry for each job that is not settled.
//!
//! A run first claims the record, under a lease. Every later write of the run is conditional on the
//! lease, and fails when another run has taken it over. Which record is a media message's:
//! [`media::identity`].

mod announced;
mod body;
mod claim;
mod condition;
mod count;
mod due;
mod entry;
mod erase;
mod expiring;
mod find;
mod intent;
mod links;
mod missing;
mod notes;
mod outcome;
mod parked;
mod place;
mod place_update;
#[cfg(feature = "operator")]
mod relink;
mod resting;
mod retain;
mod revocation;
mod table;
mod texts;
mod transaction;
mod update;
mod write;

use self::outcome::update_under_lease;
pub use self::{
    body::{BodyState, KeptBody, ParkOutcome, ParkedBody},
    claim::{Claim, KnownEntry},
    count::ENTRY_STATES,
    due::{DueEntry, DueKey},
    entry::{
        BY_CLASS, BY_DUE, BY_TENANT, DUE_SHARDS, Due, DuePlace, EntryChange, EntryState,
        MAX_ENTRY_BODY_BYTES, state_class,
    },
    erase::{Erasable, EraseOutcome, MARKED_FOR},
    find::{find_record_item, get_record_item},
    intent::{CommitIntent, OwnRecord},
    links::MAX_LINKS,
    missing::RecordTable,
    notes::{JobState, NoteOutcome, NoteTerms},
    outcome::WriteOutcome,
    parked::{EntryBody, PageStart, ParkedKey, ParkedPage, RedriveOutcome},
    place::MESSAGE,
    resting::{RestingDelivery, RestingKey, RestingSurvey},
    retain::RecordEnd,
    revocation::{REVOKED, RevocationItem},
    table::{
        BY_CHAT, BY_INSTANCE, ERASED, FORGET_AT, JobsTable, Ledger, LedgerTables, RELINKED_FROM,
    },
    write::{LeaseAfter, MAX_ATTEMPTS},
};
pub(crate) use self::{expiring::EXPIRING_AT, links::read_link_hashes};
use crate::dynamodb::Attributes;
