//! Announces again to a receiver the files that were stored while its events were lost: the table
//! of records still has them.

use std::collections::HashSet;

use anyhow::Context;
use aws::{
    changes::read_stored,
    instances::Instance,
    ledger::{Ledger, get_record_item},
    links::LinksTable,
    receivers::Receiver,
};
use boot::clock;
use futures_util::{StreamExt, TryStreamExt, stream};
use media::{
    delivery::{Delivery, DeliverySource},
    media_event::{EventLink, MediaEvent, ReceiverExtras},
    media_link::{LinkRule, LinkToken},
};

use super::from_log::{LogRange, MAX_AT_ONCE};
use crate::{random::random_bytes, screen, session::Session};

/// What was found in the table, and what became of it.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct RecordSummary {
    /// Files of that time whose events rest in the jobs table now.
    pub(super) announced: u64,
    /// Instances whose records could not be read to their end, and why.
    pub(super) failed: Vec<String>,
}

/// Reads the records of a receiver's instances, and puts a `media.stored` of each file that was
/// stored in this time to rest, from where they are sent in their order.
pub(super) struct RecordReader<'a> {
    session: &'a Session,
    receiver: &'a Receiver,
    range: LogRange,
    now: i64,
    rule: LinkRule,
    ledger: Ledger,
    links: LinksTable,
    /// The ids of the deliveries that rest: an earlier command announced these files.
    resting: HashSet<String>,
}

impl<'a> RecordReader<'a> {
    pub(super) async fn new(
        session: &'a Session,
        receiver: &'a Receiver,
        range: LogRange,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            session,
            receiver,
            range,
            now: clock::now(),
            rule: session.find_tenant(&receiver.tenant).await?.policy.links,
            resting: session.ledger()?.jobs.list_resting_ids(&receiver.id).await?,
            ledger: session.ledger()?,
            links: session.links()?,
        })
    }

    /// Reads the records of each of these instances. What prevents it for one is noted, and the
    /// next one is read.
    pub(super) async fn read_all(&self, instances: &[Instance]) -> RecordSummary {
        let mut summary = RecordSummary::default();
        let bar = screen::new_counter("files announced");
        for instance in instances {
            match self.read_instance(instance, || bar.inc(1)).await {
                Ok(announced) => summary.announced += announced,
                Err(error) => summary.failed.push(format!("{}: {error:#}", instance.id)),
            }
        }
        bar.finish_and_clear();
        summary
    }

    async fn read_instance(
        &self,
        instance: &Instance,
        note_file: impl Fn(),
    ) -> anyhow::Result<u64> {
        let mut keys = Vec::new();
        let records = self.session.records()?;
        let visit = records.visit_changed_since(&instance.id, self.range.from, |record| {
            let is_its = record.tenant == instance.tenant.as_str();
            if is_its && record.state == "stored" {
                keys.push(record.key);
            }
        });
        visit.await?;
        let announce = async |key: String| {
            let is_announced = self.announce(instance, &key).await?;
            note_file();
            anyhow::Ok(u64::from(is_announced))
        };
        let ends = stream::iter(keys.into_iter().map(announce)).buffer_unordered(MAX_AT_ONCE);
        ends.try_fold(0, async |sum, one| Ok(sum + one)).await
    }

    /// Puts the event of one record to rest, if its file was stored in this time and no earlier
    /// command did. It has the same id each time.
    async fn announce(&self, instance: &Instance, key: &str) -> anyhow::Result<bool> {
        let table = self.session.stack.output("MediaTable")?;
        let clients = &self.session.operator.clients;
        let item = get_record_item(clients, table, &instance.id, key).await?;
        let event = item.as_ref().and_then(read_stored);
        let Some(event) = event.filter(|event| self.range.contains(event.at)) else {
            return Ok(false);
        };
        if self.session.flags.dry_run || self.resting.contains(event.id.as_str()) {
            return Ok(true);
        }
        let texts = self.ledger.jobs.read_texts(&instance.id, key, self.now).await?;
        let extras = ReceiverExtras { link: self.make_link(&event).await?, texts };
        let bucket = self.session.stack.output("MediaBucket")?;
        let body = event.for_receiver(bucket, &extras).context("an event without JSON")?;
        let source = DeliverySource {
            id: &event.id,
            tenant: &instance.tenant,
            instance: &instance.id,
            event: Some(event.event_type.as_str()),
            content_type: Some("application/json"),
            body: body.as_bytes(),
            accepted_at: self.now,
        };
        let delivery = Delivery::new(&source, &self.receiver.id);
        let due_at = self.range.due_at(event.at, self.now);
        self.ledger.jobs.rest_delivery(&delivery, due_at).await?;
        Ok(true)
    }

    /// A link to the file. `None`: the tenant has no links, the file has as many as it may have, or
    /// it was erased meanwhile.
    async fn make_link(&self, event: &MediaEvent) -> anyhow::Result<Option<EventLink>> {
        if self.rule == LinkRule::Off {
            return Ok(None);
        }
        let token = LinkToken::from_random(random_bytes()?);
        let terms = (self.rule, self.session.webhook_base()?, self.now);
        Ok(self.links.make_for_event(&self.ledger, event, &token, terms).await?)
    }
}
