//! The media table: one record for each media message, with its state and what was tried.
//!
//! A run first claims the record, under a lease. Every later write of the run is conditional on the
//! lease, and fails when another run has taken it over. Which record is a media message's:
//! [`media::identity`].

mod announced;
mod claim;
mod condition;
mod count;
mod erase;
mod find;
mod intent;
mod missing;
mod notes;
mod outcome;
mod place;
mod place_update;
mod table;
mod update;
mod write;

use self::outcome::update_under_lease;
pub use self::{
    claim::Claim,
    erase::Erasable,
    find::{find_record_item, get_record_item},
    intent::CommitIntent,
    outcome::WriteOutcome,
    place::MESSAGE,
    table::{BY_INSTANCE, BY_STATE, ERASED, Ledger},
    write::{LeaseAfter, MAX_ATTEMPTS},
};
use crate::dynamodb::Attributes;
