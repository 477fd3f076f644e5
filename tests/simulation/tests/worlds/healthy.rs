//! A world in which nothing goes wrong: every media ends stored, once, with its own bytes.

use std::time::Duration;

use simulation::{
    live,
    plan::{Medium, Plan},
};
use stand_in::Kind;

#[test]
fn in_a_healthy_world_every_media_is_stored_once() {
    let kinds = [
        Kind::Image,
        Kind::Voice,
        Kind::Document,
        Kind::Sticker,
        Kind::Video,
    ];
    let media = (0..10).zip(kinds.iter().cycle()).map(|(n, kind)| {
        Medium::healthy(*kind, &format!("healthy {n}")).at(Duration::from_secs(n))
    });
    let outcome = live(Plan::healthy(media.collect()));
    assert!(outcome.account.is_clean(), "{}", outcome.account);
    assert_eq!(outcome.account.stored, 10, "{}", outcome.account);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}
