//! Finds the media in `msgContent`: under the names we know, through every wrapper, known or not.

use std::collections::HashSet;

use media::kind::MediaKind;
use serde_json::Value;

use crate::fields::Fields;

/// Levels of JSON that are looked through. Five wrappers take eleven; nobody saw more than two.
const MAX_DEPTH: usize = 24;

/// Media of one message at most. WhatsApp puts one into a message; ten thousand fit into a body, and each
/// would be a job.
pub const MAX_MEDIA: usize = 100;

/// Names that hold a media object, in lower case.
const MEDIA: &[(&str, MediaKind)] = &[
    ("imagemessage", MediaKind::Image),
    ("videomessage", MediaKind::Video),
    ("ptvmessage", MediaKind::Video),
    ("audiomessage", MediaKind::Audio),
    ("pttmessage", MediaKind::Audio),
    ("documentmessage", MediaKind::Document),
    ("stickermessage", MediaKind::Sticker),
];

/// Names that hold a message through `.message`, in lower case.
const WRAPPERS: &[&str] = &[
    "ephemeralmessage",
    "viewoncemessage",
    "viewoncemessagev2",
    "viewoncemessagev2extension",
    "documentwithcaptionmessage",
    "imagewithcaptionmessage",
    "videowithcaptionmessage",
    "editedmessage",
    "associatedchildmessage",
    "devicesentmessage",
    "groupstatusmessage",
    "groupstatusmessagev2",
    "lottiestickermessage",
];

/// Names below which nothing is new media: a quote repeats someone's message, and protocol messages carry
/// edits, deletions and history blobs.
const NOT_NEW: &[&str] = &["quotedmessage", "protocolmessage"];

/// One media object and what its surroundings say of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) kind: MediaKind,
    pub(super) voice_note: bool,
    pub(super) view_once: bool,
}

/// All that was found, in the order of names, which a redelivery repeats.
#[derive(Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) found: Vec<Found<'a>>,
    /// The paths of what was found: the same file twice is one medium.
    paths: HashSet<&'a str>,
    pub(super) unknown_wrappers: usize,
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
        search.visit(content, Path::default());
        search
    }

    fn visit(&mut self, value: &'a Value, path: Path) {
        if path.depth > MAX_DEPTH || self.too_many {
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
        fields
            .iter()
            .for_each(|(name, child)| self.visit_field(name, child, below));
    }

    fn visit_field(&mut self, name: &str, child: &'a Value, path: Path) {
        let name = name.to_ascii_lowercase();
        let known_kind = MEDIA
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind);
        match (Fields::of(child), known_kind) {
            _ if NOT_NEW.contains(&name.as_str()) => {}
            (Some(fields), Some(kind)) => self.add(fields, kind, name == "pttmessage", path),
            (Some(fields), None) if is_media_object(fields) => {
                let kind = MediaKind::of_mimetype(fields.text("mimetype").unwrap_or_default());
                self.add(
                    fields,
                    kind,
                    false,
                    Path {
                        through_unknown: true,
                        ..path
                    },
                );
            }
            _ if name == "message" => self.visit(child, path),
            _ if WRAPPERS.contains(&name.as_str()) => {
                self.visit(
                    child,
                    Path {
                        view_once: path.view_once || name.starts_with("viewonce"),
                        ..path
                    },
                );
            }
            _ => self.visit(
                child,
                Path {
                    through_unknown: true,
                    ..path
                },
            ),
        }
    }

    fn add(&mut self, fields: Fields<'a>, kind: MediaKind, voice_note: bool, path: Path) {
        let is_known = |path| !self.paths.insert(path);
        if fields.text("directPath").is_some_and(is_known) {
            return;
        }
        if self.found.len() == MAX_MEDIA {
            self.too_many = true;
            return;
        }
        self.unknown_wrappers += usize::from(path.through_unknown);
        let voice_note = voice_note || fields.flag("ptt");
        let view_once = path.view_once || fields.flag("viewOnce");
        self.found.push(Found {
            fields,
            kind,
            voice_note,
            view_once,
        });
    }
}

/// What a media object looks like under a name we do not know.
fn is_media_object(fields: Fields<'_>) -> bool {
    fields.text("mediaKey").is_some() && fields.text("directPath").is_some()
}
