//! Posts webhooks as W-API does, a few at a time; one that is not accepted is posted again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accounting::SenderAnswer;
use anyhow::{Context, Result, bail};
use reqwest::{Client, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Step, http};

/// Maximum number of webhooks posted at the same time.
const MAX_CONCURRENT_POSTS: usize = 8;
/// Maximum number of times that one webhook is posted.
const MAX_ATTEMPTS: u32 = 25;
/// The wait after the first attempt; after the n-th it is n times as long.
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// The interval at which the number of posted webhooks is shown.
const SHOW_INTERVAL: Duration = Duration::from_millis(500);

/// A media message's webhook and its URL.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// The webhook URL of the instance.
    pub(crate) url: String,
    /// The body to post.
    pub(crate) body: Vec<u8>,
}

/// The API's answers to all posts.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// By the number of the media message: whether any of its posts was accepted.
    pub(crate) sender_answers: BTreeMap<usize, SenderAnswer>,
    /// How many answers of each status there were, or none.
    pub(crate) status_counts: BTreeMap<String, usize>,
}

struct Work {
    client: Client,
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
    next: AtomicUsize,
}

/// Posts the webhooks in this order, which may contain a media message's number several times.
///
/// # Errors
/// If the API permanently refuses a webhook, which is a fault of the product.
pub(crate) async fn post_all(
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
    step: &Step,
) -> Result<Answers> {
    let work = Arc::new(Work {
        client: http::build_client()?,
        webhooks,
        order,
        next: AtomicUsize::new(0),
    });
    let mut posting = JoinSet::new();
    for _ in 0..MAX_CONCURRENT_POSTS {
        posting.spawn(post_in_turn(Arc::clone(&work)));
    }
    let mut answers = Answers::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(SHOW_INTERVAL) => {
                let (next, all) = (work.next.load(Ordering::Relaxed), work.order.len());
                step.detail(format!("{} of {all}", next.min(all)));
            }
            ended = posting.join_next() => match ended {
                None => return Ok(answers),
                Some(some) => answers.merge(some.context("posting")??),
            }
        }
    }
}

async fn post_in_turn(work: Arc<Work>) -> Result<Answers> {
    let mut answers = Answers::default();
    loop {
        let next = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(number) = work.order.get(next).copied() else {
            return Ok(answers);
        };
        let webhook = work.webhooks.get(number).context("a webhook's number")?;
        let told = work.post_until_accepted(webhook, &mut answers.status_counts).await?;
        answers.record_answer(number, told);
    }
}

impl Work {
    /// Posts until the webhook is accepted, or until W-API would no longer repeat it.
    async fn post_until_accepted(
        &self,
        webhook: &Webhook,
        counted: &mut BTreeMap<String, usize>,
    ) -> Result<SenderAnswer> {
        for tried in 1..=MAX_ATTEMPTS {
            let answer = self.post_once(webhook).await?;
            let name = answer.map_or("no answer".to_owned(), |status| status.to_string());
            *counted.entry(name).or_default() += 1;
            match answer {
                Some(200) => return Ok(SenderAnswer::Accepted),
                // The function was killed, could not queue the job, or the emulator is busy.
                None | Some(429 | 500..=599) => tokio::time::sleep(RETRY_DELAY * tried).await,
                Some(status) => bail!("a webhook was answered {status}"),
            }
        }
        Ok(SenderAnswer::Unsure)
    }

    /// The status, if there was an answer.
    async fn post_once(&self, webhook: &Webhook) -> Result<Option<u16>> {
        let sent = self
            .client
            .post(&webhook.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(webhook.body.clone())
            .send()
            .await;
        let Ok(answer) = sent else { return Ok(None) };
        let status = answer.status().as_u16();
        let Ok(text) = http::read_text(answer).await else {
            return Ok(None);
        };
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        if status == 200 && body != json!({ "queued": 1 }) {
            bail!("a webhook was answered 200, but not as queued: {text}");
        }
        Ok(Some(status))
    }
}

impl Answers {
    /// Records an answer; once accepted, a media message stays accepted.
    fn record_answer(&mut self, number: usize, told: SenderAnswer) {
        let before = self.sender_answers.entry(number).or_insert(told);
        if told == SenderAnswer::Accepted {
            *before = told;
        }
    }

    fn merge(&mut self, other: Self) {
        for (number, told) in other.sender_answers {
            self.record_answer(number, told);
        }
        for (name, times) in other.status_counts {
            *self.status_counts.entry(name).or_default() += times;
        }
    }
}
