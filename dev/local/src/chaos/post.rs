//! Posting as W-API does, a few webhooks at a time; what is not accepted is posted again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use accounting::Told;
use anyhow::{Context, Result, bail};
use reqwest::{Client, header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{Step, http};

/// Webhooks under way at the same time.
const AT_ONCE: usize = 8;
/// How often one webhook is posted at most.
const MOST_TRIES: u32 = 25;
/// After the n-th try it is n times this.
const WAIT: Duration = Duration::from_millis(200);
/// How often the number of posted webhooks is shown.
const SHOW_EVERY: Duration = Duration::from_millis(500);

/// One media's webhook and where it goes.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// The instance's URL.
    pub(crate) url: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What the API answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// By the number of the media: whether any of its posts was accepted.
    pub(crate) told: BTreeMap<usize, Told>,
    /// How many of each: a status, or that there was none.
    pub(crate) counted: BTreeMap<String, usize>,
}

struct Work {
    client: Client,
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
    next: AtomicUsize,
}

/// Posts the webhooks in this order; a media's number may be in it several times.
///
/// # Errors
/// If the API refuses a webhook for good, which is a fault of ours.
pub(crate) async fn all(
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
    step: &Step,
) -> Result<Answers> {
    let work = Arc::new(Work {
        client: http::client()?,
        webhooks,
        order,
        next: AtomicUsize::new(0),
    });
    let mut posting = JoinSet::new();
    for _ in 0..AT_ONCE {
        posting.spawn(one_after_another(Arc::clone(&work)));
    }
    let mut answers = Answers::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(SHOW_EVERY) => {
                let (next, all) = (work.next.load(Ordering::Relaxed), work.order.len());
                step.detail(format!("{} of {all}", next.min(all)));
            }
            ended = posting.join_next() => match ended {
                None => return Ok(answers),
                Some(some) => answers.add(some.context("posting")??),
            }
        }
    }
}

async fn one_after_another(work: Arc<Work>) -> Result<Answers> {
    let mut answers = Answers::default();
    loop {
        let next = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(number) = work.order.get(next).copied() else {
            return Ok(answers);
        };
        let webhook = work.webhooks.get(number).context("a webhook's number")?;
        let told = work.post(webhook, &mut answers.counted).await?;
        answers.note(number, told);
    }
}

impl Work {
    /// Posts until it is accepted, or until W-API would have given up.
    async fn post(&self, webhook: &Webhook, counted: &mut BTreeMap<String, usize>) -> Result<Told> {
        for tried in 1..=MOST_TRIES {
            let answer = self.post_once(webhook).await?;
            let name = answer.map_or("no answer".to_owned(), |status| status.to_string());
            *counted.entry(name).or_default() += 1;
            match answer {
                Some(200) => return Ok(Told::Accepted),
                // The function was killed, or could not queue the job, or the emulator is busy.
                None | Some(429 | 500..=599) => tokio::time::sleep(WAIT * tried).await,
                Some(status) => bail!("a webhook was answered {status}"),
            }
        }
        Ok(Told::Unsure)
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
        let Ok(text) = http::text(answer).await else {
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
    /// Whatever was accepted once is accepted.
    fn note(&mut self, number: usize, told: Told) {
        let before = self.told.entry(number).or_insert(told);
        if told == Told::Accepted {
            *before = told;
        }
    }

    fn add(&mut self, other: Self) {
        for (number, told) in other.told {
            self.note(number, told);
        }
        for (name, times) in other.counted {
            *self.counted.entry(name).or_default() += times;
        }
    }
}
