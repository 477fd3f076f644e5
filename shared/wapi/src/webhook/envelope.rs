//! Reads what a webhook says about the message besides its media: chat, contacts, direction and
//! time.

use media::{
    contact::{Contact, user_digits, user_part},
    envelope::Envelope as MessageEnvelope,
    message::{Chat, ChatKind, Direction},
};

use super::moment;
use crate::fields::Fields;

/// What all media files of one message have in common.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) message_id: Option<&'a str>,
    pub(super) chat: Chat,
    pub(super) direction: Direction,
    /// Seconds since 1970, if given.
    pub(super) moment: Option<i64>,
    pub(super) known: MessageEnvelope,
}

impl<'a> Envelope<'a> {
    pub(super) fn from_body(body: Fields<'a>) -> Self {
        let from_me = body.flag("fromMe");
        let sender = read_sender(body);
        let address = chat_address(body, &sender);
        let peer = if body.flag("isGroup") {
            Contact::from_address(Some(&address), None)
        } else {
            find_peer(body, &address, (!from_me).then_some(&sender))
        };
        let chat = Chat::from_jid(&address, peer.phone.as_deref());
        let is_direct = matches!(chat.kind(), ChatKind::Person | ChatKind::Lid);
        let known = MessageEnvelope {
            chat_hash: chat.address_hash(&address),
            peer: if is_direct { peer } else { Contact::default() },
            sender: if is_direct { Contact::default() } else { sender },
            ..MessageEnvelope::default()
        };
        Self {
            message_id: body.text("messageId"),
            chat,
            direction: if from_me { Direction::Out } else { Direction::In },
            moment: body.get("moment").and_then(moment::parse_moment),
            known,
        }
    }
}

/// Whether a webhook says in which chat something happened.
pub(super) fn names_chat(body: Fields<'_>) -> bool {
    !chat_address(body, &read_sender(body)).is_empty()
}

/// The sender: the participant in a group, else the contact or the account itself.
fn read_sender(body: Fields<'_>) -> Contact {
    let (id, lid) = match body.object("sender") {
        Some(sender) => (sender.id("id"), sender.id("senderLid").or_else(|| sender.id("lid"))),
        None => (body.id("sender"), None),
    };
    let named = Contact::from_address(id.as_deref(), lid.as_deref());
    if !named.is_unknown() {
        return named;
    }
    let (id, lid) = (body.id("participant"), body.id("participantLid"));
    Contact::from_address(id.as_deref(), lid.as_deref())
}

/// The chat's address. If it has no server, `isGroup` decides whether it is a group, and the LIDs
/// in the envelope decide whether it is one of them.
fn chat_address(body: Fields<'_>, sender: &Contact) -> String {
    let chat = body.object("chat");
    let id = chat.map_or_else(|| body.id("chat"), |chat| chat.id("id"));
    let id = id.as_deref().unwrap_or_default().trim();
    if body.flag("isGroup") && may_be_group(id) {
        return format!("{}@g.us", user_part(id));
    }
    if id.is_empty() || id.contains('@') || id.eq_ignore_ascii_case("status") {
        return id.to_owned();
    }
    let own = body.id("connectedLid").as_deref().and_then(user_digits);
    let of_chat = lid_of_chat(body);
    let lids = [sender.lid.as_ref(), own.as_ref(), of_chat.as_ref()];
    match user_digits(id) {
        Some(digits) if lids.contains(&Some(&digits)) => format!("{digits}@lid"),
        Some(_) | None => id.to_owned(),
    }
}

/// Whether an address may be a group's if `isGroup` says so: it has no server, or it has a person's
/// server and is not a phone number.
fn may_be_group(id: &str) -> bool {
    /// Maximum digits of a phone number by E.164.
    const MAX_PHONE_DIGITS: usize = 15;
    let is_number = user_digits(id).is_some_and(|number| number.len() <= MAX_PHONE_DIGITS);
    match id.split_once('@') {
        None => !id.is_empty() && !id.eq_ignore_ascii_case("status"),
        Some((_, server)) => {
            let servers = ["c.us", "s.whatsapp.net"];
            let is_person = servers.iter().any(|one| server.eq_ignore_ascii_case(one));
            is_person && !is_number
        }
    }
}

fn lid_of_chat(body: Fields<'_>) -> Option<String> {
    let chat = body.object("chat")?;
    let lid = chat.id("lid").or_else(|| chat.id("chatLid"));
    lid.as_deref().and_then(user_digits)
}

/// The other contact of a one-to-one chat. An incoming message was sent by that contact, so the
/// sender's LID and number belong to the chat, unless they contradict it. An outgoing message names
/// only the chat.
fn find_peer(body: Fields<'_>, address: &str, sender: Option<&Contact>) -> Contact {
    let chat = Contact::from_address(Some(address), lid_of_chat(body).as_deref());
    let Some(sender) = sender else { return chat };
    if chat.lid.is_some() {
        let is_same = sender.lid.is_none() || sender.lid == chat.lid;
        // Digits that equal the LID are not a phone number.
        let phone = sender.phone.clone().filter(|it| is_same && chat.lid.as_ref() != Some(it));
        return Contact { phone: chat.phone.clone().or(phone), ..chat };
    }
    let spellings = Chat::spellings_of_phone(chat.phone.as_deref().unwrap_or_default());
    let is_its = |phone: &String| {
        let is_spelt_so = spellings.iter().any(|one| one.as_str() == phone);
        chat.phone.as_ref() == Some(phone) || is_spelt_so
    };
    if sender.phone.as_ref().is_none_or(is_its) {
        Contact { lid: sender.lid.clone(), ..chat }
    } else {
        chat
    }
}
