//! Fields of a media object: invalid values, long ones and missing ones.

use media::message::MediaMessage;
use serde_json::{Value, json};

use super::{
    HASH, OTHER_HASH, image_object, only_message, read_body, verified_instance, wrap_content,
};

#[test]
fn invalid_characters_drop_a_key_or_path() {
    for wrong in ["\u{0}", "com espaço", "\u{ffff}"] {
        let mut image = image_object();
        for name in ["mediaKey", "directPath", "URL"] {
            image[name] = json!(format!("https://mmg.whatsapp.net/{wrong}"));
        }
        let message = only_message(json!({ "imageMessage": image }));
        assert_eq!(message.media_key, None);
        assert_eq!(message.direct_path, None);
        assert_eq!(message.url, None);
    }
}

#[test]
fn invalid_fields_cost_only_themselves() {
    let with = |name: &str, value: Value| {
        let mut object = image_object();
        object[name] = value;
        only_message(json!({ "imageMessage": object }))
    };
    assert_eq!(with("fileSHA256", json!("short")).file_sha256, None);
    assert_eq!(with("fileLength", json!("many")).file_length, None);
    assert_eq!(with("fileLength", json!(-1)).file_length, None);
    assert_eq!(with("mediaKey", json!("k".repeat(200))).media_key, None);
    assert_eq!(with("directPath", json!("/".repeat(5000))).direct_path, None);
    assert_eq!(with("mimetype", json!("m".repeat(500))).mimetype, None);
    assert_eq!(with("caption", json!("é".repeat(5000))).caption.map(|text| text.len()), Some(512));
    assert!(with("URL", json!("https://evil.example.invalid/x")).url.is_none());
    assert!(with("URL", json!("https://web.whatsapp.net")).url.is_none());
    assert!(with("URL", json!("https://other.whatsapp.net/v/x")).url.is_some());
}

#[test]
fn a_long_file_name_keeps_its_extension() {
    let named = |name: String| {
        let mut object = image_object();
        object["fileName"] = json!(name);
        only_message(json!({ "documentMessage": object })).file_name
    };
    let name = named(format!("{}.ofx", "extrato de ação ".repeat(30))).expect("a name");
    assert!(name.ends_with(".ofx"), "{name}");
    assert!(name.len() <= MediaMessage::MAX_FILE_NAME_BYTES);
}

#[test]
fn a_missing_id_is_derived_from_content() {
    let id = |path: &str| {
        let mut object = image_object();
        object["fileEncSHA256"] = json!(path);
        let mut body = wrap_content(json!({ "imageMessage": object }));
        body["messageId"] = json!("");
        read_body(&body).media.remove(0).message_id
    };
    assert_eq!(id(HASH), id(HASH));
    assert_ne!(id(HASH), id(OTHER_HASH));
    assert_ne!(id("no hash"), id("another"));
}

#[test]
fn a_job_is_small_without_thumbnail() {
    let mut object = image_object();
    object["JPEGThumbnail"] = json!("T".repeat(12_000));
    object["streamingSidecar"] = json!("S".repeat(4_000));
    object["caption"] = json!("c".repeat(3_000));
    let job = verified_instance()
        .create_job(only_message(json!({ "imageMessage": object })), 0)
        .to_json()
        .expect("JSON");
    assert!(job.len() < 2_048, "{} bytes", job.len());
    assert!(!job.contains("TTTT") && !job.contains("SSSS"));
}
