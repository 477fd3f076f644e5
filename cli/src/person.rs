//! Every name under which the media of a person may be stored: phone numbers in each spelling, and
//! LIDs that webhooks named beside them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use aws::{error::AwsError, people::PeopleTable};
use media::{
    contact::Contact,
    ids::InstanceId,
    message::{Chat, ChatKind},
};

/// The chats of a person in one instance.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct PersonChats {
    /// The folders: every phone number in every spelling, and every LID.
    pub(crate) chats: Vec<Chat>,
    /// The pairs of LID and phone number that name one of them.
    pub(crate) pairs: Vec<Contact>,
    /// LIDs that were seen with the person and with somebody else's number. Whose they are cannot
    /// be told, so that they connect nothing.
    pub(crate) doubtful: Vec<Chat>,
}

impl PersonChats {
    /// The chats of the person with these folders, in an instance. A folder that is not a
    /// person's (a group, a channel) stands for itself.
    ///
    /// # Errors
    /// When the table of people cannot be read.
    pub(crate) async fn find(
        people: &PeopleTable,
        instance: &InstanceId,
        from: &[Chat],
    ) -> Result<Self, AwsError> {
        Self::find_with(people, instance, from, &[]).await
    }

    /// As [`Self::find`], also by these pairs, which records know.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) async fn find_with(
        people: &PeopleTable,
        instance: &InstanceId,
        from: &[Chat],
        recorded: &[Contact],
    ) -> Result<Self, AwsError> {
        let (mut all, mut known) = (Vec::new(), from.to_vec());
        let mut open: Vec<Contact> = from.iter().filter_map(contact_of_chat).collect();
        // A number that was found has a second spelling, which may have pairs of its own.
        while !open.is_empty() {
            let mut pairs = people.list_aliases(instance, std::mem::take(&mut open)).await?;
            let is_known =
                |pair: &&Contact| chats_of_contact(pair).iter().any(|chat| known.contains(chat));
            pairs.extend(recorded.iter().filter(is_known).cloned());
            for pair in pairs.into_iter().filter(|pair| !all.contains(pair)).collect::<Vec<_>>() {
                for chat in chats_of_contact(&pair) {
                    if !known.contains(&chat) {
                        open.extend(contact_of_chat(&chat));
                        known.push(chat);
                    }
                }
                all.push(pair);
            }
        }
        Ok(Self::connect(all, from))
    }

    /// Follows the pairs from these folders, but not through a LID that has several numbers.
    fn connect(pairs: Vec<Contact>, from: &[Chat]) -> Self {
        let is_doubtful = |lid: &str| {
            let of_lid = pairs.iter().filter(|pair| pair.lid.as_deref() == Some(lid));
            let numbers = of_lid.filter_map(|pair| pair.phone.as_deref());
            numbers.map(Chat::normalize_phone).collect::<BTreeSet<_>>().len() > 1
        };
        let names = |chats: &[Chat], pair: &Contact| {
            chats_of_contact(pair).iter().any(|chat| chats.contains(chat))
        };
        let (mut chats, mut doubtful) = (from.to_vec(), Vec::new());
        loop {
            let known = chats.len() + doubtful.len();
            for pair in pairs.iter().filter(|pair| names(&chats, pair)).collect::<Vec<_>>() {
                let lid = pair.lid.as_deref().and_then(Chat::from_lid);
                if pair.lid.as_deref().is_some_and(is_doubtful) {
                    doubtful.extend(lid.filter(|lid| !doubtful.contains(lid)));
                    continue;
                }
                for chat in chats_of_contact(pair) {
                    if !chats.contains(&chat) {
                        chats.push(chat);
                    }
                }
            }
            if chats.len() + doubtful.len() == known {
                break;
            }
        }
        let pairs = pairs.iter().filter(|pair| names(&chats, pair)).cloned().collect();
        doubtful.retain(|lid| !from.contains(lid));
        Self { chats, pairs, doubtful }
    }
}

/// A sentence about LIDs whose owner cannot be told; empty if there are none.
pub(crate) fn describe_doubtful(doubtful: &BTreeSet<Chat>) -> String {
    if doubtful.is_empty() {
        return String::new();
    }
    let names: Vec<_> = doubtful.iter().map(Chat::as_str).collect();
    format!(
        "\nLeft out, because several phone numbers were seen with it: {}. If it is this person's, \
         name it with --chat.",
        names.join(", ")
    )
}

/// A sentence about the folders that were searched.
pub(crate) fn describe_folders<'a>(folders: impl IntoIterator<Item = &'a Chat>) -> String {
    let names: Vec<_> = folders.into_iter().map(Chat::as_str).collect();
    format!("\nSearched folders: {}.", names.join(", "))
}

/// The folder with this name, as an operator gives it.
pub(crate) fn parse_folder(name: &str) -> anyhow::Result<Chat> {
    let folder = Chat::try_from(name.to_owned());
    folder
        .context("a chat is given as the name of its folder: lower-case letters, digits and dashes")
}

/// The folders of a phone number, as an operator gives it, in each of its spellings.
pub(crate) fn parse_phone(phone: &str) -> anyhow::Result<Vec<Chat>> {
    let chats = Chat::spellings_of_phone(phone);
    if chats.is_empty() {
        bail!("a phone number is given in digits with the country code, such as 5500900000002");
    }
    Ok(chats)
}

fn contact_of_chat(chat: &Chat) -> Option<Contact> {
    let text = chat.as_str();
    match chat.kind() {
        ChatKind::Lid => {
            let lid = text.strip_prefix("lid-").unwrap_or(text);
            Some(Contact { lid: Some(lid.to_owned()), phone: None })
        }
        ChatKind::Person => Some(Contact { lid: None, phone: Some(text.to_owned()) }),
        ChatKind::Group | ChatKind::Channel | ChatKind::Status | ChatKind::Other => None,
    }
}

/// The folders that a contact's media may have.
fn chats_of_contact(contact: &Contact) -> Vec<Chat> {
    let lid = contact.lid.as_deref().and_then(Chat::from_lid);
    let phone = contact.phone.iter().flat_map(|phone| {
        let spellings = Chat::spellings_of_phone(phone);
        if spellings.is_empty() { vec![Chat::from_jid(phone, None)] } else { spellings }
    });
    lid.into_iter().chain(phone).collect()
}

#[cfg(test)]
mod tests {
    use media::{contact::Contact, message::Chat};

    use super::PersonChats;

    fn pair(lid: &str, phone: &str) -> Contact {
        Contact { lid: Some(lid.to_owned()), phone: Some(phone.to_owned()) }
    }

    fn chat(name: &str) -> Chat {
        Chat::try_from(name.to_owned()).expect("a folder")
    }

    /// Otherwise one person's export has another's media, and one person's erasure takes them.
    #[test]
    fn a_lid_with_two_numbers_connects_nobody() {
        let pairs = vec![
            pair("200000000000002", "5500900000002"),
            pair("200000000000002", "5500900000003"),
            pair("200000000000004", "5500900000002"),
        ];
        let person = PersonChats::connect(pairs, &[chat("5500900000002")]);
        let names: Vec<_> = person.chats.iter().map(Chat::as_str).collect();
        assert!(names.contains(&"lid-200000000000004"), "{names:?}");
        assert!(!names.contains(&"5500900000003"), "{names:?}");
        assert_eq!(person.doubtful, [chat("lid-200000000000002")]);
        // Both items that name the person's number, and not the other's.
        let pairs = person.pairs.iter().map(|pair| pair.phone.as_deref());
        assert_eq!(pairs.collect::<Vec<_>>(), [Some("5500900000002"); 2]);
    }

    #[test]
    fn two_spellings_of_a_number_are_one() {
        let pairs =
            vec![pair("200000000000002", "5500988880000"), pair("200000000000002", "550088880000")];
        let person = PersonChats::connect(pairs, &[chat("lid-200000000000002")]);
        assert!(person.chats.contains(&chat("5500988880000")), "{person:?}");
        assert!(person.doubtful.is_empty());
    }
}
