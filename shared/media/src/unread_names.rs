//! Whom and what a webhook that cannot be read names in clear, for orders to erase.

use std::collections::BTreeSet;

use crate::{
    ids::{InstanceId, MessageId},
    message::Chat,
    order::OrderSubject,
};

/// How many numbers, and how many ids, of a body are compared with orders, at most.
const MAX_NAMES: usize = 256;

/// What an order to erase may be about: the tenant, the instance, and every chat, person and
/// message whose number or id stands in the bytes in clear, of the first `MAX_NAMES`.
#[must_use]
pub fn list_named_subjects(instance: &InstanceId, body: &[u8]) -> BTreeSet<OrderSubject> {
    // A letter before a number may be the end of an escape.
    let numbers = split(body, |byte| byte.is_ascii_digit());
    let numbers = numbers.filter(|number| (8..=20).contains(&number.len()));
    let numbers: BTreeSet<_> = take_distinct(numbers);
    let ids = split(body, |byte| byte.is_ascii_alphanumeric());
    let ids: BTreeSet<_> = take_distinct(ids.filter(|word| is_message_id(word)));
    let ids = ids.into_iter().filter_map(|id| MessageId::parse(id).ok());
    OrderSubject::list_all(instance, numbers.into_iter().flat_map(chats_of_number), ids)
}

/// The runs of bytes that are of a kind of ASCII.
fn split(bytes: &[u8], is_of_kind: impl Fn(&u8) -> bool) -> impl Iterator<Item = &str> {
    let runs = bytes.split(move |byte| !is_of_kind(byte));
    runs.filter_map(|run| std::str::from_utf8(run).ok())
}

/// The first [`MAX_NAMES`] words, each once.
fn take_distinct<'a>(words: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for word in words {
        if found.len() == MAX_NAMES {
            break;
        }
        found.insert(word);
    }
    found
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
