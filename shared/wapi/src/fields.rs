//! Reads fields whose names differ between dialects only in case or underscores: `URL`/`url`,
//! `fileSHA256`/`fileSha256`, `PTT`/`ptt`, and the all-lower-case names of its webhook log.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{byte_field::ByteField, field_name::is_same_name};

/// A JSON object whose field names are read regardless of case.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a Map<String, Value>);

/// Omits all fields, because they may hold anything.
impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'a> Fields<'a> {
    /// The fields of `value`, if it is an object.
    #[must_use]
    pub fn from_value(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The first value of this name that is neither null nor an empty text.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a Value> {
        let is_said = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        let exact = self.0.get(name).filter(is_said);
        exact.or_else(|| {
            let mut same_name = self.0.iter().filter(|(other, _)| is_same_name(other, name));
            same_name.find_map(|(_, value)| Some(value).filter(is_said))
        })
    }

    /// The object of this name.
    #[must_use]
    pub fn object(self, name: &str) -> Option<Self> {
        self.get(name).and_then(Self::from_value)
    }

    /// The non-empty text of this name.
    #[must_use]
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// The bytes of this name, in any known form.
    #[must_use]
    pub fn bytes(self, name: &str) -> ByteField {
        ByteField::parse(self.get(name))
    }

    /// The integer of this name, written as a number or as text.
    #[must_use]
    pub fn integer(self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    /// The id of this name: a text, or a number as text, because some relays take ids of digits for
    /// numbers.
    #[must_use]
    pub fn id(self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.get(name)?;
        let number = || value.as_u64().map(|number| number.to_string().into());
        value.as_str().map(Cow::from).or_else(number)
    }

    /// The flag of this name; anything but `true` is false. Some relays write it as a text or as 1.
    #[must_use]
    pub fn flag(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| {
            let text = value.as_str().unwrap_or_default().trim();
            value == true || value == 1 || text == "1" || text.eq_ignore_ascii_case("true")
        })
    }

    /// All names and values, in alphabetical order of the names.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}
