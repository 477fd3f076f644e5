//! Reads and changes the records of instances.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use media::{ids::InstanceId, message::Secret, sha256::Sha256, strategy::StrategyOrder};
use serde::Serialize;

use super::{
    error::RegisterError,
    fields::{is_present, to_value},
    listing::RegisterListing,
    store::Register,
};
use crate::{
    dynamodb::{get_item, string_value},
    instances::{Instance, serde_bytes_base64},
};

/// The end of a rotation's overlap that is not yet known, in seconds since 1970: the year 2999.
pub const NO_END: i64 = 32_503_679_999;

impl Register {
    /// Reads one instance; `None` if it has no record.
    ///
    /// # Errors
    /// [`RegisterError::Malformed`], or an AWS call failed.
    pub async fn get_instance(&self, id: &InstanceId) -> Result<Option<Instance>, RegisterError> {
        let key = [("instance", id.as_str())];
        let item = get_item(&self.clients, &self.tables.instances_table, key).await?;
        Ok(item.map(Instance::try_from).transpose()?)
    }

    /// Reads all instances, ordered by tenant and id.
    ///
    /// # Errors
    /// When an AWS call fails.
    pub async fn list_instances(&self) -> Result<RegisterListing<Instance>, RegisterError> {
        let items = self.scan(&self.tables.instances_table).await?;
        let read = |item| Instance::try_from(item).ok();
        let mut listing = RegisterListing::from_items(items, "instance", read);
        listing.known.sort_by(|one, other| (&one.tenant, &one.id).cmp(&(&other.tenant, &other.id)));
        Ok(listing)
    }

    /// Replaces an instance's W-API token.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] if the instance was removed meanwhile, or an AWS call failed.
    pub async fn set_token(
        &self,
        instance: &Instance,
        token: &Secret,
    ) -> Result<(), RegisterError> {
        #[derive(Serialize)]
        struct SealedToken(#[serde(with = "serde_bytes_base64")] Vec<u8>);
        let sealed = self.encrypt_token(&instance.tenant, &instance.id, token).await?;
        let update = self
            .update_instance(&instance.id)
            .update_expression("SET sealed_token = :v")
            .expression_attribute_values(":v", to_value(&SealedToken(sealed))?);
        send_update(update).await
    }

    /// Makes `new` the hash of the instance's webhook secret. The secret with the hash `kept`, if
    /// any, stays valid until `kept_until` (seconds since 1970); no other does. Returns the
    /// instance as it is now.
    ///
    /// # Errors
    /// [`RegisterError::Changed`] if the secrets are not those of `instance` any more, or the
    /// instance was removed; or an AWS call failed.
    pub async fn set_secret(
        &self,
        instance: &Instance,
        new: Sha256,
        kept: Option<Sha256>,
        kept_until: i64,
    ) -> Result<Instance, RegisterError> {
        let hashes: Vec<_> = std::iter::once(new).chain(kept).collect();
        let is_unchanged = match instance.old_secret_until {
            Some(_) => "secret_hashes = :was AND old_secret_until = :until",
            None => "secret_hashes = :was AND attribute_not_exists(old_secret_until)",
        };
        let mut update = self
            .update_instance(&instance.id)
            .condition_expression(is_unchanged)
            .update_expression("SET secret_hashes = :v, old_secret_until = :u")
            .expression_attribute_values(":was", to_value(&instance.secret_hashes)?)
            .expression_attribute_values(":v", to_value(&hashes)?)
            .expression_attribute_values(":u", to_value(&kept_until)?);
        if let Some(until) = instance.old_secret_until {
            update = update.expression_attribute_values(":until", to_value(&until)?);
        }
        let updated = update.send().await;
        updated.map_err(RegisterError::in_write("dynamodb:UpdateItem", RegisterError::Changed))?;
        let old_secret_until = Some(kept_until);
        Ok(Instance { secret_hashes: hashes, old_secret_until, ..instance.clone() })
    }

    /// Refuses the instance's webhooks since `now` (seconds since 1970). An instance that is paused
    /// already keeps the begin of its pause.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown instance, or an AWS call failed.
    pub async fn set_paused(&self, id: &InstanceId, now: i64) -> Result<(), RegisterError> {
        let since = "SET paused_at = if_not_exists(paused_at, :v)";
        let update = self.update_instance(id).update_expression(since);
        send_update(update.expression_attribute_values(":v", to_value(&now)?)).await
    }

    /// Accepts the instance's webhooks again, since `now` (seconds since 1970). An instance that
    /// was not paused keeps the end of its latest pause.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown instance, or an AWS call failed.
    pub async fn set_resumed(&self, id: &InstanceId, now: i64) -> Result<(), RegisterError> {
        let is_paused = format!("{} AND attribute_exists(paused_at)", is_present("instance"));
        let update = self.update_instance(id).condition_expression(is_paused);
        let update = update.update_expression(
            "SET pause_began_at = paused_at, resumed_at = :v, \
             earlier_pause_ended_at = if_not_exists(resumed_at, :never) REMOVE paused_at",
        );
        let update = update.expression_attribute_values(":never", to_value(&0)?);
        match send_update(update.expression_attribute_values(":v", to_value(&now)?)).await {
            // It was not paused, or is not there: a second write tells which.
            Err(RegisterError::NotThere) => {
                let update = self.update_instance(id);
                send_update(update.update_expression("REMOVE paused_at")).await
            }
            resumed => resumed,
        }
    }

    /// Gives the instance an order of strategies of its own, chosen at `now` (seconds since 1970).
    /// With the default order it has none any longer, so that the tenant's applies.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown instance, or an AWS call failed.
    pub async fn set_strategies(
        &self,
        id: &InstanceId,
        order: &StrategyOrder,
        now: i64,
    ) -> Result<(), RegisterError> {
        let update = self.update_instance(id);
        let update = if order.is_default() {
            update.update_expression("REMOVE strategies, strategies_set_at")
        } else {
            update
                .update_expression("SET strategies = :v, strategies_set_at = :n")
                .expression_attribute_values(":v", to_value(order)?)
                .expression_attribute_values(":n", to_value(&now)?)
        };
        send_update(update).await
    }

    /// Deletes an instance's record, with its token. Its files and the records of its media stay.
    ///
    /// # Errors
    /// When an AWS call fails.
    pub async fn remove_instance(&self, id: &InstanceId) -> Result<(), RegisterError> {
        self.delete(&self.tables.instances_table, ("instance", id.as_str())).await
    }

    /// The update of an existing record.
    fn update_instance(&self, id: &InstanceId) -> UpdateItemFluentBuilder {
        let update = self.clients.dynamodb.update_item();
        update
            .table_name(&self.tables.instances_table)
            .key("instance", string_value(id.as_str()))
            .condition_expression(is_present("instance"))
    }
}

async fn send_update(update: UpdateItemFluentBuilder) -> Result<(), RegisterError> {
    let updated = update.send().await;
    updated.map_err(RegisterError::in_write("dynamodb:UpdateItem", RegisterError::NotThere))?;
    Ok(())
}
