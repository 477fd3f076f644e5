//! W-API: it announces media messages, posts webhooks until they are accepted, and keeps a log of
//! them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use data_encoding::BASE64;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    accounting::{AnnouncedMedia, Fate, Identity, SenderAnswer},
    before,
    door::{DoorFault, Knock},
    function::{InvocationEnd, JOBS, MEDIA, PARKED},
    plan::{CUSTOMERS, Customer, PlannedMedia, PriorState},
    world::{WEBHOOKS, World},
};

/// How long API Gateway waits for the function, a cold start included, as in `template.yaml`.
const API_TIMEOUT: Duration = Duration::from_secs(11);
/// How long a sender waits before it posts again.
const SENDER_RETRY_DELAY: Duration = Duration::from_secs(5);

/// The secrets in the URLs of W-API's hooks, and the webhooks in its log.
#[derive(Default)]
pub(crate) struct HookSecrets {
    replaced: Mutex<BTreeMap<&'static str, String>>,
    logged: Mutex<Vec<(Customer, String, Value)>>,
}

impl HookSecrets {
    /// The secret in the URL of the instance's hooks.
    pub(crate) fn current(&self, customer: Customer) -> String {
        let replaced = lock_mutex(&self.replaced).get(customer.instance).cloned();
        replaced.unwrap_or_else(|| customer.secret.to_owned())
    }

    /// Gives the instance's hooks a URL with another secret.
    pub(crate) fn replace(&self, customer: Customer, secret: &str) {
        lock_mutex(&self.replaced).insert(customer.instance, secret.to_owned());
    }
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Announces all media messages, posts the unreadable bodies, sends the messages that are not
    /// jobs, and triggers the events, each at its time.
    pub(crate) async fn send_everything(self: &Arc<Self>) -> Vec<AnnouncedMedia> {
        let media = self.plan.media.iter().cloned();
        let posts: Vec<_> = media
            .map(|planned| tokio::task::spawn_local(Arc::clone(self).announce_media(planned)))
            .collect();
        let foreign_messages = self.plan.foreign_messages.iter().map(|(at, body)| async move {
            self.cloud.clock.sleep_until(*at).await;
            self.cloud.lock_sqs().send_directly(JOBS, body, None, *at);
            self.cloud.notify_queue_change();
            self.parked_only(Identity::from_body(body), "", SenderAnswer::Accepted)
        });
        let unreadable = self.plan.unreadable.iter().enumerate();
        let unreadable = unreadable.map(async |(n, (at, body))| {
            self.cloud.clock.sleep_until(*at).await;
            let customer = CUSTOMERS[0];
            let told =
                self.post_until_accepted(customer, body, &format!("unreadable {n}"), 0).await;
            let base64 = BASE64.encode(body.to_string().as_bytes());
            let identity = Identity::from_unread(customer.instance, &base64);
            self.parked_only(identity, customer.tenant, told)
        });
        let happenings = self.plan.outside_events.iter().map(|(at, happening)| async move {
            self.cloud.clock.sleep_until(*at).await;
            self.cloud.log.add_line(*at, format!("{happening:?}"));
            self.apply_outside_event(happening).await;
        });
        let (posted, foreign_messages, unreadable, _) = tokio::join!(
            join_all(posts),
            join_all(foreign_messages),
            join_all(unreadable),
            join_all(happenings)
        );
        let posted = posted.into_iter().map(|one| one.expect("a sender does not panic"));
        posted.chain(foreign_messages).chain(unreadable).collect()
    }

    /// What is only in the parked queue, which keeps a message for 14 days.
    fn parked_only(&self, identity: Identity, tenant: &str, told: SenderAnswer) -> AnnouncedMedia {
        let is_short = self.plan.min_time < Duration::from_hours(13 * 24);
        AnnouncedMedia {
            identity,
            tenant: tenant.to_owned(),
            other_tenant: None,
            sha256: String::new(),
            told: if is_short { told } else { SenderAnswer::Unsure },
            fate: Fate::Parked,
        }
    }

    async fn announce_media(self: Arc<Self>, planned: PlannedMedia) -> AnnouncedMedia {
        self.cloud.clock.sleep_until(planned.at).await;
        let mut made = self.origins.announce(planned.spec.clone()).expect("a media message");
        for (pointer, value) in &planned.changed_fields {
            let place = made.webhook.pointer_mut(pointer).expect("a place");
            place.clone_from(value);
        }
        let customer = CUSTOMERS.into_iter().find(|it| it.instance == made.instance);
        let customer = customer.expect("a known instance");
        self.leave_prior_state(&made, customer, planned.prior_state);
        let logged = (customer, made.message_id.clone(), made.webhook.clone());
        lock_mutex(&self.secrets.logged).push(logged);
        let PriorState { job, unread, parked, .. } = planned.prior_state;
        let is_there = job || unread || parked;
        let posts = if is_there { 0 } else { planned.posts };
        let posts = (0..posts)
            .map(|n| self.post_until_accepted(customer, &made.webhook, &made.message_id, n));
        let told = join_all(posts).await;
        let (tenant, other_tenant) = self.tenants_at(customer, planned.accepted_at());
        let told = told
            .into_iter()
            // The version before has said 200 for what it kept.
            .chain(is_there.then_some(SenderAnswer::Accepted))
            .find(|told| *told == SenderAnswer::Accepted);
        AnnouncedMedia {
            identity: Identity::new(made.instance, made.message_id)
                .with_content(&made.chat, &made.sha256_hex),
            tenant: tenant.to_owned(),
            other_tenant: other_tenant.map(str::to_owned),
            sha256: made.sha256_hex,
            told: told.unwrap_or_else(|| self.answer_of_the_log(customer, planned.at)),
            fate: self.fate_of(&planned, customer),
        }
    }

    /// Puts down what the previous version left of a media message.
    fn leave_prior_state(
        &self,
        made: &stand_in::AnnouncedMedia,
        customer: Customer,
        left: PriorState,
    ) {
        let now = self.cloud.clock.now();
        let note = |what: &str| {
            let line = format!("the previous version left {what} of {}", made.message_id);
            self.cloud.log.add_line(now, line);
        };
        if let Some(state) = left.record {
            note("a record");
            let item = before::stored_record(made, customer, state);
            self.write_table("PutItem", &json!({ "TableName": MEDIA, "Item": item }));
        }
        if left.job {
            note("a job");
            let job = before::queued_job(made, customer);
            self.cloud.lock_sqs().send_directly(JOBS, &job, None, now);
        }
        if left.unread {
            note("an unread body");
            let body = before::unread(made, customer);
            self.cloud.lock_sqs().send_directly(JOBS, &body, None, now);
        }
        if left.parked {
            note("a parked job");
            let (job, ticket) = (before::queued_job(made, customer), before::ticket(customer));
            self.cloud.lock_sqs().send_with_attributes(PARKED, &job, ticket, now);
        }
        self.cloud.notify_queue_change();
    }

    /// Posts until the answer is 200, as many times as the plan's senders do.
    async fn post_until_accepted(
        &self,
        customer: Customer,
        body: &Value,
        message_id: &str,
        n: u32,
    ) -> SenderAnswer {
        // A webhook that W-API repeats goes to the URL that it had at first.
        let secret = self.secrets.current(customer);
        for again in 0..self.plan.sender_tries.max(1) {
            let knock =
                Knock { message: message_id, post: n, repeat: again, at: self.cloud.clock.now() };
            let answer = self.post_once((customer, &secret), body, knock).await;
            if answer == Some(200) {
                return SenderAnswer::Accepted;
            }
            tokio::time::sleep(SENDER_RETRY_DELAY).await;
        }
        SenderAnswer::Unsure
    }

    /// Posts once, and returns the status that the sender sees, if any.
    async fn post_once(
        &self,
        (customer, secret): (Customer, &str),
        body: &Value,
        knock: Knock<'_>,
    ) -> Option<u16> {
        let Knock { message, post, repeat, at } = knock;
        let door = (self.plan.door)(&knock);
        let note = |what: String| {
            self.cloud.log.add_line(self.cloud.clock.now(), format!("post of {message}: {what}"));
        };
        if let DoorFault::Refused(status) = door {
            note(format!("API Gateway refused it with {status}"));
            return Some(status);
        }
        let chance = self.cloud.chance.named(message).named(post).named(repeat);
        let slot = usize::try_from(chance.below(WEBHOOKS)).unwrap_or_default();
        let mut slot = self.webhooks.get(slot)?.lock().await;
        let began = Instant::now();
        let ended = slot.post_webhook((customer.instance, secret), body).await;
        drop(slot);
        note(format!("{ended:?}"));
        if began.elapsed() > API_TIMEOUT {
            note("API Gateway waited no longer".to_owned());
            return Some(503);
        }
        let InvocationEnd::Answered(status) = ended else {
            return None;
        };
        if status == 401 && !self.may_refuse(customer, at, self.cloud.clock.now()) {
            let instance = customer.instance;
            self.decisions.note_refusal(format!("{instance}/{message}: a valid secret got 401"));
        }
        if let DoorFault::Replaced(status) = door {
            note(format!("API Gateway replaced the answer with {status}"));
            return Some(status);
        }
        Some(status)
    }

    /// Posts every webhook in W-API's log once more.
    pub(crate) async fn replay_log(&self) {
        let logged = lock_mutex(&self.secrets.logged).clone();
        for (customer, message, body) in logged {
            let secret = self.secrets.current(customer);
            let at = self.cloud.clock.now();
            let knock = Knock { message: &message, post: u32::MAX, repeat: 0, at };
            self.post_once((customer, &secret), &body, knock).await;
        }
    }
}
