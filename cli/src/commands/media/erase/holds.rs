//! Whether something that is to be erased is held.

use std::collections::BTreeSet;

use aws::{
    ledger::Erasable,
    orders::{Order, OrderDemand, Orders},
};
use boot::clock;
use media::{
    ids::InstanceId,
    message::Chat,
    order::{OrderKind, OrderSubject},
};

use super::scope::EraseScope;
use crate::{person::PersonChats, session::Session};

/// The hold that forbids to erase: about the tenant, an instance, a chat or a message in the scope,
/// or about one that contains it.
pub(super) async fn find_hold(
    scope: &EraseScope,
    records: &[(InstanceId, Erasable)],
    (orders, session): (&Orders, &Session),
) -> anyhow::Result<Option<Order>> {
    let now = clock::now();
    let mut holds = orders.list(&scope.tenant).await?;
    holds.retain(|order| order.holds(now));
    let Some(key) = orders.find_key(&scope.tenant).await?.filter(|_| !holds.is_empty()) else {
        return Ok(None);
    };
    if scope.is_all() {
        let is_in_scope = |hold: &Order| {
            let instance = hold.instance_word();
            instance == "*" || scope.only.as_ref().is_none_or(|only| only.as_str() == instance)
        };
        return Ok(holds.into_iter().find(is_in_scope));
    }
    let mut subjects: BTreeSet<_> = scope.subjects().into_iter().collect();
    subjects.insert(OrderSubject::for_tenant());
    for instance in &scope.instances {
        subjects.extend(OrderSubject::list_all(
            instance,
            scope.chats.iter().cloned(),
            scope.message.clone(),
        ));
    }
    for (instance, record) in records {
        subjects.extend(OrderSubject::list_all(instance, [], record.message_ids()));
    }
    let people = session.people()?;
    for (instance, chats) in list_names(records) {
        let chats: Vec<_> = chats.into_iter().collect();
        let names = PersonChats::find(&people, instance, &chats).await?.chats;
        subjects.extend(OrderSubject::list_all(instance, names, []));
    }
    let keys = subjects.iter().map(|subject| subject.sort_key(OrderKind::Hold, &key));
    let keys: BTreeSet<_> = keys.collect();
    Ok(holds.into_iter().find(|hold| keys.contains(hold.subject_key())))
}

/// The chats of the records, each once in its instance: the record's own, and those of who sent it
/// to a group. A hold of a person holds what the person sent to groups.
fn list_names(found: &[(InstanceId, Erasable)]) -> BTreeSet<(&InstanceId, BTreeSet<Chat>)> {
    let mut names = BTreeSet::new();
    for (instance, record) in found {
        names.insert((instance, record.chats().collect()));
        names.insert((instance, record.senders().collect()));
    }
    names
}

/// Why nothing may be erased.
pub(super) fn describe(hold: &Order, scope: &EraseScope) -> String {
    let reason = match &hold.demand {
        OrderDemand::Hold { reason, .. } => reason.as_str(),
        OrderDemand::Erase { .. } => "-",
    };
    format!(
        "hold {} of a {} forbids it ({reason}). See: wapi-media hold list --tenant {}",
        hold.id,
        hold.scope_word(),
        scope.tenant
    )
}
