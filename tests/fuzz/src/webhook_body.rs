//! A webhook's body: any bytes that somebody with the URL posts.

use std::collections::HashSet;

use wapi::webhook::{Announcement, MAX_MEDIA, WebhookBody};

use crate::{INSTANCE, check_message, verified};

/// Reads the bytes as the webhook function does.
pub fn run(data: &[u8]) {
    let Ok(body) = WebhookBody::parse(data) else {
        return;
    };
    match body.announcement(&verified()) {
        Ok(announcement) => {
            let said = body.instance();
            assert!(said.is_none_or(|said| said == INSTANCE), "{said:?}");
            check(announcement);
        }
        Err(_) => check(body.read_announcement()),
    }
}

/// What must hold of everything announced.
pub(crate) fn check(announcement: Announcement) {
    let ignored = announcement.ignored_because();
    let media = announcement.media;
    assert_eq!(media.is_empty(), ignored.is_some());
    assert!(media.len() <= MAX_MEDIA, "{} media", media.len());
    assert!(announcement.unknown_wrappers <= media.len());
    let mut ids = HashSet::new();
    for message in media {
        let identity = message.identity();
        assert!(
            ids.insert(identity.to_key_part()),
            "{identity:?} is there twice"
        );
        check_message(message);
    }
}
