//! An instance with the results of its checks.

use aws::instances::{Instance, OrderSource};
use media::message::Secret;
use report::{InstanceCheck, Lang, Setting, Status};

use crate::{
    checks::{
        check::{Check, CheckId, Verdict},
        cross_tenant::check_cross_tenant,
        instance::check_instance,
    },
    examination::Examination,
    say::say,
    screen::join_words,
};

/// An instance, the results of its checks, and its token, unless it could not be decrypted.
pub(crate) struct ExaminedInstance {
    pub(crate) instance: Instance,
    pub(crate) token: Option<Secret>,
    pub(crate) checks: Vec<Check>,
}

impl ExaminedInstance {
    /// Runs the checks of one of `all` instances.
    pub(crate) async fn examine(
        instance: &Instance,
        all: &[Instance],
        examination: Examination<'_>,
    ) -> anyhow::Result<Self> {
        let token = examination.session.decrypt_token(instance).await.ok();
        let mut checks = check_instance(instance, examination).await?;
        let is_asked = examination.consent.cross_tenant;
        let other = all.iter().find(|other| is_asked && other.tenant != instance.tenant);
        if let (Some(token), Some(other)) = (&token, other) {
            checks.push(check_cross_tenant(instance, token, other, examination).await?);
        }
        Ok(Self { instance: instance.clone(), token, checks })
    }

    /// The first check with this id.
    pub(crate) fn find_check(&self, id: CheckId) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// The strategies that are tried for the instance, and who chose their order.
    fn order_setting(&self, lang: Lang) -> Setting {
        let words = self.instance.strategies().iter().map(|one| one.as_str());
        let words = join_words(words, "-");
        let source = match self.instance.order_source() {
            OrderSource::Instance => say!(lang, "its own order", "ordem própria"),
            OrderSource::Tenant => say!(lang, "its tenant's order", "ordem do tenant"),
            OrderSource::Default => say!(lang, "the default order", "ordem padrão"),
        };
        Setting {
            name: say!(lang, "strategies", "estratégias"),
            status: Status::Ok,
            value: format!("{words} ({source})"),
            expected: None,
            remedy: None,
        }
    }

    pub(crate) fn to_report(&self, lang: Lang) -> InstanceCheck {
        let setting = |check: &Check| Setting {
            name: check.id.label(lang).to_owned(),
            status: status_of(check.verdict),
            value: check.evidence.clone(),
            expected: None,
            remedy: check.remedy.clone(),
        };
        let worst = self.checks.iter().map(|check| status_of(check.verdict)).max();
        let checks = self.checks.iter().map(setting).chain([self.order_setting(lang)]);
        InstanceCheck {
            tenant: self.instance.tenant.to_string(),
            instance: self.instance.id.to_string(),
            status: worst.unwrap_or(Status::Unknown),
            last_webhook_at: None,
            checks: checks.collect(),
        }
    }
}

pub(super) fn status_of(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Ok => Status::Ok,
        Verdict::Warn => Status::Warn,
        Verdict::Fail => Status::Fail,
        Verdict::Unknown => Status::Unknown,
    }
}
