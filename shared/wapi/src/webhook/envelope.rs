//! What a webhook says around its media: which chat, who is in it, which way, and when.

use media::{
    contact::{Contact, digits, user},
    envelope::Envelope as Known,
    message::{Chat, ChatKind, Direction},
};

use super::moment;
use crate::fields::Fields;

/// What all media of one message have in common.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) message_id: Option<&'a str>,
    pub(super) chat: Chat,
    pub(super) direction: Direction,
    /// In seconds since 1970, whatever was written.
    pub(super) moment: Option<i64>,
    pub(super) known: Known,
}

impl<'a> Envelope<'a> {
    pub(super) fn of(body: Fields<'a>) -> Self {
        let from_me = body.flag("fromMe");
        let sender = sender(body);
        let address = address(body, &sender);
        let peer = if body.flag("isGroup") {
            Contact::read(Some(&address), None)
        } else {
            peer(body, &address, (!from_me).then_some(&sender))
        };
        let chat = Chat::from_jid(&address, peer.phone.as_deref());
        let is_direct = matches!(chat.kind(), ChatKind::Person | ChatKind::Lid);
        let known = Known {
            chat_hash: chat.hash_of(&address),
            peer: if is_direct { peer } else { Contact::default() },
            sender: if is_direct {
                Contact::default()
            } else {
                sender
            },
            ..Known::default()
        };
        Self {
            message_id: body.text("messageId"),
            chat,
            direction: if from_me {
                Direction::Out
            } else {
                Direction::In
            },
            moment: body.get("moment").and_then(moment::read),
            known,
        }
    }
}

/// Who sent it: in a group a participant, in a chat of two the contact or the account itself.
fn sender(body: Fields<'_>) -> Contact {
    let (id, lid) = match body.object("sender") {
        Some(sender) => (
            sender.id("id"),
            sender.id("senderLid").or_else(|| sender.id("lid")),
        ),
        None => (body.id("sender"), None),
    };
    let named = Contact::read(id.as_deref(), lid.as_deref());
    if !named.is_unknown() {
        return named;
    }
    let (id, lid) = (body.id("participant"), body.id("participantLid"));
    Contact::read(id.as_deref(), lid.as_deref())
}

/// The chat's address. Where it has no server, `isGroup` says whether it is a group's, and the LIDs
/// that the envelope names whether it is one of them.
fn address(body: Fields<'_>, sender: &Contact) -> String {
    let chat = body.object("chat");
    let id = chat.map_or_else(|| body.id("chat"), |chat| chat.id("id"));
    let id = id.as_deref().unwrap_or_default().trim();
    if body.flag("isGroup") && is_address_of_a_group(id) {
        return format!("{}@g.us", user(id));
    }
    if id.is_empty() || id.contains('@') || id.eq_ignore_ascii_case("status") {
        return id.to_owned();
    }
    let own = body.id("connectedLid").as_deref().and_then(digits);
    let of_chat = lid_of_chat(body);
    let lids = [sender.lid.as_ref(), own.as_ref(), of_chat.as_ref()];
    match digits(id) {
        Some(digits) if lids.contains(&Some(&digits)) => format!("{digits}@lid"),
        Some(_) | None => id.to_owned(),
    }
}

/// Whether what is said to be a group's may be that: it has no server, or a person's server and more
/// than a number.
fn is_address_of_a_group(id: &str) -> bool {
    /// By E.164.
    const LONGEST_NUMBER: usize = 15;
    let is_number = digits(id).is_some_and(|number| number.len() <= LONGEST_NUMBER);
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
    lid.as_deref().and_then(digits)
}

/// The other person of a one-to-one chat. What came in was sent by that person, so its sender's LID
/// and number are the chat's, unless one of them says otherwise. What went out names nobody but the
/// chat.
fn peer(body: Fields<'_>, address: &str, sender: Option<&Contact>) -> Contact {
    let chat = Contact::read(Some(address), lid_of_chat(body).as_deref());
    let Some(sender) = sender else { return chat };
    if chat.lid.is_some() {
        let is_same = sender.lid.is_none() || sender.lid == chat.lid;
        // A sender who is given by the LID's own digits is no phone number.
        let phone = sender
            .phone
            .clone()
            .filter(|it| is_same && chat.lid.as_ref() != Some(it));
        return Contact {
            phone: chat.phone.clone().or(phone),
            ..chat
        };
    }
    let spellings = Chat::of_phone(chat.phone.as_deref().unwrap_or_default());
    let is_its = |phone: &String| {
        let is_spelt_so = spellings.iter().any(|one| one.as_str() == phone);
        chat.phone.as_ref() == Some(phone) || is_spelt_so
    };
    if sender.phone.as_ref().is_none_or(is_its) {
        Contact {
            lid: sender.lid.clone(),
            ..chat
        }
    } else {
        chat
    }
}
