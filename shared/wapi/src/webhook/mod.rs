//! A webhook's body, from bytes to the media messages it announces.

mod content;
mod envelope;
mod media_object;
mod moment;
mod names;
mod opened;
mod reading;
mod several;

use std::collections::HashSet;

use media::{access::Verified, message::MediaMessage};
use serde_json::Value;

use crate::{
    fields::Fields,
    json::{self, Reader},
    relay::{self, Relay},
};
pub use content::MAX_MEDIA;
use content::{Found, Search};
use envelope::Envelope;
pub use reading::{Reading, Refused, Unread};
pub use several::Several;

/// Values kept of a body at most: a message has some hundreds, and each costs up to a hundred
/// bytes.
const MAX_VALUES: usize = 200_000;

/// JSON that is an object, and nothing more is known of it. What no job needs has been left out.
pub struct WebhookBody(Value);

/// Prints nothing of it: it holds media keys and people.
impl std::fmt::Debug for WebhookBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookBody").finish_non_exhaustive()
    }
}

/// Why the bytes are no webhook. See [`Reading`] for what becomes of them; W-API never sends such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON, also after repair; or nested too deep, or of too many values.
    #[error("the body is not JSON")]
    NotJson,
    /// Nothing at all, an empty list, a text that is no JSON, a number, flag or null.
    #[error("the body is empty, or JSON that holds nothing")]
    NotAnObject,
    /// A relay's envelope, or anything else, and no webhook is in it.
    #[error("the body holds no webhook of W-API")]
    NoWebhook,
    /// A list or an envelope of several: which of them was posted cannot be told.
    #[error("the body holds several webhooks of W-API; send each by itself")]
    SeveralWebhooks,
}

impl BodyError {
    /// The word in the answer and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson | Self::NotAnObject => "bad_body",
            Self::NoWebhook => "no_webhook",
            Self::SeveralWebhooks => "several_webhooks",
        }
    }
}

/// Why a body announces nothing here, although it is a webhook. See [`Reading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnnounced {
    /// It names another instance than the URL it was posted to: a webhook URL was registered at the wrong
    /// instance. Its media belong to someone else and must not be filed here.
    #[error("the body's instanceId is not the instance of this webhook URL")]
    OfAnotherInstance,
    /// It holds more media than any message: nobody who sends that is W-API.
    #[error("the body holds more than {MAX_MEDIA} media")]
    TooManyMedia,
}

impl NotAnnounced {
    /// The word in the answer and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OfAnotherInstance => "instance_mismatch",
            Self::TooManyMedia => "too_many_media",
        }
    }
}

/// What sort of event a body is, by the exact text of `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// `webhookReceived`.
    Received,
    /// `webhookDelivery`: sent by the account itself.
    Delivery,
    /// `webhookStatus`.
    Status,
    /// `webhookConnected`.
    Connected,
    /// `webhookDisconnected`.
    Disconnected,
    /// `webhookPresence` or `webhookChatPresence`.
    Presence,
    /// Another text: accepted and counted.
    Unknown,
    /// No `event` at all: accepted and counted.
    Missing,
}

impl Event {
    fn of(body: Fields<'_>) -> Self {
        match body.text("event") {
            None => Self::Missing,
            Some("webhookReceived") => Self::Received,
            Some("webhookDelivery") => Self::Delivery,
            Some("webhookStatus") => Self::Status,
            Some("webhookConnected") => Self::Connected,
            Some("webhookDisconnected") => Self::Disconnected,
            Some("webhookPresence" | "webhookChatPresence") => Self::Presence,
            Some(_) => Self::Unknown,
        }
    }

    /// The word in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Delivery => "delivery",
            Self::Status => "status",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Presence => "presence",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
        }
    }

    /// Whether it may announce media. An event of a name we do not know may: losing media over a name
    /// would be a poor reason.
    fn may_carry_media(self) -> bool {
        match self {
            Self::Received | Self::Delivery | Self::Unknown | Self::Missing => true,
            Self::Status | Self::Connected | Self::Disconnected | Self::Presence => false,
        }
    }
}

/// What a verified webhook announces.
#[derive(Debug)]
pub struct Announcement {
    /// What sort of event it is.
    pub event: Event,
    /// The media to store; usually none or one, and none twice.
    pub media: Vec<MediaMessage>,
    /// Media that lay under a wrapper nobody told us about. One client lost 40 % of its messages to such;
    /// here they are found all the same, and counted.
    pub unknown_wrappers: usize,
    /// Objects with a key and a path of which nothing says what they are: neither their name nor
    /// their type. Also what lies so deep that nobody looks.
    pub not_understood: usize,
    /// There were more media than [`MAX_MEDIA`], and these are only the first.
    pub too_many: bool,
}

impl Announcement {
    /// Why there is nothing to store, in one word, for the answer and the log.
    #[must_use]
    pub fn ignored_because(&self) -> Option<&'static str> {
        if !self.media.is_empty() {
            return None;
        }
        if self.not_understood > 0 {
            return Some("not_understood");
        }
        Some(match self.event {
            Event::Received | Event::Delivery => "no_media",
            Event::Status | Event::Connected | Event::Disconnected | Event::Presence => {
                "not_a_message"
            }
            Event::Unknown => "unknown_event",
            Event::Missing => "no_event",
        })
    }
}

impl WebhookBody {
    /// Reads JSON, repaired if need be or in a field of a form, and finds the one webhook that a
    /// relay may have wrapped or listed.
    ///
    /// # Errors
    /// [`BodyError`] says what is wrong, never what the body was.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        if json::is_blank(bytes) {
            return Err(BodyError::NotAnObject);
        }
        let mut reader = Reader::new(MAX_VALUES);
        let value = reader.read(bytes).or_else(|| reader.read_form(bytes));
        let value = value.ok_or(BodyError::NotJson)?;
        let found = Self::find(value, &mut reader);
        // What was left out may be a medium, or the webhook itself.
        if reader.is_cut() {
            return Err(BodyError::NotJson);
        }
        found
    }

    fn find(value: Value, reader: &mut Reader) -> Result<Self, BodyError> {
        if relay::has_content(&value) {
            return Ok(Self::new(value, reader));
        }
        let found = Relay::search(&value, reader).webhooks;
        let mut found: Vec<_> = found
            .into_iter()
            .map(|webhook| opened::opened(webhook, reader))
            .collect();
        // Some relays pass a body on as it came and read, side by side.
        found.dedup();
        match (found.pop(), found.is_empty()) {
            (Some(webhook), true) => Ok(Self(webhook)),
            (Some(_), false) => Err(BodyError::SeveralWebhooks),
            (None, _) => Self::without_content(value),
        }
    }

    /// What has no message in it is an event, if it says so, or nothing at all.
    fn without_content(value: Value) -> Result<Self, BodyError> {
        let is_nothing = match &value {
            Value::Object(fields) => fields.is_empty(),
            Value::Array(entries) if !entries.is_empty() => false,
            // Cut or broken JSON in a text.
            Value::String(text) if json::may_hold_json(text) => return Err(BodyError::NotJson),
            Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => return Err(BodyError::NotAnObject),
        };
        let says = |fields: Fields<'_>| {
            ["event", "instanceId", "messageId"]
                .into_iter()
                .any(|name| fields.get(name).is_some())
        };
        if is_nothing || Fields::of(&value).is_some_and(says) {
            Ok(Self(value))
        } else {
            Err(BodyError::NoWebhook)
        }
    }

    /// Takes a webhook that was found.
    pub(crate) fn new(webhook: Value, reader: &mut Reader) -> Self {
        Self(opened::opened(webhook, reader))
    }

    /// The body as it is. It holds media keys and people: to be posted, never to be printed.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The instance that the body says it comes from.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        Fields::of(&self.0)?.text("instanceId")
    }

    /// The media announced, read on behalf of the instance that the webhook was verified for.
    ///
    /// # Errors
    /// [`NotAnnounced`] when the body says it comes from another instance, or holds too much. A body that
    /// names no instance is taken as the URL's: its secret has said so already.
    pub fn announcement(&self, verified: &Verified) -> Result<Announcement, NotAnnounced> {
        let is_its = |said: &str| said == verified.instance().as_str();
        if !self.instance().is_none_or(is_its) {
            return Err(NotAnnounced::OfAnotherInstance);
        }
        let announcement = self.read();
        if announcement.too_many {
            return Err(NotAnnounced::TooManyMedia);
        }
        Ok(announcement)
    }

    /// What the body announces, whoever sent it: to be looked at, not to be filed.
    #[must_use]
    pub fn read(&self) -> Announcement {
        let Some(body) = Fields::of(&self.0) else {
            return Announcement {
                event: Event::Missing,
                media: Vec::new(),
                unknown_wrappers: 0,
                not_understood: 0,
                too_many: false,
            };
        };
        let event = Event::of(body);
        let mut search = Search::default();
        if event.may_carry_media() {
            search = body
                .get("msgContent")
                .map(Search::through)
                .unwrap_or_default();
            if search.is_empty() {
                search.not_understood = content::count_elsewhere(&self.0);
            }
        }
        let envelope = Envelope::of(body);
        let read = |(n, found): (usize, &Found<'_>)| media_object::read(found, &envelope, n);
        let mut media: Vec<_> = search.found.iter().enumerate().map(read).collect();
        let mut seen = HashSet::new();
        media.retain(|one| seen.insert(one.identity().in_key()));
        Announcement {
            event,
            unknown_wrappers: search.unknown_wrappers.min(media.len()),
            media,
            not_understood: search.not_understood,
            too_many: search.too_many,
        }
    }
}
