//! `wapi-media media export`: a chat as a folder or a ZIP archive, with an index that a spreadsheet opens.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Component, Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use boot::clock;
use clap::{ArgGroup, Args};
use data_encoding::HEXLOWER;
use indicatif::DecimalBytes;
use media::{contact::Contact, file_name::is_invisible, ids::InstanceId, message::Chat};
use operator::records::MediaRecord;
use serde::Serialize;
use serde_json::json;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::MOST_RECORDS;
use crate::{exit::Exit, screen, session::Session};

/// The list of everything that is meant, stored or not.
const INDEX: &str = "index.csv";

/// What is exported, and where to.
#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["chat", "phone"])))]
pub(crate) struct Export {
    /// Of this instance.
    #[arg(long)]
    instance: InstanceId,
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    chat: Option<String>,
    /// The chat with this number: digits, with the country's code.
    #[arg(long)]
    phone: Option<String>,
    /// Sent no longer ago than this; without it, all.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// A folder that is not there yet, or a file whose name ends in .zip.
    #[arg(long, short)]
    output: PathBuf,
}

/// One line of the index.
#[derive(Debug, Serialize)]
struct Line {
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

/// Where an export grows until it is whole.
enum Target {
    Folder { root: PathBuf, file: Option<File> },
    Archive(Box<ZipWriter<BufWriter<File>>>),
}

impl Target {
    fn begin(path: &Path, is_archive: bool) -> anyhow::Result<Self> {
        let there = || {
            format!(
                "{} is there already; nothing was overwritten",
                path.display()
            )
        };
        if is_archive {
            let file = File::create_new(path).with_context(there)?;
            return Ok(Self::Archive(Box::new(ZipWriter::new(BufWriter::new(
                file,
            )))));
        }
        fs::create_dir(path).with_context(there)?;
        let root = path.to_owned();
        Ok(Self::Folder { root, file: None })
    }

    /// What is written from now on goes into this file.
    fn file(&mut self, name: &str) -> anyhow::Result<()> {
        match self {
            Self::Archive(archive) => {
                // Media are compressed already.
                let options =
                    SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                archive.start_file(name, options.large_file(true))?;
            }
            Self::Folder { root, file } => {
                let path = root.join(name);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                *file = Some(File::create_new(path)?);
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Archive(archive) => archive.write_all(bytes),
            Self::Folder {
                file: Some(file), ..
            } => file.write_all(bytes),
            Self::Folder { file: None, .. } => Ok(()),
        }
    }

    fn end(self) -> anyhow::Result<()> {
        if let Self::Archive(archive) = self {
            archive.finish()?.flush()?;
        }
        Ok(())
    }
}

/// What came of an export.
#[derive(Debug, Clone, Copy, Default)]
struct Exported {
    files: u64,
    bytes: u64,
    changed: u64,
}

impl Export {
    /// Exports.
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        let output = self.output.display();
        if self.output.exists() {
            bail!("{output} is there already; nothing was overwritten");
        }
        let records = self.records(session).await?;
        let count = records.len();
        let what = format!("export {count} media of {} to {output}", self.instance);
        if !session.flags.may(&what)? {
            return Ok(Exit::Ok);
        }
        let part = PathBuf::from(format!("{output}.part"));
        let extension = self.output.extension();
        let is_archive = extension.is_some_and(|it| it.eq_ignore_ascii_case("zip"));
        let exported = copy(&records, Target::begin(&part, is_archive)?, session).await?;
        fs::rename(&part, &self.output)?;
        let Exported {
            files,
            bytes,
            changed,
        } = exported;
        let json = json!({ "path": self.output, "media": count, "files": files, "bytes": bytes, "not_as_recorded": changed });
        let size = DecimalBytes(bytes);
        let mut text = format!("{output}: {files} files ({size}) of {count} media, and {INDEX}.");
        if changed > 0 {
            text += &format!(
                "\n{changed} files are NOT as recorded: they were changed since they were stored."
            );
        }
        session.flags.print(&json, text)?;
        Ok(if changed == 0 {
            Exit::Ok
        } else {
            Exit::Findings
        })
    }

    /// What is meant, the oldest first.
    async fn records(&self, session: &Session) -> anyhow::Result<Vec<MediaRecord>> {
        let chats = self.chats()?;
        let instance = session.instance(&self.instance).await?;
        let from = self.since.map_or(0, |since| {
            let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            clock::now().saturating_sub(age)
        });
        let records = session.records()?;
        let mut records = records
            .of_instance(&instance.id, from, MOST_RECORDS)
            .await?;
        records.retain(|record| chats.iter().any(|chat| chat.as_str() == record.chat));
        records.reverse();
        Ok(records)
    }

    fn chats(&self) -> anyhow::Result<Vec<Chat>> {
        if let Some(chat) = &self.chat {
            let chat = Chat::try_from(chat.clone());
            return Ok(vec![chat.context("a chat is named as its folder is")?]);
        }
        let chats = Chat::spellings_of_phone(self.phone.as_deref().unwrap_or_default());
        if chats.is_empty() {
            bail!("a phone is given in digits with the country's code, such as 5500900000002");
        }
        Ok(chats)
    }
}

/// Copies all of them, and the index at the end.
async fn copy(
    records: &[MediaRecord],
    mut target: Target,
    session: &Session,
) -> anyhow::Result<Exported> {
    let mut exported = Exported::default();
    let mut index = csv::Writer::from_writer(Vec::new());
    let bar = screen::bar("media exported", records.len() as u64);
    for record in records {
        let line = export(record, &mut target, session).await?;
        exported.files += u64::from(line.bytes.is_some());
        exported.bytes += line.bytes.unwrap_or_default();
        exported.changed += u64::from(line.as_recorded == "NO");
        index.serialize(line)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    target.file(INDEX)?;
    let index = index.into_inner();
    target.write(&index.context("the index could not be written")?)?;
    target.end()?;
    Ok(exported)
}

/// Copies one medium's file, if there is one, and says what is known of it.
async fn export(
    record: &MediaRecord,
    target: &mut Target,
    session: &Session,
) -> anyhow::Result<Line> {
    let instance = InstanceId::parse(record.instance.clone())?;
    let whole = session.records()?.get(&instance, &record.key).await?;
    let record = whole.as_ref().unwrap_or(record);
    let message = &record.message_id;
    let mut line = Line {
        sent: screen::time(record.moment),
        direction: record.direction.clone().unwrap_or_default(),
        kind: record.kind.clone(),
        chat: record.chat.clone(),
        sender: sender(record),
        message: plain(Some(record.message_id.clone())),
        state: record.state.clone(),
        file: String::new(),
        bytes: None,
        sha256: String::new(),
        as_recorded: "",
        file_name: String::new(),
        caption: String::new(),
        why_not_stored: plain(record.reason.clone()),
    };
    let Some(key) = &record.object_key else {
        return Ok(line);
    };
    let folder = format!("{}/{instance}/", record.tenant);
    let inside = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    let Some(path) = key
        .strip_prefix(&folder)
        .filter(|path| inside(Path::new(path)))
    else {
        bail!("the record of message {message} names {key}, which is not in {folder}");
    };
    let bucket = session.stack.output("MediaBucket")?;
    let mut stream = session.operator.open(bucket, key).await?;
    (line.file_name, line.caption) = (
        plain(stream.metadata("file-name")),
        plain(stream.metadata("caption")),
    );
    target.file(path)?;
    let (mut hash, mut size) = (digest::Context::new(&digest::SHA256), 0);
    while let Some(chunk) = stream.chunk().await? {
        hash.update(&chunk);
        size += chunk.len() as u64;
        target.write(&chunk)?;
    }
    line.sha256 = HEXLOWER.encode(hash.finish().as_ref());
    line.as_recorded = match record
        .sha256
        .as_ref()
        .is_none_or(|said| *said == line.sha256)
    {
        true => "yes",
        false => "NO",
    };
    (line.file, line.bytes) = (path.to_owned(), Some(size));
    Ok(line)
}

/// Who sent it to a group, by number or else by hidden id.
fn sender(record: &MediaRecord) -> String {
    let contact = Contact {
        lid: record.sender_lid.clone(),
        phone: record.sender_phone.clone(),
    };
    plain(contact.display_id())
}

/// A text of somebody else's that no spreadsheet takes for a formula, without what would show it otherwise
/// than it is. A caption keeps its lines.
fn plain(text: Option<String>) -> String {
    let is_shown = |c: &char| matches!(c, '\n' | '\t') || !is_invisible(*c);
    let text: String = text.unwrap_or_default().chars().filter(is_shown).collect();
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

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
            assert_eq!(plain(Some(text.to_owned())), written);
        }
        assert_eq!(plain(None), "");
    }

    #[test]
    fn an_index_has_no_invisible_characters() {
        for (text, written) in [
            ("fatura\u{202e}fdp.exe", "faturafdp.exe"),
            ("\u{2066}a\u{200f}b\u{61c}c\u{feff}", "abc"),
            ("a\r\n\u{0}b\tc", "a\nb\tc"),
            ("Orçamento nº 7", "Orçamento nº 7"),
        ] {
            assert_eq!(plain(Some(text.to_owned())), written);
        }
    }
}
