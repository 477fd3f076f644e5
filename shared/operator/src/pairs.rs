//! The pairs of LID and phone number that records know: those of a chat, and those of the sender in
//! a chat of more than two. The table of people may have forgotten them, or never had them.

use std::collections::HashSet;

use aws::{
    dynamodb::{Attributes, get_string, string_value},
    error::AwsError,
};
use media::{contact::Contact, ids::InstanceId};

use crate::records::MediaRecords;

impl MediaRecords {
    /// Every pair that the records of an instance know, or only a tenant's, each once. Reads all of
    /// the instance's records, page by page, and tells `visit_page` how many each page had.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_pairs(
        &self,
        instance: &InstanceId,
        tenant: Option<&str>,
        visit_page: impl Fn(u64),
    ) -> Result<Vec<Contact>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let mut query = query
            .key_condition_expression("instance = :instance")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .projection_expression("chat, chat_lid, chat_phone, sender_lid, sender_phone");
        if let Some(tenant) = tenant {
            query = query
                .filter_expression("tenant = :tenant")
                .expression_attribute_values(":tenant", string_value(tenant));
        }
        let mut pages = query.into_paginator().send();
        let mut found = HashSet::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(AwsError::in_operation("dynamodb:Query"))?;
            visit_page(u64::try_from(page.scanned_count).unwrap_or_default());
            for item in page.items.unwrap_or_default() {
                let pairs = [pair_of_chat(&item), pair_of(&item, "sender_lid", "sender_phone")];
                found.extend(pairs.into_iter().filter(|pair| pair.as_pair().is_some()));
            }
        }
        Ok(found.into_iter().collect())
    }
}

fn pair_of(item: &Attributes, lid: &str, phone: &str) -> Contact {
    let text = |name: &str| get_string(item, name).map(str::to_owned);
    Contact { lid: text(lid), phone: text(phone) }
}

/// The pair of a chat; its folder may be the only thing that has the LID.
fn pair_of_chat(item: &Attributes) -> Contact {
    let pair = pair_of(item, "chat_lid", "chat_phone");
    let folder = get_string(item, "chat").unwrap_or_default();
    let of_folder = folder.strip_prefix("lid-").map(str::to_owned);
    Contact { lid: pair.lid.or(of_folder), ..pair }
}
