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
//! another.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use media::{contact::Contact, ids::InstanceId};

use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, get_item, get_string, number_value, string_value},
    error::AwsError,
};

/// How long a LID that has no phone number, or several, is not looked up again.
const MAX_ABSENCE_AGE: Duration = Duration::from_mins(1);

/// How long the only phone number of a LID is used before it is looked up again: another process
/// may have learnt a second one.
const MAX_PHONE_AGE: Duration = Duration::from_hours(1);

/// How many known pairs a process remembers. Then it forgets all of them, and checks each again
/// when it is named.
const MAX_REMEMBERED: usize = 20_000;

/// How many numbers of one LID are read, at most. Two are too many for a folder.
const MAX_LINKS: i32 = 50;

/// Reads and writes the table of people.
#[derive(Debug)]
pub struct PeopleTable {
    clients: Clients,
    table: String,
    /// Hashes of the pairs that the table is known to have.
    remembered: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// The only phone number of a LID; `None` if it has none or several.
    phones: Cache<(InstanceId, String), Option<String>>,
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

    /// Whether this process does not know yet that the table has the pair.
    #[must_use]
    pub fn is_new(&self, instance: &InstanceId, person: &Contact) -> bool {
        let hash = self.hash_pair(instance, person);
        person.as_pair().is_some() && !self.lock_remembered().contains(&hash)
    }

    /// Writes the pair at `now` (seconds since 1970) unless the table has it. A contact without
    /// LID or without phone number is no pair.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` or `PutItem` fails. The pair is then still new.
    pub async fn learn(
        &self,
        instance: &InstanceId,
        person: &Contact,
        now: i64,
    ) -> Result<(), AwsError> {
        let Some((lid, phone)) = person.as_pair() else {
            return Ok(());
        };
        // The item that is written last, so that it proves the other one.
        let [by_lid, by_phone] = link_keys(lid, phone);
        let key = [("instance", instance.as_str()), ("link", by_phone.as_str())];
        if get_item(&self.clients, &self.table, key).await?.is_none() {
            for link in [by_lid, by_phone] {
                let put = self.clients.dynamodb.put_item().table_name(&self.table);
                put.item("instance", string_value(instance.as_str()))
                    .item("link", string_value(link))
                    .item("lid", string_value(lid))
                    .item("phone", string_value(phone))
                    .item("learnt_at", number_value(now))
                    .send()
                    .await
                    .map_err(AwsError::in_operation("dynamodb:PutItem"))?;
            }
            self.phones.remove(&(instance.clone(), lid.to_owned()));
        }
        let hash = self.hash_pair(instance, person);
        let mut remembered = self.lock_remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash);
        Ok(())
    }

    /// The phone number that a LID (digits) belongs to. `None` if the table has none or several, or
    /// if the number has another LID as well.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn find_phone(
        &self,
        instance: &InstanceId,
        lid: &str,
    ) -> Result<Option<String>, AwsError> {
        let key = (instance.clone(), lid.to_owned());
        match self.phones.get(&key) {
            Some((age, Some(phone))) if age < MAX_PHONE_AGE => return Ok(Some(phone)),
            Some((age, None)) if age < MAX_ABSENCE_AGE => return Ok(None),
            Some(_) | None => {}
        }
        let mut links = self.find_links(instance, &format!("lid#{lid}#")).await?;
        let only = links.pop().filter(|_| links.is_empty());
        let mut phone = only.and_then(|person| person.phone);
        if let Some(number) = &phone {
            // A number that was given to somebody else has a second LID.
            let of_number = self.find_links(instance, &format!("phone#{number}#")).await?;
            phone = phone.filter(|_| of_number.len() <= 1);
        }
        self.phones.put(key, phone.clone());
        Ok(phone)
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

    async fn find_links(
        &self,
        instance: &InstanceId,
        prefix: &str,
    ) -> Result<Vec<Contact>, AwsError> {
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
        Ok(output.items.unwrap_or_default().iter().filter_map(read_person).collect())
    }

    fn hash_pair(&self, instance: &InstanceId, person: &Contact) -> u64 {
        self.hasher.hash_one((instance, person))
    }

    fn lock_remembered(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sort keys of a pair, by LID and by phone number.
fn link_keys(lid: &str, phone: &str) -> [String; 2] {
    [format!("lid#{lid}#{phone}"), format!("phone#{phone}#{lid}")]
}

fn read_person(item: &Attributes) -> Option<Contact> {
    let text = |name| get_string(item, name).map(str::to_owned);
    let person = Contact { lid: text("lid"), phone: text("phone") };
    person.as_pair().is_some().then_some(person)
}
