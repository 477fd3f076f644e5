//! The table of people: which LID belongs to which phone number, per instance, as webhooks said.
//!
//! Each pair is two items, so that it is found by either side:
//!
//! | `instance` | `link` |
//! |---|---|
//! | the instance's id | `lid#{lid}#{phone}` |
//! | the instance's id | `phone#{phone}#{lid}` |
//!
//! A LID with two numbers, or a number with two LIDs, has an item for each: no pair replaces
//! another. Both items have the `tenant` whose webhook named the pair last: an instance may move,
//! and earlier versions wrote none. Under a retention, they have an end (`forget_at`), which is
//! renewed when a webhook names the pair again.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use media::{
    contact::Contact,
    ids::{InstanceId, TenantId},
    message::Chat,
    policy::Retention,
};

pub use crate::named_contact::NamedContact;
use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
    named_contact::{RENEWED_AFTER, TENANT},
    orders::Orders,
};

/// The attribute with the end of a pair, in seconds since 1970.
const FORGET_AT: &str = "forget_at";

/// How long a LID that has no phone number, or several, is not looked up again.
const MAX_ABSENCE_AGE: Duration = Duration::from_mins(1);

/// How long the only phone number of a LID is used before it is looked up again: another process
/// may have learnt a second one.
const MAX_PHONE_AGE: Duration = Duration::from_hours(1);

/// How many known pairs a process remembers. Then it forgets all of them, and checks each again
/// when it is named.
const MAX_REMEMBERED: usize = 20_000;

/// How old an answer about orders may be when something is written by it, in seconds. Lambda may
/// freeze a process between the two for as long as nothing comes; whoever gives an order waits for
/// longer than this before the search.
pub const MAX_ANSWER_AGE: i64 = 2;

/// How many numbers of one LID are read, at most. Two are too many for a folder.
const MAX_LINKS: i32 = 50;

/// Reads and writes the table of people.
#[derive(Debug)]
pub struct PeopleTable {
    clients: Clients,
    table: String,
    /// Of each pair that the table is known to have, or that it must not have, a hash; and a hash
    /// of what was known.
    remembered: Mutex<HashMap<u64, u64>>,
    hasher: RandomState,
    /// The only phone number of a LID; `None` if it has none or several.
    phones: Cache<(TenantId, InstanceId, String), Option<String>>,
}

impl PeopleTable {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
            remembered: Mutex::default(),
            hasher: RandomState::new(),
            phones: Cache::new(),
        }
    }

    /// Whether this process does not know yet that the table has the pair, or did not look for as
    /// long as an end lasts that need not be renewed.
    #[must_use]
    pub fn is_new(&self, named: &NamedContact<'_>) -> bool {
        let (pair, known) = self.hash_pair(named);
        named.person.as_pair().is_some() && self.lock_remembered().get(&pair) != Some(&known)
    }

    /// Writes the pair unless the table has it with about the same end, or an order to erase covers
    /// what is announced of the contact. A contact without LID or without phone number is no
    /// pair. `clock` tells the time in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when a call to DynamoDB or KMS fails. The pair is then still new.
    pub async fn learn(
        &self,
        named: NamedContact<'_>,
        orders: &Orders,
        clock: impl Fn() -> i64,
    ) -> Result<(), AwsError> {
        let Some((lid, phone)) = named.person.as_pair() else {
            return Ok(());
        };
        // The item that is written last, so that it proves the other one.
        let [by_lid, by_phone] = link_keys(lid, phone);
        let key = [("instance", named.instance.as_str()), ("link", by_phone.as_str())];
        let found = get_item(&self.clients, &self.table, key).await?;
        let is_known =
            found.as_ref().is_some_and(|item| named.has_end(item) && named.has_tenant(item));
        let asked_at = clock();
        let erasure = if is_known { None } else { named.find_erasure(orders).await? };
        if erasure.as_ref().is_some_and(|order| !order.erases(named.now)) {
            // It came again. What the contact sends from now on is learnt.
            return Ok(());
        }
        if !is_known && erasure.is_none() {
            let learnt_at = found.and_then(|item| get_number(&item, "learnt_at"));
            let learnt_at = learnt_at.unwrap_or(named.now);
            for link in [by_lid, by_phone] {
                if clock().saturating_sub(asked_at) > MAX_ANSWER_AGE {
                    return Ok(());
                }
                let put = self.clients.dynamodb.put_item().table_name(&self.table);
                let mut put = put
                    .item("instance", string_value(named.instance.as_str()))
                    .item("link", string_value(link))
                    .item("lid", string_value(lid))
                    .item("phone", string_value(phone))
                    .item(TENANT, string_value(named.tenant.as_str()))
                    .item("learnt_at", number_value(learnt_at));
                if let Some(end) = named.end() {
                    put = put.item(FORGET_AT, number_value(end));
                }
                put.send().await.map_err(AwsError::in_operation("dynamodb:PutItem"))?;
            }
            self.phones.remove(&(named.tenant.clone(), named.instance.clone(), lid.to_owned()));
        }
        let (pair, known) = self.hash_pair(&named);
        let mut remembered = self.lock_remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(pair, known);
        Ok(())
    }

    /// The phone number that a LID (digits) belongs to. `None` if the table has none or several, or
    /// if the number has another LID as well. Two spellings of one number are one: of them, it is
    /// the one that was learnt first, so that the folder stays the same. What another tenant's
    /// webhooks told, when the instance was that tenant's, is not told to this one.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn find_phone(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        lid: &str,
    ) -> Result<Option<String>, AwsError> {
        let key = (tenant.clone(), instance.clone(), lid.to_owned());
        match self.phones.get(&key) {
            Some((age, Some(phone))) if age < MAX_PHONE_AGE => return Ok(Some(phone)),
            Some((age, None)) if age < MAX_ABSENCE_AGE => return Ok(None),
            Some(_) | None => {}
        }
        let mut links = self.find_items(instance, &format!("lid#{lid}#")).await?;
        // Earlier versions did not write down whose a pair is.
        links.retain(|item| get_string(item, TENANT).is_none_or(|its| its == tenant.as_str()));
        links.sort_by_key(|item| get_number::<i64>(item, "learnt_at"));
        let mut numbers = links.iter().filter_map(read_person).filter_map(|person| person.phone);
        let mut phone = numbers.next();
        if let Some(number) = &phone {
            let normal = Chat::normalize_phone(number);
            let is_only = numbers.all(|other| Chat::normalize_phone(&other) == normal);
            phone = match is_only && self.has_one_lid(instance, number).await? {
                true => phone,
                false => None,
            };
        }
        self.phones.put(key, phone.clone());
        Ok(phone)
    }

    /// Whether a number, in whichever spelling, has one LID. One that was given to somebody else
    /// has a second.
    async fn has_one_lid(&self, instance: &InstanceId, phone: &str) -> Result<bool, AwsError> {
        let mut lids = HashSet::new();
        let spellings = Chat::spellings_of_phone(phone);
        // A text that is no number of a known form has no other spelling.
        let other = spellings.iter().map(Chat::as_str).filter(|other| *other != phone);
        for spelling in std::iter::once(phone).chain(other) {
            let links = self.find_links(instance, &format!("phone#{spelling}#")).await?;
            lids.extend(links.into_iter().filter_map(|person| person.lid));
        }
        Ok(lids.len() <= 1)
    }

    /// Every contact that was seen with one of these LIDs or phone numbers (digits), and with what
    /// these were seen with in turn, until nothing new is found.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_aliases(
        &self,
        instance: &InstanceId,
        from: Vec<Contact>,
    ) -> Result<Vec<Contact>, AwsError> {
        let mut asked = HashSet::new();
        let (mut open, mut found) = (from, Vec::<Contact>::new());
        while let Some(contact) = open.pop() {
            let prefixes = [("lid", contact.lid), ("phone", contact.phone)];
            for (side, digits) in prefixes {
                let Some(prefix) = digits.map(|digits| format!("{side}#{digits}#")) else {
                    continue;
                };
                if !asked.insert(prefix.clone()) {
                    continue;
                }
                for person in self.find_links(instance, &prefix).await? {
                    if !found.contains(&person) {
                        open.push(person.clone());
                        found.push(person);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Every pair of an instance.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_all(&self, instance: &InstanceId) -> Result<Vec<Contact>, AwsError> {
        let mut items = self
            .clients
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("instance = :instance AND begins_with(link, :prefix)")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":prefix", string_value("lid#"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            found.extend(read_person(&item));
        }
        Ok(found)
    }

    /// The sort keys of the items of an instance that webhooks of this tenant wrote: of pairs, by
    /// either side, and of open numbers.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    #[cfg(feature = "operator")]
    pub async fn list_links_of(
        &self,
        instance: &InstanceId,
        tenant: &TenantId,
    ) -> Result<HashSet<String>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let mut items = query
            .key_condition_expression("instance = :instance")
            .filter_expression("tenant = :tenant")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut links = HashSet::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            links.extend(get_string(&item, "link").map(str::to_owned));
        }
        Ok(links)
    }

    /// Deletes the pairs of these contacts.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn forget(
        &self,
        instance: &InstanceId,
        people: &[Contact],
    ) -> Result<usize, AwsError> {
        for (lid, phone) in people.iter().filter_map(Contact::as_pair) {
            for link in link_keys(lid, phone) {
                let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
                let delete = delete
                    .key("instance", string_value(instance.as_str()))
                    .key("link", string_value(link));
                delete.send().await.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
            }
        }
        Ok(people.len())
    }

    /// Gives every pair of an instance the end of this retention, counted from `now` (seconds since
    /// 1970), unless its end is sooner; without a retention, takes the ends away. Returns how many
    /// items need that. With `is_trial`, only counts them.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` or `UpdateItem` fails.
    pub async fn retain(
        &self,
        instance: &InstanceId,
        retention: Option<Retention>,
        now: i64,
        is_trial: bool,
    ) -> Result<u64, AwsError> {
        let end = retention.map(|class| class.end_of(now));
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let query = query.key_condition_expression("instance = :instance");
        let query = query.expression_attribute_values(":instance", string_value(instance.as_str()));
        let mut items = query.consistent_read(true).into_paginator().items().send();
        let mut count = 0;
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let is_right = match (get_number::<i64>(&item, FORGET_AT), end) {
                (None, None) => true,
                (Some(has), Some(end)) => has <= end,
                (Some(_), None) | (None, Some(_)) => false,
            };
            let Some(link) = get_string(&item, "link").filter(|_| !is_right) else {
                continue;
            };
            count += 1;
            if !is_trial {
                self.put_end(instance, link, end).await?;
            }
        }
        Ok(count)
    }

    /// Writes the end of one item that is still there.
    async fn put_end(
        &self,
        instance: &InstanceId,
        link: &str,
        end: Option<i64>,
    ) -> Result<(), AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let update = update
            .key("instance", string_value(instance.as_str()))
            .key("link", string_value(link))
            .condition_expression("attribute_exists(link)");
        let update = match end {
            Some(end) => update
                .update_expression(format!("SET {FORGET_AT} = :end"))
                .expression_attribute_values(":end", number_value(end)),
            None => update.update_expression(format!("REMOVE {FORGET_AT}")),
        };
        match update.send().await.map_err(AwsError::in_operation("dynamodb:UpdateItem")) {
            // It was erased, or has ended, meanwhile.
            Err(error) if error.is_failed_condition() => Ok(()),
            written => written.map(|_| ()),
        }
    }

    async fn find_links(
        &self,
        instance: &InstanceId,
        prefix: &str,
    ) -> Result<Vec<Contact>, AwsError> {
        let items = self.find_items(instance, prefix).await?;
        Ok(items.iter().filter_map(read_person).collect())
    }

    async fn find_items(
        &self,
        instance: &InstanceId,
        prefix: &str,
    ) -> Result<Vec<Attributes>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let output = query
            .key_condition_expression("instance = :instance AND begins_with(link, :prefix)")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":prefix", string_value(prefix))
            .consistent_read(true)
            .limit(MAX_LINKS)
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:Query"))?;
        Ok(output.items.unwrap_or_default())
    }

    /// A hash of the pair, and one that changes when it is time to look for a new end: for each
    /// pair at another moment, and when the class changes.
    fn hash_pair(&self, named: &NamedContact<'_>) -> (u64, u64) {
        let pair = self.hasher.hash_one((named.tenant, named.instance, named.person));
        // The same in every process, so that a pair is renewed once and not by each.
        let mut phase = DefaultHasher::new();
        (named.instance, named.person).hash(&mut phase);
        let phase = i64::try_from(phase.finish() % u64::from(RENEWED_AFTER)).unwrap_or_default();
        let week = named.now.saturating_add(phase).div_euclid(i64::from(RENEWED_AFTER));
        (pair, self.hasher.hash_one((week, named.retention.map(Retention::days))))
    }

    fn lock_remembered(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sort keys of a pair, by LID and by phone number.
#[must_use]
pub fn link_keys(lid: &str, phone: &str) -> [String; 2] {
    [format!("lid#{lid}#{phone}"), format!("phone#{phone}#{lid}")]
}

fn read_person(item: &Attributes) -> Option<Contact> {
    let text = |name| get_string(item, name).map(str::to_owned);
    let person = Contact { lid: text("lid"), phone: text("phone") };
    person.as_pair().is_some().then_some(person)
}
