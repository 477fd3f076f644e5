//! `wapi-media media find`: finds media by what their records say.

use std::{collections::BTreeSet, time::Duration};

use boot::clock;
use clap::Args;
use media::{
    contact::Contact,
    ids::{InstanceId, MessageId, TenantId},
    kind::MediaKind,
    message::Chat,
};
use operator::{
    chats::ChatRecord,
    records::{MediaRecord, MediaRecords},
};
use serde_json::json;

use super::display::records_table;
use crate::{
    audit::AuditScope,
    exit::Exit,
    odd_records::OddRecords,
    owners::list_searched,
    person::{PersonChats, describe_doubtful, describe_folders, parse_folder, parse_phone},
    screen,
    session::Session,
};

/// How many records of a chat are read at a time.
const PAGE: usize = 100;

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
    /// Of --phone: also what this person sent to groups, channels and stories, and the folder of a
    /// LID that only records connect with the number. No index knows either, so this reads every
    /// record of the instances.
    #[arg(long, requires = "phone")]
    groups: bool,
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
        self.tenant.as_ref().is_none_or(|tenant| record.tenant == tenant.as_str())
            && self.message.as_ref().is_none_or(|id| record.message_id == *id)
            && self.kind.is_none_or(|kind| record.kind == kind.as_str())
            && self.state.as_ref().is_none_or(|state| record.state == *state)
            && !record.is_mark()
    }

    /// Finds and shows them, the newest first.
    pub(super) async fn run_find(self, session: &Session) -> anyhow::Result<Exit> {
        let what = match (&self.phone, &self.chat, &self.message) {
            (None, None, None) => "records",
            (None, None, Some(_)) => "message",
            _ => "chat",
        };
        let mut scope = AuditScope::new("media find", what);
        if let Some(instance) = &self.instance {
            scope = AuditScope::about_instance(("media find", what), instance, session).await?;
        }
        let scope = scope.of_tenant(self.tenant.as_ref());
        session.audit(scope, self.find_records(session)).await?
    }

    async fn find_records(mut self, session: &Session) -> anyhow::Result<Exit> {
        self.phone = self.phone.as_deref().map(screen::read_phone).transpose()?;
        let (mut found, mut odd) = (Vec::new(), OddRecords::default());
        let (tenant, only) = (self.tenant.as_ref(), self.instance.as_ref());
        let chats = parse_chats(self.chat.as_deref(), self.phone.as_deref())?;
        let instances = list_searched(tenant, only, &mut odd, session).await?;
        let age = i64::try_from(self.since.as_secs()).unwrap_or(i64::MAX);
        let (records, from) = (session.records()?, clock::now().saturating_sub(age));
        let (mut names, mut doubtful) = (BTreeSet::new(), BTreeSet::new());
        let bar = screen::new_counter("instances searched");
        // One more than is shown tells whether there are more.
        let wanted = self.limit.saturating_add(1);
        for instance in &instances {
            let mut chats = chats.clone();
            if let Some(chats) = chats.as_mut().filter(|_| self.phone.is_some()) {
                let recorded = match self.groups {
                    true => list_recorded(&records, instance, tenant).await?,
                    false => Vec::new(),
                };
                let people = session.people()?;
                let person = PersonChats::find_with(&people, instance, chats, &recorded).await?;
                names.extend(person.chats.iter().cloned());
                doubtful.extend(person.doubtful);
                *chats = person.chats;
            }
            let its = self.find_in_instance(&records, instance, chats.as_deref(), from).await?;
            found.extend(its);
            found.sort_by_key(|record| std::cmp::Reverse(record.moment));
            found.truncate(wanted);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let is_more = found.len() > self.limit;
        found.truncate(self.limit);
        records.note_revocations(&mut found).await?;
        found.iter().for_each(|record| odd.inspect_record(record));
        let mut text = match found.len() {
            0 => "No media match. Use --since to search further back than a day.".to_owned(),
            shown => format!("{}\n{shown} shown", records_table(&found)),
        };
        match (is_more, found.is_empty()) {
            (true, _) => text += " … and more: --limit",
            (false, false) => text.push('.'),
            (false, true) => {}
        }
        if names.len() > 1 {
            text += &describe_folders(&names);
        }
        text += &describe_doubtful(&doubtful);
        session.flags.print(&json!(found), text)?;
        if is_more && session.flags.json {
            screen::print_error(&format!("{} shown … and more: --limit", self.limit));
        }
        Ok(odd.print_notes())
    }

    /// The records of an instance that match: at least as many as are shown and one more, if there
    /// are so many. Reads what the options name: the chat, or else the message, or else the time.
    async fn find_in_instance(
        &self,
        records: &MediaRecords,
        instance: &InstanceId,
        chats: Option<&[Chat]>,
        from: i64,
    ) -> anyhow::Result<Vec<MediaRecord>> {
        let is_meant = |record: &MediaRecord| self.matches_record(record);
        if let Some(chats) = chats {
            let mut found = self.find_in_chats(records, instance, (chats, from)).await?;
            if self.groups {
                let sent = list_by_sender(records, instance, chats).await?;
                let is_since = |one: &MediaRecord| one.moment.is_none_or(|moment| moment >= from);
                found.extend(sent.into_iter().filter(|one| is_meant(one) && is_since(one)));
            }
            return Ok(found);
        }
        let Some(message) = &self.message else {
            let wanted = self.limit.saturating_add(1);
            return Ok(records.search_instance(instance, from, is_meant, wanted).await?);
        };
        let mut found = match MessageId::parse(message.clone()) {
            Ok(id) => records.list_by_message(instance, &id).await?,
            // No record has such an id.
            Err(_) => Vec::new(),
        };
        found.retain(|one| is_meant(one) && one.moment.is_none_or(|moment| moment >= from));
        Ok(found)
    }

    /// The complete records of an instance's chats that match, the newest first: at least as many
    /// as are shown and one more, if there are so many.
    async fn find_in_chats(
        &self,
        records: &MediaRecords,
        instance: &InstanceId,
        (chats, from): (&[Chat], i64),
    ) -> anyhow::Result<Vec<MediaRecord>> {
        let mut listed = records.list_by_chat(instance, chats).await?;
        // The index has the time and the tenant, so that no other record is read.
        let is_of_tenant = |one: &ChatRecord| {
            self.tenant.as_ref().is_none_or(|tenant| one.tenant.as_deref() == Some(tenant.as_str()))
        };
        listed.retain(|one| one.moment.is_none_or(|moment| moment >= from) && is_of_tenant(one));
        let keys: Vec<_> = listed.iter().map(|one| one.key.as_str()).collect();
        let mut found = Vec::new();
        for keys in keys.chunks(PAGE) {
            let page = records.get_all(instance, keys).await?;
            found.extend(page.into_iter().filter(|record| self.matches_record(record)));
            if found.len() > self.limit {
                break;
            }
        }
        Ok(found)
    }
}

/// The pairs of LID and phone number that records know. Counts the records that were read, on
/// standard error.
pub(super) async fn list_recorded(
    records: &MediaRecords,
    instance: &InstanceId,
    tenant: Option<&TenantId>,
) -> anyhow::Result<Vec<Contact>> {
    let bar = screen::new_counter("records searched for names");
    let tenant = tenant.map(TenantId::as_str);
    let found = records.list_pairs(instance, tenant, |read| bar.inc(read)).await?;
    bar.finish_and_clear();
    Ok(found)
}

/// What the people with these own chats sent to groups. Counts the records that were read, on
/// standard error.
pub(super) async fn list_by_sender(
    records: &MediaRecords,
    instance: &InstanceId,
    chats: &[Chat],
) -> anyhow::Result<Vec<MediaRecord>> {
    let bar = screen::new_counter("records searched for the sender");
    let found = records.list_by_sender(instance, chats, |read| bar.inc(read)).await?;
    bar.finish_and_clear();
    Ok(found)
}

/// The folders of a chat, which is given as the name of its folder or as a phone number; `None` if
/// neither is given.
fn parse_chats(chat: Option<&str>, phone: Option<&str>) -> anyhow::Result<Option<Vec<Chat>>> {
    match (chat, phone) {
        (Some(chat), _) => Ok(Some(vec![parse_folder(chat)?])),
        (None, Some(phone)) => Ok(Some(parse_phone(phone)?)),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use operator::records::MediaRecord;

    use super::{Chat, Find, parse_chats};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        find: Find,
    }

    fn find(options: &[&str]) -> Find {
        let line = [&["find"], options].concat();
        Line::try_parse_from(line).expect("options").find
    }

    /// An instance may have belonged to another tenant before, whose records it still has.
    #[test]
    fn a_tenant_sees_only_its_own_records() {
        let of = |tenant: &str| MediaRecord { tenant: tenant.to_owned(), ..MediaRecord::default() };
        let only = find(&["--tenant", "acme"]);
        assert!(only.matches_record(&of("acme")));
        assert!(!only.matches_record(&of("beta")));
        assert!(!only.matches_record(&of("")));
        assert!(find(&[]).matches_record(&of("beta")));
    }

    /// WhatsApp may know a Brazilian number with its ninth digit or without.
    #[test]
    fn a_phone_number_is_asked_for_in_both_spellings() {
        let names = |chats: Vec<Chat>| chats.iter().map(|chat| chat.as_str().to_owned()).collect();
        let chats = |chat, phone| match parse_chats(chat, phone) {
            Ok(chats) => Ok(chats.map::<Vec<_>, _>(names)),
            Err(error) => Err(error.to_string()),
        };
        let both = ["5500990000001", "550090000001"].map(str::to_owned).to_vec();
        assert_eq!(chats(None, Some("5500990000001")), Ok(Some(both)));
        assert_eq!(chats(Some("lid-12345678"), None), Ok(Some(vec!["lid-12345678".to_owned()])));
        assert_eq!(chats(None, None), Ok(None));
        for wrong in ["", "Contato Exemplo"] {
            assert!(chats(None, Some(wrong)).is_err(), "{wrong}");
        }
    }
}
