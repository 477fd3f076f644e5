//! W-API's log of webhooks, kept for 30 days. Its format is not documented, so everything in an
//! answer that looks like a webhook is read as one.

mod names;
mod walk;

use media::{message::MediaMessage, sha256::Sha256};
use serde_json::Value;

pub use self::walk::{LogPosition, LogWalk, PageSummary};
use crate::{
    fields::Fields,
    json::Reader,
    relay::Relay,
    webhook::{WebhookBody, moment},
};

/// Maximum values kept of a page; a hundred entries have about 20,000.
const MAX_VALUES: usize = 4_000_000;

/// The content of a page of the log.
#[derive(Debug)]
pub struct LogPage {
    /// The webhooks, in the order of the answer.
    pub webhooks: Vec<WebhookBody>,
    /// For each webhook, when W-API had it at the earliest, in seconds since 1970: the time of its
    /// entry or of its message, whichever is later. `None` if neither is known.
    pub times: Vec<Option<i64>>,
    /// Number of list entries in which no webhook was found, so that they can be reported.
    pub not_understood: usize,
    /// The SHA-256 of the answer: two pages with the same one are the same page.
    digest: Sha256,
}

impl LogPage {
    /// Parses an answer; `None` if it is not JSON, even after repair, or says that it is an error.
    /// An error in one entry only affects that entry. The webhooks are without the values that no
    /// job needs.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        Self::read(answer, &mut Reader::new(MAX_VALUES))
    }

    /// As [`Self::parse`], but with all values, and as W-API posted them but for spaces, the order
    /// of fields, and the names that this program does not know: those stay in lower case. If
    /// something is nested too deeply or there are too many values, the rest is left out, and
    /// counts as one more entry that was not understood.
    #[must_use]
    pub fn parse_whole(answer: &[u8]) -> Option<Self> {
        let mut reader = Reader::keeping_all(MAX_VALUES);
        let mut page = Self::read(answer, &mut reader)?;
        page.not_understood += usize::from(reader.is_cut());
        page.webhooks.iter_mut().for_each(|webhook| webhook.rename_fields(names::restore_names));
        Some(page)
    }

    fn read(answer: &[u8], reader: &mut Reader) -> Option<Self> {
        let digest = Sha256::from_data(answer);
        let answer = reader.read(answer)?;
        let Relay { webhooks, times, not_understood, .. } = Relay::search(&answer, reader);
        if webhooks.is_empty() && is_error(&answer) {
            return None;
        }
        let webhooks: Vec<_> =
            webhooks.into_iter().map(|webhook| WebhookBody::new(webhook, reader)).collect();
        let entries = webhooks.iter().zip(times);
        let times = entries.map(|(webhook, time)| arrival_time(webhook, time.as_ref())).collect();
        Some(Self { webhooks, times, not_understood, digest })
    }

    /// One page of several that follow each other in the log.
    #[must_use]
    pub fn join(pages: Vec<Self>) -> Self {
        let digests = pages.iter().flat_map(|page| page.digest.as_bytes());
        let digest = match pages.as_slice() {
            [only] => only.digest,
            _ => Sha256::from_data(&digests.copied().collect::<Vec<_>>()),
        };
        let empty = Self { webhooks: Vec::new(), times: Vec::new(), not_understood: 0, digest };
        pages.into_iter().fold(empty, |mut joined, page| {
            joined.webhooks.extend(page.webhooks);
            joined.times.extend(page.times);
            joined.not_understood += page.not_understood;
            joined
        })
    }

    /// Whether the page has no entry: it is beyond the end of the log.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty() && self.not_understood == 0
    }

    /// When each webhook arrived at W-API at the earliest, in seconds since 1970. A time after
    /// `latest` does not count. The log is in the order of arrival, so an entry arrived no sooner
    /// than those that are older than it: a history is younger than its messages. `None` if
    /// neither the entry nor an older one of the page has a time.
    #[must_use]
    pub fn earliest_arrivals(&self, is_oldest_first: bool, latest: i64) -> Vec<Option<i64>> {
        let mut newest = None;
        let mut arrive = |time: &Option<i64>| {
            newest = newest.max(time.filter(|time| *time <= latest));
            newest
        };
        if is_oldest_first {
            return self.times.iter().map(&mut arrive).collect();
        }
        let mut arrivals: Vec<_> = self.times.iter().rev().map(&mut arrive).collect();
        arrivals.reverse();
        arrivals
    }

    /// What [`LogWalk`] needs to know of the page. A time after `latest` is that of a wrong clock,
    /// and does not count.
    #[must_use]
    pub fn summarize(&self, latest: i64) -> PageSummary {
        let possible = self.times.iter().flatten().filter(|time| **time <= latest);
        PageSummary {
            is_empty: self.is_empty(),
            newest: possible.max().copied(),
            digest: self.digest,
        }
    }
}

/// When W-API had the webhook at the earliest. An entry's time may be in another time zone, and the
/// message of a history is older than its webhook, so the later one counts.
fn arrival_time(webhook: &WebhookBody, logged: Option<&Value>) -> Option<i64> {
    let is_possible = |time: &i64| *time >= MediaMessage::FIRST_MOMENT;
    let logged = logged.and_then(moment::parse_moment).filter(is_possible);
    logged.max(webhook.moment().filter(is_possible))
}

/// Whether the answer says that it is an error: W-API also does so with status 200.
fn is_error(answer: &Value) -> bool {
    let error = Fields::from_value(answer).and_then(|fields| fields.get("error"));
    error.and_then(Value::as_bool).unwrap_or_default()
}
