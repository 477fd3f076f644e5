//! W-API's own log of webhooks, kept for 30 days. Nobody has documented its shape: whatever lies in an answer
//! and looks like a webhook is one.

use crate::{json::Reader, relay::Relay, webhook::WebhookBody};

/// Values kept of a page at most: a hundred entries have about 20,000.
const MAX_VALUES: usize = 4_000_000;

/// What an answer holds.
#[derive(Debug, Default)]
pub struct LogPage {
    /// The webhooks, in the order of the answer. Their keys are in lower case.
    pub webhooks: Vec<WebhookBody>,
    /// Entries of a list in which no webhook was found: to be shown, not to be hidden.
    pub not_understood: usize,
}

impl LogPage {
    /// Searches an answer; nothing if it is no JSON, also after repair. What is wrong with one
    /// entry costs that entry.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(MAX_VALUES);
        let answer = reader.read(answer)?;
        let Relay {
            webhooks,
            not_understood,
            ..
        } = Relay::search(&answer, &mut reader);
        let webhooks = webhooks
            .into_iter()
            .map(|webhook| WebhookBody::new(webhook, &mut reader));
        Some(Self {
            webhooks: webhooks.collect(),
            not_understood,
        })
    }
}
