//! The receiver that a verb is about, and words that several verbs share.

use anyhow::{Context, bail};
use aws::receivers::{ReceivedKind, Receiver, ReceiverError};
use clap::Args;
use media::{
    ids::{InstanceId, TenantId},
    receiver::ReceiverId,
};

use crate::session::Session;

/// The receiver that a verb is about.
#[derive(Args)]
pub(crate) struct ReceiverArgument {
    /// The receiver's id.
    pub(super) receiver: ReceiverId,
    /// The tenant that has it.
    #[arg(long)]
    pub(super) tenant: TenantId,
}

impl ReceiverArgument {
    /// The receiver; an error if it does not exist.
    pub(super) async fn find(&self, session: &Session) -> anyhow::Result<Receiver> {
        let all = session.receivers()?.list(&self.tenant).await?;
        let found = all.into_iter().find(|one| one.id == self.receiver);
        found.with_context(|| {
            let Self { receiver, tenant } = self;
            format!("tenant {tenant} has no receiver {receiver}. See: wapi-media receiver list")
        })
    }
}

/// Says what is next if a receiver's URL and secret cannot be decrypted.
pub(super) fn explain_unopened(error: ReceiverError, receiver: &Receiver) -> anyhow::Error {
    let id = &receiver.id;
    match error {
        ReceiverError::Malformed => {
            anyhow::Error::from(error).context(format!("remove receiver {id}, and add it again"))
        }
        ReceiverError::Aws(error) => anyhow::Error::from(error),
    }
}

/// Parses what a receiver gets.
pub(super) fn parse_kind(word: &str) -> Result<ReceivedKind, &'static str> {
    match ReceivedKind::from_word(word) {
        ReceivedKind::Unknown => Err("one of webhooks, media, all"),
        kind @ (ReceivedKind::Webhooks | ReceivedKind::Media | ReceivedKind::All) => Ok(kind),
    }
}

/// Refuses media events on a stack of an earlier version, whose functions would send such a
/// receiver nothing at all.
pub(super) fn require_events(kind: ReceivedKind, session: &Session) -> anyhow::Result<()> {
    if kind != ReceivedKind::Webhooks {
        let found = session.stack.output("EventsFunction");
        found.context("the stack is older than media events: update it first")?;
    }
    Ok(())
}

/// What a receiver gets, in words.
pub(super) fn describe_kind(kind: ReceivedKind) -> &'static str {
    match kind {
        ReceivedKind::Webhooks => "webhooks",
        ReceivedKind::Media => "media events",
        ReceivedKind::All => "webhooks and media events",
        ReceivedKind::Unknown => "something that only a newer version knows",
    }
}

/// The words of a receiver's hooks.
pub(super) fn describe_hooks(hooks: &[String]) -> String {
    match hooks.is_empty() {
        true => "all".to_owned(),
        false => hooks.join(", "),
    }
}

/// Whose webhooks a receiver gets: an instance, or all.
pub(super) fn describe_source(receiver: &Receiver) -> String {
    receiver.instance.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string)
}

/// Refuses a sixth receiver of an instance, or of a tenant for all its instances.
pub(super) fn require_room(all: &[Receiver], instance: Option<&InstanceId>) -> anyhow::Result<()> {
    let same = all.iter().filter(|one| one.instance.as_ref() == instance).count();
    if same >= media::receiver::MAX_RECEIVERS {
        bail!("there are {same} receivers already, the most there can be: remove one first");
    }
    Ok(())
}
