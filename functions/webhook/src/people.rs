//! Learns which LID belongs to which phone number, and uses it for the chats of new media.

use std::{sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    open_people::OpenPeople,
    orders::Orders,
    people::{MAX_ANSWER_AGE, NamedContact, PeopleTable},
};
use boot::clock;
use media::{
    access::VerifiedInstance,
    contact::Contact,
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    policy::Retention,
};
use tokio::{sync::Semaphore, time::timeout};

/// How long a webhook waits for the phone number of a LID, at most. Then the media file is stored
/// in the folder of the LID.
const MAX_LOOKUP_TIME: Duration = Duration::from_millis(500);

/// How many pairs are written at the same time. What comes meanwhile is learnt from a later
/// message of the same person.
const MAX_WRITES: usize = 2;

/// When a webhook tells of people, and for how long the tenant keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// How long the tenant keeps what is known; `None` without an end.
    pub(crate) retention: Option<Retention>,
    /// When the webhook came, in seconds since 1970.
    pub(crate) now: i64,
    /// When what it announces was sent, in seconds since 1970.
    pub(crate) announced_at: i64,
}

impl Told {
    fn name<'a>(
        self,
        (tenant, instance): (&'a TenantId, &'a InstanceId),
        person: &'a Contact,
    ) -> NamedContact<'a> {
        let Self { retention, now, announced_at } = self;
        NamedContact { tenant, instance, person, retention, now, announced_at }
    }
}

/// The register of people, as the webhook function uses it.
#[derive(Debug, Clone)]
pub(crate) struct People {
    table: Arc<PeopleTable>,
    orders: Arc<Orders>,
    /// `None`: W-API is not asked for LIDs.
    open: Option<Arc<OpenPeople>>,
    writes: Arc<Semaphore>,
}

impl People {
    pub(crate) fn new(
        clients: &Clients,
        table: String,
        orders_table: String,
        asks_lids: bool,
    ) -> Self {
        let open = asks_lids.then(|| Arc::new(OpenPeople::new(clients, table.clone())));
        Self {
            open,
            table: Arc::new(PeopleTable::new(clients, table)),
            orders: Arc::new(Orders::new(clients, orders_table)),
            writes: Arc::new(Semaphore::new(MAX_WRITES)),
        }
    }

    /// Writes what a webhook says about people, if this process does not know it yet and no order
    /// to erase covers it. Nothing waits for the writes: they go on while the webhook is answered,
    /// or when Lambda thaws the process for the next one. What is lost is learnt from the next
    /// message.
    pub(crate) fn learn_all(&self, verified: &VerifiedInstance, people: &[Contact], told: Told) {
        for person in people {
            let (tenant, instance) = (verified.tenant(), verified.instance());
            let named = told.name((tenant, instance), person);
            if !self.table.is_new(&named) {
                continue;
            }
            let Ok(permit) = Arc::clone(&self.writes).try_acquire_owned() else {
                return;
            };
            let (table, orders) = (Arc::clone(&self.table), Arc::clone(&self.orders));
            let (tenant, instance) = (tenant.clone(), instance.clone());
            let person = person.clone();
            tokio::spawn(async move {
                let (tenant, person) = (&tenant, &person);
                let named = told.name((tenant, &instance), person);
                if let Err(error) = table.learn(named, &orders, clock::now).await {
                    tracing::debug!(%instance, %error, "writing a pair of LID and phone failed");
                }
                drop(permit);
            });
        }
    }

    /// Notes the number of a chat whose LID is not known, if this process has not looked it up yet.
    /// As with pairs, nothing waits for it, and nothing is noted of what an order to erase covers.
    pub(crate) fn note_open(&self, verified: &VerifiedInstance, phone: &str, told: Told) {
        let (tenant, instance) = (verified.tenant().clone(), verified.instance());
        let Some(open) = self.open.as_ref().filter(|open| open.is_new(instance, phone)) else {
            return;
        };
        let Ok(permit) = Arc::clone(&self.writes).try_acquire_owned() else {
            return;
        };
        let (open, orders) = (Arc::clone(open), Arc::clone(&self.orders));
        let (instance, phone) = (instance.clone(), phone.to_owned());
        tokio::spawn(async move {
            let contact = Contact { lid: None, phone: Some(phone.clone()) };
            let Told { retention, now, announced_at } = told;
            let owner = (&tenant, &instance);
            let asked_at = clock::now();
            let erased = orders.find_contact_erasure(owner, &contact, announced_at).await;
            let end = retention.map(|class| class.end_of(now));
            let noted = match erased {
                Ok(None) if clock::now().saturating_sub(asked_at) > MAX_ANSWER_AGE => Ok(()),
                Ok(None) => open.note(owner, &phone, (now, end)).await,
                Ok(Some(_)) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = noted {
                tracing::debug!(%instance, %error, "noting a number without a LID failed");
            }
            drop(permit);
        });
    }

    /// The phone number of the chat of these media, which one webhook announces, if they name only
    /// its LID. A failure is no number.
    pub(crate) async fn find_phone(
        &self,
        verified: &VerifiedInstance,
        media: &[MediaMessage],
    ) -> Option<String> {
        let lid = media.iter().find_map(MediaMessage::unresolved_lid)?;
        let owner = (verified.tenant(), verified.instance());
        let instance = owner.1;
        match timeout(MAX_LOOKUP_TIME, self.table.find_phone(owner, lid)).await {
            Ok(Ok(phone)) => phone,
            Ok(Err(error)) => {
                tracing::warn!(%instance, %error, "looking up the phone number of a LID failed");
                None
            }
            Err(_late) => {
                tracing::warn!(%instance, "looking up the phone number of a LID took too long");
                None
            }
        }
    }
}
