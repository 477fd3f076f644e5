//! What happens to a world from outside: origins, operators, queues.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use aws::{
    register::{NO_END, webhook_secret},
    webhook_access::wait_until_effective,
};
use data_encoding::BASE64;
use media::{ids::InstanceId, sha256::Sha256};
use redaction::{Class, plant};
use serde_json::{Value, json};

use crate::{
    accounting::Identity,
    cloud::Cloud,
    function::{INSTANCES, JOBS, JOBS_TABLE, MEDIA, PARKED},
    operator,
    plan::{Customer, EraseScope, OutsideEvent},
    world::World,
};

/// How long the old webhook secret stays valid, as in the command.
const OVERLAP_SECONDS: i64 = 24 * 60 * 60;

/// How long W-API takes until its hooks have a new URL.
const HOOK_CHANGE: Duration = Duration::from_secs(3);

impl World {
    /// Lets an event happen, to its end.
    pub(crate) async fn apply_outside_event(&self, happening: &OutsideEvent) {
        match happening {
            OutsideEvent::Wapi(scenario) => self.origins.set_wapi(scenario.clone()),
            OutsideEvent::Cdn(scenario) => self.origins.set_cdn(scenario.clone()),
            OutsideEvent::NewToken(customer, token) => {
                self.origins.register_instance(customer.instance, token);
            }
            OutsideEvent::TokenWritten(customer, token) => self.write_token(*customer, token),
            OutsideEvent::QueuesPurged => self.purge_queues(&[JOBS, PARKED]),
            OutsideEvent::QueuesEmptied => {
                for queue in [JOBS, PARKED] {
                    self.cloud.lock_sqs().purge_messages(queue, |_| true);
                }
                self.cloud.notify_queue_change();
            }
            OutsideEvent::ParkedExpired => self.purge_queues(&[PARKED]),
            OutsideEvent::ParkedMoved => {
                let now = self.cloud.clock.now();
                self.cloud.lock_sqs().move_all_messages(PARKED, JOBS, now);
                self.cloud.notify_queue_change();
            }
            OutsideEvent::StoredByPreviousVersion => self.store_records(),
            OutsideEvent::JobsTableReplaced => self.empty_jobs_table(),
            OutsideEvent::QueueCounted(count) => {
                let sqs = self.cloud.lock_sqs();
                let messages = sqs.queue(JOBS).map_or(0, |queue| queue.messages().count());
                count.store(messages, Ordering::Relaxed);
            }
            OutsideEvent::Ordered(order) => self.operator.order_erasure(*order).await,
            OutsideEvent::SenderOrdered(order) => self.operator.order_sender(*order).await,
            OutsideEvent::ChatRemoved(chat) => operator::remove_chat(&self.cloud, chat),
            OutsideEvent::Redriven => self.operator.redrive_parked().await,
            OutsideEvent::Removed(customer) => self.operator.remove_instance(*customer).await,
            OutsideEvent::Added(customer) => {
                self.operator.add_instance(*customer).await;
            }
            OutsideEvent::SecretRotated(customer, random) => {
                self.rotate_secret(*customer, *random).await;
            }
            OutsideEvent::Paused(customer) => self.operator.pause_instance(*customer, true).await,
            OutsideEvent::Resumed(customer) => self.operator.pause_instance(*customer, false).await,
            OutsideEvent::KindExcluded(tenant, kind) => {
                self.operator.exclude_kind(tenant, *kind).await;
            }
            OutsideEvent::Erased(scope) => self.erase(scope).await,
            OutsideEvent::Dropped => {
                self.decisions.note_drop(&self.cloud);
                self.operator.drop_parked().await;
            }
            OutsideEvent::Replayed => self.replay_log().await,
        }
    }

    async fn erase(&self, scope: &EraseScope) {
        let known = self.decisions.begin_erasure(&self.cloud, scope);
        let is_complete = self.operator.erase(scope).await;
        self.decisions.end_erasure(scope, known, is_complete);
    }

    /// `webhook rotate-secret`: both secrets are valid before W-API has the new one, and the old
    /// one for a day after.
    async fn rotate_secret(&self, customer: Customer, random: [u8; aws::register::SECRET_BYTES]) {
        let id = InstanceId::parse(customer.instance).expect("an instance's id");
        let (old, new) = (self.secrets.current(customer), webhook_secret(random));
        plant(Class::Secret, "webhook secret", new.expose());
        let hash = |secret: &str| Sha256::from_data(secret.as_bytes());
        let (kept, new_hash) = (Some(hash(&old)), hash(new.expose()));
        let register = &self.operator.register;
        let known = register.get_instance(&id).await.expect("an answer").expect("an instance");
        let changed = register.set_secret(&known, new_hash, kept, NO_END).await;
        let changed = changed.expect("a secret");
        wait_until_effective().await;
        tokio::time::sleep(HOOK_CHANGE).await;
        self.secrets.replace(customer, new.expose());
        let until = self.cloud.clock.unix() + OVERLAP_SECONDS;
        register.set_secret(&changed, new_hash, kept, until).await.expect("an end of the overlap");
    }

    /// Deletes the messages whose jobs have an entry in the jobs table.
    fn purge_queues(&self, queues: &[&str]) {
        let entries = self.cloud.tables.items(JOBS_TABLE).expect("entries");
        let body_of = |entry: &Value| entry["body"]["S"].as_str().map(Identity::from_body);
        let kept: BTreeSet<_> = entries.iter().filter_map(body_of).collect();
        for queue in queues {
            let is_kept = |body: &str| kept.contains(&Identity::from_body(body));
            self.cloud.lock_sqs().purge_messages(queue, is_kept);
        }
        self.cloud.notify_queue_change();
    }

    /// Sets every record's state to `stored`, and nothing else.
    fn store_records(&self) {
        for item in self.cloud.tables.items(MEDIA).expect("records") {
            let update = json!({
                "TableName": MEDIA,
                "Key": { "instance": item["instance"], "message_id": item["message_id"] },
                "UpdateExpression": "SET #state = :stored",
                "ExpressionAttributeNames": { "#state": "state" },
                "ExpressionAttributeValues": { ":stored": { "S": "stored" } },
            });
            self.write_table("UpdateItem", &update);
        }
    }

    fn empty_jobs_table(&self) {
        for item in self.cloud.tables.items(JOBS_TABLE).expect("entries") {
            let key = json!({ "instance": item["instance"], "message_id": item["message_id"] });
            self.write_table("DeleteItem", &json!({ "TableName": JOBS_TABLE, "Key": key }));
        }
    }

    fn write_token(&self, customer: Customer, token: &str) {
        let context = json!({ "tenant": customer.tenant, "instance": customer.instance });
        let sealed = Cloud::encrypt_text(token, &context);
        let update = json!({
            "TableName": INSTANCES,
            "Key": { "instance": { "S": customer.instance } },
            "UpdateExpression": "SET sealed_token = :token",
            "ExpressionAttributeValues": { ":token": { "S": BASE64.encode(&sealed) } },
        });
        self.write_table("UpdateItem", &update);
    }
}
