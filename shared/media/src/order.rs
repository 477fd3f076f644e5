//! Orders about stored media: to erase what was announced, or to hold it against erasing. An order
//! names what it is about only as a keyed hash.

use std::{collections::BTreeSet, fmt};

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::{
    contact::Contact,
    envelope::MomentSource,
    ids::{InstanceId, MessageId},
    job::Job,
    message::{Chat, ChatKind, MediaMessage},
};

/// What an order is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderScope {
    /// One message, with all its media.
    Message,
    /// One chat.
    Chat,
    /// What one person sent to groups and other chats of more than two.
    Sender,
    /// Everything of one instance.
    Instance,
    /// Everything of a tenant.
    Tenant,
}

impl OrderScope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::Message, Self::Chat, Self::Sender, Self::Instance, Self::Tenant];

    /// The word in the key of an order.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Chat => "chat",
            Self::Sender => "sender",
            Self::Instance => "instance",
            Self::Tenant => "tenant",
        }
    }
}

/// What an order demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderKind {
    /// Erase it, and do not store it again.
    Erase,
    /// Refuse to erase it.
    Hold,
}

impl OrderKind {
    /// The word in the key of an order.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Hold => "hold",
        }
    }
}

/// The random key of one tenant under which the subjects of its orders are hashed: phone numbers
/// are few, and a plain hash of one is found by trying. Redacted when printed, wiped on drop.
#[derive(Clone)]
pub struct OrderKey(Zeroizing<[u8; OrderKey::BYTES]>);

/// The bytes are not the key of a tenant's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of a tenant's orders is 32 bytes")]
pub struct NotAnOrderKey;

impl OrderKey {
    /// Length of the key, in bytes.
    pub const BYTES: usize = 32;

    /// Takes exactly 32 bytes.
    ///
    /// # Errors
    /// [`NotAnOrderKey`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAnOrderKey> {
        let key = bytes.try_into().map_err(|_| NotAnOrderKey)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// The bytes. The name makes every use easy to find in a review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The keyed hash of a text: HMAC-SHA256 in 52 characters.
    fn hash_text(&self, scope: OrderScope, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let tag = hmac::sign(&key, format!("{} {text}", scope.as_str()).as_bytes());
        BASE32_NOPAD.encode(tag.as_ref()).to_ascii_lowercase()
    }
}

impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What an order is about, in clear. Only its hash is ever written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderSubject {
    scope: OrderScope,
    /// The only instance that is meant; `None` for all of the tenant's.
    instance: Option<InstanceId>,
    /// Empty for an instance or a tenant.
    text: String,
}

/// Leaves out the text, which may be a phone number.
impl fmt::Debug for OrderSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderSubject")
            .field("scope", &self.scope)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl OrderSubject {
    /// Everything of the tenant.
    #[must_use]
    pub fn for_tenant() -> Self {
        Self { scope: OrderScope::Tenant, instance: None, text: String::new() }
    }

    /// Everything of one instance.
    #[must_use]
    pub fn for_instance(instance: InstanceId) -> Self {
        Self { scope: OrderScope::Instance, instance: Some(instance), text: String::new() }
    }

    /// A chat, in one instance or in all. Both spellings of a Brazilian mobile number are the same
    /// chat.
    #[must_use]
    pub fn for_chat(instance: Option<InstanceId>, chat: &Chat) -> Self {
        Self { scope: OrderScope::Chat, instance, text: normalize_chat(chat) }
    }

    /// What a person sent to groups and other chats of more than two, in one instance or in all.
    /// `person` is the person's own chat.
    #[must_use]
    pub fn for_sender(instance: Option<InstanceId>, person: &Chat) -> Self {
        Self { scope: OrderScope::Sender, instance, text: normalize_chat(person) }
    }

    /// A message with all its media, in one instance or in all.
    #[must_use]
    pub fn for_message(instance: Option<InstanceId>, message: &MessageId) -> Self {
        Self { scope: OrderScope::Message, instance, text: message.to_string() }
    }

    /// What it is about.
    #[must_use]
    pub fn scope(&self) -> OrderScope {
        self.scope
    }

    /// The sort key of an order about it: `erase#chat#*#{hash}`. No phone number, chat or message
    /// id can be read from it.
    #[must_use]
    pub fn sort_key(&self, kind: OrderKind, key: &OrderKey) -> String {
        let scope = self.scope.as_str();
        let instance = self.instance.as_ref().map_or("*", InstanceId::as_str);
        let hash = match self.text.as_str() {
            "" => "-".to_owned(),
            text => key.hash_text(self.scope, text),
        };
        format!("{}#{scope}#{instance}#{hash}", kind.as_str())
    }

    /// The subjects of all orders that may be about media of an instance with these chats and
    /// message ids. A chat has several names: a phone number, a LID.
    #[must_use]
    pub fn list_all(
        instance: &InstanceId,
        chats: impl IntoIterator<Item = Chat>,
        messages: impl IntoIterator<Item = MessageId>,
    ) -> BTreeSet<Self> {
        let one = || Some(instance.clone());
        let mut subjects =
            BTreeSet::from([Self::for_tenant(), Self::for_instance(instance.clone())]);
        for chat in chats {
            subjects.extend([Self::for_chat(None, &chat), Self::for_chat(one(), &chat)]);
        }
        for message in messages.into_iter().flat_map(|id| [id.whole_message(), id]) {
            subjects
                .extend([Self::for_message(None, &message), Self::for_message(one(), &message)]);
        }
        subjects
    }

    /// The subjects of all orders that may be about a message of this chat, with media or without:
    /// the other contact of the chat, and who sent the message to a chat of more than two.
    #[must_use]
    pub fn list_of_message(
        instance: &InstanceId,
        chat: &Chat,
        (peer, sender): (&Contact, &Contact),
        message: Option<&MessageId>,
    ) -> BTreeSet<Self> {
        let chats = std::iter::once(chat.clone()).chain(peer.own_chats());
        let mut subjects = Self::list_all(instance, chats, message.cloned());
        for sender in senders_to(chat, sender) {
            let one = Some(instance.clone());
            subjects.extend([Self::for_sender(None, &sender), Self::for_sender(one, &sender)]);
        }
        subjects
    }
}

/// The sender of a message to a chat of more than two, as the sender's own chats. None for a chat
/// with one person.
fn senders_to(chat: &Chat, sender: &Contact) -> impl Iterator<Item = Chat> {
    let is_shared = !chat.is_direct();
    sender.own_chats().filter(move |_| is_shared)
}

/// The name of a chat in an order: both spellings of a Brazilian mobile number are the same chat.
pub(crate) fn normalize_chat(chat: &Chat) -> String {
    let spellings = match chat.kind() {
        ChatKind::Person => Chat::spellings_of_phone(chat.as_str()),
        ChatKind::Lid
        | ChatKind::Group
        | ChatKind::Channel
        | ChatKind::Status
        | ChatKind::Other => Vec::new(),
    };
    let longest = spellings.into_iter().max_by_key(|one| one.as_str().len());
    longest.map_or_else(|| chat.as_str().to_owned(), String::from)
}

impl Chat {
    /// The chat of a hidden id (LID), given as digits.
    #[must_use]
    pub fn from_lid(digits: &str) -> Option<Self> {
        Self::try_from(format!("lid-{digits}")).ok()
    }

    /// Whether it is a chat with one person. In any other chat, messages have a sender.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        matches!(self.kind(), ChatKind::Person | ChatKind::Lid)
    }
}

impl Contact {
    /// The chats that the contact may have: that of the phone number and that of the LID.
    pub fn own_chats(&self) -> impl Iterator<Item = Chat> {
        let phone = self.phone.clone().and_then(|phone| Chat::try_from(phone).ok());
        let lid = self.lid.as_deref().and_then(Chat::from_lid);
        phone.into_iter().chain(lid)
    }
}

impl MediaMessage {
    /// The subjects of all orders that may be about the media message: its tenant, its instance,
    /// its chat and its sender under every name that the webhook gave, and its message id.
    #[must_use]
    pub fn order_subjects(&self, instance: &InstanceId) -> BTreeSet<OrderSubject> {
        let contacts = (&self.envelope.peer, &self.envelope.sender);
        OrderSubject::list_of_message(instance, &self.chat, contacts, Some(&self.message_id))
    }

    /// Who sent it to a chat of more than two, as the sender's own chats. None for a chat with one
    /// person.
    pub fn senders(&self) -> impl Iterator<Item = Chat> {
        senders_to(&self.chat, &self.envelope.sender)
    }

    /// Since when the media message is known to exist, if it was first announced at `announced_at`:
    /// since then, or since it was sent if that is earlier; in seconds since 1970. An announcement
    /// that is repeated does not make it younger. The time of a media key does not count: a
    /// forwarded message may have a key that is years old.
    #[must_use]
    pub fn known_since(&self, announced_at: i64) -> i64 {
        match self.envelope.moment_source {
            MomentSource::Message => {
                self.clone().with_valid_moment(announced_at).moment.min(announced_at)
            }
            MomentSource::Key | MomentSource::Accepted => announced_at,
        }
    }
}

impl Job {
    /// The subjects of all orders that may be about the job's media message.
    #[must_use]
    pub fn order_subjects(&self) -> BTreeSet<OrderSubject> {
        self.message.order_subjects(&self.instance)
    }

    /// Since when the job's media message is known to exist, in seconds since 1970.
    #[must_use]
    pub fn known_since(&self) -> i64 {
        self.message.known_since(self.announced_at())
    }
}
