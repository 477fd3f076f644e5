//! What was announced, and the outcome that is allowed for it.

use crate::identity::Identity;

/// How the webhook function answered the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderAnswer {
    /// 200, queued: the job must not be lost.
    Accepted,
    /// Any other answer, or none: the job may have been queued all the same.
    Unsure,
}

/// The outcome that is allowed for a media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A source has the file: it must be stored, and parking it is a fault.
    Stored,
    /// The sources are gone or return wrong bytes: it must be parked, and storing it is a fault.
    Parked,
    /// A rule of the tenant leaves it out: its record must be `skipped`, and nothing else may
    /// exist.
    Skipped,
    /// It was ordered to be erased: nothing may be left of it but the mark of its record.
    Erased,
    /// Any outcome is allowed: it depends on when the sources are asked.
    Either,
}

/// A media file that was announced.
#[derive(Debug, Clone)]
pub struct AnnouncedMedia {
    /// What it is identified by in the evidence.
    pub identity: Identity,
    /// Its tenant, which is the first folder of its object.
    pub tenant: String,
    /// The other tenant whose folder may have its object: its instance moved meanwhile.
    pub other_tenant: Option<String>,
    /// SHA-256 of the bytes the sender sent, lower-case hex.
    pub sha256: String,
    /// How the sender was answered.
    pub told: SenderAnswer,
    /// The outcome that the sources and the tenant's rules allow.
    pub fate: Fate,
}
