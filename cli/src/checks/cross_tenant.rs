//! Whether W-API separates tenants.

use aws::instances::Instance;
use fetch::account::AccountError;
use media::message::Secret;

use super::check::{Check, CheckId, Verdict};
use crate::{examination::Examination, say::say, session::as_instance};

/// Calls W-API for another tenant's instance with this instance's token, which must be refused.
pub(crate) async fn check_cross_tenant(
    instance: &Instance,
    token: &Secret,
    other: &Instance,
    examination: Examination<'_>,
) -> anyhow::Result<Check> {
    const ID: CheckId = CheckId::CrossTenant;
    let Examination { session, lang, .. } = examination;
    let (id, other) = (&instance.id, &other.id);
    let answer = session.wapi()?.fetch_status(as_instance(other, token)).await;
    Ok(match answer {
        Ok(_) => {
            let evidence = say!(
                lang,
                "W-API accepts the token of {id} for {other}, an instance of another tenant",
                "a W-API aceita o token de {id} para {other}, uma instância de outro tenant"
            );
            let remedy = say!(
                lang,
                "is it the same token? give each instance its own: wapi-media token rotate {id}",
                "é o mesmo token? dê a cada instância o seu: wapi-media token rotate {id}"
            );
            Check::new(ID, Verdict::Fail, evidence).with_remedy(remedy)
        }
        Err(AccountError::Refused { status, .. }) if (400..500).contains(&status) => {
            let evidence = say!(
                lang,
                "W-API refuses its token for another tenant's instance ({status})",
                "a W-API recusa o token dela para a instância de outro tenant ({status})"
            );
            Check::new(ID, Verdict::Ok, evidence)
        }
        Err(error) => Check::new(ID, Verdict::Unknown, report::translate_failure(&error, lang)),
    })
}
