//! The body of a webhook, and the media messages that it announces.

use std::collections::{BTreeSet, HashSet};

use media::{
    access::VerifiedInstance,
    contact::Contact,
    ids::{InstanceId, MessageId},
    message::MediaMessage,
    order::OrderSubject,
    revocation::RevokedMessage,
};
use serde_json::Value;

use super::{
    content::{FoundMedia, MAX_MEDIA, Search, count_elsewhere},
    envelope::{self, Envelope},
    media_object, moment, opened,
    revoked::find_revoked,
};
use crate::{
    account::Hook,
    fields::Fields,
    json::{self, Reader},
    relay::{self, Relay},
};

/// Maximum values kept of a body: a message has some hundreds, and each takes up to a hundred
/// bytes.
const MAX_VALUES: usize = 200_000;

/// The JSON object of a webhook, without the values that no job needs.
pub struct WebhookBody {
    pub(super) webhook: Value,
    /// Texts beside the webhook, in a relay's list or form, that may hold another and cannot be
    /// parsed.
    unread_beside: usize,
}

/// Omits the body, because it holds media keys and personal data.
impl std::fmt::Debug for WebhookBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookBody").finish_non_exhaustive()
    }
}

/// The bytes are not a webhook; [`Reading`](super::Reading) decides what happens then. W-API never
/// sends such a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The bytes are not JSON, even after repair, or are nested too deeply, or have too many
    /// values.
    #[error("the body is not JSON")]
    NotJson,
    /// The body is empty, or the JSON is an empty list, a text that is not JSON, a number, flag or
    /// null.
    #[error("the body is empty or JSON without content")]
    NotAnObject,
    /// No webhook was found in the body.
    #[error("the body holds no webhook of W-API")]
    NoWebhook,
    /// The body holds several webhooks, so it is unclear which one was posted.
    #[error("the body holds several webhooks of W-API; send each one separately")]
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

/// A webhook was read but announces nothing for this instance; [`Reading`](super::Reading) decides
/// what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// The body names another instance than its URL: the URL was registered at the wrong instance.
    /// Its media messages belong to someone else and must not be stored here.
    #[error("the body's instanceId is not the instance of this webhook URL")]
    OtherInstance,
    /// The body holds more media objects than any message of W-API.
    #[error("the body holds more than {MAX_MEDIA} media objects")]
    TooManyMedia,
}

impl AnnouncementError {
    /// The word in the answer and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherInstance => "instance_mismatch",
            Self::TooManyMedia => "too_many_media",
        }
    }
}

/// The kind of event, by the exact text of `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// `webhookReceived`.
    Received,
    /// `webhookDelivery`: a message from the account itself.
    Delivery,
    /// `webhookStatus`.
    Status,
    /// `webhookConnected`.
    Connected,
    /// `webhookDisconnected`.
    Disconnected,
    /// `webhookPresence` or `webhookChatPresence`.
    Presence,
    /// Another text. Accepted and counted.
    Unknown,
    /// No `event` field. Accepted and counted.
    Missing,
}

impl Event {
    fn from_body(body: Fields<'_>) -> Self {
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

    /// The hook from which such an event comes; `None` if that is not known.
    #[must_use]
    pub fn hook(self) -> Option<Hook> {
        match self {
            Self::Received => Some(Hook::Received),
            Self::Delivery => Some(Hook::Delivery),
            Self::Status => Some(Hook::MessageStatus),
            Self::Connected => Some(Hook::Connected),
            Self::Disconnected => Some(Hook::Disconnected),
            Self::Presence => Some(Hook::ChatPresence),
            Self::Unknown | Self::Missing => None,
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

    /// Whether the event may announce media. An unknown event may, so that no media message is lost
    /// because of a name.
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
    /// The kind of event.
    pub event: Event,
    /// The media messages to store; usually none or one, and each only once.
    pub media: Vec<MediaMessage>,
    /// The contacts of which the webhook names both the LID and the phone number, with media or
    /// without: the other contact of a one-to-one chat, or the sender in a group.
    pub people: Vec<Contact>,
    /// The message that is deleted for everyone, if that is what the webhook announces.
    pub revoked: Option<RevokedMessage>,
    /// The phone number (digits) of the other contact of a one-to-one chat, if the webhook does not
    /// name the contact's LID.
    pub open_phone: Option<String>,
    /// When the message was sent, in seconds since 1970, as far as the webhook says.
    pub moment: Option<i64>,
    /// Number of media messages found under an unknown wrapper. One client lost 40 % of its
    /// messages because of such wrappers; here they are stored and counted.
    pub unknown_wrappers: usize,
    /// Number of objects with a key and a path that neither name nor type identifies as media, and
    /// of values that are nested too deeply to be searched.
    pub not_understood: usize,
    /// Whether there were more than [`MAX_MEDIA`](super::MAX_MEDIA), so that `media` is incomplete.
    pub too_many: bool,
}

impl Announcement {
    /// When what it announces was sent, in seconds since 1970: at `now`, if the webhook does not
    /// say or names a later time.
    #[must_use]
    pub fn announced_at(&self, now: i64) -> i64 {
        self.moment.filter(|moment| (0..now).contains(moment)).unwrap_or(now)
    }

    /// Why there is nothing to store, in one word for the answer and the log.
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
    /// Parses JSON, after repair if necessary or from a field of a form, and finds the one webhook
    /// in it, which a relay may have wrapped or put into a list.
    ///
    /// # Errors
    /// [`BodyError`] says what is wrong. It never quotes the body.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        if json::is_blank(bytes) {
            return Err(BodyError::NotAnObject);
        }
        let mut reader = Reader::new(MAX_VALUES);
        let value = reader.read(bytes).or_else(|| reader.read_form(bytes));
        let value = value.ok_or(BodyError::NotJson)?;
        let found = Self::find_webhook(value, &mut reader);
        // The part that was left out may have been a media object or the webhook itself.
        if reader.is_cut() {
            return Err(BodyError::NotJson);
        }
        found
    }

    fn find_webhook(value: Value, reader: &mut Reader) -> Result<Self, BodyError> {
        if relay::has_content(&value) {
            return Ok(Self::new(value, reader));
        }
        let Relay { webhooks, unread, .. } = Relay::search(&value, reader);
        let mut found: Vec<_> =
            webhooks.into_iter().map(|webhook| opened::open_texts(webhook, reader)).collect();
        // Some relays put the original body and the parsed one side by side.
        found.dedup();
        match (found.pop(), found.is_empty()) {
            (Some(webhook), true) => Ok(Self { webhook, unread_beside: unread }),
            (Some(_), false) => Err(BodyError::SeveralWebhooks),
            (None, _) => Self::without_content(value),
        }
    }

    /// A body without a message is an event if it has the fields of one.
    pub(super) fn without_content(value: Value) -> Result<Self, BodyError> {
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
            ["event", "instanceId", "messageId"].into_iter().any(|name| fields.get(name).is_some())
        };
        if is_nothing || Fields::from_value(&value).is_some_and(says) {
            Ok(Self::from_value(value))
        } else {
            Err(BodyError::NoWebhook)
        }
    }

    /// Wraps a webhook that was found.
    pub(crate) fn new(webhook: Value, reader: &mut Reader) -> Self {
        Self::from_value(opened::open_texts(webhook, reader))
    }

    pub(super) fn from_value(webhook: Value) -> Self {
        Self { webhook, unread_beside: 0 }
    }

    /// Replaces the webhook by one with other names of its fields.
    pub(crate) fn rename_fields(&mut self, rename: impl FnOnce(&Value) -> Value) {
        self.webhook = rename(&self.webhook);
    }

    /// The body as JSON. It holds media keys and personal data: post it, never print it.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.webhook
    }

    /// The kind of event.
    #[must_use]
    pub fn event(&self) -> Event {
        Fields::from_value(&self.webhook).map_or(Event::Missing, Event::from_body)
    }

    /// The instance that the body names.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        Fields::from_value(&self.webhook)?.text("instanceId")
    }

    /// The subjects of all orders that may be about the webhook, whether it announces media or not.
    #[must_use]
    pub fn order_subjects(&self, instance: &InstanceId) -> BTreeSet<OrderSubject> {
        let Some(body) = Fields::from_value(&self.webhook) else {
            return OrderSubject::list_all(instance, [], []);
        };
        let Envelope { message_id, chat, known, .. } = Envelope::from_body(body);
        let id = message_id.and_then(|id| MessageId::parse(id).ok());
        OrderSubject::list_of_message(instance, &chat, (&known.peer, &known.sender), id.as_ref())
    }

    /// Whether it says in which chat something happened.
    #[must_use]
    pub(super) fn names_chat(&self) -> bool {
        Fields::from_value(&self.webhook).is_some_and(envelope::names_chat)
    }

    /// Since when the webhook's message is known to exist, if W-API had it at `arrived_at`: since
    /// then, or since it was sent if that is earlier; in seconds since 1970.
    #[must_use]
    pub fn known_since(&self, arrived_at: i64) -> i64 {
        let sent_at = self.moment().filter(|moment| *moment >= MediaMessage::FIRST_MOMENT);
        sent_at.map_or(arrived_at, |moment| moment.min(arrived_at))
    }

    /// When the message was sent, in seconds since 1970, as the body says. The time may be
    /// impossible.
    pub(crate) fn moment(&self) -> Option<i64> {
        Fields::from_value(&self.webhook)?.get("moment").and_then(moment::parse_moment)
    }

    /// The media messages announced for the verified instance.
    ///
    /// # Errors
    /// [`AnnouncementError`] if the body names another instance or holds too many media objects. A
    /// body that names no instance is accepted, because the secret in its URL identifies the
    /// instance.
    pub fn announcement(
        &self,
        verified: &VerifiedInstance,
    ) -> Result<Announcement, AnnouncementError> {
        let is_its = |named: &str| named == verified.instance().as_str();
        if !self.instance().is_none_or(is_its) {
            return Err(AnnouncementError::OtherInstance);
        }
        let announcement = self.read_announcement();
        if announcement.too_many {
            return Err(AnnouncementError::TooManyMedia);
        }
        Ok(announcement)
    }

    /// Reads the announcement without verification: to be displayed, not to be stored.
    #[must_use]
    pub fn read_announcement(&self) -> Announcement {
        let Some(body) = Fields::from_value(&self.webhook) else {
            return Announcement {
                event: Event::Missing,
                media: Vec::new(),
                people: Vec::new(),
                revoked: None,
                open_phone: None,
                moment: None,
                unknown_wrappers: 0,
                not_understood: 0,
                too_many: false,
            };
        };
        let event = Event::from_body(body);
        let mut search = Search::default();
        if event.may_carry_media() {
            search = body.get("msgContent").map(Search::search_content).unwrap_or_default();
            if search.is_empty() {
                search.not_understood = count_elsewhere(&self.webhook);
            }
        }
        let envelope = Envelope::from_body(body);
        let named = [&envelope.known.peer, &envelope.known.sender];
        let named =
            named.into_iter().filter(|one| event.may_carry_media() && one.as_pair().is_some());
        let people = named.cloned().collect();
        let content = body.get("msgContent").filter(|_| event.may_carry_media());
        let revoked = content.and_then(|content| find_revoked(content, &envelope));
        let peer = &envelope.known.peer;
        let open_phone =
            peer.phone.clone().filter(|_| event.may_carry_media() && peer.lid.is_none());
        let read =
            |(n, found): (usize, &FoundMedia<'_>)| media_object::read_media(found, &envelope, n);
        let mut media: Vec<_> = search.found.iter().enumerate().map(read).collect();
        let mut seen = HashSet::new();
        media.retain(|one| seen.insert(one.identity().to_key_part()));
        Announcement {
            event,
            unknown_wrappers: search.unknown_wrappers.min(media.len()),
            media,
            people,
            revoked,
            open_phone,
            moment: envelope.moment,
            not_understood: search.not_understood + self.unread_beside,
            too_many: search.too_many,
        }
    }
}
