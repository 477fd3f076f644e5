//! The table of marks: how far W-API's log of each instance was read, and since when it cannot be.
//! Only the back-fill reads and writes marks; [`crate::instance_states`] has the table's other
//! items.

use aws_sdk_dynamodb::types::AttributeValue;
use media::ids::{InstanceId, TenantId};

#[cfg(feature = "operator")]
use crate::instance_states::state_key;
use crate::{
    clients::Clients,
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// How far an instance's log was read. All times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// The instance's tenant when the log was read.
    pub tenant: Option<TenantId>,
    /// Everything that was logged before this time was read. `None` before the first whole pass.
    pub until: Option<i64>,
    /// The pass that has begun and is not done.
    pub open_pass: Option<OpenPass>,
    /// Since when no pass has ended without a failure.
    pub failed_since: Option<i64>,
    /// When the last pass ended that also read far back beyond the mark.
    pub looked_back_at: Option<i64>,
    /// Digests of webhooks that could not be read and were kept, oldest first, so that a webhook is
    /// kept once although the log shows it several times.
    pub kept: Vec<String>,
    /// When the mark was written; `None` if the table has no mark.
    pub updated_at: Option<i64>,
}

/// A pass that goes on in a later run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPass {
    /// The time that `until` becomes when the pass is done.
    pub until: i64,
    /// The time back to which the log is read.
    pub from: i64,
    /// The page to read next.
    pub page: u32,
    /// Whether the log begins with its oldest entry.
    pub is_oldest_first: bool,
    /// Whether the pass reads far back beyond the mark.
    pub is_look_back: bool,
}

/// What became of the write of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum MarkOutcome {
    /// The mark was written.
    Written,
    /// Another run wrote the mark since it was read. Its mark stays.
    Overtaken,
}

const TENANT: &str = "tenant";
const UNTIL: &str = "until";
const PASS_UNTIL: &str = "pass_until";
const PASS_FROM: &str = "pass_from";
const PASS_PAGE: &str = "pass_page";
const PASS_OLDEST_FIRST: &str = "pass_oldest_first";
const PASS_LOOK_BACK: &str = "pass_look_back";
const LOOKED_BACK_AT: &str = "looked_back_at";
const FAILED_SINCE: &str = "failed_since";
const KEPT: &str = "kept";
const UPDATED_AT: &str = "updated_at";

impl Mark {
    /// Reads an item. What cannot be read counts as missing: the log is then read again.
    fn from_item(item: &Attributes) -> Self {
        let digests = item.get(KEPT).and_then(|kept| kept.as_l().ok()).into_iter().flatten();
        let text = |digest: &AttributeValue| digest.as_s().ok().cloned();
        let tenant = get_string(item, TENANT).and_then(|id| TenantId::parse(id).ok());
        Self {
            tenant,
            until: get_number(item, UNTIL),
            open_pass: OpenPass::from_item(item),
            failed_since: get_number(item, FAILED_SINCE),
            looked_back_at: get_number(item, LOOKED_BACK_AT),
            kept: digests.filter_map(text).collect(),
            updated_at: get_number(item, UPDATED_AT),
        }
    }

    /// Each attribute with its value; `None` if the mark has none, so that it is removed.
    fn attributes(&self, now: i64) -> [(&'static str, Option<AttributeValue>); 11] {
        let pass = |number: fn(&OpenPass) -> i64| {
            self.open_pass.as_ref().map(|pass| number_value(number(pass)))
        };
        let is_oldest_first = self.open_pass.filter(|pass| pass.is_oldest_first);
        let is_look_back = self.open_pass.filter(|pass| pass.is_look_back);
        let kept = self.kept.iter().map(string_value).collect();
        [
            (TENANT, self.tenant.as_ref().map(|id| string_value(id.as_str()))),
            (UNTIL, self.until.map(number_value)),
            (PASS_UNTIL, pass(|pass| pass.until)),
            (PASS_FROM, pass(|pass| pass.from)),
            (PASS_PAGE, pass(|pass| pass.page.into())),
            (PASS_OLDEST_FIRST, is_oldest_first.map(|_| AttributeValue::Bool(true))),
            (PASS_LOOK_BACK, is_look_back.map(|_| AttributeValue::Bool(true))),
            (LOOKED_BACK_AT, self.looked_back_at.map(number_value)),
            (FAILED_SINCE, self.failed_since.map(number_value)),
            (KEPT, Some(AttributeValue::L(kept)).filter(|_| !self.kept.is_empty())),
            (UPDATED_AT, Some(number_value(now))),
        ]
    }
}

impl OpenPass {
    fn from_item(item: &Attributes) -> Option<Self> {
        Some(Self {
            until: get_number(item, PASS_UNTIL)?,
            from: get_number(item, PASS_FROM)?,
            page: get_number(item, PASS_PAGE)?,
            is_oldest_first: item.contains_key(PASS_OLDEST_FIRST),
            is_look_back: item.contains_key(PASS_LOOK_BACK),
        })
    }
}

/// Reads and writes the table of marks.
#[derive(Debug)]
pub struct Marks {
    clients: Clients,
    table: String,
}

impl Marks {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// The instance's mark, strongly consistent; an empty one if the table has none.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn get(&self, instance: &InstanceId) -> Result<Mark, AwsError> {
        let key = [("instance", instance.as_str())];
        let item = get_item(&self.clients, &self.table, key).await?;
        Ok(item.map(|item| Mark::from_item(&item)).unwrap_or_default())
    }

    /// Writes the mark at `now`, unless another run wrote it since it was read.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn put(
        &self,
        instance: &InstanceId,
        mark: &Mark,
        now: i64,
    ) -> Result<MarkOutcome, AwsError> {
        let mut update = self
            .clients
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("instance", string_value(instance.as_str()));
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        for (n, (name, value)) in mark.attributes(now).into_iter().enumerate() {
            update = update.expression_attribute_names(format!("#a{n}"), name);
            match value {
                Some(value) => {
                    update = update.expression_attribute_values(format!(":a{n}"), value);
                    sets.push(format!("#a{n} = :a{n}"));
                }
                None => removes.push(format!("#a{n}")),
            }
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression += &format!(" REMOVE {}", removes.join(", "));
        }
        let condition = match mark.updated_at {
            Some(_) => "#read = :read",
            None => "attribute_not_exists(#read)",
        };
        update = update.expression_attribute_names("#read", UPDATED_AT);
        if let Some(read) = mark.updated_at {
            update = update.expression_attribute_values(":read", number_value(read));
        }
        let update = update.update_expression(expression).condition_expression(condition);
        match update.send().await.map_err(AwsError::in_operation("dynamodb:UpdateItem")) {
            Ok(_) => Ok(MarkOutcome::Written),
            Err(error) if error.is_failed_condition() => Ok(MarkOutcome::Overtaken),
            Err(error) => Err(error),
        }
    }

    /// Empties the mark of an instance that was removed, and removes what is known of its
    /// connection. The mark still says whose it was, so that the next tenant to register the
    /// instance does not get what is in its log.
    ///
    /// # Errors
    /// [`AwsError`] when `PutItem` or `DeleteItem` fails.
    #[cfg(feature = "operator")]
    pub async fn clear(&self, tenant: &TenantId, instance: &InstanceId) -> Result<(), AwsError> {
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        let put = put
            .item("instance", string_value(instance.as_str()))
            .item(TENANT, string_value(tenant.as_str()));
        put.send().await.map_err(AwsError::in_operation("dynamodb:PutItem"))?;
        let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
        let delete = delete.key("instance", string_value(state_key(instance)));
        delete.send().await.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }
}
