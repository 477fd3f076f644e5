//! The message that a verb of `media` is about, and its records.

use anyhow::bail;
use clap::Args;
use media::ids::{InstanceId, MessageId};
use operator::records::MediaRecord;

use crate::session::Session;

/// A message, or one of its media.
#[derive(Args)]
pub(crate) struct MessageArgument {
    /// The instance's id.
    pub(super) instance: InstanceId,
    /// The message's id, or the key of one of its media as `media show` prints it.
    pub(super) message: String,
}

/// The records of a message's media, or the one whose key was given; an error without any.
pub(super) async fn records_of(
    one: &MessageArgument,
    session: &Session,
) -> anyhow::Result<Vec<MediaRecord>> {
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
pub(super) async fn record_of(
    one: &MessageArgument,
    session: &Session,
) -> anyhow::Result<MediaRecord> {
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
pub(super) async fn key_of(
    one: &MessageArgument,
    session: &Session,
) -> anyhow::Result<(String, MediaRecord)> {
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
