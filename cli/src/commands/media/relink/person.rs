//! A person whose media may be in two folders.

use media::{ids::InstanceId, message::Chat};

/// A person of an instance whose LID belongs to one phone number.
pub(super) struct Person {
    pub(super) instance: InstanceId,
    /// The digits of the LID.
    pub(super) lid: String,
    /// The digits of the phone number.
    pub(super) phone: String,
}

impl Person {
    /// The folder of the phone number.
    pub(super) fn folder(&self) -> Option<Chat> {
        Chat::try_from(self.phone.clone()).ok()
    }
}
