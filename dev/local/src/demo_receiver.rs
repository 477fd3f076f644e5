//! The receiver of the demo: the application that hears of each file, and opens it by its link.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use media::sha256::Sha256;
use serde_json::Value;
use stand_in::{Application, Event};

use crate::compare::ExpectedFile;
use crate::demo::POLL_INTERVAL;
use crate::{Method, Screen, Stack, ask_url};

/// Webhooks are passed on while files are stored, so only the last ones may still be on their way.
const MAX_PASSING_TIME: Duration = Duration::from_secs(60);

/// The receiver.
pub(crate) struct DemoReceiver {
    pub(crate) application: Application,
    /// Its signing secret.
    pub(crate) secret: String,
}

impl DemoReceiver {
    /// Waits until it has every webhook, byte for byte, with a signature that the library of
    /// Standard Webhooks verifies. Returns how many it does not have.
    pub(crate) async fn wait_for_webhooks(
        &self,
        events: &[Event],
        screen: &Screen,
    ) -> Result<usize> {
        let step = screen.step("Comparing what the receiver got with what was posted");
        let posted: Vec<_> = events
            .iter()
            .map(|event| serde_json::to_vec(&event.webhook))
            .collect::<Result<_, _>>()?;
        let begun = Instant::now();
        loop {
            let mut got = self.application.posted();
            got.retain(|one| one.is_signed_with(&self.secret));
            let is_missed = |body: &&Vec<u8>| !got.iter().any(|one| one.body == **body);
            let missed = posted.iter().filter(is_missed).count();
            if missed == 0 || begun.elapsed() > MAX_PASSING_TIME {
                let got = posted.len() - missed;
                step.done(format!("{got} of {} webhooks, signatures verified", posted.len()));
                return Ok(missed);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until it has a `media.stored` for each file, and opens the file by the link in it.
    /// Returns how many files it has not heard of, or got other bytes of than were sent.
    pub(crate) async fn wait_for_files(
        &self,
        stack: &Stack,
        expected: &[ExpectedFile],
        screen: &Screen,
    ) -> Result<usize> {
        let step = screen.step("Opening each file by the link in its media.stored");
        let begun = Instant::now();
        loop {
            let got = self.application.posted();
            let mut events: Vec<Value> =
                got.iter().filter_map(|one| serde_json::from_slice(&one.body).ok()).collect();
            events.retain(|event| event["type"] == "media.stored");
            let is_about = |event: &&Value, file: &ExpectedFile| {
                let data = &event["data"];
                data["message_id"] == file.message_id && data["sha256"] == file.sha256_hex
            };
            let heard = expected.iter().filter_map(|file| {
                Some((file, events.iter().find(|event| is_about(event, file))?))
            });
            let heard: Vec<_> = heard.collect();
            if heard.len() == expected.len() || begun.elapsed() > MAX_PASSING_TIME {
                let mut opened = 0;
                for (file, event) in &heard {
                    opened += usize::from(open_link(stack, event).await? == file.sha256_hex);
                }
                step.done(format!("{opened} of {} files, byte for byte", expected.len()));
                if let Some((_, event)) = heard.first() {
                    screen.say(format!("\n{}\n", serde_json::to_string_pretty(event)?));
                }
                return Ok(expected.len() - opened);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Follows the link of an event, on this machine, to the file. Returns the SHA-256 of its bytes.
async fn open_link(stack: &Stack, event: &Value) -> Result<String> {
    let link = event.pointer("/data/link/url").and_then(Value::as_str);
    let link = link.context("an event without a link")?;
    let redirect = ask_url(Method::GET, &stack.link_here(link)?, None).await?;
    let file = redirect.location.context("a link that leads to no file")?;
    let file = ask_url(Method::GET, &file, None).await?;
    Ok(Sha256::from_data(&file.bytes).to_hex())
}
