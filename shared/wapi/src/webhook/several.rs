//! A file that may hold several webhooks: a list of them, or what a workflow engine exports.

use super::{BodyError, WebhookBody, opened};
use crate::{
    json::Reader,
    relay::{self, Relay},
};

/// Values kept of a file at most: an export of ten thousand messages has some two million.
const MAX_VALUES: usize = 4_000_000;

/// What such a file holds.
#[derive(Debug)]
pub struct Several {
    /// The webhooks, in the file's order; at least one.
    pub webhooks: Vec<WebhookBody>,
    /// Entries that stand in a list with webhooks and are none, each as its number in its list,
    /// from 1 on.
    pub missed: Vec<usize>,
}

impl Several {
    /// Reads a file as [`WebhookBody::parse`] reads a body. What is wrong with one entry costs that
    /// entry.
    ///
    /// # Errors
    /// [`BodyError`] if there is no webhook at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, BodyError> {
        let mut reader = Reader::new(MAX_VALUES);
        let value = reader.read(bytes).ok_or(BodyError::NotJson)?;
        let (found, missed) = if relay::has_content(&value) {
            (vec![value], Vec::new())
        } else {
            let relay = Relay::search(&value, &mut reader);
            match (relay.webhooks, relay.missed) {
                (none, _) if none.is_empty() => {
                    (vec![WebhookBody::without_content(value)?.0], Vec::new())
                }
                found => found,
            }
        };
        let mut found: Vec<_> = found
            .into_iter()
            .map(|webhook| opened::opened(webhook, &mut reader))
            .collect();
        // What was left out may be a medium, or a webhook.
        if reader.is_cut() {
            return Err(BodyError::NotJson);
        }
        // Some relays pass a body on as it came and read, side by side.
        found.dedup();
        Ok(Self {
            webhooks: found.into_iter().map(WebhookBody).collect(),
            missed,
        })
    }
}
