//! The circuit breaker: which failures count together, how long a circuit stays open, and what
//! closes it.

use std::time::Duration;

use fetch::FetchError;
use media::{
    failure::Disposition,
    strategy::Strategy::{self, Cdn, Wapi},
};
use stand_in::{CdnScenario, DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, WapiScenario as W};
use tokio::sync::Notify;

use crate::{FetchOptions, FetchResult, World, collect_parts};

pub(crate) const OTHER_INSTANCE: &str = "LITE-CCCCCC-DDDDDD";
const OTHER_TOKEN: &str = "token-of-the-other";

/// Seconds after which an unreported probe counts as lost.
const PROBE: i64 = 120;
/// The first and the longest rest, in seconds.
const FIRST: i64 = 30;
const MAX_REST: i64 = 300;

/// W-API with two instances, and the test's own clock.
pub(crate) async fn two_instances() -> (World, i64) {
    let world = World::new().await;
    world.origins.register_instance(OTHER_INSTANCE, OTHER_TOKEN);
    (world, boot::clock::now())
}

/// The request of a job that is not on its last attempt.
pub(crate) fn options(
    strategy: Strategy,
    instance: &'static str,
    now: i64,
) -> FetchOptions<'static> {
    let token = if instance == OTHER_INSTANCE { OTHER_TOKEN } else { DEFAULT_TOKEN };
    FetchOptions { instance, token, insist: false, now, ..FetchOptions::with_strategy(strategy) }
}

/// A new media message of this instance, for which W-API follows this scenario. Each instance has a
/// chat of its own.
pub(crate) fn new_spec(instance: &str, scenario: W) -> Spec {
    let chat = if instance == OTHER_INSTANCE { "5500900000007" } else { "5500900000006" };
    Spec::of(Kind::Image).instance(instance).wapi(scenario).chat(chat)
}

/// Fetches a new media message and returns the number of requests.
pub(crate) async fn fetch_new(
    world: &World,
    spec: Spec,
    options: FetchOptions<'_>,
) -> (FetchResult, usize) {
    let before = world.origins.requests().len();
    let (_, message) = world.announce(spec);
    let fetched = world.fetch_with(&message, options).await;
    (fetched, world.origins.requests().len() - before)
}

async fn fetch_from_wapi(
    world: &World,
    instance: &'static str,
    now: i64,
    scenario: W,
) -> (FetchResult, usize) {
    fetch_new(world, new_spec(instance, scenario), options(Wapi, instance, now)).await
}

/// Lets `times` media messages fail in a row and checks that a request was sent for each.
async fn fail_times(world: &World, times: usize, instance: &'static str, now: i64, scenario: &W) {
    for n in 1..=times {
        let (fetched, requests) = fetch_from_wapi(world, instance, now, scenario.clone()).await;
        assert!(fetched.result.is_err() && requests > 0, "failure {n}");
    }
}

/// Lets `times` media messages of the two instances fail in turn.
async fn fail_both(world: &World, times: usize, now: i64, scenario: &W) {
    for n in 0..times {
        let instance = [DEFAULT_INSTANCE, OTHER_INSTANCE][n % 2];
        fail_times(world, 1, instance, now, scenario).await;
    }
}

/// Checks that both instances are served by a strategy whose origins work.
pub(crate) async fn assert_serves_both(world: &World, strategy: Strategy, now: i64, about: &str) {
    for instance in [DEFAULT_INSTANCE, OTHER_INSTANCE] {
        let spec = new_spec(instance, W::Ok);
        let (fetched, _) = fetch_new(world, spec, options(strategy, instance, now)).await;
        assert!(fetched.result.is_ok(), "{about}: {instance}");
    }
}

/// Seconds left, if the circuit was open.
pub(crate) fn seconds_left(fetched: &FetchResult) -> Option<u64> {
    match &fetched.result {
        Err(FetchError::CircuitOpen { left, .. }) => Some(left.as_secs()),
        _ => None,
    }
}

/// A failure of W-API that affects every instance.
const DOWN: W = W::BadGateway502Html;

#[tokio::test]
async fn five_failures_open_a_circuit() {
    let (world, now) = two_instances().await;
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    let (fetched, requests) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now + 10, W::Ok).await;
    assert_eq!((seconds_left(&fetched), requests), (Some(20), 0));
    let refused = fetched.result.expect_err("an open circuit");
    let later = Disposition::Retry { after: Some(Duration::from_secs(20)) };
    assert_eq!(refused.disposition(), later);
    assert_eq!(
        fetched.attempt.verdict,
        "not tried: it failed too often in a row; next attempt in 20 s"
    );
    assert_eq!((fetched.attempt.host, fetched.attempt.status), (None, None));
}

#[tokio::test]
async fn a_success_resets_and_closes_a_circuit() {
    for scenario in [DOWN, W::fail_500(), W::Unauthorized401] {
        let (world, now) = two_instances().await;
        let succeed = async |now| {
            let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
            assert!(fetched.result.is_ok(), "{scenario:?}");
        };
        fail_times(&world, 4, DEFAULT_INSTANCE, now, &scenario).await;
        succeed(now).await;
        fail_times(&world, 5, DEFAULT_INSTANCE, now, &scenario).await;
        let (fetched, requests) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
        assert_eq!((seconds_left(&fetched), requests), (Some(30), 0));
        succeed(now + FIRST).await;
        fail_times(&world, 4, DEFAULT_INSTANCE, now + FIRST, &scenario).await;
        succeed(now + FIRST).await;
    }
}

/// Other media messages are skipped until the probe succeeds, and served after that.
#[tokio::test]
async fn one_probe_runs_after_the_rest() {
    let (world, now) = two_instances().await;
    fail_both(&world, 5, now, &DOWN).await;
    let rested = now + FIRST;
    let (begun, end) = (Notify::new(), Notify::new());
    let probe = async {
        let (_, message) = world.announce(new_spec(DEFAULT_INSTANCE, W::Ok));
        let store = async |media| {
            begun.notify_one();
            end.notified().await;
            collect_parts(media).await
        };
        let options = options(Wapi, DEFAULT_INSTANCE, rested);
        world.fetch_and_store(&message, options, store).await
    };
    let others = async {
        begun.notified().await;
        for instance in [DEFAULT_INSTANCE, OTHER_INSTANCE] {
            let (fetched, requests) = fetch_from_wapi(&world, instance, rested, W::Ok).await;
            assert_eq!((seconds_left(&fetched), requests), (Some(120), 0), "{instance}");
        }
        end.notify_one();
    };
    let (probed, ()) = tokio::join!(probe, others);
    assert!(probed.result.is_ok());
    for instance in [DEFAULT_INSTANCE, OTHER_INSTANCE] {
        let (fetched, _) = fetch_from_wapi(&world, instance, rested, W::Ok).await;
        assert!(fetched.result.is_ok(), "{instance}");
    }
}

#[tokio::test]
async fn a_lost_probe_is_followed_by_another() {
    let (world, now) = two_instances().await;
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    let rested = now + FIRST;
    let (_, message) = world.announce(new_spec(DEFAULT_INSTANCE, W::Hang));
    let begun = async {
        while world.count_calls("POST", "download-media") < 6 {
            tokio::task::yield_now().await;
        }
    };
    let probe = world.fetch_with(&message, options(Wapi, DEFAULT_INSTANCE, rested));
    tokio::select! {
        _ = probe => panic!("the probe hangs"),
        () = begun => {}
    }
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, rested + PROBE - 1, W::Ok).await;
    assert_eq!(seconds_left(&fetched), Some(1));
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, rested + PROBE, W::Ok).await;
    assert!(fetched.result.is_ok());
}

/// A probe that were left for the CDN would say nothing, and the circuit could stay open for ever.
#[tokio::test]
async fn a_probe_has_its_whole_time() {
    let (world, now) = two_instances().await;
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    let slow = W::Delay { millis: 300, then: Box::new(W::Ok) };
    let options =
        FetchOptions { is_cdn_next: true, ..options(Wapi, DEFAULT_INSTANCE, now + FIRST) };
    let (fetched, _) = fetch_new(&world, new_spec(DEFAULT_INSTANCE, slow), options).await;
    assert!(fetched.result.is_ok(), "{}", fetched.attempt.verdict);
}

/// The rest grows to five minutes at most.
#[tokio::test]
async fn each_failed_probe_doubles_the_rest() {
    let (world, mut now) = two_instances().await;
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    for rest in [FIRST, 60, 120, 240, MAX_REST, MAX_REST] {
        let (fetched, requests) =
            fetch_from_wapi(&world, DEFAULT_INSTANCE, now + rest - 1, W::Ok).await;
        assert_eq!((seconds_left(&fetched), requests), (Some(1), 0), "{rest}");
        now += rest;
        fail_times(&world, 1, DEFAULT_INSTANCE, now, &DOWN).await;
    }
    now += MAX_REST;
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
    assert!(fetched.result.is_ok());
    // The success also reset the longer rests.
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
    assert_eq!(seconds_left(&fetched), Some(30));
}

#[tokio::test]
async fn one_instances_circuit_spares_the_others() {
    for scenario in [
        W::Unauthorized401,
        W::Forbidden403,
        W::fail_500(),
        W::Error200,
        W::TooMany429 { retry_after: 1 },
        W::LinkStatus { status: 429 },
        // One customer's failures say nothing of the others, whatever they look like.
        DOWN,
        W::LinkStatus { status: 503 },
    ] {
        let (world, now) = two_instances().await;
        fail_times(&world, 5, DEFAULT_INSTANCE, now, &scenario).await;
        let (fetched, requests) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
        assert_eq!((seconds_left(&fetched), requests), (Some(30), 0), "{scenario:?}");
        let (fetched, _) = fetch_from_wapi(&world, OTHER_INSTANCE, now, W::Ok).await;
        assert!(fetched.result.is_ok(), "{scenario:?}");
        let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
        assert_eq!(seconds_left(&fetched), Some(30), "the other's success is its own");
    }
}

#[tokio::test]
async fn an_unauthorized_circuit_still_needs_a_person() {
    for (scenario, is_unauthorized) in
        [(W::Unauthorized401, true), (W::LinkStatus { status: 403 }, true), (W::fail_500(), false)]
    {
        let (world, now) = two_instances().await;
        fail_times(&world, 5, DEFAULT_INSTANCE, now, &scenario).await;
        let (fetched, requests) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
        assert_eq!(requests, 0, "{scenario:?}");
        let disposition = fetched.result.expect_err("an open circuit").disposition();
        let expected = if is_unauthorized {
            Disposition::Unauthorized
        } else {
            Disposition::Retry { after: Some(Duration::from_secs(30)) }
        };
        assert_eq!(disposition, expected, "{scenario:?}");
    }
}

/// The circuit of one strategy opens for every instance; other strategies are still tried.
#[tokio::test]
async fn an_outage_opens_one_strategy_for_everyone() {
    for scenario in [DOWN, W::CallStatus { status: 503 }, W::LinkStatus { status: 503 }] {
        let (world, now) = two_instances().await;
        fail_both(&world, 5, now, &scenario).await;
        for instance in [DEFAULT_INSTANCE, OTHER_INSTANCE] {
            let (fetched, requests) = fetch_from_wapi(&world, instance, now, W::Ok).await;
            assert_eq!((seconds_left(&fetched), requests), (Some(30), 0), "{scenario:?}");
            let spec = new_spec(instance, W::Ok);
            let (fetched, _) = fetch_new(&world, spec, options(Cdn, instance, now)).await;
            assert!(fetched.result.is_ok(), "the CDN is another origin");
        }
    }
}

#[tokio::test]
async fn a_network_failure_counts_for_every_instance() {
    let (world, now) = two_instances().await;
    let media: Vec<_> = [DEFAULT_INSTANCE, OTHER_INSTANCE]
        .into_iter()
        .cycle()
        .take(6)
        .map(|instance| (instance, world.announce(new_spec(instance, W::Ok)).1))
        .collect();
    let World { origins, fetcher } = world;
    let elsewhere = stand_in::StandIn::start().await.expect("the stand-in starts");
    origins.shutdown().await;
    // Nothing listens at the fetcher's base. The new stand-in only checks that no request arrives.
    let world = World { origins: elsewhere, fetcher };
    for (n, (instance, message)) in media.iter().enumerate() {
        let fetched = world.fetch_with(message, options(Wapi, instance, now)).await;
        let is_transport = matches!(fetched.result, Err(FetchError::Transport(_)));
        let is_last = n == 5;
        assert_eq!((is_transport, seconds_left(&fetched).is_some()), (!is_last, is_last));
    }
}

/// The failure of an attempt that insists does not lengthen the rest.
#[tokio::test]
async fn insisting_passes_an_open_circuit() {
    let (world, now) = two_instances().await;
    let insisting = |now| FetchOptions { insist: true, ..options(Wapi, DEFAULT_INSTANCE, now) };
    fail_times(&world, 5, DEFAULT_INSTANCE, now, &DOWN).await;
    let spec = |scenario| new_spec(DEFAULT_INSTANCE, scenario);
    let (fetched, requests) = fetch_new(&world, spec(DOWN), insisting(now + 10)).await;
    assert!(fetched.result.is_err() && requests > 0);
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now + 10, W::Ok).await;
    assert_eq!(seconds_left(&fetched), Some(20));
    let (fetched, _) = fetch_new(&world, spec(W::Ok), insisting(now + 11)).await;
    assert!(fetched.result.is_ok());
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now + 11, W::Ok).await;
    assert!(fetched.result.is_ok(), "one success closes the circuit");
}

#[tokio::test]
async fn failures_of_the_file_open_no_circuit() {
    let (world, now) = two_instances().await;
    for scenario in [
        W::FlipBit { at: 100 },
        W::BadRequest400,
        W::NotFound404,
        W::NoLink,
        W::ForeignLink,
        W::ExpiredLink,
        W::Html200,
        W::LinkStatus { status: 400 },
    ] {
        fail_both(&world, 12, now, &scenario).await;
    }
}

/// Whatever one media message does, the next is tried: also a message of a group that both
/// instances get, which has one id.
#[tokio::test]
async fn one_media_message_opens_no_circuit() {
    for scenario in [DOWN, W::fail_500(), W::Unauthorized401, W::TooMany429 { retry_after: 1 }] {
        let (world, now) = two_instances().await;
        let message = |instance| {
            let spec = new_spec(instance, scenario.clone()).message_id("3EB0D8C2DC513BD63DC4");
            world.announce(spec).1
        };
        let both = [DEFAULT_INSTANCE, OTHER_INSTANCE].map(|one| (one, message(one)));
        for (instance, message) in both.iter().cycle().take(14) {
            let fetched = world.fetch_with(message, options(Wapi, instance, now)).await;
            assert!(fetched.result.is_err() && seconds_left(&fetched).is_none(), "{scenario:?}");
        }
        assert_serves_both(&world, Wapi, now, &format!("{scenario:?}")).await;
    }
}

#[tokio::test]
async fn a_skipped_request_counts_nothing() {
    let (world, now) = two_instances().await;
    fail_times(&world, 4, DEFAULT_INSTANCE, now, &DOWN).await;
    let keyless = new_spec(DEFAULT_INSTANCE, W::Ok).omit(stand_in::Field::MediaKey);
    let (fetched, requests) =
        fetch_new(&world, keyless, options(Wapi, DEFAULT_INSTANCE, now)).await;
    assert!(fetched.result.is_err() && requests == 0);
    fail_times(&world, 1, DEFAULT_INSTANCE, now, &DOWN).await;
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now, W::Ok).await;
    assert_eq!(seconds_left(&fetched), Some(30));
}

/// The CDN receives no request for an expired path.
#[tokio::test]
async fn an_expired_path_counts_nothing() {
    let (world, now) = two_instances().await;
    let of = |instance| options(Cdn, instance, now);
    let down = |instance| new_spec(instance, W::Ok).cdn(CdnScenario::Status { code: 503 });
    for instance in [DEFAULT_INSTANCE, OTHER_INSTANCE, DEFAULT_INSTANCE, OTHER_INSTANCE] {
        assert!(fetch_new(&world, down(instance), of(instance)).await.1 > 0);
    }
    let expired = Spec::of(Kind::Image).oe(1_700_000_000);
    let (_, requests) = fetch_new(&world, expired, of(DEFAULT_INSTANCE)).await;
    assert_eq!(requests, 0);
    assert!(fetch_new(&world, down(DEFAULT_INSTANCE), of(DEFAULT_INSTANCE)).await.1 > 0);
    let (fetched, requests) = fetch_new(&world, down(OTHER_INSTANCE), of(OTHER_INSTANCE)).await;
    assert_eq!((seconds_left(&fetched), requests), (Some(30), 0));
}

/// A POST may take a minute to fail, which is longer than the first rest.
#[tokio::test]
async fn a_rest_begins_when_the_attempt_fails() {
    let (world, now) = two_instances().await;
    let minute = Duration::from_mins(1);
    let long =
        FetchOptions { time: Duration::from_mins(10), ..options(Wapi, DEFAULT_INSTANCE, now) };
    for _ in 0..5 {
        let (_, message) = world.announce(new_spec(DEFAULT_INSTANCE, W::Truncate { at: 100 }));
        let store = async |media| {
            tokio::time::pause();
            tokio::time::advance(minute).await;
            tokio::time::resume();
            collect_parts(media).await
        };
        let fetched = world.fetch_and_store(&message, long, store).await;
        let broken = fetched.result.expect_err("a broken transfer");
        let is_broken = matches!(broken, FetchError::Transport(_) | FetchError::Incomplete { .. });
        assert!(is_broken, "{broken}");
    }
    let (fetched, _) = fetch_from_wapi(&world, DEFAULT_INSTANCE, now + 60, W::Ok).await;
    assert_eq!(seconds_left(&fetched), Some(30));
}
