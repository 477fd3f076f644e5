//! Operations on parked jobs: list, redrive, drop and erase them, and keep the parked queue and the
//! jobs table in step.
//!
//! A job is identified by its media message ([`media::identity`]), never by its message in SQS. A
//! redriven job is a new message in SQS; if its media file is stored meanwhile, the download
//! function finds that out and acknowledges the message.

mod drop;
mod entries;
mod erase;
mod failures;
mod look;
mod redrive;

pub use crate::{
    drop::{DropSummary, MaybeHeld},
    erase::{EraseSummary, MessageCounts},
    failures::Failures,
    look::{LookSummary, Parking},
    redrive::{RedriveMode, RedriveSummary},
};
