//! Where W-API sends an instance's events, judged against where they should go.

use aws::instances::Instance;
use report::Lang;
use wapi::account::{Account, Hook};

use crate::say::say;

/// Where a hook points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookTarget {
    /// Here, with the current secret.
    Here,
    /// Here, with the secret before the current one, which is valid until then (seconds since
    /// 1970).
    HereUntil(i64),
    /// Here, with a secret that is not valid: its webhooks are answered 401.
    HereInvalidSecret,
    /// To an address that is not this stack's, with a secret of the instance in it: the stack under
    /// another name, or whoever got hold of the secret. Only the address, without path.
    SecretElsewhere(String),
    /// To somebody else's URL, which may hold a secret of theirs.
    Elsewhere(String),
    /// Nowhere.
    Nowhere,
}

impl HookTarget {
    /// Judges the URL that W-API gave for a hook.
    pub(crate) fn from_url(url: Option<&str>, base: &str, instance: &Instance) -> Self {
        let Some(url) = url else {
            return Self::Nowhere;
        };
        let Some(secret) = secret_in_url(url, base, instance) else {
            let mut parts = url.split(['/', '?', '&', '=', '#']);
            return match parts.any(|part| instance.known_hash(part).is_some()) {
                true => Self::SecretElsewhere(address_of(url)),
                false => Self::Elsewhere(url.to_owned()),
            };
        };
        match instance.known_hash(secret) {
            None => Self::HereInvalidSecret,
            hash if hash == instance.secret_hash() => Self::Here,
            Some(_) => instance.old_secret_until.map_or(Self::HereInvalidSecret, Self::HereUntil),
        }
    }

    /// Whether its webhooks are accepted at this moment.
    pub(crate) fn is_accepted(&self, now: i64) -> bool {
        match self {
            Self::Here => true,
            Self::HereUntil(until) => now < *until,
            Self::HereInvalidSecret
            | Self::SecretElsewhere(_)
            | Self::Elsewhere(_)
            | Self::Nowhere => false,
        }
    }

    /// For a person, and for a report that is sent on. No URL is shown whole: ours holds the
    /// secret, and those of others may hold theirs.
    pub(crate) fn to_text(&self, now: i64, lang: Lang) -> String {
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
            Self::HereInvalidSecret => say!(
                lang,
                "here, with a secret that is not valid: answered 401",
                "para cá, com um segredo que não vale: recebe 401"
            ),
            Self::SecretElsewhere(address) => say!(
                lang,
                "to {address}, with this instance's secret; if that is a name of this stack, say so with --webhook-base-url",
                "para {address}, com o segredo desta instância; se for um nome desta pilha, informe com --webhook-base-url"
            ),
            Self::Elsewhere(url) => {
                let address = address_of(url);
                say!(lang, "elsewhere: {address}/…", "para outro lugar: {address}/…")
            }
            Self::Nowhere => say!(lang, "nowhere", "para lugar nenhum"),
        }
    }
}

/// Scheme, host and port of a URL; nothing of a text that is none.
fn address_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| "?".to_owned(), |url| url.origin().ascii_serialization())
}

/// The secret in a webhook URL of ours for this instance.
pub(crate) fn secret_in_url<'a>(url: &'a str, base: &str, instance: &Instance) -> Option<&'a str> {
    let path = url.strip_prefix(base)?.strip_prefix("/webhook/")?;
    let secret = path.strip_prefix(instance.id.as_str())?.strip_prefix('/')?;
    (!secret.is_empty() && !secret.contains('/')).then_some(secret)
}

/// The webhook URL with this secret.
pub(crate) fn url_with_secret(secret: &str, base: &str, instance: &Instance) -> String {
    format!("{base}/webhook/{}/{secret}", instance.id)
}

/// All six hooks, judged.
pub(crate) fn targets_of_all(
    account: &Account,
    base: &str,
    instance: &Instance,
) -> [(Hook, HookTarget); 6] {
    Hook::ALL.map(|hook| (hook, HookTarget::from_url(account.hook_url(hook), base, instance)))
}
