//! Memory that reading a body of six megabytes takes, as the kernel reports it for this process,
//! which runs no other test.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use serde_json::json;
use wapi::webhook::WebhookBody;

/// Maximum body that Lambda passes to a function.
const BODY_BYTES: usize = 6 * 1024 * 1024;

/// Maximum memory for a body and its reading at the peak. The function has 256 MiB, of which the
/// request with the body takes twice the body's size.
const MAX_MIB: usize = 64;

/// A value of the kernel's report on this process, in MiB.
fn memory_mib(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.expect("a line").trim_end_matches("kB").trim();
    kib.parse::<usize>().expect("a number") / 1024
}

/// A webhook with one large field, in which `@` is repeated until the body has its size.
fn filled_body(field: &str, unit: &str) -> String {
    let image = json!({ "mediaKey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
        "directPath": "/v/x",
        "mimetype": "image/jpeg", "filling": "@" });
    let body = json!({ "event": "webhookReceived", "messageId": "3EB0A",
        "msgContent": { "imageMessage": image } });
    let frame = body.to_string().replace("\"filling\":\"@\"", field);
    let (front, rest) = frame.split_once('@').expect("the mark");
    let mut body = String::with_capacity(BODY_BYTES + unit.len());
    body += front;
    while body.len() + rest.len() < BODY_BYTES {
        body += unit;
    }
    body.truncate(body.trim_end_matches(',').len());
    body + rest
}

/// The bound holds for any content, and whether the body is read or refused.
#[test]
fn a_large_body_is_read_within_bounds() {
    let pixels = r#""JPEGThumbnail":{"type":"Buffer","data":[@]}"#;
    let numbered = (0..300_000).map(|n| format!("\"{n}\":255"));
    let numbered = numbered.collect::<Vec<_>>().join(",");
    let numbered = format!("\"jpegThumbnail\":{{{numbered}}},\"x\":\"@\"");
    let text = r#""thumbnails":"[@]""#;
    let idle = memory_mib("VmRSS:");
    for (name, field, unit, is_read) in [
        ("a thumbnail", r#""JPEGThumbnail":"@""#, "/9j/4AAQ", true),
        ("a thumbnail of PHP", r#""jpegThumbnail":"@""#, r"\/9j\/", true),
        ("a thumbnail's bytes", pixels, "255,", true),
        ("a thumbnail of numbered bytes", &numbered, "x", true),
        ("bytes under another name", r#""x":[@]"#, "0,", true),
        ("a text under another name", r#""x":"@""#, "x", true),
        ("a text of JSON", text, "0,", true),
        ("lists", r#""x":[@]"#, "[],", false),
        ("objects", r#""x":[@]"#, "{},", false),
        ("texts", r#""x":[@]"#, "\"\",", false),
        ("a broken text", r#""x":"\ud83d@""#, "x", true),
    ] {
        let body = filled_body(field, unit);
        assert!(body.len() > BODY_BYTES / 2, "{name}: {} bytes", body.len());
        // If this is not permitted, the peak of an earlier body counts as well.
        std::fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
        let read = WebhookBody::parse(body.as_bytes());
        let grown = memory_mib("VmHWM:").saturating_sub(idle);
        assert!(grown <= MAX_MIB, "{name}: {grown} MiB");
        match read {
            Ok(body) => {
                assert!(is_read, "{name} was read");
                let media = body.read_announcement().media;
                assert_eq!(media.len(), 1, "{name}");
                assert!(body.as_value().to_string().len() < 200_000, "{name} is kept");
            }
            Err(error) => assert!(!is_read, "{name}: {error}"),
        }
    }
}
