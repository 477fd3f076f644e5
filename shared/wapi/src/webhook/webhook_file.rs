//! Parses a file that may hold several webhooks: a list of them, or a workflow engine's export.

use super::{BodyError, WebhookBody, opened};
use crate::{
    json::Reader,
    relay::{self, Relay},
};

/// Maximum values kept of a file: an export of ten thousand messages has some two million.
const MAX_VALUES: usize = 4_000_000;

/// The webhooks of a file.
#[derive(Debug)]
pub struct WebhookFile {
    /// The webhooks, in the file's order; at least one.
    pub webhooks: Vec<WebhookBody>,
    /// Entries without a webhook in lists that have webhooks, each as its number in its list, from
    /// 1.
    pub missed: Vec<usize>,
}

impl WebhookFile {
    /// Parses a file as [`WebhookBody::parse`] parses a body, but with all values: the webhooks are
    /// posted again, also to receivers, which may read any of them. An error in one entry only
    /// affects that entry.
    ///
    /// # Errors
    /// [`BodyError`] if there is no webhook at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        let mut reader = Reader::keeping_all(MAX_VALUES);
        let value = reader.read(bytes).ok_or(BodyError::NotJson)?;
        let (found, missed) = if relay::has_content(&value) {
            (vec![value], Vec::new())
        } else {
            let relay = Relay::search(&value, &mut reader);
            match (relay.webhooks, relay.missed) {
                (none, _) if none.is_empty() => {
                    (vec![WebhookBody::without_content(value)?.webhook], Vec::new())
                }
                found => found,
            }
        };
        let mut found: Vec<_> =
            found.into_iter().map(|webhook| opened::open_texts(webhook, &mut reader)).collect();
        // The part that was left out may have been a media object or a webhook.
        if reader.is_cut() {
            return Err(BodyError::NotJson);
        }
        // Some relays put the original body and the parsed one side by side.
        found.dedup();
        Ok(Self { webhooks: found.into_iter().map(WebhookBody::from_value).collect(), missed })
    }
}
