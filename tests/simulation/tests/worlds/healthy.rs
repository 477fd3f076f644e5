//! A world in which nothing goes wrong: every media file is stored once, with its own bytes.

use std::time::Duration;

use simulation::{
    accounting::Fate,
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

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

/// Without faults nothing is missing from the counts: they say what the account says, although some
/// jobs took many runs, of which each wrote its own.
#[test]
fn the_counts_of_a_world_agree_with_its_account() {
    let media = (0..10).map(|n| {
        PlannedMedia::healthy(Kind::Image, &format!("counted {n}"))
            .announced_at(Duration::from_secs(n))
    });
    let lost = PlannedMedia::healthy(Kind::Image, "lost")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_fate(Fate::Parked);
    let outcome = run_world(Plan::healthy(media.chain([lost]).collect()));
    let (account, counts) = (&outcome.account, &outcome.counts);
    assert_eq!((account.stored, account.parked), (10, 1), "{account}");
    let sum = |prefix: &str| {
        let named = counts.iter().filter(|(name, _)| name.starts_with(prefix));
        named.map(|(_, count)| count).sum::<u64>()
    };
    assert_eq!((counts["announced"], counts["stored"]), (11, 10), "{counts:?}");
    assert_eq!((sum("stored_"), sum("parked_")), (10, 1), "{counts:?}");
    assert!(counts["bytes"] > 0 && counts["puts"] == 10, "{counts:?}");
}
