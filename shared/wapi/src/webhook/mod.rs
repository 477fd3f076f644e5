//! A webhook's body, from bytes to the media messages that it announces.

mod body;
mod content;
mod envelope;
mod media_object;
pub(crate) mod moment;
mod names;
mod opened;
mod passed_on;
mod reading;
mod revoked;
mod webhook_file;

pub use self::{
    body::{Announcement, AnnouncementError, BodyError, Event, WebhookBody},
    content::MAX_MEDIA,
    passed_on::{list_subjects, list_understood},
    reading::{Reading, Refusal, UnreadReason},
    webhook_file::WebhookFile,
};
