//! `wapi-media media presign` and `download`: one media file, for others or for this disk.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use aws::error::AwsError;
use aws_lc_rs::digest;
use boot::{clock, environment::Environment};
use data_encoding::HEXLOWER;
use indicatif::DecimalBytes;
use media::{
    ids::{InstanceId, TenantId},
    object_key::ObjectKey,
};
use operator::{
    files::{
        CREDENTIALS_END, FileStream, PresignedUrl, SigningTime, find_file_problem,
        parse_credentials_end,
    },
    records::MediaRecord,
};
use serde_json::json;

use super::{
    message::{MessageArgument, key_of},
    scan::require_clean,
};
use crate::{
    audit::AuditScope,
    exit::Exit,
    interrupt::until_interrupted,
    private_file::{PartFile, require_absent},
    screen,
    session::Session,
};

/// Prints a URL of the file, and to standard error when it ends.
pub(super) async fn presign_file(
    one: &MessageArgument,
    valid: Duration,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (key, record) = key_of(one, session).await?;
    require_clean(&record.key, &key, session).await?;
    let bucket = session.stack.output("MediaBucket")?;
    let found = session.operator.require_file(bucket, &key).await;
    found.or_else(|error| explain_problem(one, error))?;
    let environment = Environment::from_process();
    let credentials_end = environment.optional(CREDENTIALS_END).and_then(parse_credentials_end);
    let at = SigningTime { now: SystemTime::UNIX_EPOCH + clock::since_1970(), credentials_end };
    let scope = message_scope("media presign", &record);
    let presigning = session.operator.presign_url(bucket, &key, valid, at);
    let presigned = session.audit(scope, presigning).await??;
    let until = screen::format_time(seconds_since_1970(presigned.valid_until));
    let json = json!({
        "url": presigned.url, "valid_seconds": valid.as_secs(), "valid_until": until,
        "ends_with_credentials": presigned.is_cut, "may_end_early": presigned.may_end_early,
        "key": key,
    });
    session.flags.print(&json, &presigned.url)?;
    screen::print_error(&describe_end(&presigned, &until));
    Ok(Exit::Ok)
}

fn describe_end(presigned: &PresignedUrl, until: &str) -> String {
    match (presigned.is_cut, presigned.may_end_early) {
        (true, _) => format!("Valid until {until}: then the credentials that signed it end."),
        (false, true) => format!(
            "Valid until {until}, or until the temporary credentials that signed it end, which do \
             not say when."
        ),
        (false, false) => format!("Valid until {until}."),
    }
}

fn seconds_since_1970(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Downloads the file, and compares it with its record.
pub(super) async fn download_file(
    one: &MessageArgument,
    output: Option<PathBuf>,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (key, record) = key_of(one, session).await?;
    require_clean(&record.key, &key, session).await?;
    let own_name = ObjectKey::find_file_name(&key);
    let path = output.unwrap_or_else(|| PathBuf::from(own_name));
    require_absent(&path)?;
    let bucket = session.stack.output("MediaBucket")?;
    let copy = async {
        let opened = session.operator.open_file(bucket, &key).await;
        let stream = opened.or_else(|error| explain_problem(one, error))?;
        let bar = screen::new_spinner(format!("downloading {own_name}"));
        let written = until_interrupted(Box::pin(write_stream(stream, &path))).await;
        bar.finish_and_clear();
        written
    };
    let scope = message_scope("media download", &record);
    let (sha256, size) = session.audit(scope, copy).await??;
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

/// What the audit table says of a command about one media file.
pub(super) fn message_scope(action: &'static str, record: &MediaRecord) -> AuditScope {
    let tenant = TenantId::parse(record.tenant.clone()).ok();
    let instance = InstanceId::parse(record.instance.clone()).ok();
    AuditScope::new(action, "message").of_tenant(tenant.as_ref()).of_instance(instance.as_ref())
}

/// Writes the bytes to a new file. Its SHA-256 in hex, and its size.
async fn write_stream(mut stream: FileStream, path: &Path) -> anyhow::Result<(String, u64)> {
    let refused = || format!("{} could not be written; nothing was overwritten", path.display());
    let mut part = PartFile::create_for(path).with_context(refused)?;
    let (mut hash, mut size) = (digest::Context::new(&digest::SHA256), 0);
    while let Some(chunk) = stream.chunk().await? {
        hash.update(&chunk);
        size += chunk.len() as u64;
        part.write(&chunk).with_context(refused)?;
    }
    part.publish_new(path).with_context(refused)?;
    Ok((HEXLOWER.encode(hash.finish().as_ref()), size))
}

/// The error of a file that is recorded as stored and cannot be read.
fn explain_problem<T>(one: &MessageArgument, error: AwsError) -> anyhow::Result<T> {
    match find_file_problem(&error) {
        Some(why) => bail!("the file of message {} of {}: {why}", one.message, one.instance),
        None => Err(error.into()),
    }
}
