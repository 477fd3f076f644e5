//! Every wrapper of WhatsApp, and every object with key and path that is not media of the chat,
//! each with its source.

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
/// `Message` that are a `FutureProofMessage`, then the other types that hold a `Message` that is
/// not a quote.
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
    ("pollCreationOptionImageMessage", "Message, FutureProofMessage"),
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
    ("newsletterAdminProfileMessage", "Message, FutureProofMessage"),
    ("spoilerMessage", "Message, FutureProofMessage"),
    ("newsletterAdminProfileStatusMessage", "Message, FutureProofMessage"),
    ("botPlatformRegistrationSuccessMessage", "Message, FutureProofMessage"),
    ("deviceSentMessage", "DeviceSentMessage.message"),
    ("commentMessage", "CommentMessage.message"),
];

/// Objects with a key and a path that are not media of the chat: name, meaning and source. Key
/// families are named as in whatsmeow's `download.go` and Baileys' `MEDIA_HKDF_KEY_MAPPING`; the
/// last as in Cobalt's `MediaPath`.
const NOT_OF_THE_CHAT: &[(&str, &str)] = &[
    ("quotedMessage", "a quote: whatsmeow, ContextInfo.quotedMessage"),
    ("questionReplyQuotedMessage", "a quote: whatsmeow, ContextInfo"),
    ("quotedQuestion", "a quote: whatsmeow, ContextInfo.QuestionReplyQuotedMessage"),
    ("quotedResponse", "a quote: whatsmeow, ContextInfo.QuestionReplyQuotedMessage"),
    ("statusQuotedMessage", "a quote: whatsmeow, Message"),
    ("quotedAd", "a quote: whatsmeow, ContextInfo"),
    ("quotedOfTomorrow", "a quote under an unknown name"),
    ("protocolMessage", "edits, deletions, settings: whatsmeow, ProtocolMessage"),
    ("peerDataOperationRequestResponseMessage", "between devices of one account: whatsmeow"),
    ("historySyncNotification", "WhatsApp History Keys: whatsmeow, Baileys md-msg-hist"),
    ("externalBlob", "WhatsApp App State Keys: whatsmeow, Baileys md-app-state"),
    ("externalBlobReference", "WhatsApp App State Keys: whatsmeow, ExternalBlobReference"),
    ("appStateSyncKeyShare", "keys of the app state: whatsmeow, ProtocolMessage"),
    ("background", "WhatsApp Payment Background Keys: Baileys payment-bg-image"),
    ("paymentBackground", "WhatsApp Payment Background Keys: Baileys payment-bg-image"),
    ("chatCustomImageWallpaper", "a wallpaper: whatsmeow, ChatCustomImageWallpaper"),
    ("extendedTextMessage", "WhatsApp Link Thumbnail Keys: whatsmeow, DownloadableThumbnail"),
    ("linkPreviewHighQualityThumbnail", "WhatsApp Link Thumbnail Keys: whatsmeow"),
    ("linkPreviewImage", "a link preview under an unknown name"),
    ("faviconMMSMetadata", "WhatsApp Link Thumbnail Keys: whatsmeow, MMSThumbnailMetadata"),
    ("embeddedMessage", "a status shown in an annotation: whatsmeow, EmbeddedMessage"),
    ("messageHistoryNotice", "who shares history: whatsmeow, MessageHistoryNotice"),
    ("messageHistoryBundle", "Group History: whatsmeow, MessageHistoryBundle; Cobalt"),
];

fn image_object() -> Value {
    json!({ "mimetype": "image/jpeg", "mediaKey": KEY, "directPath": "/v/x?oe=F48EE600" })
}

fn read_content(content: &Value) -> Announcement {
    let body = json!({ "event": "webhookReceived", "messageId": "3EB0A", "msgContent": content });
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("a webhook");
    body.read_announcement()
}

#[test]
fn every_protocol_wrapper_is_known() {
    for (wrapper, source) in WRAPPERS {
        let inner = json!({ "message": { "imageMessage": image_object() } });
        for content in [
            json!({ *wrapper: inner }),
            json!({ "ephemeralMessage": { "message": { *wrapper: inner } } }),
        ] {
            let announcement = read_content(&content);
            assert_eq!(announcement.media.len(), 1, "{wrapper}: {source}");
            assert_eq!(announcement.unknown_wrappers, 0, "{wrapper}: {source}");
        }
    }
}

#[test]
fn other_content_is_ignored_at_any_depth() {
    for (name, source) in NOT_OF_THE_CHAT {
        let message = json!({
            "imageMessage": image_object(), "message": { "videoMessage": image_object() } });
        let blob =
            json!({ "mimetype": "application/protobuf", "mediaKey": KEY, "directPath": "/v/x" });
        for below in [image_object(), message, blob, json!([image_object()])] {
            for content in [
                json!({ *name: below }),
                json!({ "ephemeralMessage": { "message": { *name: below } } }),
                json!({ "somethingOfTomorrow": { "contextInfo": { *name: below } } }),
                json!({ "requestPaymentMessage": { *name: below } }),
            ] {
                let announcement = read_content(&content);
                assert_eq!(announcement.media.len(), 0, "{name}: {source}: {content}");
                assert_eq!(announcement.not_understood, 0, "{name}: {source}");
            }
        }
    }
}

#[test]
fn attachments_of_a_media_object_are_ignored() {
    let mut video = image_object();
    video["contextInfo"] = json!({ "quotedMessage": { "imageMessage": image_object() } });
    video["annotations"] = json!([{ "embeddedContent": { "embeddedMessage": {
        "message": { "imageMessage": image_object() } } } }]);
    video["processedVideos"] = json!([{ "directPath": "/v/y", "fileSHA256": KEY }]);
    video["thumbnailDirectPath"] = json!("/v/z");
    let note = json!({ "requestPaymentMessage": {
        "noteMessage": { "stickerMessage": image_object() },
        "background": { "mediaData": image_object() } } });
    assert_eq!(read_content(&json!({ "videoMessage": video })).media.len(), 1);
    let noted = read_content(&note).media;
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].kind, MediaKind::Sticker);
}

/// Under an unknown name, only the declared type can identify media.
#[test]
fn an_unknown_object_needs_a_media_type() {
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
        let announcement = read_content(&object(mimetype.clone(), name));
        assert_eq!(announcement.media.len(), media, "{mimetype}");
        assert_eq!(announcement.not_understood, 1 - media, "{mimetype}");
        let ignored = (media == 0).then_some("not_understood");
        assert_eq!(announcement.ignored_because(), ignored, "{mimetype}");
    }
}

#[test]
fn a_sticker_pack_has_its_own_family() {
    let pack = json!({ "stickerPackMessage": {
        "stickerPackID": "pacote-exemplo",
        "stickers": [{ "fileName": "a.webp", "mimetype": "image/webp" }],
        "mediaKey": KEY, "directPath": "/v/x", "thumbnailDirectPath": "/v/y",
        "trayIconFileName": "tray.png",
    } });
    let media = read_content(&pack).media;
    assert_eq!(media.len(), 1);
    let pack = &media[0];
    let families = KeyType::candidates(pack.kind, pack.mimetype.as_deref());
    assert_eq!(families[0].hkdf_info(), b"WhatsApp Sticker Pack Keys");
    let asked = DownloadRequest::candidates(pack);
    assert!(asked.is_empty(), "W-API has no type for packs");
    let sticker = read_content(&json!({ "stickerMessage": image_object() })).media.remove(0);
    let families = KeyType::candidates(sticker.kind, sticker.mimetype.as_deref());
    assert_eq!(families[0].hkdf_info(), b"WhatsApp Image Keys");
}

#[test]
fn a_shell_has_nothing_to_fetch() {
    let shell =
        json!({ "mimetype": "image/jpeg", "viewOnce": true, "fileLength": "0", "height": 0 });
    let wrapped = json!({ "viewOnceMessageV2": { "message": { "imageMessage": shell } } });
    let media = read_content(&wrapped).media;
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
        let media = read_content(&json!({ "imageMessage": object })).media;
        assert!(!media[0].is_shell(), "{name}");
    }
}

#[test]
fn listed_and_unnamed_media_are_found() {
    let mut other = image_object();
    other["directPath"] = json!("/v/other");
    other["fileEncSHA256"] = json!(KEY);
    for (content, media) in [
        (json!({ "brandNewMessage": [image_object(), other] }), 2),
        (json!({ "imageMessage": [image_object(), other] }), 2),
        (json!({ "imageMessage": [[image_object()]] }), 1),
        (json!({ "ephemeralMessage": { "message": image_object() } }), 1),
        (json!({ "ephemeralMessage": image_object() }), 1),
        (image_object(), 1),
        (json!([image_object(), other]), 2),
    ] {
        let announcement = read_content(&content);
        assert_eq!(announcement.media.len(), media, "{content}");
        assert_eq!(announcement.not_understood, 0, "{content}");
    }
}

/// A file counts even if it has only a hash or only a URL, or is nested below the maximum depth.
#[test]
fn every_encrypted_file_is_counted() {
    let url = "https://mmg.whatsapp.net/v/x?oh=1&oe=F48EE600";
    for (object, media) in [
        (json!({ "mimetype": "image/jpeg", "mediaKey": KEY, "url": url }), 1),
        (json!({ "mimetype": "image/jpeg", "fileEncSHA256": KEY, "directPath": "/v/x" }), 1),
        (json!({ "mediaKey": KEY, "URL": url }), 0),
        (json!({ "fileEncSha256": KEY, "directPath": "/v/x" }), 0),
    ] {
        let announcement = read_content(&json!({ "brandNewMessage": object }));
        assert_eq!(announcement.media.len(), media, "{object}");
        assert_eq!(announcement.not_understood, 1 - media, "{object}");
    }
    let mut deep = json!({ "imageMessage": image_object() });
    for _ in 0..15 {
        deep = json!({ "ephemeralMessage": { "message": deep } });
    }
    assert_eq!(read_content(&deep).ignored_because(), Some("not_understood"));
}

/// The sender chooses the path, so it does not identify a media message.
#[test]
fn two_keys_make_two_media() {
    let mut other = image_object();
    other["mediaKey"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let both = json!({ "documentMessage": other, "imageMessage": image_object() });
    assert_eq!(read_content(&both).media.len(), 2);
    let bare = json!({
        "audioMessage": { "directPath": image_object()["directPath"] },
        "imageMessage": image_object() });
    let media = read_content(&bare).media;
    assert!(media.iter().any(|one| one.is_encrypted_on_cdn()), "{}", media.len());
    let again =
        json!({ "message": { "imageMessage": image_object() }, "imageMessage": image_object() });
    assert_eq!(read_content(&again).media.len(), 1);
}
