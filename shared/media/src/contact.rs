//! A person as WhatsApp knows one: by a phone number, by a hidden id (LID), or by both.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The digits of a LID and of a phone number, as far as an announcement tells them. A LID is no
/// phone number, and nothing but an announcement of both tells whether the two are one person's.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// The hidden id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// The number in international form, without a sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Contact {
    /// Most digits of either.
    const MAX_DIGITS: usize = 20;

    /// Reads an address, which is a LID or a number, and a LID that stands beside it. Digits
    /// without a server that are those of the LID are the LID.
    #[must_use]
    pub fn read(address: Option<&str>, lid: Option<&str>) -> Self {
        let lid = lid.and_then(digits);
        let Some((address, found)) = address.and_then(|it| Some((it, digits(it)?))) else {
            return Self { lid, phone: None };
        };
        match server(address).as_str() {
            "lid" | "hosted.lid" => Self {
                lid: Some(found),
                phone: None,
            },
            "" if lid.as_ref() == Some(&found) => Self { lid, phone: None },
            "" | "c.us" | "s.whatsapp.net" | "hosted" => Self {
                lid,
                phone: Some(found),
            },
            _ => Self { lid, phone: None },
        }
    }

    /// Nothing is known of it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// How it is named where one word is wanted: the number, else `lid-` and the LID.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        let lid = || self.lid.as_ref().map(|lid| format!("lid-{lid}"));
        self.phone.clone().or_else(lid)
    }
}

/// Prints which of the two are known, and neither of them.
impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("lid", &self.lid.as_ref().map(|_| "…"))
            .field("phone", &self.phone.as_ref().map(|_| "…"))
            .finish()
    }
}

/// What follows the `@`, in lower case; nothing if there is none.
fn server(address: &str) -> String {
    let server = address.split_once('@').map(|(_, server)| server);
    server.unwrap_or_default().trim().to_ascii_lowercase()
}

/// What stands before the server of an address, without the device (`:12`) and the agent that some
/// clients write before it (`.1:12`, `_1:12`).
#[must_use]
pub fn user(address: &str) -> &str {
    let user = address.trim().split('@').next().unwrap_or_default();
    match user.split_once(':') {
        Some((user, _device)) => user.split(['.', '_']).next().unwrap_or_default(),
        None => user,
    }
}

/// The user of an address, if it is a number.
#[must_use]
pub fn digits(address: &str) -> Option<String> {
    let user = user(address).trim_start_matches('+');
    let is_number = (1..=Contact::MAX_DIGITS).contains(&user.len())
        && user.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| user.to_owned())
}
