//! W-API's calls about an instance itself: is it connected, and where do its webhooks go.
//!
//! Source: W-API's documentation where it was seen to hold, and what its clients read. Every field is taken
//! as optional; the answers may be wrapped in `data` or `instance`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET`: [`Status`].
pub const STATUS_PATH: &str = "instance/status-instance";
/// `GET`: [`Account`].
pub const ACCOUNT_PATH: &str = "instance/fetch-instance";
/// `GET`: the picture for pairing, or that the instance is connected already.
pub const QR_CODE_PATH: &str = "instance/qr-code";
/// `GET`: webhooks of the last 30 days, in pages.
pub const LOGS_PATH: &str = "webhook/fetch-webhook-logs";
/// `POST`: sends a message. Never used but for being asked without its fields.
pub const SEND_TEXT_PATH: &str = "message/send-text";

/// A kind of event that W-API announces, each to a URL of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Messages that contacts send.
    Received,
    /// Messages that the account itself sends.
    Delivery,
    /// Sent, delivered, read.
    MessageStatus,
    /// The instance is connected again.
    Connected,
    /// The instance lost its connection.
    Disconnected,
    /// Somebody is typing.
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

    /// Those that announce media.
    pub const OF_MEDIA: [Self; 2] = [Self::Received, Self::Delivery];

    /// Those that announce media, and those that tell of the connection.
    pub const WANTED: [Self; 4] = [
        Self::Received,
        Self::Delivery,
        Self::Connected,
        Self::Disconnected,
    ];

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

    /// The path of the `PUT` that sets its URL.
    #[must_use]
    pub fn path(self) -> String {
        format!("webhook/update-webhook-{}", self.as_str())
    }

    /// The field of [`ACCOUNT_PATH`]'s answer that holds its URL.
    #[must_use]
    pub fn field(self) -> &'static str {
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

/// The body of the `PUT` that sets a hook's URL. The documentation also shows `url` and `enabled`; W-API
/// answers that form with success and saves nothing.
#[derive(Clone, Copy, Serialize)]
pub struct HookUpdate<'a> {
    /// The URL; empty to have none.
    pub value: &'a str,
}

/// Whether the instance is connected to WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Status {
    /// It is.
    pub connected: bool,
}

impl Status {
    /// Reads the answer of [`STATUS_PATH`]; nothing if it does not say.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let connected = field(&answer, "connected")?.as_bool()?;
        Some(Self { connected })
    }
}

/// What W-API knows of an instance. The URLs carry secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether it is connected to WhatsApp.
    pub connected: Option<bool>,
    /// The number of the account that is connected.
    pub phone: Option<String>,
    /// The state of its subscription, in W-API's word.
    pub payment_status: Option<String>,
    /// The instance that the answer is about, where it says so.
    pub instance: Option<String>,
    hooks: Vec<(Hook, String)>,
}

/// Prints no URL and no number.
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
    /// Reads the answer of [`ACCOUNT_PATH`]; nothing if it is no object or tells of no hook at all.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let known = Hook::ALL.map(|hook| field(&answer, hook.field()));
        if known.iter().all(Option::is_none) {
            return None;
        }
        let text = |name| field(&answer, name)?.as_str().map(str::to_owned);
        let hooks = Hook::ALL.into_iter().filter_map(|hook| {
            let url = text(hook.field()).filter(|url| !url.trim().is_empty())?;
            Some((hook, url))
        });
        Some(Self {
            connected: field(&answer, "connected").and_then(Value::as_bool),
            phone: text("connectedPhone"),
            payment_status: text("paymentStatus"),
            instance: text("instanceId"),
            hooks: hooks.collect(),
        })
    }

    /// Where the hook's events go; nothing if nowhere.
    #[must_use]
    pub fn hook(&self, hook: Hook) -> Option<&str> {
        let found = self.hooks.iter().find(|(one, _)| *one == hook);
        found.map(|(_, url)| url.as_str())
    }
}

/// A field of the answer, or of what the answer is wrapped in.
fn field<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    const WRAPPERS: [&str; 2] = ["data", "instance"];
    let wrapped = WRAPPERS.iter().filter_map(|wrapper| answer.get(wrapper));
    std::iter::once(answer)
        .chain(wrapped)
        .find_map(|object| object.get(name))
}
