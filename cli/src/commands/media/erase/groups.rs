//! What a person sent to groups and other chats of more than two: whether it is erased with the
//! person's own chats, and how much of it there is in each.

use std::collections::BTreeMap;

use anyhow::bail;
use aws::ledger::Erasable;
use media::{ids::InstanceId, policy::GroupMedia};

use super::scope::EraseScope;
use crate::session::Session;

/// How many media a person sent to each chat of more than two, by its folder.
pub(super) type GroupCounts = BTreeMap<String, u64>;

impl EraseScope {
    /// Reads the records that are meant, and decides whether what a person sent to groups is. The
    /// option comes before the tenant's rule.
    pub(super) async fn widen_with_groups(
        &mut self,
        option: Option<GroupMedia>,
        session: &Session,
    ) -> anyhow::Result<(Vec<(InstanceId, Erasable)>, GroupCounts)> {
        let rule = self.find_group_rule(option, session).await?;
        self.has_groups = rule != GroupMedia::Keep;
        let records = self.widen(session).await?;
        let counts = self.count_groups(&records);
        let is_undecided = rule == GroupMedia::Ask && !session.flags.dry_run;
        if is_undecided && !ask_about_groups(&counts, self, session)? {
            self.has_groups = false;
            return Ok((self.widen(session).await?, counts));
        }
        Ok((records, counts))
    }

    async fn find_group_rule(
        &self,
        option: Option<GroupMedia>,
        session: &Session,
    ) -> anyhow::Result<GroupMedia> {
        if !self.is_of_person() {
            return Ok(GroupMedia::Keep);
        }
        if let Some(option) = option {
            return Ok(option);
        }
        // A tenant that was removed has no rules any more.
        let tenant = session.register()?.get_tenant(&self.tenant).await?;
        Ok(tenant.map(|tenant| tenant.policy.group_media).unwrap_or_default())
    }

    /// Counts the records that are meant because of their sender.
    fn count_groups(&self, records: &[(InstanceId, Erasable)]) -> GroupCounts {
        let mut counts = GroupCounts::new();
        for (_, record) in records.iter().filter(|(_, record)| self.is_of_sender(record)) {
            *counts.entry(record.chat.clone().unwrap_or_default()).or_default() += 1;
        }
        counts
    }
}

/// Asks the operator whether to erase them as well.
fn ask_about_groups(
    counts: &GroupCounts,
    scope: &EraseScope,
    session: &Session,
) -> anyhow::Result<bool> {
    let found = describe_groups(counts);
    let question = format!("{found} Erase what this person sent to groups as well? [y/N]");
    match session.flags.ask(&question)? {
        Some(answer) => Ok(["y", "yes"].contains(&answer.to_lowercase().as_str())),
        None => bail!(
            "{found} Whether that is erased as well has to be decided: add --group-media erase or \
             --group-media keep, or decide it for all of the tenant's people: \
             wapi-media tenant set {} --group-media erase. Nothing was erased",
            scope.tenant
        ),
    }
}

/// Half a sentence about what a person sent to groups and is erased as well.
pub(super) fn describe_among(counts: &GroupCounts) -> String {
    match counts.is_empty() {
        true => "nothing that this person sent to groups is known".to_owned(),
        false => format!("among it {}", list_groups(counts)),
    }
}

fn list_groups(counts: &GroupCounts) -> String {
    let each: Vec<_> = counts.iter().map(|(chat, count)| format!("{chat} ({count})")).collect();
    let all = counts.values().sum::<u64>();
    format!("{all} media that this person sent to groups: {}", each.join(", "))
}

/// A sentence about what a person sent to groups.
fn describe_groups(counts: &GroupCounts) -> String {
    match counts.is_empty() {
        true => "Nothing that this person sent to groups is known.".to_owned(),
        false => format!("There are {}.", list_groups(counts)),
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupCounts, describe_groups};

    #[test]
    fn groups_are_named_with_their_counts() {
        let counts = GroupCounts::from([("group-1".to_owned(), 2), ("status".to_owned(), 1)]);
        let said = describe_groups(&counts);
        assert!(said.contains("3 media") && said.contains("group-1 (2), status (1)"), "{said}");
        assert!(describe_groups(&GroupCounts::new()).contains("Nothing"));
    }
}
