//! Finds the media objects in `msgContent`: under known field names, and through every wrapper,
//! known or not.

use std::collections::HashSet;

use media::kind::MediaKind;
use serde_json::Value;

use super::names::{Meaning, is_media_type, is_view_once, is_voice_note, meaning_of};
use crate::fields::Fields;

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
    /// The paths of found objects: the same path twice is one media message.
    paths: HashSet<&'a str>,
    pub(super) unknown_wrappers: usize,
    /// Objects with a key and a path that cannot be identified as media.
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
        search.visit_value(content, SearchPath::default());
        search
    }

    fn visit_value(&mut self, value: &'a Value, path: SearchPath) {
        if path.depth > MAX_DEPTH || self.too_many {
            return;
        }
        let below = SearchPath {
            depth: path.depth + 1,
            ..path
        };
        if let Value::Array(items) = value {
            items.iter().for_each(|item| self.visit_value(item, below));
        }
        let Some(fields) = Fields::from_value(value) else {
            return;
        };
        fields
            .iter()
            .for_each(|(name, child)| self.visit_field(name, child, below));
    }

    fn visit_field(&mut self, name: &str, child: &'a Value, path: SearchPath) {
        let through_unknown = SearchPath {
            through_unknown: true,
            ..path
        };
        match (meaning_of(name), Fields::from_value(child)) {
            (Meaning::NotOfTheChat, _) => {}
            (Meaning::Media(kind), Some(fields)) => {
                let voice_note = is_voice_note(name) || fields.flag("ptt");
                self.add_media(fields, kind, voice_note, path);
            }
            (Meaning::StickerPack, Some(fields)) => self.add_pack(fields, path),
            (Meaning::Wrapper, _) => {
                let view_once = path.view_once || is_view_once(name);
                self.visit_value(child, SearchPath { view_once, ..path });
            }
            (Meaning::Unknown, Some(fields)) if has_key_and_path(fields) => {
                self.add_unknown(child, fields, through_unknown);
            }
            _ => self.visit_value(child, through_unknown),
        }
    }

    fn add_unknown(&mut self, object: &'a Value, fields: Fields<'a>, path: SearchPath) {
        let mimetype = fields.text("mimetype").unwrap_or_default();
        let name = fields.text("fileName").or_else(|| fields.text("title"));
        if is_media_type(mimetype, name.is_some()) {
            let kind = MediaKind::from_mimetype(mimetype);
            self.add_media(fields, kind, fields.flag("ptt"), path);
        } else {
            self.not_understood += 1;
            self.visit_value(object, path);
        }
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
        let is_known = |path| !self.paths.insert(path);
        if fields.text("directPath").is_some_and(is_known) {
            return;
        }
        if self.found.len() == MAX_MEDIA {
            self.too_many = true;
            return;
        }
        self.unknown_wrappers += usize::from(path.through_unknown);
        let view_once = path.view_once || fields.flag("viewOnce");
        self.found.push(FoundMedia {
            fields,
            kind,
            voice_note,
            view_once,
            is_sticker_pack: false,
        });
    }
}

/// Whether an object under an unknown name has what a media object has.
fn has_key_and_path(fields: Fields<'_>) -> bool {
    fields.bytes("mediaKey").is_present() && fields.text("directPath").is_some()
}
