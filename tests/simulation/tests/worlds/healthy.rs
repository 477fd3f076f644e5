//! A world in which nothing goes wrong: every media file is stored once, with its own bytes.

use std::time::Duration;

use simulation::{
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::Kind;

#[test]
fn a_healthy_world_stores_every_file_once() {
    let kinds = [Kind::Image, Kind::Voice, Kind::Document, Kind::Sticker, Kind::Video];
    let media = (0..10).zip(kinds.iter().cycle()).map(|(n, kind)| {
        PlannedMedia::healthy(*kind, &format!("healthy {n}")).announced_at(Duration::from_secs(n))
    });
    let outcome = run_world(Plan::healthy(media.collect()));
    assert!(outcome.account.is_clean(), "{}", outcome.account);
    assert_eq!(outcome.account.stored, 10, "{}", outcome.account);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}
