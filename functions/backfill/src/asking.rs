//! Asks W-API for the LIDs of numbers that webhooks have named without one: a few in an hour.

use std::time::Duration;

use aws::{error::AwsError, instances::Instance, people::NamedContact};
use fetch::account::Credentials;
use media::{
    contact::Contact,
    message::{Chat, Secret},
    order::OrderSubject,
};
use tokio::time::Instant;

use crate::{Backfill, services::People};

/// How many numbers of an instance are asked for in a run, at most. Each instance has one run in an
/// hour. Each question is one that WhatsApp answers to the account, and it restricts accounts that
/// ask for many numbers.
const MAX_ASKED: usize = 10;

/// For how long a number without a LID is not asked for again, in seconds.
const ASK_AGAIN_AFTER: i64 = 7 * 24 * 60 * 60;

/// A question is sent only if this much of the invocation's time is left: W-API may take 20 s.
const MIN_TIME_TO_ASK: Duration = Duration::from_secs(30);

/// What became of the questions of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct AskCounts {
    asked: usize,
    /// LIDs that were learnt.
    learnt: usize,
    /// Numbers that have no LID, are not on WhatsApp, or of which W-API names another number.
    unknown: usize,
    /// Numbers that an order to erase covers from now on: nobody is asked, and they are forgotten.
    erased: usize,
    /// The status with which W-API ended the questions; 0 if no answer came or could be read.
    stopped: Option<u16>,
}

impl Backfill {
    /// Asks for the LIDs of open numbers of an instance, and writes a log line if there were any.
    /// Nothing depends on it: a failure of AWS is logged, and the next hour goes on.
    pub(crate) async fn ask_people(&self, instance: &Instance, now: i64, deadline: Instant) {
        let Some(people) = &self.services.people else {
            return;
        };
        let mut counts = AskCounts::default();
        let done = self.ask_all(people, instance, &mut counts, (now, deadline)).await;
        let id = &instance.id;
        if let Err(error) = done {
            tracing::warn!(instance = %id, %error, "asking for LIDs failed");
        }
        if counts != AskCounts::default() {
            tracing::info!(
                tenant = %instance.tenant,
                instance = %id,
                asked = counts.asked,
                learnt = counts.learnt,
                unknown = counts.unknown,
                erased = counts.erased,
                stopped = counts.stopped,
                "backfill people"
            );
        }
    }

    async fn ask_all(
        &self,
        people: &People,
        instance: &Instance,
        counts: &mut AskCounts,
        (now, deadline): (i64, Instant),
    ) -> Result<(), AwsError> {
        let open = people.open.list_due(&instance.id, now, MAX_ASKED).await?;
        if open.is_empty() {
            return Ok(());
        }
        let Ok(token) = self.services.instances.token(instance).await else {
            // The pass that reads the log reports it.
            return Ok(());
        };
        for (n, phone) in open.iter().enumerate() {
            if Instant::now() + MIN_TIME_TO_ASK > deadline {
                break;
            }
            if self.is_erased_from_now_on(instance, phone, now).await? {
                people.open.remove(&instance.id, phone).await?;
                counts.erased += 1;
                continue;
            }
            if n > 0 {
                tokio::time::sleep(self.services.pace.ask_pause).await;
            }
            if !self.ask_one(people, (instance, &token), phone, (counts, now)).await? {
                break;
            }
        }
        Ok(())
    }

    /// Asks for one number; whether the next one may be asked for.
    async fn ask_one(
        &self,
        people: &People,
        (instance, token): (&Instance, &Secret),
        phone: &str,
        (counts, now): (&mut AskCounts, i64),
    ) -> Result<bool, AwsError> {
        let who = Credentials { instance: &instance.id, token };
        counts.asked += 1;
        let (lid, goes_on) = match self.services.wapi.ask_phone(phone, who).await {
            Ok(answer) => (answer.lid_of(phone), true),
            Err(error) => {
                let status = error.status();
                counts.stopped = Some(status.unwrap_or_default());
                // The number may be what W-API refuses: the others come first next time.
                let is_of_number = matches!(status, Some(400 | 404 | 422));
                if !is_of_number {
                    return Ok(false);
                }
                (None, false)
            }
        };
        match lid {
            Some(lid) => {
                let pair = Contact { lid: Some(lid), phone: Some(phone.to_owned()) };
                let named = NamedContact {
                    tenant: &instance.tenant,
                    instance: &instance.id,
                    person: &pair,
                    retention: instance.policy.retention,
                    now,
                    announced_at: now,
                };
                people.pairs.learn(named, &self.services.orders, || now).await?;
                people.open.remove(&instance.id, phone).await?;
                counts.learnt += 1;
            }
            None => {
                let until = now.saturating_add(ASK_AGAIN_AFTER);
                people.open.postpone(&instance.id, phone, until).await?;
                counts.unknown += 1;
            }
        }
        Ok(goes_on)
    }

    /// Whether an order to erase covers what comes of this number's chat from now on.
    async fn is_erased_from_now_on(
        &self,
        instance: &Instance,
        phone: &str,
        now: i64,
    ) -> Result<bool, AwsError> {
        let chat = Chat::try_from(phone.to_owned()).ok();
        let subjects = OrderSubject::list_all(&instance.id, chat, []);
        let later = now.saturating_add(1);
        let order = self.services.orders.find_covering(&instance.tenant, subjects, later).await?;
        Ok(order.is_some())
    }
}
