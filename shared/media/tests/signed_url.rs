//! Signatures and expiries of CDN paths and URLs, and what follows for the media message.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    message::{MediaMessage, Secret},
    signed_url::{improves_on, is_signed, parse_expiry, path_without_host},
};
use samples::image_message;

const SIGNED: &str = "/v/t62.7118-24/1_n.enc?ccb=11-4&oh=01_FAKE&oe=6AFAE000&_nc_sid=5e03e0";
const URL: &str = "https://mmg.whatsapp.net/v/t62.7118-24/1_n.enc?\
    ccb=11-4&oh=01_FAKE&oe=6AFAE000&_nc_sid=5e03e0&mms3=true";
const BARE: &str = "/v/t62.7118-24/1_n.enc";

#[test]
fn only_a_signature_with_its_expiry_signs() {
    for (text, signed, expires) in [
        (SIGNED, true, Some(0x6AFA_E000)),
        (URL, true, Some(0x6AFA_E000)),
        (BARE, false, None),
        ("/v/x?ccb=9-4", false, None),
        ("/v/x?oh=01", false, None),
        ("/v/x?oe=6AFAE000", false, Some(0x6AFA_E000)),
        ("/v/x?oh=&oe=6AFAE000", false, Some(0x6AFA_E000)),
        ("/v/x?oh=01&oe=", false, None),
        ("/v/x?oh=01&oe=zz", true, None),
        ("/v/x?noh=01&noe=6AFAE000", false, None),
        ("/v/x#?oh=01&oe=6AFAE000", true, Some(0x6AFA_E000)),
        ("", false, None),
    ] {
        assert_eq!((is_signed(text), parse_expiry(text)), (signed, expires), "{text}");
    }
}

#[test]
fn a_url_is_kept_if_it_improves() {
    let later = URL.replace("6AFAE000", "6BFAE000");
    for (url, path, more) in [
        (URL, SIGNED, false),
        (URL, BARE, true),
        (URL, "/v/t62.7118-24/1_n.enc?ccb=11-4", true),
        (URL, "/v/another.enc?oh=1&oe=1", true),
        ("https://mmg.whatsapp.net/v/t62.7118-24/1_n.enc", BARE, false),
        (later.as_str(), SIGNED, true),
    ] {
        assert_eq!(improves_on(url, path), more, "{url} {path}");
    }
    assert_eq!(path_without_host(URL), path_without_host(SIGNED));
}

fn message_with(direct_path: Option<&str>, url: Option<&str>) -> MediaMessage {
    MediaMessage {
        moment: 1_780_000_000,
        direct_path: direct_path.map(Secret::new),
        url: url.map(Secret::new),
        ..image_message()
    }
}

#[test]
fn the_later_expiry_counts() {
    let day = 24 * 60 * 60;
    let soon = format!("/v/x?oh=1&oe={:X}", 1_780_000_000 + day);
    let late = format!("https://mmg.whatsapp.net/v/x?oh=1&oe={:X}", 1_780_000_000 + 30 * day);
    let until = |path, url| {
        let message = message_with(path, url);
        let days = |at: i64| (at - message.moment) / day;
        (message.cdn_expiry().map(days), days(message.recoverable_until()))
    };
    assert_eq!(until(None, None), (None, 14));
    assert_eq!(until(Some("/v/x"), None), (None, 14));
    assert_eq!(until(Some("/v/x"), Some(&late)), (Some(30), 14));
    assert_eq!(until(Some("/v/x"), Some(&soon)), (Some(1), 1));
    assert_eq!(until(Some(&soon), None), (Some(1), 1));
    assert_eq!(until(Some(&soon), Some(&late)), (Some(30), 14));
}
