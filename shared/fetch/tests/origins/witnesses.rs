//! Who must have seen failures of the CDN before it is at rest for everyone: a sender chooses the
//! path, and may write to several customers.

use media::strategy::Strategy::Cdn;
use stand_in::{CdnScenario, DEFAULT_INSTANCE, WapiScenario as W};

use crate::breaker::{
    OTHER_INSTANCE, assert_serves_both, fetch_new, new_spec, options, seconds_left, two_instances,
};

/// The sender chose the path, so the CDN's answer to it may be the message's own failure.
#[tokio::test]
async fn the_cdns_answers_to_a_path_open_nothing_alone() {
    for (scenario, instances, opens) in [
        (CdnScenario::Status { code: 400 }, 2, false),
        (CdnScenario::Status { code: 414 }, 2, false),
        (CdnScenario::Redirect, 2, false),
        (CdnScenario::Html200, 2, false),
        (CdnScenario::Status { code: 503 }, 1, false),
        (CdnScenario::Status { code: 503 }, 2, true),
        (CdnScenario::Status { code: 429 }, 2, true),
    ] {
        let (world, now) = two_instances().await;
        let both = [DEFAULT_INSTANCE, OTHER_INSTANCE];
        for instance in both.into_iter().take(instances).cycle().take(8) {
            let spec = new_spec(instance, W::Ok).cdn(scenario.clone());
            let (fetched, _) = fetch_new(&world, spec, options(Cdn, instance, now)).await;
            assert!(fetched.result.is_err());
        }
        if !opens {
            assert_serves_both(&world, Cdn, now, &format!("{scenario:?}")).await;
            continue;
        }
        for instance in both {
            let spec = new_spec(instance, W::Ok);
            let (fetched, _) = fetch_new(&world, spec, options(Cdn, instance, now)).await;
            assert_eq!(seconds_left(&fetched), Some(30), "{scenario:?}: {instance}");
        }
    }
}

/// A sender may write to the instances of several customers, with paths at which the CDN fails.
#[tokio::test]
async fn one_sender_closes_the_cdn_to_nobody() {
    let (world, now) = two_instances().await;
    for n in 0..10 {
        let instance = [DEFAULT_INSTANCE, OTHER_INSTANCE][n % 2];
        let spec = new_spec(instance, W::Ok).chat("5500900000008");
        let spec = spec.cdn(CdnScenario::Status { code: 503 });
        let (fetched, requests) = fetch_new(&world, spec, options(Cdn, instance, now)).await;
        assert!(fetched.result.is_err() && requests > 0, "{n}");
    }
    assert_serves_both(&world, Cdn, now, "one sender").await;
}
