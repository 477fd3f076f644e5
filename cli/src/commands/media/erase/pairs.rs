//! What the table of people has of what is erased: the other names of a person, pairs of LID and
//! phone number, and numbers without a LID.

use aws::{
    open_people::open_key,
    people::{PeopleTable, link_keys},
    register::RegisterError,
};
use media::{contact::Contact, ids::InstanceId, message::Chat};

use super::scope::EraseScope;
use crate::{person::PersonChats, session::Session};

/// What the table of people has of what is erased, in one instance.
struct KnownPeople {
    /// Pairs of LID and phone number.
    pairs: Vec<Contact>,
    /// Phone numbers without a LID.
    open: Vec<String>,
    /// How many of both are another tenant's by now, or do not say whose they are.
    of_others: usize,
}

/// How many pairs of LID and phone number, and numbers without a LID, the table of people has.
#[derive(Default)]
pub(super) struct PeopleCount {
    /// This tenant's.
    pub(super) left: usize,
    /// In instances that are another tenant's by now, and named by its webhooks last, or written by
    /// a version that did not write down whose they are: that tenant keeps them.
    pub(super) of_other_tenants: usize,
}

impl KnownPeople {
    /// How many pairs and numbers.
    fn len(&self) -> usize {
        self.pairs.len() + self.open.len()
    }
}

impl EraseScope {
    /// Adds the names that the table of people connects with the chats.
    pub(crate) async fn add_aliases(&mut self, people: &PeopleTable) -> anyhow::Result<()> {
        for instance in &self.instances {
            let chats: Vec<_> = self.chats.iter().cloned().collect();
            let person = PersonChats::find(people, instance, &chats).await?;
            self.doubtful.extend(person.doubtful);
            let sure = person.chats.into_iter().filter(|chat| !self.doubtful.contains(chat));
            self.chats.extend(sure.collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Deletes what the table of people has of the chats, or of everything, and that is this
    /// tenant's.
    pub(super) async fn forget_people(&self, session: &Session) -> anyhow::Result<usize> {
        let (people, open, mut removed) = (session.people()?, session.open_people()?, 0);
        for instance in &self.instances {
            let known = self.find_people(instance, session).await?;
            // Of a pair that a dead process wrote by half, only the search knows.
            let mut named = self.search_people(instance, session).await?;
            named.pairs.retain(|pair| !known.pairs.contains(pair));
            named.open.retain(|phone| !known.open.contains(phone));
            removed += people.forget(instance, &[known.pairs, named.pairs].concat()).await?;
            for phone in known.open.iter().chain(&named.open) {
                open.remove(instance, phone).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Counts what the table of people has of the chats, or of everything.
    pub(super) async fn count_people(&self, session: &Session) -> anyhow::Result<PeopleCount> {
        let mut count = PeopleCount::default();
        for instance in &self.instances {
            let known = self.find_people(instance, session).await?;
            let named = self.search_people(instance, session).await?;
            count.left += known.len().max(named.len());
            count.of_other_tenants += known.of_others;
        }
        Ok(count)
    }

    /// What the table of people has of the chats, or of everything, in an instance.
    async fn find_people(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<KnownPeople> {
        let (people, open) = (session.people()?, session.open_people()?);
        let (pairs, open) = if self.is_all() {
            (people.list_all(instance).await?, open.list_all(instance).await?)
        } else {
            let chats: Vec<_> = self.chats.iter().cloned().collect();
            let names = chats.iter().map(|chat| chat.as_str().to_owned());
            let pairs = PersonChats::find(&people, instance, &chats).await?.pairs;
            (pairs, open.find(instance, names).await?)
        };
        self.keep_own(instance, (pairs, open), session).await
    }

    /// Those of all pairs and numbers of an instance that contain a number or a LID of the scope:
    /// the proof's own search.
    async fn search_people(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<KnownPeople> {
        let (mut pairs, mut open) = (
            session.people()?.list_all(instance).await?,
            session.open_people()?.list_all(instance).await?,
        );
        let is_named = |text: Option<&str>| {
            let digits = self.chats.iter().filter_map(Chat::in_address);
            self.is_all() || digits.into_iter().any(|digits| text == Some(digits))
        };
        pairs.retain(|pair| is_named(pair.phone.as_deref()) || is_named(pair.lid.as_deref()));
        open.retain(|phone| is_named(Some(phone)));
        self.keep_own(instance, (pairs, open), session).await
    }

    /// Leaves out what is another tenant's by now.
    async fn keep_own(
        &self,
        instance: &InstanceId,
        (mut pairs, mut open): (Vec<Contact>, Vec<String>),
        session: &Session,
    ) -> anyhow::Result<KnownPeople> {
        let people = session.people()?;
        let found = pairs.len() + open.len();
        if found > 0 && self.is_of_another(instance, session).await? {
            let own = people.list_links_of(instance, &self.tenant).await?;
            let is_own = |(lid, phone): (&str, &str)| {
                link_keys(lid, phone).iter().any(|link| own.contains(link))
            };
            pairs.retain(|pair| pair.as_pair().is_some_and(is_own));
            open.retain(|phone| own.contains(&open_key(phone)));
        }
        let of_others = found - pairs.len() - open.len();
        Ok(KnownPeople { pairs, open, of_others })
    }

    /// Whether the instance is another tenant's by now.
    async fn is_of_another(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<bool> {
        match session.register()?.get_instance(instance).await {
            Ok(found) => Ok(found.is_some_and(|one| one.tenant != self.tenant)),
            // Whose it is cannot be read, so nothing is removed that does not say so.
            Err(RegisterError::Malformed(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
