//! W-API's log of webhooks, kept for 30 days. Its format is not documented, so everything in an
//! answer that looks like a webhook is read as one.

use crate::{json::Reader, relay::Relay, webhook::WebhookBody};

/// Maximum values kept of a page; a hundred entries have about 20,000.
const MAX_VALUES: usize = 4_000_000;

/// The content of a page of the log.
#[derive(Debug, Default)]
pub struct LogPage {
    /// The webhooks, in the order of the answer. Their field names are in lower case.
    pub webhooks: Vec<WebhookBody>,
    /// Number of list entries in which no webhook was found, so that they can be reported.
    pub not_understood: usize,
}

impl LogPage {
    /// Parses an answer; `None` if it is not JSON, even after repair. An error in one entry only
    /// affects that entry.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(MAX_VALUES);
        let answer = reader.read(answer)?;
        let Relay { webhooks, not_understood, .. } = Relay::search(&answer, &mut reader);
        let webhooks = webhooks.into_iter().map(|webhook| WebhookBody::new(webhook, &mut reader));
        Some(Self { webhooks: webhooks.collect(), not_understood })
    }
}
