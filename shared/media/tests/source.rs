//! The names of the senders of refused webhooks.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, net::IpAddr};

use media::source::SourceKey;

fn key(byte: u8) -> SourceKey {
    SourceKey::from_bytes(&[byte; SourceKey::BYTES]).expect("a key")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// HMAC-SHA256 of the bytes 192.0.2.1 under 32 bytes of 7, as Python's `hmac` gives it.
#[test]
fn a_name_is_the_beginning_of_the_hmac() {
    assert_eq!(key(7).name_source(address("192.0.2.1")), "c542b76fbf808fb8");
}

/// In every process; and nobody without the key can compute it.
#[test]
fn one_sender_has_one_name_per_key() {
    let name = |byte, text| key(byte).name_source(address(text));
    assert_eq!(name(7, "192.0.2.1"), name(7, "192.0.2.1"));
    assert_eq!(name(7, "192.0.2.1"), name(7, "::ffff:192.0.2.1"));
    assert_eq!(name(7, "2001:db8::1"), name(7, "2001:db8::2:3:4:5"), "one network");
    let names = [
        name(7, "192.0.2.1"),
        name(8, "192.0.2.1"),
        name(7, "192.0.2.2"),
        name(7, "2001:db8::1"),
        name(7, "2001:db8:0:1::1"),
    ];
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn a_key_has_32_bytes_and_prints_none() {
    assert!(SourceKey::from_bytes(&[7; 31]).is_none() && SourceKey::from_bytes(&[]).is_none());
    let (one, other) = (SourceKey::create_bytes(), SourceKey::create_bytes());
    assert!(one.is_some() && one != other);
    assert!(!format!("{:?}", key(7)).contains('7'));
}
