//! A webhook's body: any bytes that a sender with the URL posts.

use std::collections::HashSet;

use media::unread::Search;
use samples::{INSTANCE, verified_instance};
use wapi::{
    raw,
    webhook::{Announcement, MAX_MEDIA, Reading, WebhookBody},
};

use crate::check_message;

/// Reads the bytes as the webhook function does.
pub fn run(data: &[u8]) {
    check_reading(data);
    let Ok(body) = WebhookBody::parse(data) else {
        return;
    };
    match body.announcement(&verified_instance()) {
        Ok(announcement) => {
            let said = body.instance();
            assert!(said.is_none_or(|said| said == INSTANCE), "{said:?}");
            check_announcement(announcement);
        }
        Err(_) => check_announcement(body.read_announcement()),
    }
}

/// What is whole leaves nothing to keep, and what is in a text is found in it.
fn check_reading(data: &[u8]) {
    if let Reading::Whole(announcement) = Reading::from_bytes(data, &verified_instance()) {
        assert_eq!(announcement.not_understood, 0);
    }
    let found = std::str::from_utf8(data).is_ok_and(|text| text.contains("5500900000002"));
    let search = raw::search(data, &["5500900000002"]);
    assert!(!found || search == Search::Found, "{search:?}");
}

/// What must hold of everything announced.
pub(crate) fn check_announcement(announcement: Announcement) {
    let ignored = announcement.ignored_because();
    let media = announcement.media;
    assert_eq!(media.is_empty(), ignored.is_some());
    assert!(media.len() <= MAX_MEDIA, "{} media", media.len());
    assert!(announcement.unknown_wrappers <= media.len());
    let mut ids = HashSet::new();
    for message in media {
        let identity = message.identity();
        assert!(ids.insert(identity.to_key_part()), "{identity:?} is there twice");
        check_message(message);
    }
}
