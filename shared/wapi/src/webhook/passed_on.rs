//! Which orders to erase may be about a body that is on its way to a receiver.

use std::collections::BTreeSet;

use media::{
    event_names::list_event_subjects, ids::InstanceId, order::OrderSubject,
    unread_names::list_named_subjects,
};

use super::WebhookBody;
use crate::raw;

/// The subjects of all orders that may be about a webhook or a media event of this instance: of a
/// message, its chat, its sender if the chat has more than two people, its id, and those that its
/// media were given, but not who is only mentioned in it. Of what is not understood, everyone whose
/// number stands in it, and every message whose id does, also within escapes and base64.
#[must_use]
pub fn list_subjects(instance: &InstanceId, body: &[u8]) -> BTreeSet<OrderSubject> {
    if let Some(subjects) = list_understood(instance, body) {
        return subjects;
    }
    let mut subjects = list_named_subjects(instance, body);
    for text in raw::plain_texts(body) {
        subjects.extend(list_named_subjects(instance, text.as_bytes()));
    }
    subjects
}

/// As [`list_subjects`], of a webhook that names a chat and of a media event alone. `None`: it is
/// not understood whom the body is about. Empty: no order may be about it.
#[must_use]
pub fn list_understood(instance: &InstanceId, body: &[u8]) -> Option<BTreeSet<OrderSubject>> {
    if let Some(subjects) = list_event_subjects(instance, body) {
        return Some(subjects);
    }
    let webhook = WebhookBody::parse(body).ok().filter(WebhookBody::names_chat)?;
    let mut subjects = webhook.order_subjects(instance);
    let media = webhook.read_announcement().media;
    subjects.extend(media.iter().flat_map(|one| one.order_subjects(instance)));
    Some(subjects)
}
