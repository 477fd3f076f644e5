//! Receivers and deliveries: signatures against the specification's sample, ids, waits, and what a
//! message keeps.

#![allow(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use media::{
    delivery::{
        Delivery, DeliveryId, DeliverySource, MAX_INLINE_BYTES, MAX_QUEUE_WAIT, delivery_wait,
        possible_attempts,
    },
    receiver::{MAX_DELIVERY_SECONDS, ReceiverId, is_circuit_open, probe_interval},
    signature::SigningSecret,
};
use proptest::prelude::*;
use samples::{INSTANCE, TENANT, instance_id, tenant_id};

/// The sample of the libraries of Standard Webhooks.
#[test]
fn signatures_are_those_of_the_specification() {
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
    let signature = secret.sign(id, 1_614_265_330, body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(format!("{secret:?}"), "[redacted]");
    assert_eq!(&*secret.expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

proptest! {
    /// As the specification's own library signs, which takes texts only.
    #[test]
    fn signatures_are_those_of_the_library(
        key in proptest::collection::vec(any::<u8>(), 24..=64),
        id in "msg_[a-z2-7]{32}",
        at in any::<i64>(),
        body in "\\PC{0,300}",
    ) {
        let secret = SigningSecret::from_bytes(&key).expect("a secret");
        let library = standardwebhooks::Webhook::new(&secret.expose()).expect("a secret");
        let expected = library.sign(&id, at, body.as_bytes()).expect("a signature");
        prop_assert_eq!(secret.sign(&id, at, body.as_bytes()), expected);
    }
}

#[test]
fn a_secret_has_24_to_64_bytes() {
    for (length, is_valid) in [(23, false), (24, true), (64, true), (65, false)] {
        assert_eq!(SigningSecret::from_bytes(&vec![7; length]).is_ok(), is_valid, "{length}");
    }
    for wrong in ["", "whsec_", "whsec_!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(SigningSecret::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_id_of_a_receiver_has_one_form() {
    let made = ReceiverId::from_random([0xff; ReceiverId::RANDOM_BYTES]);
    assert_eq!(ReceiverId::parse(made.as_str()), Ok(made));
    for wrong in
        ["", "rcv_", "rcv_AAAAAAAAAAAAAAAA", "rcv_aaaaaaaaaaaaaaaaa", "rcv_aaaa#aaaaaaaaaaa"]
    {
        assert!(ReceiverId::parse(wrong).is_err(), "{wrong}");
    }
}

fn delivery(body: &[u8]) -> Delivery {
    let source = DeliverySource {
        id: &DeliveryId::of_request("one"),
        tenant: &tenant_id(TENANT),
        instance: &instance_id(INSTANCE),
        event: Some("received"),
        content_type: Some("application/json"),
        body,
        accepted_at: 1000,
    };
    Delivery::new(&source, &ReceiverId::from_random([0; ReceiverId::RANDOM_BYTES]))
}

#[test]
fn a_message_keeps_every_byte() {
    let bytes: Vec<u8> = (0..=255).collect();
    for body in [&bytes[..], b"", "\u{ffff}".as_bytes()] {
        let sent = delivery(body);
        let message = sent.to_json().expect("JSON");
        assert!(message.is_ascii(), "SQS refuses some characters");
        let read = Delivery::parse(&message).expect("a delivery");
        assert_eq!(read.expose(), Ok(body));
        assert_eq!(read, sent);
        assert_eq!(read.expires_at(), 1000 + MAX_DELIVERY_SECONDS);
    }
}

/// Its item and its message stay small, whatever the body.
#[test]
fn a_large_body_is_elsewhere() {
    let most = delivery(&vec![b'x'; MAX_INLINE_BYTES]);
    let message = most.to_json().expect("JSON");
    assert!(most.expose().is_ok() && message.len() < 256 * 1024, "{}", message.len());
    let larger = delivery(&vec![b'x'; MAX_INLINE_BYTES + 1]);
    let message = larger.to_json().expect("JSON");
    let read = Delivery::parse(&message).expect("a delivery");
    let key = read.expose().expect_err("a key").as_str().to_owned();
    assert_eq!(key, format!("{TENANT}/{INSTANCE}/{}", read.id));
    assert!(message.len() < 1000);
}

/// One that a newer version writes must not be taken for one of this version.
#[test]
fn another_version_does_not_parse() {
    let message = delivery(b"{}").to_json().expect("JSON");
    assert!(Delivery::parse(&message.replace("delivery-1", "delivery-2")).is_err());
    assert!(Delivery::parse("{}").is_err());
}

#[test]
fn one_request_has_one_id() {
    let id = DeliveryId::of_request("JKJaXmPLvHcESHA=");
    assert_eq!(id, DeliveryId::of_request("JKJaXmPLvHcESHA="));
    assert_ne!(id, DeliveryId::of_request("JKJaXmPLvHcESHB="));
    assert!(id.as_str().starts_with("msg_") && id.as_str().len() == 36);
}

/// Half an hour in the queue, and three days in all.
#[test]
fn waits_grow_and_respect_what_is_asked() {
    let in_queue: Vec<_> =
        (1..20).map(|n| delivery_wait(n, 1.0, None)).filter(|one| *one <= MAX_QUEUE_WAIT).collect();
    let queued: Duration = in_queue.iter().sum();
    assert!(queued > Duration::from_mins(30) && queued < Duration::from_mins(35), "{queued:?}");
    assert!((1..20).all(|n| delivery_wait(n, 1.0, None) <= delivery_wait(n + 1, 1.0, None)));
    assert_eq!(delivery_wait(1, 0.0, None), Duration::from_millis(2500), "half of the step");
    let minute = Duration::from_mins(1);
    assert_eq!(delivery_wait(1, 0.0, Some(minute)), minute);
    assert_eq!(delivery_wait(1, 0.0, Some(24 * 60 * minute)), 60 * minute, "at most an hour");
}

#[test]
fn a_circuit_opens_after_ten_minutes() {
    assert!(!is_circuit_open(None, 10_000));
    assert!(!is_circuit_open(Some(10_000), 10_599));
    assert!(is_circuit_open(Some(10_000), 10_600));
    let intervals = [600, 1200, 7200, 100_000].map(|after| probe_interval(0, after));
    assert_eq!(intervals, [75, 150, 900, 1800]);
}

/// Half of 5 s, of 30 s, of 2 min and so on lie between them.
#[test]
fn a_young_delivery_has_had_few_attempts() {
    for (age, attempts) in [(-5, 1), (0, 1), (2, 1), (3, 2), (17, 2), (18, 3), (80, 4), (1800, 7)] {
        assert_eq!(possible_attempts(age), attempts, "{age} s");
    }
    let three_days = possible_attempts(MAX_DELIVERY_SECONDS);
    assert!((60..90).contains(&three_days), "{three_days}");
}
