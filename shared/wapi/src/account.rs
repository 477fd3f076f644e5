//! W-API's endpoints for managing an instance: its connection and its webhook URLs.
//!
//! Source: W-API's documentation where it was confirmed, and the fields that its clients read.
//! Every field is optional, and an answer may be wrapped in `data` or `instance`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET` path of [`Status`].
pub const STATUS_PATH: &str = "instance/status-instance";
/// `GET` path of [`Account`].
pub const ACCOUNT_PATH: &str = "instance/fetch-instance";
/// `GET` path of the QR code for pairing; the answer may say instead that the instance is
/// connected.
pub const QR_CODE_PATH: &str = "instance/qr-code";
/// `GET` path of the webhook log: webhooks of the last 30 days, in pages.
pub const LOGS_PATH: &str = "webhook/fetch-webhook-logs";
/// `POST` path that sends a message. Only called without its fields, as a test of the token.
pub const SEND_TEXT_PATH: &str = "message/send-text";

/// A kind of event that W-API sends; each has its own URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Messages from contacts.
    Received,
    /// Messages from the account itself.
    Delivery,
    /// Delivery states of messages: sent, delivered, read.
    MessageStatus,
    /// The instance is connected again.
    Connected,
    /// The instance lost its connection.
    Disconnected,
    /// A contact is typing.
    ChatPresence,
}

impl Hook {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Received,
        Self::Delivery,
        Self::MessageStatus,
        Self::Connected,
        Self::Disconnected,
        Self::ChatPresence,
    ];

    /// The kinds that announce media messages.
    pub const OF_MEDIA: [Self; 2] = [Self::Received, Self::Delivery];

    /// The kinds that this system uses: media messages and the state of the connection.
    pub const WANTED: [Self; 4] =
        [Self::Received, Self::Delivery, Self::Connected, Self::Disconnected];

    /// The word in W-API's paths.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Delivery => "delivery",
            Self::MessageStatus => "message-status",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::ChatPresence => "chat-presence",
        }
    }

    /// Path of the `PUT` that sets the hook's URL.
    #[must_use]
    pub fn update_path(self) -> String {
        format!("webhook/update-webhook-{}", self.as_str())
    }

    /// Field of [`ACCOUNT_PATH`]'s answer that holds the hook's URL.
    #[must_use]
    pub fn url_field(self) -> &'static str {
        match self {
            Self::Received => "webhookReceivedUrl",
            Self::Delivery => "webhookDeliveryUrl",
            Self::MessageStatus => "webhookStatusUrl",
            Self::Connected => "webhookConnectedUrl",
            Self::Disconnected => "webhookDisconnectedUrl",
            Self::ChatPresence => "webhookPresenceUrl",
        }
    }
}

impl std::fmt::Display for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Body of the `PUT` that sets a hook's URL. The documentation also shows `url` and `enabled`;
/// W-API answers that form with success but saves nothing.
#[derive(Clone, Copy, Serialize)]
pub struct HookUpdate<'a> {
    /// The URL; empty to remove it.
    pub value: &'a str,
}

/// Whether the instance is connected to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether W-API reports the connection as up.
    pub connected: bool,
}

impl Status {
    /// Parses the answer of [`STATUS_PATH`]; `None` if it does not have the field.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let connected = find_field(&answer, "connected")?.as_bool()?;
        Some(Self { connected })
    }
}

/// What W-API knows about an instance. The URLs hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether it is connected to WhatsApp.
    pub connected: Option<bool>,
    /// Phone number of the connected account.
    pub phone: Option<String>,
    /// State of the subscription, as W-API calls it.
    pub payment_status: Option<String>,
    /// The instance that the answer is about, if it says so.
    pub instance: Option<String>,
    hooks: Vec<(Hook, String)>,
}

/// Omits URLs and the phone number.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hooks: Vec<_> = self.hooks.iter().map(|(hook, _)| hook).collect();
        f.debug_struct("Account")
            .field("connected", &self.connected)
            .field("hooks", &hooks)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// Parses the answer of [`ACCOUNT_PATH`]; `None` if it has no hook field at all.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let known = Hook::ALL.map(|hook| find_field(&answer, hook.url_field()));
        if known.iter().all(Option::is_none) {
            return None;
        }
        let text = |name| find_field(&answer, name)?.as_str().map(str::to_owned);
        let hooks = Hook::ALL.into_iter().filter_map(|hook| {
            let url = text(hook.url_field()).filter(|url| !url.trim().is_empty())?;
            Some((hook, url))
        });
        Some(Self {
            connected: find_field(&answer, "connected").and_then(Value::as_bool),
            phone: text("connectedPhone"),
            payment_status: text("paymentStatus"),
            instance: text("instanceId"),
            hooks: hooks.collect(),
        })
    }

    /// The hook's URL; `None` if it is not set.
    #[must_use]
    pub fn hook_url(&self, hook: Hook) -> Option<&str> {
        let found = self.hooks.iter().find(|(one, _)| *one == hook);
        found.map(|(_, url)| url.as_str())
    }
}

/// A field of the answer, or of the object that wraps it.
fn find_field<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    const WRAPPERS: [&str; 2] = ["data", "instance"];
    let wrapped = WRAPPERS.iter().filter_map(|wrapper| answer.get(wrapper));
    std::iter::once(answer).chain(wrapped).find_map(|object| object.get(name))
}
