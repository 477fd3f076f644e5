//! Every name under which the media of a person may be stored: phone numbers in each spelling, and
//! LIDs that webhooks named beside them.

use crate::session::Session;
use aws::people::PeopleTable;
use media::{contact::Contact, ids::InstanceId, message::Chat};

/// The chats of a person in one instance.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct PersonChats {
    /// The folders: every phone number in every spelling, and every LID.
    pub(crate) chats: Vec<Chat>,
    /// The pairs of LID and phone number that connect them.
    pub(crate) pairs: Vec<Contact>,
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
    ) -> anyhow::Result<Self> {
        let mut found = Self { chats: from.to_vec(), pairs: Vec::new() };
        let mut open: Vec<Contact> = from.iter().filter_map(contact_of_chat).collect();
        // A number that was found has a second spelling, which may have pairs of its own.
        while !open.is_empty() {
            let pairs = people.list_aliases(instance, std::mem::take(&mut open)).await?;
            for pair in pairs {
                if found.pairs.contains(&pair) {
                    continue;
                }
                for chat in chats_of_contact(&pair) {
                    if !found.chats.contains(&chat) {
                        open.extend(contact_of_chat(&chat));
                        found.chats.push(chat);
                    }
                }
                found.pairs.push(pair);
            }
        }
        Ok(found)
    }
}

/// The table of people.
pub(crate) fn open_people(session: &Session) -> anyhow::Result<PeopleTable> {
    let table = session.stack.output("PeopleTable")?.to_owned();
    Ok(PeopleTable::new(&session.operator.clients, table))
}

fn contact_of_chat(chat: &Chat) -> Option<Contact> {
    let text = chat.as_str();
    match text.strip_prefix("lid-") {
        Some(lid) => Some(Contact { lid: Some(lid.to_owned()), phone: None }),
        None => {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| Contact { lid: None, phone: Some(text.to_owned()) })
        }
    }
}

/// The folders that a contact's media may have.
fn chats_of_contact(contact: &Contact) -> Vec<Chat> {
    let lid = contact.lid.as_ref().map(|lid| Chat::from_jid(&format!("{lid}@lid"), None));
    let phone = contact.phone.iter().flat_map(|phone| {
        let spellings = Chat::spellings_of_phone(phone);
        if spellings.is_empty() { vec![Chat::from_jid(phone, None)] } else { spellings }
    });
    lid.into_iter().chain(phone).collect()
}
