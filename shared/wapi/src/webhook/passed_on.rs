//! Which orders to erase may be about a body that is on its way to a receiver.

use std::collections::BTreeSet;

use media::{
    event_names::list_event_subjects, ids::InstanceId, order::OrderSubject,
    unread_names::list_named_subjects,
};

use super::WebhookBody;

/// The subjects of all orders that may be about a webhook or a media event of this instance: of a
/// message, its chat, its sender if the chat has more than two people, its id, and those that its
/// media were given, but not who is only mentioned in it. Of what cannot be read, and of a webhook
/// that names no chat, everyone whose number stands in it, and every message whose id does.
#[must_use]
pub fn list_subjects(instance: &InstanceId, body: &[u8]) -> BTreeSet<OrderSubject> {
    if let Some(subjects) = list_event_subjects(instance, body) {
        return subjects;
    }
    match WebhookBody::parse(body) {
        Ok(webhook) if webhook.names_chat() => {
            let mut subjects = webhook.order_subjects(instance);
            let media = webhook.read_announcement().media;
            subjects.extend(media.iter().flat_map(|one| one.order_subjects(instance)));
            subjects
        }
        Ok(_) | Err(_) => list_named_subjects(instance, body),
    }
}
