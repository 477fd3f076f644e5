//! Media events: what became of a media message, as JSON for receivers and for `EventBridge`.

use serde::Serialize;

use crate::{
    delivery::DeliveryId,
    event_envelope::{Envelope, format_time},
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    sha256::Sha256,
};

/// What became of a media message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaEventType {
    /// Its file is in the bucket.
    Stored,
    /// It waits for an operator: the file could not be had.
    Parked,
    /// It is not stored, because of a rule or an operator's decision.
    Skipped,
    /// An operator had its record erased, and its file if there was one.
    Erased,
    /// It is not stored, and its sources will soon have it no more.
    Expiring,
}

impl MediaEventType {
    /// The type of the event that follows from a record's state. `None`: the state is not final.
    #[must_use]
    pub fn from_state(state: &str) -> Option<Self> {
        [Self::Stored, Self::Parked, Self::Skipped, Self::Erased]
            .into_iter()
            .find(|one| one.as_str().strip_prefix("media.") == Some(state))
    }

    /// The word in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "media.stored",
            Self::Parked => "media.parked",
            Self::Skipped => "media.skipped",
            Self::Erased => "media.erased",
            Self::Expiring => "media.expiring",
        }
    }
}

/// What a record says about its media message that an event may tell. Every field but the ids may
/// be missing: an earlier version did not write it, or it does not apply.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaFacts {
    /// The tenant.
    pub tenant: TenantId,
    /// The instance.
    pub instance: InstanceId,
    /// The message's id, as W-API announced it.
    pub message_id: String,
    /// The sort key of the record.
    pub record_key: String,
    /// The chat's folder, such as a phone number or `lid-…`.
    pub chat: Option<String>,
    /// The chat's phone number.
    pub chat_phone: Option<String>,
    /// The chat's LID.
    pub chat_lid: Option<String>,
    /// The phone number of who sent it to a group.
    pub sender_phone: Option<String>,
    /// The LID of who sent it to a group.
    pub sender_lid: Option<String>,
    /// The kind of media.
    pub kind: Option<String>,
    /// `in` or `out`.
    pub direction: Option<String>,
    /// When it was sent, in seconds since 1970.
    pub moment: Option<i64>,
    /// The MIME type that the sender declared.
    pub mimetype: Option<String>,
    /// The key of the stored object.
    pub object_key: Option<String>,
    /// The size of the file, in bytes.
    pub size_bytes: Option<u64>,
    /// The SHA-256 of the file, in hex.
    pub sha256: Option<String>,
    /// How much of its bytes is proven.
    pub integrity: Option<String>,
    /// The strategy that fetched it.
    pub strategy: Option<String>,
    /// The class of the failure for which it is parked.
    pub class: Option<String>,
    /// Why it is parked or skipped, for people.
    pub reason: Option<String>,
    /// Until when an origin can be expected to have the file, in seconds since 1970.
    pub recoverable_until: Option<i64>,
}

impl MediaFacts {
    /// An id of the media file: two files of one message have two. `file_` and 32 characters.
    fn file_id(&self) -> String {
        let key = format!("{} {}", self.instance, self.record_key);
        Sha256::from_data(key.as_bytes()).to_id("file_")
    }

    /// The declared type without parameters, in which a sender could write anything. `None`: it is
    /// not a type.
    fn bare_mimetype(&self) -> Option<&str> {
        let bare = self.mimetype.as_deref()?.split(';').next()?.trim();
        let is_part = |part: &str| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
            !part.is_empty() && part.len() <= 64 && part.chars().all(is_allowed)
        };
        let (kind, subtype) = bare.split_once('/')?;
        (is_part(kind) && is_part(subtype)).then_some(bare)
    }
}

/// What a message says beside its file, as its sender wrote it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MessageTexts {
    /// The caption, cut to [`MediaMessage::MAX_CAPTION_BYTES`].
    pub caption: Option<String>,
    /// The file's name.
    pub file_name: Option<String>,
}

impl MessageTexts {
    /// The texts of a message.
    #[must_use]
    pub fn of_message(message: &MediaMessage) -> Self {
        Self { caption: message.caption.clone(), file_name: message.file_name.clone() }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.caption.is_none() && self.file_name.is_none()
    }
}

/// What a receiver is told of a stored file that its record does not say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReceiverExtras {
    /// The link, if the tenant has links.
    pub link: Option<EventLink>,
    /// The message's texts.
    pub texts: MessageTexts,
}

/// A media link in an event.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EventLink {
    /// The URL, which is a secret.
    pub url: String,
    /// When it ends. `None`: with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
}

impl EventLink {
    /// A link with this URL that ends at this time, in seconds since 1970.
    #[must_use]
    pub fn new(url: String, ends_at: Option<i64>) -> Self {
        Self { url, ends_at: ends_at.and_then(format_time) }
    }
}

/// One event: a record has got a final state.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaEvent {
    /// Its type.
    pub event_type: MediaEventType,
    /// The same at every attempt to publish it, and for everyone who gets it.
    pub id: DeliveryId,
    /// When the state was written, in seconds since 1970.
    pub at: i64,
    /// What the record says.
    pub facts: MediaFacts,
}

/// Leaves out what is personal.
impl std::fmt::Debug for MediaEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaEvent")
            .field("event_type", &self.event_type)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The JSON of its data. What is missing is left out.
#[derive(Serialize)]
struct Data<'a> {
    tenant: &'a str,
    instance: &'a str,
    message_id: &'a str,
    file_id: String,
    #[serde(flatten)]
    state: StateData<'a>,
    #[serde(flatten)]
    person: Option<PersonData<'a>>,
}

/// What is about the file and its state. None of it is personal, but that the key has the name of
/// the chat's folder and, for a document, of the file.
#[derive(Default, Serialize)]
struct StateData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mimetype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recoverable_until: Option<String>,
}

/// What only the tenant's own receivers get.
#[derive(Serialize)]
struct PersonData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    chat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_lid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_lid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a EventLink>,
}

impl MediaEvent {
    /// The JSON for a receiver of the tenant's: everything.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn for_receiver(
        &self,
        bucket: &str,
        extras: &ReceiverExtras,
    ) -> Result<String, serde_json::Error> {
        let facts = &self.facts;
        // What is erased is named by its ids alone.
        let person = (self.event_type != MediaEventType::Erased).then_some(PersonData {
            chat: facts.chat.as_deref(),
            chat_phone: facts.chat_phone.as_deref(),
            chat_lid: facts.chat_lid.as_deref(),
            sender_phone: facts.sender_phone.as_deref(),
            sender_lid: facts.sender_lid.as_deref(),
            caption: extras.texts.caption.as_deref(),
            file_name: extras.texts.file_name.as_deref(),
            link: extras.link.as_ref(),
        });
        self.to_json(bucket, person)
    }

    /// The JSON for `EventBridge`: no chat, sender, text or link. The key has the name of the
    /// chat's folder and, for a document, of the file.
    ///
    /// # Errors
    /// As [`Self::for_receiver`].
    pub fn for_event_bus(&self, bucket: &str) -> Result<String, serde_json::Error> {
        self.to_json(bucket, None)
    }

    fn to_json(
        &self,
        bucket: &str,
        person: Option<PersonData<'_>>,
    ) -> Result<String, serde_json::Error> {
        let facts = &self.facts;
        let data = Data {
            tenant: facts.tenant.as_str(),
            instance: facts.instance.as_str(),
            message_id: &facts.message_id,
            file_id: facts.file_id(),
            state: self.state_data(bucket),
            person,
        };
        Envelope::new(&self.id, self.event_type.as_str(), self.at, data).to_json()
    }

    fn state_data<'a>(&'a self, bucket: &'a str) -> StateData<'a> {
        let facts = &self.facts;
        let common = StateData {
            kind: facts.kind.as_deref(),
            direction: facts.direction.as_deref(),
            moment: facts.moment.and_then(format_time),
            mimetype: facts.bare_mimetype(),
            ..StateData::default()
        };
        match self.event_type {
            MediaEventType::Stored => StateData {
                size: facts.size_bytes,
                sha256: facts.sha256.as_deref(),
                integrity: facts.integrity.as_deref(),
                strategy: facts.strategy.as_deref(),
                bucket: Some(bucket),
                key: facts.object_key.as_deref(),
                ..common
            },
            MediaEventType::Parked | MediaEventType::Expiring => StateData {
                class: facts.class.as_deref(),
                reason: facts.reason.as_deref(),
                recoverable_until: facts.recoverable_until.and_then(format_time),
                ..common
            },
            MediaEventType::Skipped => StateData { reason: facts.reason.as_deref(), ..common },
            MediaEventType::Erased => StateData::default(),
        }
    }
}
