//! An instance whose hooks are shown or changed, with its token.

use anyhow::Context;
use aws::instances::Instance;
use fetch::account::{AccountClient, Credentials};
use media::{ids::InstanceId, message::Secret};
use wapi::account::{Account, Hook};

use crate::{
    audit::AuditScope,
    checks::hooks::{HookTarget, targets_of_all},
    session::{Session, as_instance},
};

/// An instance, its token, and its hooks as W-API has them now.
pub(super) struct HookEditor<'a> {
    pub(super) session: &'a Session,
    pub(super) instance: Instance,
    pub(super) token: Secret,
    pub(super) wapi: AccountClient,
    pub(super) account: Account,
    pub(super) base: &'a str,
}

impl<'a> HookEditor<'a> {
    /// Reads the instance, its token and its hooks.
    pub(super) async fn open(id: &InstanceId, session: &'a Session) -> anyhow::Result<Self> {
        let instance = session.find_instance(id).await?;
        let token = session.decrypt_token(&instance).await?;
        let wapi = session.wapi()?;
        let account = wapi.fetch_account(as_instance(id, &token)).await;
        let account = account.with_context(|| format!("the hooks of {id} could not be read"))?;
        Ok(Self { session, instance, token, wapi, account, base: session.webhook_base()? })
    }

    pub(super) fn as_credentials(&self) -> Credentials<'_> {
        as_instance(&self.instance.id, &self.token)
    }

    pub(super) fn audit_scope(&self, action: &'static str) -> AuditScope {
        let scope = AuditScope::new(action, "hooks").of_tenant(&self.instance.tenant);
        scope.of_instance(&self.instance.id)
    }

    pub(super) fn hook_targets(&self) -> [(Hook, HookTarget); 6] {
        targets_of_all(&self.account, self.base, &self.instance)
    }
}
