//! Each wrapper that WhatsApp has, and each object with a key and a path that is no medium of the
//! chat, with the place that says so.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::kind::{KeyType, MediaKind};
use serde_json::{Value, json};
use wapi::{
    download::DownloadRequest,
    webhook::{Announcement, WebhookBody},
};

const KEY: &str = "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=";

/// whatsmeow, `proto/waE2E/WAWebProtobufsE2E.proto` at 33cfac51 (2026-08-21): the fields of
/// `Message` that are a `FutureProofMessage`, and below them the other types that hold a `Message`
/// which is not a quote.
const WRAPPERS: &[(&str, &str)] = &[
    ("viewOnceMessage", "Message, FutureProofMessage"),
    ("ephemeralMessage", "Message, FutureProofMessage"),
    ("documentWithCaptionMessage", "Message, FutureProofMessage"),
    ("viewOnceMessageV2", "Message, FutureProofMessage"),
    ("editedMessage", "Message, FutureProofMessage"),
    ("viewOnceMessageV2Extension", "Message, FutureProofMessage"),
    ("groupMentionedMessage", "Message, FutureProofMessage"),
    ("botInvokeMessage", "Message, FutureProofMessage"),
    ("lottieStickerMessage", "Message, FutureProofMessage"),
    ("eventCoverImage", "Message, FutureProofMessage"),
    ("statusMentionMessage", "Message, FutureProofMessage"),
    (
        "pollCreationOptionImageMessage",
        "Message, FutureProofMessage",
    ),
    ("associatedChildMessage", "Message, FutureProofMessage"),
    ("groupStatusMentionMessage", "Message, FutureProofMessage"),
    ("pollCreationMessageV4", "Message, FutureProofMessage"),
    ("statusAddYours", "Message, FutureProofMessage"),
    ("groupStatusMessage", "Message, FutureProofMessage"),
    ("limitSharingMessage", "Message, FutureProofMessage"),
    ("botTaskMessage", "Message, FutureProofMessage"),
    ("questionMessage", "Message, FutureProofMessage"),
    ("groupStatusMessageV2", "Message, FutureProofMessage"),
    ("botForwardedMessage", "Message, FutureProofMessage"),
    ("questionReplyMessage", "Message, FutureProofMessage"),
    (
        "newsletterAdminProfileMessage",
        "Message, FutureProofMessage",
    ),
    ("spoilerMessage", "Message, FutureProofMessage"),
    (
        "newsletterAdminProfileStatusMessage",
        "Message, FutureProofMessage",
    ),
    (
        "botPlatformRegistrationSuccessMessage",
        "Message, FutureProofMessage",
    ),
    ("deviceSentMessage", "DeviceSentMessage.message"),
    ("commentMessage", "CommentMessage.message"),
];

/// What has a key and a path and is no medium of the chat: its name, what it is, and who says so.
/// Key families are named as in whatsmeow's `download.go` and Baileys' `MEDIA_HKDF_KEY_MAPPING`;
/// the last by Cobalt's `MediaPath`.
const NOT_OF_THE_CHAT: &[(&str, &str)] = &[
    (
        "quotedMessage",
        "a quote: whatsmeow, ContextInfo.quotedMessage",
    ),
    (
        "questionReplyQuotedMessage",
        "a quote: whatsmeow, ContextInfo",
    ),
    (
        "quotedQuestion",
        "a quote: whatsmeow, ContextInfo.QuestionReplyQuotedMessage",
    ),
    (
        "quotedResponse",
        "a quote: whatsmeow, ContextInfo.QuestionReplyQuotedMessage",
    ),
    ("statusQuotedMessage", "a quote: whatsmeow, Message"),
    ("quotedAd", "a quote: whatsmeow, ContextInfo"),
    (
        "quotedOfTomorrow",
        "a quote under a name that nobody has told",
    ),
    (
        "protocolMessage",
        "edits, deletions, settings: whatsmeow, ProtocolMessage",
    ),
    (
        "peerDataOperationRequestResponseMessage",
        "between devices of one account: whatsmeow",
    ),
    (
        "historySyncNotification",
        "WhatsApp History Keys: whatsmeow, Baileys md-msg-hist",
    ),
    (
        "externalBlob",
        "WhatsApp App State Keys: whatsmeow, Baileys md-app-state",
    ),
    (
        "externalBlobReference",
        "WhatsApp App State Keys: whatsmeow, ExternalBlobReference",
    ),
    (
        "appStateSyncKeyShare",
        "keys of the app state: whatsmeow, ProtocolMessage",
    ),
    (
        "background",
        "WhatsApp Payment Background Keys: Baileys payment-bg-image",
    ),
    (
        "paymentBackground",
        "WhatsApp Payment Background Keys: Baileys payment-bg-image",
    ),
    (
        "chatCustomImageWallpaper",
        "a wallpaper: whatsmeow, ChatCustomImageWallpaper",
    ),
    (
        "extendedTextMessage",
        "WhatsApp Link Thumbnail Keys: whatsmeow, DownloadableThumbnail",
    ),
    (
        "linkPreviewHighQualityThumbnail",
        "WhatsApp Link Thumbnail Keys: whatsmeow",
    ),
    (
        "linkPreviewImage",
        "the picture of a link under a name that nobody has told",
    ),
    (
        "faviconMMSMetadata",
        "WhatsApp Link Thumbnail Keys: whatsmeow, MMSThumbnailMetadata",
    ),
    (
        "embeddedMessage",
        "a status shown in an annotation: whatsmeow, EmbeddedMessage",
    ),
    (
        "messageHistoryNotice",
        "who shares history: whatsmeow, MessageHistoryNotice",
    ),
    (
        "messageHistoryBundle",
        "Group History: whatsmeow, MessageHistoryBundle; Cobalt",
    ),
];

fn image() -> Value {
    json!({ "mimetype": "image/jpeg", "mediaKey": KEY, "directPath": "/v/x?oe=F48EE600" })
}

fn read(content: &Value) -> Announcement {
    let body = json!({ "event": "webhookReceived", "messageId": "3EB0A", "msgContent": content });
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("a webhook");
    body.read()
}

#[test]
fn every_wrapper_of_the_protocol_is_opened_and_known() {
    for (wrapper, source) in WRAPPERS {
        let inner = json!({ "message": { "imageMessage": image() } });
        for content in [
            json!({ *wrapper: inner }),
            json!({ "ephemeralMessage": { "message": { *wrapper: inner } } }),
        ] {
            let announcement = read(&content);
            assert_eq!(announcement.media.len(), 1, "{wrapper}: {source}");
            assert_eq!(announcement.unknown_wrappers, 0, "{wrapper}: {source}");
        }
    }
}

#[test]
fn what_is_no_medium_of_the_chat_is_ignored_at_any_depth() {
    for (name, source) in NOT_OF_THE_CHAT {
        let message = json!({ "imageMessage": image(), "message": { "videoMessage": image() } });
        let blob =
            json!({ "mimetype": "application/protobuf", "mediaKey": KEY, "directPath": "/v/x" });
        for below in [image(), message, blob, json!([image()])] {
            for content in [
                json!({ *name: below }),
                json!({ "ephemeralMessage": { "message": { *name: below } } }),
                json!({ "somethingOfTomorrow": { "contextInfo": { *name: below } } }),
                json!({ "requestPaymentMessage": { *name: below } }),
            ] {
                let announcement = read(&content);
                assert_eq!(announcement.media.len(), 0, "{name}: {source}: {content}");
                assert_eq!(announcement.not_understood, 0, "{name}: {source}");
            }
        }
    }
}

#[test]
fn what_a_medium_carries_with_it_is_no_second_medium() {
    let mut video = image();
    video["contextInfo"] = json!({ "quotedMessage": { "imageMessage": image() } });
    video["annotations"] = json!([{ "embeddedContent": { "embeddedMessage": { "message": { "imageMessage": image() } } } }]);
    video["processedVideos"] = json!([{ "directPath": "/v/y", "fileSHA256": KEY }]);
    video["thumbnailDirectPath"] = json!("/v/z");
    let note = json!({ "requestPaymentMessage": { "noteMessage": { "stickerMessage": image() },
        "background": { "mediaData": image() } } });
    assert_eq!(read(&json!({ "videoMessage": video })).media.len(), 1);
    let noted = read(&note).media;
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].kind, MediaKind::Sticker);
}

/// Under a name that nobody has told, only the declared type can say that it is a medium.
#[test]
fn an_unknown_object_is_a_medium_only_if_its_type_is_one() {
    let object = |mimetype: Value, name: Value| {
        json!({ "brandNewMessage": { "mimetype": mimetype, "fileName": name,
        "mediaKey": KEY, "directPath": "/v/x" } })
    };
    let named = json!("a.pdf");
    for (mimetype, name, media) in [
        (json!("image/jpeg"), json!(null), 1),
        (json!("VIDEO/mp4"), json!(null), 1),
        (json!("audio/ogg; codecs=opus"), json!(null), 1),
        (json!("application/pdf"), named.clone(), 1),
        (json!("text/csv; charset=utf-8"), named.clone(), 1),
        (json!("application/pdf"), json!(null), 0),
        (json!("application/protobuf"), named.clone(), 0),
        (json!("application/octet-stream"), named.clone(), 0),
        (json!("image"), json!(null), 0),
        (json!(null), named, 0),
    ] {
        let announcement = read(&object(mimetype.clone(), name));
        assert_eq!(announcement.media.len(), media, "{mimetype}");
        assert_eq!(announcement.not_understood, 1 - media, "{mimetype}");
        let ignored = (media == 0).then_some("not_understood");
        assert_eq!(announcement.ignored_because(), ignored, "{mimetype}");
    }
}

#[test]
fn a_pack_of_stickers_is_one_medium_under_its_own_key_family() {
    let pack = json!({ "stickerPackMessage": {
        "stickerPackID": "pacote-exemplo", "stickers": [{ "fileName": "a.webp", "mimetype": "image/webp" }],
        "mediaKey": KEY, "directPath": "/v/x", "thumbnailDirectPath": "/v/y", "trayIconFileName": "tray.png",
    } });
    let media = read(&pack).media;
    assert_eq!(media.len(), 1);
    let pack = &media[0];
    let families = KeyType::candidates(pack.kind, pack.mimetype.as_deref());
    assert_eq!(families[0].info(), b"WhatsApp Sticker Pack Keys");
    let asked = DownloadRequest::candidates(pack);
    assert!(asked.is_empty(), "W-API has no type for packs");
    let sticker = read(&json!({ "stickerMessage": image() })).media.remove(0);
    let families = KeyType::candidates(sticker.kind, sticker.mimetype.as_deref());
    assert_eq!(families[0].info(), b"WhatsApp Image Keys");
}

#[test]
fn a_shell_is_told_from_what_can_be_fetched() {
    let shell =
        json!({ "mimetype": "image/jpeg", "viewOnce": true, "fileLength": "0", "height": 0 });
    let wrapped = json!({ "viewOnceMessageV2": { "message": { "imageMessage": shell } } });
    let media = read(&wrapped).media;
    assert_eq!(media.len(), 1, "it gets a record");
    assert!(media[0].is_shell() && media[0].view_once);
    for (name, value) in [
        ("mediaKey", json!(KEY)),
        ("mediaKey", json!({ "type": "Buffer", "data": "?" })),
        ("fileEncSHA256", json!(KEY)),
        ("directPath", json!("/v/x")),
        ("URL", json!("https://mmg.whatsapp.net/v/x")),
    ] {
        let mut object = shell.clone();
        object[name] = value;
        let media = read(&json!({ "imageMessage": object })).media;
        assert!(!media[0].is_shell(), "{name}");
    }
}

#[test]
fn media_in_lists_and_under_no_name_are_found() {
    let mut other = image();
    other["directPath"] = json!("/v/other");
    other["fileEncSHA256"] = json!(KEY);
    for (content, media) in [
        (json!({ "brandNewMessage": [image(), other] }), 2),
        (json!({ "imageMessage": [image(), other] }), 2),
        (json!({ "imageMessage": [[image()]] }), 1),
        (json!({ "ephemeralMessage": { "message": image() } }), 1),
        (json!({ "ephemeralMessage": image() }), 1),
        (image(), 1),
        (json!([image(), other]), 2),
    ] {
        let announcement = read(&content);
        assert_eq!(announcement.media.len(), media, "{content}");
        assert_eq!(announcement.not_understood, 0, "{content}");
    }
}

/// Also what names its key or its place otherwise, or lies where nobody looks.
#[test]
fn a_sealed_file_of_unknown_name_is_never_overlooked() {
    let url = "https://mmg.whatsapp.net/v/x?oh=1&oe=F48EE600";
    for (object, media) in [
        (
            json!({ "mimetype": "image/jpeg", "mediaKey": KEY, "url": url }),
            1,
        ),
        (
            json!({ "mimetype": "image/jpeg", "fileEncSHA256": KEY, "directPath": "/v/x" }),
            1,
        ),
        (json!({ "mediaKey": KEY, "URL": url }), 0),
        (json!({ "fileEncSha256": KEY, "directPath": "/v/x" }), 0),
    ] {
        let announcement = read(&json!({ "brandNewMessage": object }));
        assert_eq!(announcement.media.len(), media, "{object}");
        assert_eq!(announcement.not_understood, 1 - media, "{object}");
    }
    let mut deep = json!({ "imageMessage": image() });
    for _ in 0..15 {
        deep = json!({ "ephemeralMessage": { "message": deep } });
    }
    assert_eq!(read(&deep).ignored_because(), Some("not_understood"));
}

/// A path is the sender's word, and no medium's identity.
#[test]
fn one_path_with_two_keys_is_two_media() {
    let mut other = image();
    other["mediaKey"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let both = json!({ "documentMessage": other, "imageMessage": image() });
    assert_eq!(read(&both).media.len(), 2);
    let bare =
        json!({ "audioMessage": { "directPath": image()["directPath"] }, "imageMessage": image() });
    let media = read(&bare).media;
    assert!(media.iter().any(|one| one.is_sealed()), "{}", media.len());
    let again = json!({ "message": { "imageMessage": image() }, "imageMessage": image() });
    assert_eq!(read(&again).media.len(), 1);
}
