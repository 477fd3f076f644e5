//! The instances under examination, and the steps of the flow that are theirs.

use aws::instances::Instance;
use fetch::account::AccountError;
use media::message::Secret;
use report::{InstanceCheck, Lang, Setting, Status, Step, StepId};

use super::flow::{step, with_remedy};
use crate::{
    checks::check::{self, Check, Verdict},
    say::say,
    session::{Session, as_instance},
};

/// An instance, what was found out about it, and its token if it opens.
pub(crate) struct Examination {
    pub(crate) instance: Instance,
    pub(crate) token: Option<Secret>,
    pub(crate) checks: Vec<Check>,
}

impl Examination {
    /// Examines one of `all`.
    pub(crate) async fn of(
        instance: &Instance,
        all: &[Instance],
        lang: Lang,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let token = session.token(instance).await.ok();
        let mut checks = check::instance(instance, lang, session).await?;
        let other = all.iter().find(|other| other.tenant != instance.tenant);
        if let (Some(token), Some(other)) = (&token, other) {
            checks.push(cross_tenant(instance, token, other, lang, session).await?);
        }
        Ok(Self { instance: instance.clone(), token, checks })
    }

    /// The check of this name.
    pub(crate) fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    pub(crate) fn report(&self, lang: Lang) -> InstanceCheck {
        let setting = |check: &Check| Setting {
            name: check::label(check.name, lang).to_owned(),
            status: status_of(check.verdict),
            value: check.evidence.clone(),
            expected: None,
            remedy: check.remedy.clone(),
        };
        let worst = self.checks.iter().map(|check| status_of(check.verdict)).max();
        InstanceCheck {
            tenant: self.instance.tenant.to_string(),
            instance: self.instance.id.to_string(),
            status: worst.unwrap_or(Status::Unknown),
            last_webhook_at: None,
            checks: self.checks.iter().map(setting).collect(),
        }
    }
}

fn status_of(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Ok => Status::Ok,
        Verdict::Warn => Status::Warn,
        Verdict::Fail => Status::Fail,
        Verdict::Unknown => Status::Unknown,
    }
}

/// Whether W-API keeps tenants apart: a token must not speak for another tenant's instance.
async fn cross_tenant(
    instance: &Instance,
    token: &Secret,
    other: &Instance,
    lang: Lang,
    session: &Session,
) -> anyhow::Result<Check> {
    const NAME: &str = "cross-tenant";
    let (id, other) = (&instance.id, &other.id);
    let answer = session.wapi()?.fetch_status(as_instance(other, token)).await;
    Ok(match answer {
        Ok(_) => {
            let evidence = say!(
                lang,
                "W-API lets the token of {id} speak for {other}, an instance of another tenant",
                "a W-API deixa o token de {id} falar por {other}, uma instância de outro cliente"
            );
            let remedy = say!(
                lang,
                "is it the same token? give each instance its own: wapi-media token rotate {id}",
                "é o mesmo token? dê a cada instância o seu: wapi-media token rotate {id}"
            );
            Check::new(NAME, Verdict::Fail, evidence).with_remedy(remedy)
        }
        Err(AccountError::Refused { status, .. }) if (400..500).contains(&status) => {
            let evidence = say!(
                lang,
                "W-API refuses its token for another tenant's instance ({status})",
                "a W-API recusa o token dela para a instância de outro cliente ({status})"
            );
            Check::new(NAME, Verdict::Ok, evidence)
        }
        Err(error) => Check::new(NAME, Verdict::Unknown, report::failure(&error, lang)),
    })
}

/// A step about instances: how many are well, and what the first that is not says.
fn of_instances(id: StepId, examined: &[Examination], names: &[&str], lang: Lang) -> Step {
    let checks_of = |one: &Examination| -> Vec<Check> {
        let its = one.checks.iter().filter(|check| names.contains(&check.name));
        its.cloned().collect()
    };
    let bad = examined.iter().find_map(|one| {
        let checks = checks_of(one);
        let worst = checks.into_iter().max_by_key(|check| status_of(check.verdict))?;
        (worst.verdict != Verdict::Ok).then_some((one, worst))
    });
    let all = examined.len();
    let is_well =
        |one: &&Examination| checks_of(one).iter().all(|check| check.verdict == Verdict::Ok);
    let well = examined.iter().filter(is_well).count();
    let count = say!(lang, "{well} of {all} instances", "{well} de {all} instâncias");
    match bad {
        None if all == 0 => {
            let none = say!(lang, "no instance is registered", "nenhuma instância está registrada");
            let add = "wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme";
            with_remedy(step(id, Status::Warn, none), add)
        }
        None => step(id, Status::Ok, count),
        Some((one, check)) => {
            let evidence = format!("{count}; {}: {}", one.instance.id, check.evidence);
            let step = step(id, status_of(check.verdict), evidence);
            Step { remedy: check.remedy, ..step }
        }
    }
}

/// Step 1.
pub(crate) fn connection(examined: &[Examination], lang: Lang) -> Step {
    let names = ["connection", "token", "cross-tenant"];
    of_instances(StepId::Connection, examined, &names, lang)
}

/// Step 2.
pub(crate) fn hooks(examined: &[Examination], lang: Lang) -> Step {
    let names = ["open", "hooks", "hook received", "hook delivery"];
    of_instances(StepId::Hooks, examined, &names, lang)
}
