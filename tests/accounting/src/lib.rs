//! Audits announced media files against what is stored, parked and queued, and lists every
//! contradiction.
//!
//! The audit does not know how the evidence was gathered, so it judges a simulated world and a
//! deployed stack alike.

mod account;
mod announced;
mod evidence;
mod identity;
mod media_evidence;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use announced::{AnnouncedMedia, Fate, SenderAnswer};
pub use evidence::{Evidence, FileFacts, JobEntry, Object, ParkedTicket, Record};
pub use identity::Identity;
