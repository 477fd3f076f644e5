//! A WhatsApp contact: known by phone number, by hidden id (LID), or by both.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The digits of a contact's LID and phone number, as far as the announcement gives them. A LID is
/// not a phone number, and only an announcement that gives both links the two.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// Digits of the hidden id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// Digits of the phone number in international form, without `+`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Contact {
    /// Maximum digits of a LID or a phone number.
    const MAX_DIGITS: usize = 20;

    /// Reads an address, which is a LID or a phone number, and a LID given beside it. An address
    /// without a server is the LID if its digits are the same.
    #[must_use]
    pub fn from_address(address: Option<&str>, lid: Option<&str>) -> Self {
        let lid = lid.and_then(user_digits);
        let Some((address, found)) = address.and_then(|it| Some((it, user_digits(it)?))) else {
            return Self { lid, phone: None };
        };
        match server_part(address).as_str() {
            "lid" | "hosted.lid" => Self { lid: Some(found), phone: None },
            "" if lid.as_ref() == Some(&found) => Self { lid, phone: None },
            "" | "c.us" | "s.whatsapp.net" | "hosted" => Self { lid, phone: Some(found) },
            _ => Self { lid, phone: None },
        }
    }

    /// The LID and the phone number, if both are known and differ.
    #[must_use]
    pub fn as_pair(&self) -> Option<(&str, &str)> {
        let pair = (self.lid.as_deref()?, self.phone.as_deref()?);
        (pair.0 != pair.1).then_some(pair)
    }

    /// Whether neither LID nor phone number is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// One word for the contact: the phone number, else `lid-` and the LID.
    #[must_use]
    pub fn display_id(&self) -> Option<String> {
        let lid = || self.lid.as_ref().map(|lid| format!("lid-{lid}"));
        self.phone.clone().or_else(lid)
    }
}

/// Shows which of the two are known, but not their digits.
impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact")
            .field("lid", &self.lid.as_ref().map(|_| "…"))
            .field("phone", &self.phone.as_ref().map(|_| "…"))
            .finish()
    }
}

/// The part after `@` in lower case; empty if there is none.
fn server_part(address: &str) -> String {
    let server = address.split_once('@').map(|(_, server)| server);
    server.unwrap_or_default().trim().to_ascii_lowercase()
}

/// The user part of an address, without the device suffix (`:12`) and the agent that some clients
/// write before it (`.1:12`, `_1:12`).
#[must_use]
pub fn user_part(address: &str) -> &str {
    let user = address.trim().split('@').next().unwrap_or_default();
    match user.split_once(':') {
        Some((user, _device)) => user.split(['.', '_']).next().unwrap_or_default(),
        None => user,
    }
}

/// The user part of an address without its device suffix; `None` if it is not a number.
#[must_use]
pub fn user_digits(address: &str) -> Option<String> {
    let user = user_part(address).trim_start_matches('+');
    let is_number = (1..=Contact::MAX_DIGITS).contains(&user.len())
        && user.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| user.to_owned())
}
