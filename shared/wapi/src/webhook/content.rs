//! Finds the media in `msgContent`: under the names we know, through every wrapper, known or not.

use std::collections::HashSet;

use media::kind::MediaKind;
use serde_json::Value;

use super::names::{Meaning, is_type_of_a_medium, is_view_once, is_voice_note, meaning};
use crate::{fields::Fields, json::may_hold_json};

/// Levels of JSON that are looked through. Five wrappers take eleven; nobody saw more than two.
pub(super) const MAX_DEPTH: usize = 24;

/// Media of one message at most. WhatsApp puts one into a message; ten thousand fit into a body, and each
/// would be a job.
pub const MAX_MEDIA: usize = 100;

/// One media object and what its surroundings say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) kind: MediaKind,
    pub(super) voice_note: bool,
    pub(super) view_once: bool,
    pub(super) is_sticker_pack: bool,
}

/// All that was found, in the order of names, which a redelivery repeats.
#[derive(Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) found: Vec<Found<'a>>,
    /// Path, key and encrypted hash of what was found: the same file twice is one medium.
    files: HashSet<[Option<&'a Value>; 3]>,
    pub(super) unknown_wrappers: usize,
    /// Objects with a key and a path that nothing says what they are, what lies too deep, and texts
    /// in their place that hold broken ones.
    pub(super) not_understood: usize,
    /// There were more than [`MAX_MEDIA`].
    pub(super) too_many: bool,
}

/// Where the search stands.
#[derive(Debug, Clone, Copy, Default)]
struct Path {
    depth: usize,
    view_once: bool,
    through_unknown: bool,
}

impl<'a> Search<'a> {
    /// Looks through a whole `msgContent`.
    pub(super) fn through(content: &'a Value) -> Self {
        let mut search = Self::default();
        search.not_understood += usize::from(holds_a_broken_medium(content));
        search.visit(content, Path::default());
        search
    }

    /// Whether there was nothing that is or may be a medium.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.not_understood == 0
    }

    fn visit(&mut self, value: &'a Value, path: Path) {
        if self.too_many {
            return;
        }
        if path.depth > MAX_DEPTH {
            self.not_understood += usize::from(value.is_object() || value.is_array());
            return;
        }
        let below = Path {
            depth: path.depth + 1,
            ..path
        };
        if let Value::Array(items) = value {
            items.iter().for_each(|item| self.visit(item, below));
        }
        let Some(fields) = Fields::of(value) else {
            return;
        };
        if !is_sealed_file(fields) || !self.add_unknown(fields, below) {
            fields
                .iter()
                .for_each(|(name, child)| self.visit_field(name, child, below));
        }
    }

    fn visit_field(&mut self, name: &str, child: &'a Value, path: Path) {
        let through_unknown = Path {
            through_unknown: true,
            ..path
        };
        match (meaning(name), Fields::of(child)) {
            (Meaning::NotOfTheChat, _) => {}
            (Meaning::Medium(kind), Some(fields)) => {
                let voice_note = is_voice_note(name) || fields.flag("ptt");
                self.add(fields, kind, voice_note, path);
            }
            (Meaning::StickerPack, Some(fields)) => self.add_pack(fields, path),
            (Meaning::Wrapper | Meaning::Medium(_) | Meaning::StickerPack, _)
                if holds_a_broken_medium(child) =>
            {
                self.not_understood += 1;
            }
            (Meaning::Medium(_) | Meaning::StickerPack, None) => {
                let items = child.as_array().into_iter().flatten();
                items.for_each(|item| self.visit_field(name, item, path));
            }
            (Meaning::Wrapper, _) => {
                let view_once = path.view_once || is_view_once(name);
                self.visit(child, Path { view_once, ..path });
            }
            (Meaning::Unknown, _) => self.visit(child, through_unknown),
        }
    }

    /// Adds what lies under no name of a medium, if it is one by its type.
    fn add_unknown(&mut self, fields: Fields<'a>, path: Path) -> bool {
        let path = Path {
            through_unknown: true,
            ..path
        };
        let mimetype = fields.text("mimetype").unwrap_or_default();
        let name = fields.text("fileName").or_else(|| fields.text("title"));
        let is_medium = is_type_of_a_medium(mimetype, name.is_some());
        if is_medium {
            let kind = MediaKind::of_mimetype(mimetype);
            self.add(fields, kind, fields.flag("ptt"), path);
        } else {
            self.not_understood += 1;
        }
        is_medium
    }

    fn add_pack(&mut self, fields: Fields<'a>, path: Path) {
        let before = self.found.len();
        self.add(fields, MediaKind::Sticker, false, path);
        if let Some(found) = self.found.get_mut(before) {
            found.is_sticker_pack = true;
        }
    }

    fn add(&mut self, fields: Fields<'a>, kind: MediaKind, voice_note: bool, path: Path) {
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
        self.found.push(Found {
            fields,
            kind,
            voice_note,
            view_once,
            is_sticker_pack: false,
        });
    }
}

/// What a media object looks like under a name we do not know: it is encrypted, and somewhere.
fn is_sealed_file(fields: Fields<'_>) -> bool {
    let is_sealed = ["mediaKey", "fileEncSha256"]
        .into_iter()
        .any(|name| fields.bytes(name).is_present());
    is_sealed && (fields.text("directPath").is_some() || fields.text("url").is_some())
}

/// Objects of a webhook that have a path and lie where no message should be, and texts there that
/// hold broken ones. What a person wrote is not among them: it is in fields of objects.
pub(super) fn count_elsewhere(webhook: &Value) -> usize {
    let search = Search::through(webhook);
    let has_path = |found: &&Found<'_>| found.fields.text("directPath").is_some();
    let objects = search.found.iter().filter(has_path).count();
    let fields = Fields::of(webhook).into_iter();
    let texts = fields.flat_map(|fields| fields.iter().map(|(_, child)| child));
    search.not_understood + objects + texts.filter(|child| holds_a_broken_medium(child)).count()
}

/// Whether it is a text that was meant to be opened and names what leads to a medium. What can be
/// opened is no text any more.
fn holds_a_broken_medium(value: &Value) -> bool {
    let Value::String(text) = value else {
        return false;
    };
    may_hold_json(text) && text.to_ascii_lowercase().contains("directpath")
}
