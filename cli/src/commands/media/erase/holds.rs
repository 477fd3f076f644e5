//! Whether something that is to be erased is held.

use std::collections::BTreeSet;

use aws::{ledger::Erasable, orders::Order};
use media::{ids::InstanceId, object_key::ObjectKey, order::OrderSubject};

use super::scope::EraseScope;
use crate::{
    holds::{TenantHolds, reason_of},
    session::Session,
};

/// The hold that forbids to erase: about the tenant, an instance, a chat or a message in the scope,
/// or about one that contains it.
pub(super) async fn find_hold(
    scope: &EraseScope,
    records: &[(InstanceId, Erasable)],
    session: &Session,
) -> anyhow::Result<Option<Order>> {
    let mut holds = TenantHolds::read(&scope.tenant, session).await?;
    if holds.is_empty() {
        return Ok(None);
    }
    if scope.is_all() {
        let is_in_scope = |hold: &Order| {
            let instance = hold.instance_word();
            instance == "*" || scope.only.as_ref().is_none_or(|only| only.as_str() == instance)
        };
        return Ok(holds.find_by(is_in_scope).cloned());
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
    if let Some(hold) = holds.find_of_subjects(&subjects) {
        return Ok(Some(hold.clone()));
    }
    for (instance, record) in records {
        if let Some(hold) = holds.find_of_record(instance, record).await? {
            return Ok(Some(hold));
        }
    }
    // A file may have no record any more.
    for key in list_keys(scope, records, session).await? {
        if let Some(hold) = holds.find_of_file(&key).await? {
            return Ok(Some(hold));
        }
    }
    Ok(None)
}

/// The keys of all files in the scope.
async fn list_keys(
    scope: &EraseScope,
    records: &[(InstanceId, Erasable)],
    session: &Session,
) -> anyhow::Result<BTreeSet<String>> {
    let bucket = session.stack.output("MediaBucket")?;
    let mut keys = BTreeSet::new();
    for instance in &scope.instances {
        let of_instance = records.iter().filter(|(its, _)| its == instance);
        let is_meant = scope.file_filter(of_instance.map(|(_, record)| record));
        let mut each = |key: &str, _| {
            if is_meant(key) {
                keys.insert(key.to_owned());
            }
        };
        let whole = ObjectKey::instance_prefix(&scope.tenant, instance);
        if scope.message.is_some() {
            session.operator.visit_files(bucket, &whole, &mut each).await?;
            continue;
        }
        for chat in &scope.chats {
            let folder = ObjectKey::chat_prefix(&scope.tenant, instance, chat);
            session.operator.visit_files(bucket, &folder, &mut each).await?;
        }
        for key in scope.objects.iter().filter(|key| key.starts_with(&whole)) {
            session.operator.visit_files(bucket, key, &mut each).await?;
        }
    }
    Ok(keys)
}

/// Why nothing may be erased.
pub(super) fn describe(hold: &Order, scope: &EraseScope) -> String {
    format!(
        "hold {} of a {} forbids it ({}). See: wapi-media hold list --tenant {}",
        hold.id,
        hold.scope_word(),
        reason_of(hold),
        scope.tenant
    )
}
