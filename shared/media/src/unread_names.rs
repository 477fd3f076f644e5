//! Whom and what an unread webhook names in clear, for orders to erase.

use std::collections::BTreeSet;

use crate::{ids::MessageId, message::Chat, order::OrderSubject, unread::UnreadBody};

/// How many numbers, and how many ids, of a body are compared with orders, at most.
const MAX_NAMES: usize = 64;

/// What an order to erase may be about: the tenant, the instance, and every chat, person and message
/// whose number or id stands in the bytes in clear, of the first `MAX_NAMES`.
#[must_use]
pub fn list_named_subjects(body: &UnreadBody) -> BTreeSet<OrderSubject> {
    let (mut numbers, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for word in body.expose().split(|byte| !byte.is_ascii_alphanumeric()) {
        let Ok(word) = std::str::from_utf8(word) else { continue };
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && (8..=20).contains(&word.len()) && numbers.len() < MAX_NAMES {
            numbers.insert(word);
        } else if is_message_id(word) && ids.len() < MAX_NAMES {
            ids.insert(word);
        }
    }
    let ids = ids.into_iter().filter_map(|id| MessageId::parse(id).ok());
    OrderSubject::list_all(body.instance(), numbers.into_iter().flat_map(chats_of_number), ids)
}

/// Whether a word looks like the id that a client of WhatsApp gives a message.
fn is_message_id(word: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (12..=64).contains(&word.len())
        && word.bytes().all(is_of_id)
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The chats that a number may be the address of.
fn chats_of_number(number: &str) -> impl Iterator<Item = Chat> {
    let phones = Chat::spellings_of_phone(number).into_iter();
    let others = ["group", "channel"].map(|kind| Chat::try_from(format!("{kind}-{number}")).ok());
    phones.chain(Chat::from_lid(number)).chain(others.into_iter().flatten())
}
