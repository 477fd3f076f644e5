//! A webhook's body, from bytes to the media messages that it announces.

mod body;
mod content;
mod envelope;
mod media_object;
pub(crate) mod moment;
mod names;
mod opened;
mod reading;
mod revoked;
mod webhook_file;

pub use self::{
    body::{Announcement, AnnouncementError, BodyError, Event, WebhookBody},
    content::MAX_MEDIA,
    reading::{Reading, Refusal, UnreadReason},
    webhook_file::WebhookFile,
};
