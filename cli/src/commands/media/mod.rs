//! `wapi-media media`: finds, downloads, exports and erases media files and their records.

pub(crate) mod display;
pub(crate) mod erase;
pub(crate) mod export;
mod find;
mod link;
mod message;
mod one_file;
mod relink;
mod retain;
mod revoked;
mod scan;

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;
use indicatif::DecimalBytes;
use media::ids::{InstanceId, TenantId};
use operator::files::MAX_PRESIGN_TIME;
use serde_json::json;

use self::{
    display::describe_record,
    link::LinkSummary,
    message::{MessageArgument, records_of},
};
use crate::{
    audit::AuditScope,
    commands::{
        audit::{AuditSelection, list_lines},
        hold,
    },
    exit::Exit,
    odd_records::OddRecords,
    session::Session,
};

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
    /// Prints a URL that downloads the file without credentials, and when it ends: with the
    /// credentials that sign it at the latest. Anyone who has the URL can use it.
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
    /// Makes a link that opens the file without credentials, for as long as the tenant's rule
    /// allows (`tenant set --links`), until the file is erased or the link is removed. Anyone who
    /// has the link can use it.
    #[command(after_help = "Example:\n  \
        wapi-media media link LITE-AAAAAA-BBBBBB 3EB0AAAAAAAAAAAAAAAA --for 7days")]
    Link {
        #[command(flatten)]
        one: MessageArgument,
        /// How long the link works; without it, as long as the tenant's rule allows.
        #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
        valid: Option<Duration>,
    },
    /// Removes all links of the file. They stop working at once.
    Unlink(MessageArgument),
    /// Copies a chat to a folder or a ZIP archive, checks each file, and writes an index. Only the
    /// owner may read what it writes. Exits with 1 if a file is missing.
    #[command(after_help = "Examples:\n  wapi-media media export --instance LITE-AAAAAA-BBBBBB \
        --phone 5500900000002 -o chat.zip\n  \
        wapi-media media export --instance LITE-AAAAAA-BBBBBB --phone - -o chat --resume")]
    Export(export::Export),
    /// Erases a chat, a phone number's chat, a message or everything permanently: all versions of
    /// its files, unfinished uploads, records, parked jobs and unread webhooks. Then searches again
    /// to prove that nothing is left.
    ///
    /// It first gives an order, which every run obeys before it stores a file, and so do redrive,
    /// replay and the back-fill: what was announced before is not stored, although a queue or
    /// W-API's log still has it.
    #[command(after_help = "Examples:\n  \
        wapi-media media erase --tenant acme --phone 5500900000002 --dry-run\n  \
        wapi-media media erase --instance LITE-AAAAAA-BBBBBB --message 3EB0AAAAAAAAAAAAAAAA \
        --reference TICKET-12\n  \
        wapi-media media erase --tenant acme --all --and-from-now-on")]
    Erase(erase::Erase),
    /// Searches again for everything that an order to erase covers, and changes nothing.
    #[command(after_help = "Example:\n  \
        wapi-media media verify k3mq7r2a --tenant acme --phone 5500900000002")]
    Verify(erase::Verify),
    /// Lists a tenant's orders to erase. They do not say what is erased.
    Orders {
        /// The tenant.
        #[arg(long)]
        tenant: TenantId,
    },
    /// Applies a tenant's present retention to the files and records that exist already. Files keep
    /// their other tags.
    #[command(after_help = "Example:\n  wapi-media media retain --tenant acme --dry-run")]
    Retain(retain::Retain),
    /// Lists the media whose sender deleted the message for everyone, as webhooks said, of a tenant
    /// whose rule is to flag or to erase them. With --apply, erases those that are stored, except
    /// what is held.
    #[command(after_help = "Examples:\n  wapi-media media revoked --tenant acme\n  \
        wapi-media media revoked --tenant acme --apply --reference TICKET-12")]
    Revoked(revoked::ListRevoked),
    /// Moves media that are stored in the folder of a LID to the folder of the person's phone
    /// number, if webhooks named one number for the LID.
    ///
    /// S3 copies each file and computes the SHA-256 of the copy, which must be the recorded one;
    /// then the record names the copy, and the old file is removed with all its versions. A run
    /// that was interrupted is finished by the next one. Files with a retention stay where they
    /// are: S3 would count it anew.
    #[command(after_help = "Examples:\n  wapi-media media relink --tenant acme --dry-run\n  \
        wapi-media media relink --instance LITE-AAAAAA-BBBBBB --phone 5500900000002")]
    Relink(relink::Relink),
    /// Lists the files without a clean verdict of the malware scan. Reads the tags of
    /// each file.
    #[command(after_help = "Example:\n  wapi-media media scans --verdict threat --since 2h")]
    Scans(scan::Scans),
    /// Shows who erased how much, and when: the lines of `audit list` about erasing.
    Audit(AuditSelection),
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
        Verb::Presign { one, valid } => one_file::presign_file(&one, valid, session).await,
        Verb::Download { one, output } => one_file::download_file(&one, output, session).await,
        Verb::Link { one, valid } => link::make_link(&one, valid, session).await,
        Verb::Unlink(one) => link::remove_links(&one, session).await,
        Verb::Export(export) => export.run_export(session).await,
        Verb::Erase(erase) => erase.run_erase(session).await,
        Verb::Verify(verify) => verify.run_verify(session).await,
        Verb::Orders { tenant } => erase::list_orders(&tenant, session).await,
        Verb::Audit(selection) => {
            let actions = [erase::ACTION, erase::VERIFY_ACTION, hold::ACTION];
            list_lines(&actions, &selection, session).await
        }
        Verb::Relink(relink) => relink.run_relink(session).await,
        Verb::Retain(retain) => retain.run_retain(session).await,
        Verb::Revoked(list) => list.run_revoked(session).await,
        Verb::Scans(scans) => scans.run_scans(session).await,
    }
}

async fn show_records(one: &MessageArgument, session: &Session) -> anyhow::Result<Exit> {
    let act = ("media show", "message");
    let scope = AuditScope::about_instance(act, &one.instance, session).await?;
    session.audit(scope, print_records(one, session)).await?
}

async fn print_records(one: &MessageArgument, session: &Session) -> anyhow::Result<Exit> {
    let mut found = records_of(one, session).await?;
    session.records()?.note_revocations(&mut found).await?;
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
        if let Some(links) = LinkSummary::of_record(record, session).await? {
            text += &format!("\n\n{}", links.describe());
            value.as_object_mut().map(|it| it.insert("media_links".to_owned(), json!(links)));
        }
        texts.push(text);
        values.push(value);
    }
    session.flags.print(&json!(values), texts.join("\n\n"))?;
    Ok(odd.print_notes())
}

/// A folder is `tenant/instance/…`; the folders of chats are named by phone numbers.
async fn list_folder(folder: &str, session: &Session) -> anyhow::Result<Exit> {
    let mut names = folder.trim_matches('/').split('/');
    let tenant = names.next().and_then(|name| TenantId::parse(name).ok());
    let instance = names.next().and_then(|name| InstanceId::parse(name).ok());
    let scope = AuditScope::new("media ls", "folder").of_tenant(tenant.as_ref());
    let scope = scope.of_instance(instance.as_ref());
    session.audit(scope, print_folder(folder, session)).await?
}

async fn print_folder(folder: &str, session: &Session) -> anyhow::Result<Exit> {
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
