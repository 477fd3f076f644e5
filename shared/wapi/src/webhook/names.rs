//! The meaning of field names in a message: media, wrappers, and content that is not new media of
//! the chat.
//!
//! Source: whatsmeow's protocol definition (`waE2E.proto`) and its table of key families, both of
//! 2026-08-21; the missing families are from Baileys and Cobalt. All names here are in lower case.

use media::kind::MediaKind;

use crate::field_name::{is_same_name, plain_name};

/// What a name says about the value below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A media object.
    Media(MediaKind),
    /// A sticker pack, which is a ZIP.
    StickerPack,
    /// A message, or a wrapper that holds one in `message`.
    Wrapper,
    /// Nothing below it is new media of the chat.
    NotOfTheChat,
    /// Not known.
    Unknown,
}

/// Names that hold a media object.
const MEDIA: &[(&str, MediaKind)] = &[
    ("imagemessage", MediaKind::Image),
    ("videomessage", MediaKind::Video),
    ("ptvmessage", MediaKind::Video),
    ("audiomessage", MediaKind::Audio),
    ("pttmessage", MediaKind::Audio),
    ("documentmessage", MediaKind::Document),
    ("stickermessage", MediaKind::Sticker),
];

/// Key family `WhatsApp Sticker Pack Keys`.
const STICKER_PACK: &str = "stickerpackmessage";

/// Names that hold a message: every `FutureProofMessage` of the definition and the other types with
/// a field `message`, some names that gateways make up, and `message` itself.
const WRAPPERS: &[&str] = &[
    "message",
    "associatedchildmessage",
    "botforwardedmessage",
    "botinvokemessage",
    "botplatformregistrationsuccessmessage",
    "bottaskmessage",
    "commentmessage",
    "devicesentmessage",
    "documentwithcaptionmessage",
    "editedmessage",
    "ephemeralmessage",
    "eventcoverimage",
    "groupmentionedmessage",
    "groupstatusmentionmessage",
    "groupstatusmessage",
    "groupstatusmessagev2",
    "imagewithcaptionmessage",
    "limitsharingmessage",
    "lottiestickermessage",
    "newsletteradminprofilemessage",
    "newsletteradminprofilestatusmessage",
    "notemessage",
    "pollcreationmessagev4",
    "pollcreationoptionimagemessage",
    "questionmessage",
    "questionreplymessage",
    "spoilermessage",
    "statusaddyours",
    "statusmentionmessage",
    "videowithcaptionmessage",
    "viewoncemessage",
    "viewoncemessagev2",
    "viewoncemessagev2extension",
];

/// Names below which nothing is new media of the chat.
const NOT_OF_THE_CHAT: &[&str] = &[
    // Edits, deletions, and messages between devices of one account.
    "protocolmessage",
    "peerdataoperationrequestmessage",
    "peerdataoperationrequestresponsemessage",
    // Other people's messages, for a new member of a group. Key family `Group History`.
    "messagehistorybundle",
    "messagehistorynotice",
    // The account's history. Key family `WhatsApp History Keys`.
    "historysyncnotification",
    // The account's settings. Key family `WhatsApp App State Keys`.
    "externalblob",
    "externalblobreference",
    // A text with a preview image of its link. Key family `WhatsApp Link Thumbnail Keys`.
    "extendedtextmessage",
    // Someone's status or message, shown again in the annotations of a media message.
    "embeddedcontent",
    "embeddedmessage",
];

/// Parts of names below which nothing is new media of the chat, including names that do not exist
/// yet. Every quote repeats another message; thumbnails and artwork show something else;
/// backgrounds (key family `WhatsApp Payment Background Keys`) and wallpapers are decoration;
/// context and metadata describe a message.
const NOT_OF_THE_CHAT_PARTS: &[&str] = &[
    "appstate",
    "artwork",
    "background",
    "contextinfo",
    "favicon",
    "historysync",
    "linkpreview",
    "metadata",
    "profilepic",
    "quote",
    "thumbnail",
    "wallpaper",
];

/// Looks up the meaning of a name, in any case of letters, with underscores or without.
pub(super) fn meaning_of(name: &str) -> Meaning {
    let name = plain_name(name);
    let known = MEDIA.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, kind)) => Meaning::Media(*kind),
        None if name == STICKER_PACK => Meaning::StickerPack,
        None if WRAPPERS.contains(&name.as_str()) => Meaning::Wrapper,
        None if is_not_of_the_chat(&name) => Meaning::NotOfTheChat,
        None => Meaning::Unknown,
    }
}

fn is_not_of_the_chat(name: &str) -> bool {
    NOT_OF_THE_CHAT.contains(&name) || NOT_OF_THE_CHAT_PARTS.iter().any(|part| name.contains(part))
}

/// Whether the object below this name is a voice note.
pub(super) fn is_voice_note(name: &str) -> bool {
    is_same_name(name, "pttmessage")
}

/// Whether the objects below this name are meant to be viewed once.
pub(super) fn is_view_once(name: &str) -> bool {
    plain_name(name).starts_with("viewonce")
}

/// Types that do not identify media that people send, or that WhatsApp uses internally.
const NON_MEDIA_TYPES: &[&str] = &[
    "application/octet-stream",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
    "binary/octet-stream",
];

/// Whether an object under an unknown name is media: it declares a type of image, video or audio,
/// or it is another file with a name.
pub(super) fn is_media_type(mimetype: &str, has_file_name: bool) -> bool {
    let bare = mimetype.split(';').next().unwrap_or_default().trim();
    let bare = bare.to_ascii_lowercase();
    let (top, sub) = bare.split_once('/').unwrap_or_default();
    match top {
        _ if sub.is_empty() => false,
        "image" | "video" | "audio" => true,
        "application" | "text" => has_file_name && !NON_MEDIA_TYPES.contains(&bare.as_str()),
        _ => false,
    }
}
