//! What operators decide in a world, and which outcomes that leaves to a media message. It is read
//! from the plan, and from the tables as they were when an operator began: what the command finds
//! is not asked.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use media::{kind::MediaKind, object_key::ObjectKey};
use serde_json::Value;
use stand_in::Kind;

use crate::{
    accounting::{AnnouncedMedia, Fate, Identity, SenderAnswer},
    cloud::Cloud,
    function::{JOBS_TABLE, MEDIA, PARKED},
    plan::{Customer, EraseScope, ErasedPart, OutsideEvent, PlannedMedia},
    world::World,
};

/// After this time every function uses a changed record of an instance.
const EFFECTIVE_AFTER: Duration = Duration::from_mins(6);

/// After this time the webhook function uses it for webhooks that it would refuse.
const DOOR_DELAY: Duration = Duration::from_secs(2);

/// The ids and chats of the media messages that an operator must find.
type KnownMedia = BTreeSet<(String, String)>;

/// The decisions of a world's operators.
#[derive(Default)]
pub(crate) struct Decisions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    erased: Vec<Erasure>,
    dropped: BTreeSet<(String, String)>,
    refusals: Vec<String>,
}

struct Erasure {
    scope: EraseScope,
    known: KnownMedia,
    is_complete: bool,
}

impl Decisions {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a webhook with a valid secret was refused.
    pub(crate) fn note_refusal(&self, complaint: String) {
        self.lock().refusals.push(complaint);
    }

    /// The webhooks with a valid secret that were refused.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.lock().refusals.clone()
    }

    /// The media messages that the stack knows when an operator begins to erase: those with a
    /// record, a job entry or an object.
    pub(crate) fn begin_erasure(&self, cloud: &Cloud, scope: &EraseScope) -> KnownMedia {
        let instance = scope.customer.instance;
        let mut known = KnownMedia::new();
        let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
        for item in cloud.tables.items(MEDIA).expect("records") {
            let is_meant = text(&item, "instance").as_deref() == Some(instance)
                && text(&item, "state").as_deref() != Some("erased");
            let id = text(&item, "message").or_else(|| text(&item, "message_id"));
            if let Some((id, chat)) = id.zip(text(&item, "chat")).filter(|_| is_meant) {
                known.insert((id, bare_chat(&chat)));
            }
        }
        for item in cloud.tables.items(JOBS_TABLE).expect("entries") {
            let body: Value =
                serde_json::from_str(&text(&item, "body").unwrap_or_default()).unwrap_or_default();
            let (id, chat) = (&body["message"]["message_id"], &body["message"]["chat"]);
            if let (Some(id), Some(chat)) = (id.as_str(), chat.as_str())
                && body["instance"] == instance
            {
                known.insert((id.to_owned(), bare_chat(chat)));
            }
        }
        for (key, object) in cloud.bucket.objects() {
            let folders = ObjectKey::find_folders(&key).unwrap_or_default();
            if let Some(id) = object.metadata.get("message-id")
                && folders.instance == instance
            {
                known.insert((id.clone(), bare_chat(folders.chat)));
            }
        }
        known
    }

    /// Notes how an operator's erasing ended.
    pub(crate) fn end_erasure(&self, scope: &EraseScope, known: KnownMedia, is_complete: bool) {
        self.lock().erased.push(Erasure { scope: scope.clone(), known, is_complete });
    }

    /// Notes what is parked when an operator begins to drop.
    pub(crate) fn note_drop(&self, cloud: &Cloud) {
        let entries = cloud.tables.items(JOBS_TABLE).expect("entries");
        let entries = entries.iter().filter(|item| item["state"]["S"] == "parked");
        let mut bodies: Vec<_> =
            entries.filter_map(|item| item["body"]["S"].as_str().map(str::to_owned)).collect();
        let sqs = cloud.lock_sqs();
        let parked = sqs.queue(PARKED).into_iter().flat_map(|queue| queue.messages());
        bodies.extend(parked.map(|message| message.body.clone()));
        let named = bodies.iter().map(|body| Identity::from_body(body));
        self.lock().dropped.extend(named.map(|one| (one.instance, one.message_id)));
    }

    /// Limits or widens the outcomes of each media message to what operators decided.
    pub(crate) fn judge_media(&self, mut announced: Vec<AnnouncedMedia>) -> Vec<AnnouncedMedia> {
        let inner = self.lock();
        let keys: Vec<_> = announced.iter().map(|one| key_of(&one.identity)).collect();
        for one in &mut announced {
            let Identity { instance, message_id, .. } = &one.identity;
            if inner.dropped.contains(&(instance.clone(), message_id.clone())) {
                one.fate = Fate::Either;
                // A body is gone with its message.
                if message_id.starts_with("unread ") || instance == "-" {
                    one.told = SenderAnswer::Unsure;
                }
            }
            for erasure in inner.erased.iter().filter(|it| it.covers(&one.identity)) {
                let key = key_of(&one.identity);
                let is_only = keys.iter().filter(|other| **other == key).count() == 1;
                if is_only && erasure.is_complete && erasure.known.contains(&key) {
                    one.fate = Fate::Erased;
                } else if one.fate != Fate::Erased {
                    (one.fate, one.told) = (Fate::Either, SenderAnswer::Unsure);
                }
            }
        }
        announced
    }
}

impl Erasure {
    fn covers(&self, identity: &Identity) -> bool {
        let is_of_part = match &self.scope.part {
            ErasedPart::Chat(chat) => bare_chat(chat) == identity.chat(),
            ErasedPart::Message(id) => *id == identity.message_id,
        };
        identity.instance == self.scope.customer.instance && is_of_part
    }
}

fn key_of(identity: &Identity) -> (String, String) {
    (identity.message_id.clone(), identity.chat().to_owned())
}

fn bare_chat(chat: &str) -> String {
    Identity::new("", "").with_content(chat, "").chat().to_owned()
}

impl World {
    /// The events that concern this instance, in the order of their times.
    fn events_of(&self, customer: Customer) -> Vec<(Duration, &OutsideEvent)> {
        let concerns = |event: &OutsideEvent| {
            event.instance_change().is_some_and(|other| other.instance == customer.instance)
        };
        let events = self.plan.outside_events.iter().filter(|(_, event)| concerns(event));
        let mut events: Vec<_> = events.map(|(at, event)| (*at, event)).collect();
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// Whether the instance's webhooks may be refused at some time between these two: it is paused
    /// or not registered.
    pub(crate) fn may_refuse(&self, customer: Customer, from: Duration, to: Duration) -> bool {
        let mut begun = None;
        for (at, event) in self.events_of(customer) {
            if matches!(event, OutsideEvent::Removed(_) | OutsideEvent::Paused(_)) {
                begun = begun.or(Some(at));
                continue;
            }
            let begin = begun.take().unwrap_or(at);
            if from <= at + DOOR_DELAY && to >= begin {
                return true;
            }
        }
        begun.is_some_and(|begin| to >= begin)
    }

    /// When the instance moves to another tenant, and to which.
    fn find_move(&self, customer: Customer) -> Option<(Duration, &'static str)> {
        self.events_of(customer).into_iter().find_map(|(at, event)| {
            let OutsideEvent::Added(added) = event else {
                return None;
            };
            (added.tenant != customer.tenant).then_some((at, added.tenant))
        })
    }

    /// The tenant of the instance at this time, and another that it may have had: the webhook
    /// function remembers the former one for some minutes, and what the former one has not stored
    /// may be announced again for the next.
    pub(crate) fn tenants_at(
        &self,
        customer: Customer,
        at: Duration,
    ) -> (&'static str, Option<&'static str>) {
        match self.find_move(customer) {
            None => (customer.tenant, None),
            Some((moved_at, next)) if at < moved_at => (customer.tenant, Some(next)),
            Some((moved_at, next)) => {
                let is_soon = at < moved_at + EFFECTIVE_AFTER;
                (next, is_soon.then_some(customer.tenant))
            }
        }
    }

    /// The outcome that sources, rules and moves leave to a media message.
    pub(crate) fn fate_of(&self, planned: &PlannedMedia, customer: Customer) -> Fate {
        let moved = self.find_move(customer);
        let accepted = planned.accepted_at();
        let is_moved = moved.is_some_and(|(at, _)| accepted < at + EFFECTIVE_AFTER);
        let (tenant, _) = self.tenants_at(customer, accepted);
        let kind = media_kind(planned.spec.kind);
        let excluded = self.plan.outside_events.iter().find_map(|(at, event)| {
            let OutsideEvent::KindExcluded(whose, excluded) = event else {
                return None;
            };
            (*whose == tenant && *excluded == kind).then_some(*at)
        });
        let is_left = planned.prior_state.parked;
        match excluded {
            _ if is_moved => Fate::Either,
            Some(at) if planned.at >= at + EFFECTIVE_AFTER && !is_left => Fate::Skipped,
            Some(_) => Fate::Either,
            None => planned.fate,
        }
    }

    /// What a sender may rely on that was not told 200: W-API's log has the webhook, and the
    /// back-fill finds it. What came while webhooks were refused on purpose, and before an instance
    /// moved, is not looked for.
    pub(crate) fn answer_of_the_log(&self, customer: Customer, at: Duration) -> SenderAnswer {
        let until = at + Duration::from_mins(1);
        let is_moved = self.find_move(customer).is_some_and(|(moved_at, _)| at < moved_at);
        if self.plan.backfills.is_empty() || is_moved || self.may_refuse(customer, at, until) {
            SenderAnswer::Unsure
        } else {
            SenderAnswer::Accepted
        }
    }
}

/// The kind as a tenant's rules name it.
fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Image | Kind::NewsletterImage => MediaKind::Image,
        Kind::Video | Kind::Ptv | Kind::Gif => MediaKind::Video,
        Kind::Voice | Kind::Audio => MediaKind::Audio,
        Kind::Document => MediaKind::Document,
        Kind::Sticker => MediaKind::Sticker,
    }
}
