//! Finds what people sent to groups and other chats of more than two. No index knows senders, so
//! every record of the instance is read.

use aws::{dynamodb::string_value, error::AwsError};
use media::{
    ids::InstanceId,
    message::{Chat, ChatKind},
};

use crate::records::{MediaRecord, MediaRecords};

/// How many names one query compares at most. `DynamoDB` allows 100 in a list.
const MAX_NAMES: usize = 100;

impl MediaRecords {
    /// The complete records of an instance in chats of more than two whose sender has one of these
    /// own chats, the newest first. Reads all of the instance's records, page by page, and tells
    /// `visit_page` how many each page had.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_by_sender(
        &self,
        instance: &InstanceId,
        people: &[Chat],
        visit_page: impl Fn(u64),
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let mut found = Vec::new();
        for people in people.chunks(MAX_NAMES) {
            self.read_senders(instance, people, &visit_page, &mut found).await?;
        }
        found.retain(|one| Chat::try_from(one.chat.clone()).is_ok_and(|chat| !chat.is_direct()));
        found.sort_by(|one, other| (other.moment, &other.key).cmp(&(one.moment, &one.key)));
        found.dedup_by(|one, other| one.key == other.key);
        Ok(found)
    }

    async fn read_senders(
        &self,
        instance: &InstanceId,
        people: &[Chat],
        visit_page: &impl Fn(u64),
        found: &mut Vec<MediaRecord>,
    ) -> Result<(), AwsError> {
        let Some((filter, names)) = compare_senders(people) else {
            return Ok(());
        };
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let mut query = query
            .key_condition_expression("instance = :instance")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .filter_expression(filter);
        for (name, digits) in names {
            query = query.expression_attribute_values(name, string_value(digits));
        }
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(AwsError::in_operation("dynamodb:Query"))?;
            visit_page(u64::try_from(page.scanned_count).unwrap_or_default());
            found.extend(page.items.unwrap_or_default().into_iter().map(MediaRecord::from_item));
        }
        Ok(())
    }
}

/// The filter for records with one of these senders, and its values; `None` without any.
fn compare_senders(people: &[Chat]) -> Option<(String, Vec<(String, String)>)> {
    let (mut lids, mut phones, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (n, person) in people.iter().enumerate() {
        let (names, digits) = match person.kind() {
            ChatKind::Lid => (&mut lids, person.as_str().trim_start_matches("lid-")),
            ChatKind::Person => (&mut phones, person.as_str()),
            ChatKind::Group | ChatKind::Channel | ChatKind::Status | ChatKind::Other => continue,
        };
        let name = format!(":s{n}");
        values.push((name.clone(), digits.to_owned()));
        names.push(name);
    }
    let side = |attribute: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{attribute} IN ({})", names.join(", ")))
    };
    let sides = [side("sender_lid", &lids), side("sender_phone", &phones)];
    let filter = sides.into_iter().flatten().collect::<Vec<_>>().join(" OR ");
    (!filter.is_empty()).then_some((filter, values))
}
