//! What an erased record may leave behind: the texts of its message, and links to its file. Each is
//! removed with the record; the proof looks for those that were not.

use std::collections::{BTreeMap, BTreeSet};

use aws::dynamodb::{Attributes, get_string};
use media::{identity::RecordKey, ids::InstanceId};

use super::{count::EraseCount, scope::EraseScope};
use crate::session::Session;

/// The keys of an instance's items in the media table.
#[derive(Debug, Default)]
pub(super) struct SeenKeys {
    /// Those of marks: their records were erased.
    erased: BTreeSet<String>,
    /// Those of records. Only of everything, where there should be none.
    recorded: BTreeSet<String>,
}

/// What was left behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leftovers {
    texts: Vec<(InstanceId, RecordKey)>,
    /// The hashes of links' tokens.
    links: Vec<String>,
}

impl SeenKeys {
    /// Notes an item of the media table.
    pub(super) fn note(&mut self, item: &Attributes, is_all: bool) {
        let key = get_string(item, "message_id").unwrap_or_default();
        if get_string(item, "state") == Some("erased") {
            self.erased.insert(key.to_owned());
        } else if is_all {
            self.recorded.insert(key.to_owned());
        }
    }
}

impl Leftovers {
    /// Whether nothing was left behind.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.links.is_empty()
    }

    /// Counts them among what is left.
    pub(super) fn add_to(&self, found: &mut EraseCount) {
        found.texts = self.texts.len() as u64;
        found.links = self.links.len() as u64;
    }

    /// Removes them, and counts them among what was removed.
    pub(super) async fn remove(
        &self,
        removed: &mut EraseCount,
        session: &Session,
    ) -> anyhow::Result<()> {
        let jobs = session.ledger()?.jobs;
        for (instance, key) in &self.texts {
            jobs.remove_texts(instance, key).await?;
            removed.texts += 1;
        }
        session.links()?.remove_all(&self.links).await?;
        removed.links += self.links.len() as u64;
        Ok(())
    }
}

impl EraseScope {
    /// The texts and the links of records that were erased, in these instances: of each, the keys
    /// of its texts, and those of its records, which were read later.
    pub(super) async fn find_leftovers(
        &self,
        seen: &BTreeMap<InstanceId, (Vec<RecordKey>, SeenKeys)>,
        session: &Session,
    ) -> anyhow::Result<Leftovers> {
        let mut found = Leftovers::default();
        for (instance, (texts, keys)) in seen {
            let is_left = |key: &&RecordKey| match self.is_all() {
                // A record that is there is another tenant's, or counted by itself.
                true => !keys.recorded.contains(key.as_str()),
                false => keys.erased.contains(key.as_str()),
            };
            let texts = texts.iter().filter(is_left);
            found.texts.extend(texts.map(|key| (instance.clone(), key.clone())));
        }
        let each = |token: &str, link: &media::media_link::MediaLink| {
            let keys = seen.iter().find(|(instance, _)| instance.as_str() == link.instance);
            let is_erased =
                keys.is_some_and(|(_, (_, keys))| keys.erased.contains(&link.record_key));
            if is_erased || (self.is_all() && (self.only.is_none() || keys.is_some())) {
                found.links.push(token.to_owned());
            }
        };
        session.links()?.visit_tenant(&self.tenant, each).await?;
        Ok(found)
    }
}
