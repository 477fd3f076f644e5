//! Where W-API sends an instance's events, judged against where they should go.

use aws::instances::Instance;
use report::Lang;
use wapi::account::{Account, Hook};

use crate::doctor::say;

/// Where a hook points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Points {
    /// Here, with the current secret.
    Here,
    /// Here, with the secret before the current one, which is valid until then (seconds since 1970).
    HereUntil(i64),
    /// Here, with a secret that is not valid: its webhooks are answered 401.
    HereInVain,
    /// To somebody else's URL.
    Elsewhere(String),
    /// Nowhere.
    Nowhere,
}

impl Points {
    /// Judges the URL that W-API gave for a hook.
    pub(crate) fn judge(url: Option<&str>, base: &str, instance: &Instance) -> Self {
        let Some(url) = url else {
            return Self::Nowhere;
        };
        let Some(secret) = secret_in(url, base, instance) else {
            return Self::Elsewhere(url.to_owned());
        };
        match instance.known_hash(secret) {
            None => Self::HereInVain,
            hash if hash == instance.secret_hash() => Self::Here,
            Some(_) => instance
                .old_secret_until
                .map_or(Self::HereInVain, Self::HereUntil),
        }
    }

    /// Whether its webhooks are accepted at this moment.
    pub(crate) fn is_well(&self, now: i64) -> bool {
        match self {
            Self::Here => true,
            Self::HereUntil(until) => now < *until,
            Self::HereInVain | Self::Elsewhere(_) | Self::Nowhere => false,
        }
    }

    /// For a person. Our own URL is never shown: it holds the secret.
    pub(crate) fn text(&self, now: i64, lang: Lang) -> String {
        match self {
            Self::Here => say!(lang, "here", "para cá"),
            Self::HereUntil(until) if *until <= now => say!(
                lang,
                "here, with a secret whose time is over: answered 401",
                "para cá, com um segredo vencido: recebe 401"
            ),
            Self::HereUntil(_) => say!(
                lang,
                "here, with the secret before the current one",
                "para cá, com o segredo anterior ao atual"
            ),
            Self::HereInVain => say!(
                lang,
                "here, with a secret that is not valid: answered 401",
                "para cá, com um segredo que não vale: recebe 401"
            ),
            Self::Elsewhere(url) => say!(lang, "elsewhere: {url}", "para outro lugar: {url}"),
            Self::Nowhere => say!(lang, "nowhere", "para lugar nenhum"),
        }
    }
}

/// The secret in a webhook URL of ours for this instance.
pub(crate) fn secret_in<'a>(url: &'a str, base: &str, instance: &Instance) -> Option<&'a str> {
    let path = url.strip_prefix(base)?.strip_prefix("/webhook/")?;
    let secret = path.strip_prefix(instance.id.as_str())?.strip_prefix('/')?;
    (!secret.is_empty() && !secret.contains('/')).then_some(secret)
}

/// The webhook URL with this secret.
pub(crate) fn url_with(secret: &str, base: &str, instance: &Instance) -> String {
    format!("{base}/webhook/{}/{secret}", instance.id)
}

/// All six hooks, judged.
pub(crate) fn judge_all(account: &Account, base: &str, instance: &Instance) -> [(Hook, Points); 6] {
    Hook::ALL.map(|hook| (hook, Points::judge(account.hook(hook), base, instance)))
}
