//! All records of one of the register's tables: those that can be read, and the ids of the others.

use crate::dynamodb::{Attributes, get_string};

/// The records of one of the register's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterListing<T> {
    /// The records that can be read, in order.
    pub known: Vec<T>,
    /// The records that cannot be read, by id.
    pub unread: Vec<UnreadableRecord>,
}

/// A record of the register that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadableRecord {
    /// The record's key; empty if it is not a text.
    pub id: String,
    /// The tenant that the record names; `None` if that is not a text.
    pub tenant: Option<String>,
}

impl<T> RegisterListing<T> {
    /// Reads each item with `read`. `key_name` is the name of the table's key attribute.
    pub(super) fn from_items(
        items: Vec<Attributes>,
        key_name: &str,
        read: impl Fn(Attributes) -> Option<T>,
    ) -> Self {
        let (mut known, mut unread) = (Vec::new(), Vec::new());
        for item in items {
            let text = |name: &str| get_string(&item, name).map(str::to_owned);
            let unreadable =
                UnreadableRecord { id: text(key_name).unwrap_or_default(), tenant: text("tenant") };
            match read(item) {
                Some(record) => known.push(record),
                None => unread.push(unreadable),
            }
        }
        unread.sort();
        Self { known, unread }
    }
}
