//! W-API's endpoint that tells whether a phone number is on WhatsApp, and under which LID.
//!
//! Source: the code of several clients, which send `GET` with `instanceId` and `phoneNumber` and
//! read `exists`, `phoneNumber` and `lid`. Nobody has shown a whole answer, so every form of these
//! fields is read. Whether the endpoint takes a LID in place of a number is not known, and nothing
//! here asks so.

use media::{contact::Contact, message::Chat};
use serde_json::Value;

use crate::fields::Fields;

/// `GET` path of [`PhoneAnswer`].
pub const PHONE_EXISTS_PATH: &str = "contacts/phone-exists";

/// The parameter with the digits of the number.
pub const PHONE_PARAMETER: &str = "phoneNumber";

/// The fields under which clients of similar gateways find the answer.
const WRAPPERS: [&str; 4] = ["data", "result", "results", "response"];

/// The maximum depth of wrappers.
const MAX_DEPTH: usize = 3;

/// What W-API says about a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneAnswer {
    /// The number is on WhatsApp. Its LID, and the number as WhatsApp spells it, as far as the
    /// answer has them.
    OnWhatsApp(Contact),
    /// The number is not on WhatsApp.
    NotOnWhatsApp,
}

impl PhoneAnswer {
    /// Parses the answer of [`PHONE_EXISTS_PATH`]; `None` if it says neither, or that it is an
    /// error.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        find_answer(&answer, MAX_DEPTH)
    }

    /// The LID of the number (digits) that was asked for. An answer about another number says
    /// nothing of it; the two spellings of a Brazilian number are one.
    #[must_use]
    pub fn lid_of(self, phone: &str) -> Option<String> {
        let Self::OnWhatsApp(contact) = self else {
            return None;
        };
        let spellings = Chat::spellings_of_phone(phone);
        let is_same = |other: &String| {
            other == phone || spellings.iter().any(|spelling| spelling.as_str() == other)
        };
        let is_about_it = contact.phone.as_ref().is_none_or(is_same);
        contact.lid.filter(|lid| is_about_it && lid != phone)
    }
}

/// The answer in a value, in its only item, or in a wrapper's field.
fn find_answer(value: &Value, depth: usize) -> Option<PhoneAnswer> {
    if let Some(items) = value.as_array() {
        return match (items.as_slice(), depth) {
            ([only], 1..) => find_answer(only, depth - 1),
            _ => None,
        };
    }
    let fields = Fields::from_value(value)?;
    if fields.flag("error") {
        return None;
    }
    let contact = read_contact(fields);
    match fields.get("exists").or_else(|| fields.get("numberExists")) {
        Some(_) if fields.flag("exists") || fields.flag("numberExists") => {
            Some(PhoneAnswer::OnWhatsApp(contact))
        }
        Some(_) => Some(PhoneAnswer::NotOnWhatsApp),
        None if contact.lid.is_some() => Some(PhoneAnswer::OnWhatsApp(contact)),
        None if depth == 0 => None,
        None => WRAPPERS.iter().find_map(|name| find_answer(fields.get(name)?, depth - 1)),
    }
}

/// A LID with or without `@lid`, and a number with or without a server. A text that names another
/// kind of address is neither.
fn read_contact(fields: Fields<'_>) -> Contact {
    let with_server = |text: &str, server: &str| match text.contains('@') {
        true => text.to_owned(),
        false => format!("{text}@{server}"),
    };
    let lid = fields.id("lid").map(|text| with_server(&text, "lid"));
    let lid = lid.and_then(|address| Contact::from_address(Some(&address), None).lid);
    let numbers = ["phoneNumber", "phone", "number"];
    let phone = numbers.iter().find_map(|name| fields.id(name));
    let phone = phone.map(|text| with_server(&text, "c.us"));
    let phone = phone.and_then(|address| Contact::from_address(Some(&address), None).phone);
    Contact { lid, phone }
}
