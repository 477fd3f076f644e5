//! What the names in a message mean: media, wrappers around a message, and what is no medium of the
//! chat.
//!
//! Source: whatsmeow's protocol definition (`waE2E.proto`) and its table of key families, both of
//! 2026-08-21; the families that it lacks from Baileys and Cobalt. All names are in lower case
//! here.

use media::kind::MediaKind;

/// What a name says of the value below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A media object.
    Medium(MediaKind),
    /// A ZIP of stickers.
    StickerPack,
    /// A message, or a wrapper that holds one in `message`.
    Wrapper,
    /// Nothing below it is a new medium of the chat.
    NotOfTheChat,
    /// Nobody has told.
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

/// Names below which nothing is a new medium of the chat.
const NOT_OF_THE_CHAT: &[&str] = &[
    // Edits, deletions, and what devices of one account tell each other.
    "protocolmessage",
    "peerdataoperationrequestmessage",
    "peerdataoperationrequestresponsemessage",
    // Other people's messages for a new member of a group. Key family `Group History`.
    "messagehistorybundle",
    "messagehistorynotice",
    // The account's own past. Key family `WhatsApp History Keys`.
    "historysyncnotification",
    // The account's settings. Key family `WhatsApp App State Keys`.
    "externalblob",
    "externalblobreference",
    // A text with the picture of its link. Key family `WhatsApp Link Thumbnail Keys`.
    "extendedtextmessage",
    // Someone's status or message, shown again inside a medium's annotations.
    "embeddedcontent",
    "embeddedmessage",
];

/// Parts of names below which nothing is a new medium of the chat, whatever the name is tomorrow:
/// every quote repeats someone's message; thumbnails and artwork show another thing; backgrounds
/// (key family `WhatsApp Payment Background Keys`) and wallpapers are decoration; context and
/// metadata are about a message.
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

/// The meaning of a name, in any case.
pub(super) fn meaning(name: &str) -> Meaning {
    let name = name.to_ascii_lowercase();
    let known = MEDIA.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, kind)) => Meaning::Medium(*kind),
        None if name == STICKER_PACK => Meaning::StickerPack,
        None if WRAPPERS.contains(&name.as_str()) => Meaning::Wrapper,
        None if is_not_of_the_chat(&name) => Meaning::NotOfTheChat,
        None => Meaning::Unknown,
    }
}

fn is_not_of_the_chat(name: &str) -> bool {
    NOT_OF_THE_CHAT.contains(&name) || NOT_OF_THE_CHAT_PARTS.iter().any(|part| name.contains(part))
}

/// Whether what is below the name is a voice note.
pub(super) fn is_voice_note(name: &str) -> bool {
    name.eq_ignore_ascii_case("pttmessage")
}

/// Whether what is below the name is meant to be seen once.
pub(super) fn is_view_once(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("viewonce")
}

/// Types that say nothing of what people send, or that WhatsApp's own machinery has.
const TYPES_OF_NO_MEDIUM: &[&str] = &[
    "application/octet-stream",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
    "binary/octet-stream",
];

/// Whether an object under a name that nobody has told is a medium: only what declares a type that
/// people send each other, and of files only what has a name.
pub(super) fn is_type_of_a_medium(mimetype: &str, has_file_name: bool) -> bool {
    let bare = mimetype.split(';').next().unwrap_or_default().trim();
    let bare = bare.to_ascii_lowercase();
    let (top, sub) = bare.split_once('/').unwrap_or_default();
    match top {
        _ if sub.is_empty() => false,
        "image" | "video" | "audio" => true,
        "application" | "text" => has_file_name && !TYPES_OF_NO_MEDIUM.contains(&bare.as_str()),
        _ => false,
    }
}
