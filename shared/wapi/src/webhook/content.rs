//! Finds the media objects in `msgContent`: under known field names, and through every wrapper,
//! known or not.

use std::collections::HashSet;

use media::kind::MediaKind;
use serde_json::Value;

use super::names::{Meaning, is_media_type, is_view_once, is_voice_note, meaning_of};
use crate::{
    field_name::is_same_name,
    fields::Fields,
    json::{may_hold_json, may_hold_webhook},
};

/// Maximum depth of JSON that is searched. Five wrappers take eleven levels; at most two wrappers
/// were seen.
pub(super) const MAX_DEPTH: usize = 24;

/// Maximum media files of one message. WhatsApp puts one into a message; a body has room for ten
/// thousand, and each would be a job.
pub const MAX_MEDIA: usize = 100;

/// A media object and what its surroundings say about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundMedia<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) kind: MediaKind,
    pub(super) voice_note: bool,
    pub(super) view_once: bool,
    pub(super) is_sticker_pack: bool,
}

/// Everything found, in alphabetical order of names, which is the same in a redelivery.
#[derive(Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) found: Vec<FoundMedia<'a>>,
    /// Path, key and encrypted hash of found objects: the same file twice is one media message.
    files: HashSet<[Option<&'a Value>; 3]>,
    pub(super) unknown_wrappers: usize,
    /// Number of encrypted files that cannot be identified as media, of objects and lists below
    /// [`MAX_DEPTH`], and of texts that hold a broken media object.
    pub(super) not_understood: usize,
    /// Whether there were more than [`MAX_MEDIA`].
    pub(super) too_many: bool,
}

/// The position of the search.
#[derive(Debug, Clone, Copy, Default)]
struct SearchPath {
    depth: usize,
    view_once: bool,
    through_unknown: bool,
}

impl<'a> Search<'a> {
    /// Searches a whole `msgContent`.
    pub(super) fn search_content(content: &'a Value) -> Self {
        let mut search = Self::default();
        search.not_understood += usize::from(holds_broken_media(content));
        search.visit_value(content, SearchPath::default());
        search
    }

    /// Whether there was nothing that is or may be media.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.not_understood == 0
    }

    fn visit_value(&mut self, value: &'a Value, path: SearchPath) {
        if self.too_many {
            return;
        }
        if path.depth > MAX_DEPTH {
            self.not_understood += usize::from(value.is_object() || value.is_array());
            return;
        }
        let below = SearchPath { depth: path.depth + 1, ..path };
        if let Value::Array(items) = value {
            items.iter().for_each(|item| self.visit_value(item, below));
        }
        let Some(fields) = Fields::from_value(value) else {
            return;
        };
        if !is_encrypted_file(fields) || !self.add_unknown(fields, below) {
            fields.iter().for_each(|(name, child)| self.visit_field(name, child, below));
        }
    }

    fn visit_field(&mut self, name: &str, child: &'a Value, path: SearchPath) {
        self.visit_named(meaning_of(name), name, child, path);
    }

    fn visit_named(&mut self, meaning: Meaning, name: &str, child: &'a Value, path: SearchPath) {
        let through_unknown = SearchPath { through_unknown: true, ..path };
        match (meaning, Fields::from_value(child)) {
            (Meaning::NotOfTheChat, _) => {}
            (Meaning::Media(kind), Some(fields)) => {
                let voice_note = is_voice_note(name) || fields.flag("ptt");
                self.add_media(fields, kind, voice_note, path);
            }
            (Meaning::StickerPack, Some(fields)) => self.add_pack(fields, path),
            (Meaning::Media(_) | Meaning::StickerPack, None) if is_broken_json(child) => {
                self.not_understood += 1;
            }
            (Meaning::Wrapper, _) if holds_broken_media(child) => self.not_understood += 1,
            (Meaning::Media(_) | Meaning::StickerPack, None) => {
                let items = child.as_array().into_iter().flatten();
                items.for_each(|item| self.visit_named(meaning, name, item, path));
            }
            (Meaning::Wrapper, _) => {
                let view_once = path.view_once || is_view_once(name);
                self.visit_value(child, SearchPath { view_once, ..path });
            }
            (Meaning::Unknown, _) => self.visit_value(child, through_unknown),
        }
    }

    /// Adds an encrypted file under an unknown name if its type identifies it as media, and returns
    /// whether it does.
    fn add_unknown(&mut self, fields: Fields<'a>, path: SearchPath) -> bool {
        let path = SearchPath { through_unknown: true, ..path };
        let mimetype = fields.text("mimetype").unwrap_or_default();
        let name = fields.text("fileName").or_else(|| fields.text("title"));
        let is_media = is_media_type(mimetype, name.is_some());
        if is_media {
            let kind = MediaKind::from_mimetype(mimetype);
            self.add_media(fields, kind, fields.flag("ptt"), path);
        } else {
            self.not_understood += 1;
        }
        is_media
    }

    fn add_pack(&mut self, fields: Fields<'a>, path: SearchPath) {
        let before = self.found.len();
        self.add_media(fields, MediaKind::Sticker, false, path);
        if let Some(found) = self.found.get_mut(before) {
            found.is_sticker_pack = true;
        }
    }

    fn add_media(
        &mut self,
        fields: Fields<'a>,
        kind: MediaKind,
        voice_note: bool,
        path: SearchPath,
    ) {
        let file = ["directPath", "mediaKey", "fileEncSha256"].map(|name| fields.get(name));
        if file[0].is_some() && !self.files.insert(file) {
            return;
        }
        if self.found.len() == MAX_MEDIA {
            self.too_many = true;
            return;
        }
        self.unknown_wrappers += usize::from(path.through_unknown);
        let view_once = path.view_once || fields.flag("viewOnce");
        self.found.push(FoundMedia { fields, kind, voice_note, view_once, is_sticker_pack: false });
    }
}

/// Whether an object under an unknown name has what a media object has: a sign of encryption, and a
/// path or URL.
fn is_encrypted_file(fields: Fields<'_>) -> bool {
    let is_encrypted =
        ["mediaKey", "fileEncSha256"].into_iter().any(|name| fields.bytes(name).is_present());
    is_encrypted && (fields.text("directPath").is_some() || fields.text("url").is_some())
}

/// Counts objects with a path, and texts that hold a broken one, where a webhook has no message.
/// Text that a person wrote is not counted, because it is in fields of objects.
pub(super) fn count_elsewhere(webhook: &Value) -> usize {
    let search = Search::search_content(webhook);
    let has_path = |found: &&FoundMedia<'_>| found.fields.text("directPath").is_some();
    let objects = search.found.iter().filter(has_path).count();
    let broken = Fields::from_value(webhook).map_or(0, count_broken_fields);
    search.not_understood + objects + broken
}

/// Counts broken texts in the fields of a webhook: at any depth if it has no message, else directly
/// in it, because people wrote the texts of a message, a chat and a sender.
fn count_broken_fields(webhook: Fields<'_>) -> usize {
    let has_message = webhook.get("msgContent").is_some();
    let of_people = |name: &str| ["chat", "sender"].iter().any(|one| is_same_name(name, one));
    let fields = webhook.iter().filter(|(name, _)| !of_people(name));
    fields
        .map(|(_, child)| match has_message {
            true => usize::from(holds_broken_media(child)),
            false => count_broken(child, 0),
        })
        .sum()
}

/// Counts texts at any depth that may hold a webhook or media, and lists that are bytes as numbers.
fn count_broken(value: &Value, depth: usize) -> usize {
    /// Fewer bytes hold no webhook.
    const MIN_BYTES: usize = 100;
    let below = |value: &Value| count_broken(value, depth + 1);
    match value {
        _ if depth > MAX_DEPTH => 0,
        Value::String(_) => usize::from(holds_broken_media(value)),
        Value::Array(items) if items.len() >= MIN_BYTES && items.iter().all(is_byte) => 1,
        Value::Array(items) => items.iter().map(below).sum(),
        Value::Object(fields) => fields.values().map(below).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn is_byte(value: &Value) -> bool {
    value.as_u64().is_some_and(|number| u8::try_from(number).is_ok())
}

/// Whether the value is a text that was to be JSON. It is broken, because a text that can be parsed
/// was replaced by its content before.
fn is_broken_json(value: &Value) -> bool {
    value.as_str().is_some_and(may_hold_json)
}

/// Whether the value is a text that may hold a webhook or media and cannot be parsed.
fn holds_broken_media(value: &Value) -> bool {
    value.as_str().is_some_and(may_hold_webhook)
}
