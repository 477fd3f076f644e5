//! `wapi-media webhook verify`: posts a probe and follows it to its record.

use std::time::Duration;

use boot::clock;
use media::ids::MessageId;
use report::Lang;
use serde_json::json;
use wapi::account::Hook;

use super::editor::HookEditor;
use crate::{
    checks::{
        check::{self, Check, CheckId, Verdict},
        hooks::HookTarget,
        probe,
    },
    exit::Exit,
    screen,
};

impl HookEditor<'_> {
    /// Posts a probe to the instance's URL, and waits for its record.
    pub(super) async fn verify_delivery(&self, within: Duration) -> anyhow::Result<Exit> {
        let id = &self.instance.id;
        let now = clock::now();
        let url = self.account.hook_url(Hook::Received);
        let target = HookTarget::from_url(url, self.base, &self.instance);
        let hook =
            Check::new(CheckId::Hook(Hook::Received), Verdict::Ok, target.to_text(now, Lang::En));
        let mut checks = Vec::new();
        match url.filter(|_| target.is_accepted(now)) {
            None => {
                let register = format!("wapi-media webhook register {id}");
                checks.push(Check { verdict: Verdict::Fail, ..hook }.with_remedy(register));
            }
            Some(url) => {
                checks.push(hook);
                let message = probe::new_message_id()?;
                let sent = probe::send_probe(url, id, &message, now).await?;
                let is_sent = sent.verdict == Verdict::Ok;
                checks.push(sent);
                if is_sent {
                    checks.push(self.await_record(&message, within).await?);
                }
            }
        }
        let is_well = checks.iter().all(|check| check.verdict == Verdict::Ok);
        let json = json!({ "instance": id, "checks": checks });
        self.session.flags.print(&json, check::checks_table(&checks))?;
        Ok(if is_well { Exit::Ok } else { Exit::Findings })
    }

    /// Waits for the probe's record, which says `skipped`: no file is stored of a probe.
    async fn await_record(&self, message: &MessageId, within: Duration) -> anyhow::Result<Check> {
        const ID: CheckId = CheckId::ProbeRecord;
        const LOOK_EVERY: Duration = Duration::from_millis(500);
        let (records, began) = (self.session.records()?, tokio::time::Instant::now());
        let waiting = screen::new_spinner("waiting for the probe's record");
        let found = loop {
            let record = records.list_by_message(&self.instance.id, message).await?.pop();
            let is_over = record.as_ref().is_some_and(|record| record.state != "retrying");
            if is_over || began.elapsed() > within {
                break record;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        waiting.finish_and_clear();
        let took = began.elapsed().as_millis();
        Ok(match found.map(|record| record.state) {
            Some(state) if state == "skipped" => {
                Check::new(ID, Verdict::Ok, format!("the probe's record appeared after {took} ms"))
            }
            state => Check::new(
                ID,
                Verdict::Fail,
                format!(
                    "after {} s the record is {}",
                    within.as_secs(),
                    state.as_deref().unwrap_or("missing")
                ),
            )
            .with_remedy("read the download function's log; is its trigger enabled?"),
        })
    }
}
