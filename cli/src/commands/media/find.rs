//! `wapi-media media find`: finds media by what their records say.

use std::time::Duration;

use boot::clock;
use clap::Args;
use media::{
    ids::{InstanceId, TenantId},
    kind::MediaKind,
    message::Chat,
};
use operator::records::MediaRecord;
use serde_json::json;

use super::display::records_table;
use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// How many records of one instance are searched, at most.
const MAX_RECORDS: usize = 100_000;

/// Which media to find: without options, those of the last day.
#[derive(Args)]
pub(crate) struct Find {
    /// Only media of this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only media of this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Only media in the chat with this phone number: digits, with the country code; - reads it
    /// from standard input.
    #[arg(long, conflicts_with = "chat")]
    phone: Option<String>,
    /// Only media in this chat, given as the name of its folder.
    #[arg(long)]
    chat: Option<String>,
    /// Only media of this message.
    #[arg(long)]
    message: Option<String>,
    /// Only media of this kind: image, video, audio, document, sticker.
    #[arg(long)]
    kind: Option<MediaKind>,
    /// Only media in this state: stored, retrying, parked, skipped.
    #[arg(long)]
    state: Option<String>,
    /// Only media sent within this time, such as 7days.
    #[arg(
        long,
        default_value = "24h",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    since: Duration,
    /// How many records to show, at most.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

impl Find {
    fn matches_record(&self, record: &MediaRecord) -> bool {
        let is_of = |phone: &String| {
            let chats = Chat::spellings_of_phone(phone);
            chats.iter().any(|chat| chat.as_str() == record.chat)
        };
        self.phone.as_ref().is_none_or(is_of)
            && self.chat.as_ref().is_none_or(|chat| record.chat == *chat)
            && self.message.as_ref().is_none_or(|id| record.message_id == *id)
            && self.kind.is_none_or(|kind| record.kind == kind.as_str())
            && self.state.as_ref().is_none_or(|state| record.state == *state)
    }

    /// Finds and shows them, the newest first.
    pub(super) async fn run_find(mut self, session: &Session) -> anyhow::Result<Exit> {
        self.phone = self.phone.as_deref().map(screen::read_phone).transpose()?;
        let (mut found, mut odd) = (Vec::new(), OddRecords::default());
        let (tenant, only) = (self.tenant.as_ref(), self.instance.as_ref());
        let owners = session.list_owners(tenant, only, &mut odd).await?;
        let age = i64::try_from(self.since.as_secs()).unwrap_or(i64::MAX);
        let (records, from) = (session.records()?, clock::now().saturating_sub(age));
        let bar = screen::new_counter("records looked at");
        for (_, instance) in &owners {
            let its = records.list_by_instance(instance, from, MAX_RECORDS).await?;
            bar.inc(its.len() as u64);
            let its = its.into_iter().filter(|record| self.matches_record(record));
            found.extend(odd.inspect_all(its.collect()));
        }
        bar.finish_and_clear();
        found.sort_by_key(|record| std::cmp::Reverse(record.moment));
        let count = found.len();
        found.truncate(self.limit);
        let text = match count {
            0 => "No media match. Use --since to search further back than a day.".to_owned(),
            _ => format!("{}\n{} of {count} shown.", records_table(&found), found.len()),
        };
        session.flags.print(&json!(found), text)?;
        Ok(odd.print_notes())
    }
}
