//! `wapi-media media`: finds, downloads, exports and erases media files and their records.

mod audit;
pub(crate) mod display;
mod erase;
pub(crate) mod export;
mod find;
mod retain;
mod scan;
mod target;

use std::{io::Write, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use aws_lc_rs::digest;
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use indicatif::DecimalBytes;
use media::ids::{InstanceId, MessageId};
use media::object_key::ObjectKey;
use operator::{files::MAX_PRESIGN_TIME, records::MediaRecord};
use serde_json::json;

use self::display::describe_record;
use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The verbs of `wapi-media media`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Finds media by their records, the newest first.
    #[command(
        after_help = "Examples:\n  wapi-media media find --phone 5500900000002 --since 7days\n  \
        wapi-media media find --instance LITE-AAAAAA-BBBBBB --kind document --state stored"
    )]
    Find(find::Find),
    /// Shows the full records of a message's media, with the recorded attempts.
    Show(MessageArgument),
    /// Lists the folders and files in a folder of the bucket.
    #[command(after_help = "Example:\n  wapi-media media ls acme/LITE-AAAAAA-BBBBBB/")]
    Ls {
        /// The folder, such as acme/LITE-AAAAAA-BBBBBB/; without it, the tenants' folders.
        #[arg(default_value = "")]
        folder: String,
    },
    /// Prints a URL that downloads the file without credentials. Anyone who has the URL can use it.
    Presign {
        #[command(flatten)]
        one: MessageArgument,
        /// How long the URL is valid, at most 7days.
        #[arg(
            long = "for",
            default_value = "1h",
            value_name = "TIME",
            value_parser = parse_share_time
        )]
        valid: Duration,
    },
    /// Downloads the file, and compares its SHA-256 with the record.
    Download {
        #[command(flatten)]
        one: MessageArgument,
        /// The path to write to; without it, the file's own name in the current folder.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
    /// Copies a chat to a folder or a ZIP archive, checks each file, and writes an index.
    #[command(after_help = "Example:\n  wapi-media media export --instance LITE-AAAAAA-BBBBBB \
        --phone 5500900000002 -o chat.zip")]
    Export(export::Export),
    /// Erases a chat, a phone number's chat or a message permanently: all versions of its files,
    /// unfinished uploads, records, parked jobs and unread webhooks. Then searches again to prove
    /// that nothing is left.
    #[command(after_help = "Examples:\n  \
        wapi-media media erase --tenant acme --phone 5500900000002 --dry-run\n  \
        wapi-media media erase --instance LITE-AAAAAA-BBBBBB --message 3EB0AAAAAAAAAAAAAAAA \
        --reference TICKET-12")]
    Erase(erase::Erase),
    /// Applies a tenant's present retention to the files and records that exist already. Files keep
    /// their other tags.
    #[command(after_help = "Example:\n  wapi-media media retain --tenant acme --dry-run")]
    Retain(retain::Retain),
    /// Lists the files without a clean verdict of the malware scan. Reads the tags of
    /// each file.
    #[command(after_help = "Example:\n  wapi-media media scans --verdict threat --since 2h")]
    Scans(scan::Scans),
    /// Shows who erased how much, and when.
    Audit,
}

/// A message, or one of its media.
#[derive(Args)]
pub(crate) struct MessageArgument {
    /// The instance's id.
    instance: InstanceId,
    /// The message's id, or the key of one of its media as `media show` prints it.
    message: String,
}

/// How many entries of a folder are listed, at most.
const MAX_ENTRIES: usize = 5_000;

fn parse_share_time(text: &str) -> Result<Duration, String> {
    let valid = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if valid > MAX_PRESIGN_TIME {
        return Err("at most 7days".to_owned());
    }
    Ok(valid)
}

/// Runs a verb of `wapi-media media`.
pub(crate) async fn run_media(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Find(find) => find.run_find(session).await,
        Verb::Show(one) => show_records(&one, session).await,
        Verb::Ls { folder } => list_folder(&folder, session).await,
        Verb::Presign { one, valid } => presign_file(&one, valid, session).await,
        Verb::Download { one, output } => download_file(&one, output, session).await,
        Verb::Export(export) => export.run_export(session).await,
        Verb::Erase(erase) => erase.run_erase(session).await,
        Verb::Retain(retain) => retain.run_retain(session).await,
        Verb::Scans(scans) => scans.run_scans(session).await,
        Verb::Audit => audit::show_audit(session).await,
    }
}

/// The records of a message's media, or the one whose key was given; an error without any.
async fn records_of(one: &MessageArgument, session: &Session) -> anyhow::Result<Vec<MediaRecord>> {
    let message = MessageId::parse(one.message.clone())?;
    let records = session.records()?;
    let mut found = records.list_by_message(&one.instance, &message).await?;
    if found.is_empty() {
        found.extend(records.get(&one.instance, &one.message).await?);
    }
    if found.is_empty() {
        bail!(
            "there is no record of message {message} of {}. \
             See: wapi-media media find --instance {}",
            one.instance,
            one.instance
        );
    }
    Ok(found)
}

/// The only media record of a message that is not erased; an error if there are several.
async fn record_of(one: &MessageArgument, session: &Session) -> anyhow::Result<MediaRecord> {
    let mut found = records_of(one, session).await?;
    found.retain(|record| !record.is_mark());
    match (found.pop(), found.len()) {
        (None, _) => bail!("message {} of {} was erased", one.message, one.instance),
        (Some(only), 0) => Ok(only),
        (_, others) => bail!(
            "message {} has {} media. Give the key of one, which is printed by: \
             wapi-media media show {} {}",
            one.message,
            others + 1,
            one.instance,
            one.message
        ),
    }
}

/// The object key and the record of a media file; an error if it is not stored.
async fn key_of(one: &MessageArgument, session: &Session) -> anyhow::Result<(String, MediaRecord)> {
    let record = record_of(one, session).await?;
    match &record.object_key {
        Some(key) => Ok((key.clone(), record)),
        None => bail!(
            "message {} is {}, not stored. See: wapi-media media show {} {}",
            one.message,
            record.state,
            one.instance,
            one.message
        ),
    }
}

async fn show_records(one: &MessageArgument, session: &Session) -> anyhow::Result<Exit> {
    let found = records_of(one, session).await?;
    let mut odd = OddRecords::default();
    found.iter().for_each(|record| odd.inspect_record(record));
    let (mut texts, mut values) = (Vec::new(), Vec::new());
    for record in &found {
        let (mut text, mut value) = (describe_record(record), json!(record));
        if let Some(key) = &record.object_key
            && let Some(verdict) = scan::find_verdict(key, session).await?
        {
            text += &format!("\n\nMalware scan: {verdict}.");
            value.as_object_mut().map(|it| it.insert("malware_scan".to_owned(), json!(verdict)));
        }
        texts.push(text);
        values.push(value);
    }
    session.flags.print(&json!(values), texts.join("\n\n"))?;
    Ok(odd.print_notes())
}

async fn list_folder(folder: &str, session: &Session) -> anyhow::Result<Exit> {
    let bucket = session.stack.output("MediaBucket")?;
    let folder = match folder.trim_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let listing = session.operator.list_folder(bucket, &folder, MAX_ENTRIES).await?;
    let mut lines = listing.folders.clone();
    lines.extend(
        listing.files.iter().map(|(key, bytes)| format!("{key}  {}", DecimalBytes(*bytes))),
    );
    let files = listing.files.iter().map(|(key, bytes)| json!({ "key": key, "bytes": bytes }));
    let json = json!({ "folders": listing.folders, "files": files.collect::<Vec<_>>() });
    if lines.is_empty() {
        lines.push(format!("{bucket}/{folder} is empty"));
    }
    session.flags.print(&json, lines.join("\n"))?;
    Ok(Exit::Ok)
}

async fn presign_file(
    one: &MessageArgument,
    valid: Duration,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (key, _) = key_of(one, session).await?;
    scan::require_clean(&key, session).await?;
    let bucket = session.stack.output("MediaBucket")?;
    let url = session.operator.presign_url(bucket, &key, valid).await?;
    let json = json!({ "url": url, "valid_seconds": valid.as_secs(), "key": key });
    session.flags.print(&json, url)?;
    Ok(Exit::Ok)
}

async fn download_file(
    one: &MessageArgument,
    output: Option<PathBuf>,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (key, record) = key_of(one, session).await?;
    scan::require_clean(&key, session).await?;
    let own_name = ObjectKey::find_file_name(&key);
    let path = output.unwrap_or_else(|| PathBuf::from(own_name));
    let bucket = session.stack.output("MediaBucket")?;
    let mut file = std::fs::File::create_new(&path).with_context(|| {
        format!("{} could not be created; nothing was overwritten", path.display())
    })?;
    let mut stream = session.operator.open_file(bucket, &key).await?;
    let (mut hash, mut size) = (digest::Context::new(&digest::SHA256), 0);
    let bar = screen::new_spinner(format!("downloading {own_name}"));
    while let Some(chunk) = stream.chunk().await? {
        hash.update(&chunk);
        size += chunk.len() as u64;
        file.write_all(&chunk)?;
    }
    bar.finish_and_clear();
    let sha256 = HEXLOWER.encode(hash.finish().as_ref());
    let is_right = record.sha256.as_ref().is_none_or(|said| *said == sha256);
    let json = json!({ "path": path, "bytes": size, "sha256": sha256, "as_recorded": is_right });
    let text = format!(
        "{}: {}, SHA-256 {}",
        path.display(),
        DecimalBytes(size),
        if is_right {
            "as recorded"
        } else {
            "NOT as recorded: the file was changed since it was stored"
        }
    );
    session.flags.print(&json, text)?;
    Ok(if is_right { Exit::Ok } else { Exit::Findings })
}
