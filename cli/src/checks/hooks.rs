//! Where W-API sends an instance's events, compared with this stack's webhook URL.

use aws::instances::Instance;
use report::Lang;
use wapi::account::{Account, Hook};

use crate::say::say;

/// Where a hook leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HookTarget {
    /// Here, with the current secret.
    Here,
    /// Here, with the previous secret, which is valid until then (seconds since 1970).
    HereUntil(i64),
    /// Here, with an invalid secret: its webhooks are answered 401.
    HereInvalidSecret,
    /// To another address, with a secret of this instance in the URL: the stack under another
    /// domain, or a third party that obtained the secret. Holds the address only, without the path.
    SecretElsewhere(String),
    /// To the URL of another application, which may hold that application's secret.
    Elsewhere(String),
    /// Nowhere.
    Nowhere,
}

impl HookTarget {
    /// Classifies the URL that W-API has for a hook. `base` is this stack's webhook base URL.
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

    /// Whether this stack accepts the hook's webhooks at the time `now`.
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

    /// The evidence of a check. No URL is shown in full: this stack's contains the secret, and
    /// another application's may contain a secret too.
    pub(crate) fn to_text(&self, now: i64, lang: Lang) -> String {
        match self {
            Self::Here => say!(lang, "here", "para cá"),
            Self::HereUntil(until) if *until <= now => say!(
                lang,
                "here, with an expired secret: answered 401",
                "para cá, com um segredo vencido: recebe 401"
            ),
            Self::HereUntil(_) => say!(
                lang,
                "here, with the previous secret, which is still valid",
                "para cá, com o segredo anterior, que ainda vale"
            ),
            Self::HereInvalidSecret => say!(
                lang,
                "here, with an invalid secret: answered 401",
                "para cá, com um segredo que não vale: recebe 401"
            ),
            Self::SecretElsewhere(address) => say!(
                lang,
                "to {address}, with this instance's secret; \
                 if that is a domain of this stack, give --webhook-base-url",
                "para {address}, com o segredo desta instância; \
                 se for um domínio desta stack, informe --webhook-base-url"
            ),
            Self::Elsewhere(url) => {
                let address = address_of(url);
                say!(lang, "elsewhere: {address}/…", "para outro lugar: {address}/…")
            }
            Self::Nowhere => say!(lang, "nowhere", "para lugar nenhum"),
        }
    }
}

/// Scheme, host and port of a URL; `?` if the text is no URL.
fn address_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| "?".to_owned(), |url| url.origin().ascii_serialization())
}

/// The secret in a URL, if the URL is this stack's for this instance.
pub(crate) fn secret_in_url<'a>(url: &'a str, base: &str, instance: &Instance) -> Option<&'a str> {
    let path = url.strip_prefix(base)?.strip_prefix("/webhook/")?;
    let secret = path.strip_prefix(instance.id.as_str())?.strip_prefix('/')?;
    (!secret.is_empty() && !secret.contains('/')).then_some(secret)
}

/// The instance's webhook URL with this secret.
pub(crate) fn url_with_secret(secret: &str, base: &str, instance: &Instance) -> String {
    format!("{base}/webhook/{}/{secret}", instance.id)
}

/// Where each of the six hooks leads.
pub(crate) fn targets_of_all(
    account: &Account,
    base: &str,
    instance: &Instance,
) -> [(Hook, HookTarget); 6] {
    Hook::ALL.map(|hook| (hook, HookTarget::from_url(account.hook_url(hook), base, instance)))
}
