//! `wapi-media media export`: copies a chat to a folder or a ZIP archive, with an index in CSV.

use std::{
    collections::HashSet,
    fs,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use boot::clock;
use clap::{ArgGroup, Args};
use data_encoding::HEXLOWER;
use indicatif::DecimalBytes;
use media::object_key::ObjectKey;
use media::{contact::Contact, file_name::is_invisible, ids::InstanceId, message::Chat};
use operator::records::MediaRecord;
use serde::Serialize;
use serde_json::json;

use super::{
    find::MAX_RECORDS,
    scan::find_obstacle,
    target::{ExportTarget, is_about_the_name},
};
use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The name of the index, which lists all records of the chat, stored or not.
const INDEX: &str = "index.csv";

/// Which chat to export, and where to.
#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["chat", "phone"])))]
pub(crate) struct Export {
    /// The instance's id.
    #[arg(long)]
    instance: InstanceId,
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    chat: Option<String>,
    /// The chat with this phone number: digits, with the country code.
    #[arg(long)]
    phone: Option<String>,
    /// Only media sent within this time; without it, all.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// A folder that does not exist yet, or a new file whose name ends in .zip.
    #[arg(long, short)]
    output: PathBuf,
}

/// One line of the index.
#[derive(Debug, Serialize)]
struct IndexLine {
    sent: String,
    direction: String,
    kind: String,
    chat: String,
    sender: String,
    message: String,
    state: String,
    file: String,
    bytes: Option<u64>,
    sha256: String,
    as_recorded: &'static str,
    file_name: String,
    caption: String,
    why_not_stored: String,
}

/// The value of `as_recorded` if the file is recorded as stored but could not be copied.
const ABSENT: &str = "ABSENT";

impl IndexLine {
    /// The columns that come from the record.
    fn from_record(record: &MediaRecord) -> Self {
        Self {
            sent: screen::format_time_if_known(record.moment),
            direction: plain_cell(record.direction.clone()),
            kind: plain_cell(Some(record.kind.clone())),
            chat: plain_cell(Some(record.chat.clone())),
            sender: sender_id(record),
            message: plain_cell(Some(record.message_id.clone())),
            state: plain_cell(Some(record.state.clone())),
            file: String::new(),
            bytes: None,
            sha256: String::new(),
            as_recorded: "",
            file_name: String::new(),
            caption: String::new(),
            why_not_stored: plain_cell(record.reason.clone()),
        }
    }

    fn mark_absent(self, why: String) -> Self {
        Self { as_recorded: ABSENT, why_not_stored: plain_cell(Some(why)), ..self }
    }
}

/// The counts of an export.
#[derive(Debug, Clone, Copy, Default)]
struct ExportSummary {
    files: u64,
    bytes: u64,
    changed: u64,
    /// Files that are recorded as stored but could not be copied.
    absent: u64,
}

impl Export {
    /// Copies the chat, and prints the counts.
    pub(crate) async fn run_export(self, session: &Session) -> anyhow::Result<Exit> {
        let output = self.output.display();
        if self.output.exists() {
            bail!("{output} exists already; nothing was overwritten");
        }
        let mut odd = OddRecords::default();
        session.require_registered(&self.instance, &mut odd).await?;
        let records = odd.inspect_all(self.find_records(session).await?);
        let count = records.len();
        let what = format!("export {count} media of {} to {output}", self.instance);
        if !session.flags.may_change(&what)? {
            return Ok(Exit::Ok);
        }
        let part = PathBuf::from(format!("{output}.part"));
        let extension = self.output.extension();
        let is_archive = extension.is_some_and(|it| it.eq_ignore_ascii_case("zip"));
        let exported =
            copy_all(&records, ExportTarget::create_new(&part, is_archive)?, session).await?;
        fs::rename(&part, &self.output)?;
        let ExportSummary { files, bytes, changed, absent } = exported;
        let json = json!({
            "path": self.output, "media": count, "files": files, "bytes": bytes,
            "not_as_recorded": changed, "absent": absent,
        });
        let size = DecimalBytes(bytes);
        let mut text = format!("{output}: {files} files ({size}) of {count} media, and {INDEX}.");
        if changed > 0 {
            text += &format!(
                "\n{changed} files are NOT as recorded: they changed after they were stored."
            );
        }
        if absent > 0 {
            text += &format!(
                "\n{absent} files that are recorded as stored could not be copied; \
                 {INDEX} says why."
            );
        }
        session.flags.print(&json, text)?;
        let exit = odd.print_notes();
        Ok(if changed + absent == 0 { exit } else { Exit::Findings })
    }

    /// The records of the chat, the oldest first.
    async fn find_records(&self, session: &Session) -> anyhow::Result<Vec<MediaRecord>> {
        let chats = self.parse_chats()?;
        let from = self.since.map_or(i64::MIN, |since| {
            let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            clock::now().saturating_sub(age)
        });
        let records = session.records()?;
        let mut records = records.list_by_instance(&self.instance, from, MAX_RECORDS).await?;
        records.retain(|record| chats.iter().any(|chat| chat.as_str() == record.chat));
        records.reverse();
        Ok(records)
    }

    fn parse_chats(&self) -> anyhow::Result<Vec<Chat>> {
        if let Some(chat) = &self.chat {
            let chat = Chat::try_from(chat.clone());
            return Ok(vec![chat.context("a chat is given as the name of its folder")?]);
        }
        let chats = Chat::spellings_of_phone(self.phone.as_deref().unwrap_or_default());
        if chats.is_empty() {
            bail!("a phone number is given in digits with the country code, such as 5500900000002");
        }
        Ok(chats)
    }
}

/// Copies the files of all records, and writes the index last.
async fn copy_all(
    records: &[MediaRecord],
    mut target: ExportTarget,
    session: &Session,
) -> anyhow::Result<ExportSummary> {
    let mut exported = ExportSummary::default();
    let mut index = csv::Writer::from_writer(Vec::new());
    let mut names = HashSet::from([INDEX.to_owned()]);
    let bar = screen::new_bar("media exported", records.len() as u64);
    for record in records {
        let line = copy_one(record, &mut target, &mut names, session).await?;
        exported.files += u64::from(line.bytes.is_some());
        exported.bytes += line.bytes.unwrap_or_default();
        exported.changed += u64::from(line.as_recorded == "NO");
        exported.absent += u64::from(line.as_recorded == ABSENT);
        index.serialize(line)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    target.start_file(INDEX)?;
    let index = index.into_inner();
    target.write(&index.context("the index could not be written")?)?;
    target.finish()?;
    Ok(exported)
}

/// Copies the file of one record, if it has one, and returns its line of the index.
async fn copy_one(
    record: &MediaRecord,
    target: &mut ExportTarget,
    names: &mut HashSet<String>,
    session: &Session,
) -> anyhow::Result<IndexLine> {
    let whole = match InstanceId::parse(record.instance.clone()) {
        Ok(instance) => session.records()?.get(&instance, &record.key).await?,
        Err(_) => None,
    };
    let record = whole.as_ref().unwrap_or(record);
    let mut line = IndexLine::from_record(record);
    let Some(key) = &record.object_key else {
        return Ok(line);
    };
    let path = match path_of(record, key, names) {
        Ok(path) => path,
        Err(why) => return Ok(line.mark_absent(why)),
    };
    let bucket = session.stack.output("MediaBucket")?;
    let mut stream = match session.operator.open_file(bucket, key).await {
        Ok(stream) => stream,
        Err(error) if error.code == "NoSuchKey" => {
            return Ok(line.mark_absent("the bucket has no such file".to_owned()));
        }
        Err(error) if error.status == Some(403) => match find_obstacle(key, session).await? {
            Some(obstacle) => return Ok(line.mark_absent(obstacle)),
            None => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    };
    (line.file_name, line.caption) =
        (plain_cell(stream.metadata("file-name")), plain_cell(stream.metadata("caption")));
    if let Err(error) = target.start_file(path) {
        let is_no_name = error.downcast_ref().is_some_and(is_about_the_name);
        if is_no_name {
            return Ok(
                line.mark_absent(format!("this file system does not allow a file named {key}"))
            );
        }
        return Err(error);
    }
    let (mut hash, mut size) = (digest::Context::new(&digest::SHA256), 0);
    while let Some(chunk) = stream.chunk().await? {
        hash.update(&chunk);
        size += chunk.len() as u64;
        target.write(&chunk)?;
    }
    line.sha256 = HEXLOWER.encode(hash.finish().as_ref());
    line.as_recorded = match record.sha256.as_ref().is_none_or(|said| *said == line.sha256) {
        true => "yes",
        false => "NO",
    };
    (line.file, line.bytes) = (path.to_owned(), Some(size));
    Ok(line)
}

/// The sender in a group chat: the phone number, or else the LID.
fn sender_id(record: &MediaRecord) -> String {
    let contact = Contact { lid: record.sender_lid.clone(), phone: record.sender_phone.clone() };
    plain_cell(contact.display_id())
}

/// The path of a record's file inside the export, or why there is none. `names` holds the paths
/// that are taken.
fn path_of<'a>(
    record: &MediaRecord,
    key: &'a str,
    names: &mut HashSet<String>,
) -> Result<&'a str, String> {
    let folder = ObjectKey::unchecked_instance_prefix(&record.tenant, &record.instance);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let path = key.strip_prefix(&folder).filter(|path| {
        let mut parts = Path::new(path).components();
        !path.is_empty() && parts.all(is_plain)
    });
    let path = path.ok_or_else(|| format!("its record names {key}, which is not in {folder}"))?;
    match names.insert(path.to_owned()) {
        true => Ok(path),
        false => Err(format!("another record names {key} too")),
    }
}

/// A text from a sender for a CSV cell: no spreadsheet takes it for a formula, and invisible
/// characters are removed. Line breaks stay.
fn plain_cell(text: Option<String>) -> String {
    let is_shown = |c: &char| matches!(c, '\n' | '\t') || !is_invisible(*c);
    let text: String = text.unwrap_or_default().chars().filter(is_shown).collect();
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// The line of a record in the index, as CSV.
#[cfg(test)]
pub(crate) fn to_csv(record: &MediaRecord) -> anyhow::Result<Vec<u8>> {
    let mut index = csv::Writer::from_writer(Vec::new());
    index.serialize(IndexLine::from_record(record))?;
    Ok(index.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::{HashSet, INDEX, MediaRecord, path_of, plain_cell};

    /// And no two records have the same path.
    #[test]
    fn a_records_path_stays_inside_the_export() {
        let mut names = HashSet::from([INDEX.to_owned()]);
        let record = MediaRecord {
            tenant: "acme".to_owned(),
            instance: "LITE-AAAAAA-000001".to_owned(),
            ..MediaRecord::default()
        };
        for (key, path) in [
            ("acme/LITE-AAAAAA-000001/55/2026-08/a.jpg", Some("55/2026-08/a.jpg")),
            ("acme/LITE-AAAAAA-000001/55/2026-08/a.jpg", None),
            ("acme/LITE-AAAAAA-000001/", None),
            ("acme/LITE-AAAAAA-000001/index.csv", None),
            ("acme/LITE-AAAAAA-000001/../secret", None),
            ("acme/LITE-AAAAAA-000001//etc/passwd", None),
            ("other/LITE-AAAAAA-000001/a.jpg", None),
            ("", None),
        ] {
            assert_eq!(path_of(&record, key, &mut names).ok(), path, "{key}");
        }
    }

    #[test]
    fn no_text_of_others_is_a_formula() {
        for (text, written) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+55", "'+55"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("Contrato = final.pdf", "Contrato = final.pdf"),
            ("\u{202e}=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("", ""),
        ] {
            assert_eq!(plain_cell(Some(text.to_owned())), written);
        }
        assert_eq!(plain_cell(None), "");
    }

    #[test]
    fn an_index_has_no_invisible_characters() {
        for (text, written) in [
            ("fatura\u{202e}fdp.exe", "faturafdp.exe"),
            ("\u{2066}a\u{200f}b\u{61c}c\u{feff}", "abc"),
            ("a\r\n\u{0}b\tc", "a\nb\tc"),
            ("Orçamento nº 7", "Orçamento nº 7"),
        ] {
            assert_eq!(plain_cell(Some(text.to_owned())), written);
        }
    }
}
