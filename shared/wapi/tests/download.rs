//! The download request, the meaning of each answer, and the part of an answer that may be shown.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::time::Duration;

use media::{failure::Disposition, message::Secret};
use url::Url;
use wapi::{
    download::{Answer, RefusalRow},
    excerpt,
    link::{FileLink, ForeignLink},
};

const NOW: i64 = 1_750_000_000;

fn base_url() -> Url {
    Url::parse("https://api.w-api.app/v1/").expect("a URL")
}

/// A token that no rule about the look of a secret finds: short, and without digits.
fn token() -> Secret {
    Secret::new("a/quiet+token=é")
}

fn find_link(status: u16, body: &str) -> Result<String, RefusalRow> {
    let answer = Answer {
        status,
        retry_after: Some(Duration::from_secs(9)),
        body: body.as_bytes(),
        token: &token(),
    };
    answer
        .file_link(&base_url(), NOW)
        .map(|link| link.url().expose().to_owned())
        .map_err(|refusal| refusal.row)
}

#[test]
fn a_link_has_any_known_name() {
    for name in ["fileLink", "link", "url", "mediaUrl"] {
        let body = format!(
            r#"{{"error":false,"{name}":"https://api.w-api.app/media/file/x.jpeg",
                "expires":1750000000001000}}"#
        );
        assert_eq!(
            find_link(200, &body).as_deref(),
            Ok("https://api.w-api.app/media/file/x.jpeg"),
            "{name}"
        );
    }
}

#[test]
fn every_row_is_recognised() {
    use RefusalRow::*;
    let after = Some(Duration::from_secs(9));
    let failed = r#"{"error":true,"message":"Falha ao fazer o download do conteúdo."}"#;
    for (status, body, row) in [
        (500, failed, DownloadFailed),
        (200, failed, DownloadFailed),
        (400, failed, BadFields),
        (401, failed, Unauthorized),
        (403, failed, Unauthorized),
        (404, failed, NotFound),
        (429, failed, TooMany { after }),
        (502, "<html>", Gateway { after }),
        (500, "<html>", Gateway { after }),
        (503, "", Gateway { after }),
        (504, "", Gateway { after }),
        (408, "", Gateway { after }),
        (200, "<html>", Gateway { after }),
        (302, "", Unexpected),
        (200, "", NoLink),
        (200, "[]", NoLink),
        (200, r#"{"error":false}"#, NoLink),
        (200, r#"{"fileLink":"https://evil.example.invalid/x"}"#, ForeignLink),
        (200, r#"{"fileLink":"https://api.w-api.app/x","expires":1750000000000}"#, ExpiredLink),
    ] {
        assert_eq!(find_link(status, body), Err(row), "{status} {body}");
    }
}

#[test]
fn final_rows_are_not_retried() {
    assert_eq!(RefusalRow::BadFields.disposition(), Disposition::NotApplicable);
    // The file is not there now; only a second attempt can tell whether that is final.
    assert_eq!(RefusalRow::NotFound.disposition(), Disposition::Absent);
    assert_eq!(RefusalRow::Unauthorized.disposition(), Disposition::Unauthorized);
    assert_eq!(RefusalRow::DownloadFailed.disposition(), Disposition::Retry { after: None });
}

#[test]
fn links_move_to_the_origin_or_fail() {
    let moved = |link: &str| {
        FileLink::on_origin_of(&base_url(), link).map(|link| link.url().expose().to_owned())
    };
    for (link, url) in [
        ("http://203.0.113.9:8080/media/file/x?y=1", "https://api.w-api.app/media/file/x?y=1"),
        ("http://[2001:db8::1]:8080/media/file/x", "https://api.w-api.app/media/file/x"),
        ("http://api.w-api.app/media/file/x#z", "https://api.w-api.app/media/file/x"),
        ("/media/file/x", "https://api.w-api.app/media/file/x"),
        ("http://user:pass@10.0.0.1/media/file/x", "https://api.w-api.app/media/file/x"),
    ] {
        assert_eq!(moved(link).as_deref(), Ok(url), "{link}");
    }
    for link in [
        "https://evil.example.invalid/x",
        "https://api.w-api.app.evil.example.invalid/x",
        "https://api.w-api.app@evil.example.invalid/x",
        "//evil.example.invalid/x",
        "file:///etc/passwd",
        "data:text/plain,x",
        "http://",
    ] {
        assert_eq!(moved(link), Err(ForeignLink), "{link}");
    }
}

#[test]
fn excerpts_find_words_and_hide_secrets() {
    let nested = r#"{"error":true,"message":{"error":false,"data":{"error":true,
        "message":"Falha ao fazer o download do conteúdo."}}}"#;
    assert_eq!(
        excerpt::from_answer(nested.as_bytes(), &token()).as_deref(),
        Some("Falha ao fazer o download do conteúdo.")
    );
    let array = br#"{"error":true,"message":["one","two"]}"#;
    assert_eq!(excerpt::from_answer(array, &token()).as_deref(), Some("one"));
    assert_eq!(
        excerpt::from_answer(b"<html>secret</html>", &token()).as_deref(),
        Some("an HTML page")
    );
    assert_eq!(excerpt::from_answer(b"{}", &token()), None);
    assert_eq!(excerpt::from_answer(b"", &token()), None);
    let told = excerpt::redact(
        "failed for 5500900000002 at https://mmg.whatsapp.net/v/t62?oe=1 with key \
         RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY= of contato@example.invalid",
    );
    assert_eq!(told, "failed for […] at […] with key […] of […]");
    assert_eq!(excerpt::redact(&"word ".repeat(500)).chars().count(), excerpt::MAX_CHARS);
}

/// The rules about the look of a secret do not know this one: it is removed because it was sent.
#[test]
fn no_excerpt_repeats_the_token_in_any_form() {
    for token in ["summer", "a+b=c", "open sesame", "x\"y\\z"] {
        let secret = Secret::new(token);
        let json = serde_json::Value::from(token).to_string();
        let in_json = json.trim_matches('"');
        let some: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        for form in [token, in_json, &some, &some.to_lowercase(), &some.replace('+', "%20")] {
            let said = serde_json::json!({ "message": format!("no ({form}) here") }).to_string();
            for body in [said, format!("no {form}, {form}!")] {
                let told = excerpt::from_answer(body.as_bytes(), &secret).expect("an excerpt");
                assert!(!told.contains(form) && told.contains("[…]"), "{body}: {told}");
            }
        }
    }
    // Cutting the text does not leave half of it.
    let long = format!("{} summerhouse", "word ".repeat(56));
    let told = excerpt::from_answer(long.as_bytes(), &Secret::new("summerhouse")).expect("words");
    assert!(!told.contains("summer"), "{told}");
}

#[test]
fn a_grouped_phone_number_is_redacted() {
    for (said, told) in [
        ("no chat with +55 00 90000 0002 here", "no chat with […] […] […] […] here"),
        ("no chat with (00) 90000-0002", "no chat with […] […]"),
        ("no chat with 90000 0002", "no chat with […] […]"),
        (
            "try again in 30 s, at most 10 times, code 500",
            "try again in 30 s, at most 10 times, code 500",
        ),
        ("error 500: file 2 of 3", "error 500: file 2 of 3"),
    ] {
        assert_eq!(excerpt::redact(said), told);
    }
}
