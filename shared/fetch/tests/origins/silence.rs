//! W-API that does not answer, or not soon: how many are asked for meanwhile, and when it is left.

use std::time::{Duration, Instant};

use fetch::{FetchError, error::Wait, slot::Slots};
use futures_util::future::join_all;
use media::{
    failure::Disposition,
    message::{MediaMessage, Secret},
    strategy::Strategy::{Cdn, Wapi},
};
use samples::instance_id;
use stand_in::{CdnScenario, DEFAULT_INSTANCE, Kind, Spec, WapiScenario};
use tokio::time::{sleep, timeout};

use crate::{FetchOptions, FetchResult, World, test_limits};

const OTHER_INSTANCE: &str = "LITE-CCCCCC-DDDDDD";

/// The records of a batch.
const BATCH: usize = 10;

const PLENTY: Duration = Duration::from_secs(10);

/// Asks for a media file whose question W-API does not answer, before the CDN is asked.
async fn fetch_before_cdn(world: &World) -> FetchResult {
    let (_, message) = world.announce(Spec::of(Kind::Image).wapi(WapiScenario::Hang));
    let options = FetchOptions { is_cdn_next: true, ..FetchOptions::with_strategy(Wapi) };
    world.fetch_with(&message, options).await
}

fn count_questions(world: &World) -> usize {
    world.count_calls("POST", "download-media")
}

/// W-API answers none of them, and each has only room for one file.
#[tokio::test]
async fn all_of_a_batch_are_asked_for_at_once() {
    let (world, slots) = (World::new().await, Slots::new(1));
    let ask = async || {
        let (_, message) = world.announce(Spec::of(Kind::Image).wapi(WapiScenario::Hang));
        let slot = slots.take_slot(None).await;
        let options = FetchOptions { slot: Some(&slot), ..FetchOptions::with_strategy(Wapi) };
        world.fetch_with(&message, options).await
    };
    let all_asked = async {
        while count_questions(&world) < BATCH {
            // Within the time limit below.
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        all = join_all((0..BATCH).map(|_| ask())) => panic!("{} ended before", all.len()),
        asked = timeout(PLENTY, all_asked) => asked.expect("all at once"),
    }
}

/// W-API answered in time, and the slot was taken meanwhile. That says nothing of W-API.
#[tokio::test]
async fn without_room_an_answer_is_not_used() {
    let (world, slots) = (World::new().await, Slots::new(1));
    let (_, message) = world.announce(Spec::of(Kind::Image));
    let slot = slots.take_slot(None).await;
    let options = FetchOptions {
        time: Duration::from_millis(300),
        insist: false,
        slot: Some(&slot),
        ..FetchOptions::with_strategy(Wapi)
    };
    let other = timeout(PLENTY, slots.take_slot(None));
    let (fetched, other) = tokio::join!(world.fetch_with(&message, options), other);
    assert!(other.is_ok(), "the slot was free meanwhile");
    let error = fetched.result.expect_err("no room");
    assert!(matches!(error, FetchError::TimedOut(Wait::Slot)), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry { after: None });
    assert_eq!(count_questions(&world), 1);
}

#[tokio::test]
async fn wapi_is_soon_left_for_the_cdn() {
    let world = World::new().await;
    let began = Instant::now();
    let fetched = fetch_before_cdn(&world).await;
    let error = fetched.result.expect_err("no answer");
    assert!(error.is_for_cdn(), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry { after: None });
    assert!(began.elapsed() < test_limits().post, "{:?}", began.elapsed());
    assert_eq!(fetched.attempt.verdict, "no answer after 0 s, so the CDN is asked first");
}

/// The last source has its whole time.
#[tokio::test]
async fn without_a_cdn_wapi_has_its_time() {
    let world = World::new().await;
    let (_, message) = world.announce(Spec::of(Kind::Image).wapi(WapiScenario::Hang));
    let began = Instant::now();
    let fetched = world.fetch_with(&message, FetchOptions::with_strategy(Wapi)).await;
    assert!(matches!(fetched.result, Err(FetchError::TimedOut(Wait::Answer))));
    assert!(began.elapsed() >= test_limits().post, "{:?}", began.elapsed());
}

/// A source that was left may have answered a second later.
#[tokio::test]
async fn a_source_that_was_left_keeps_its_circuit_closed() {
    let world = World::new().await;
    for _ in 0..7 {
        let left = fetch_before_cdn(&world).await;
        assert!(left.result.is_err_and(|error| error.is_for_cdn()));
    }
    let (_, message) = world.announce(Spec::of(Kind::Image));
    let options = FetchOptions { insist: false, ..FetchOptions::with_strategy(Wapi) };
    assert!(world.fetch_with(&message, options).await.result.is_ok());
}

/// W-API is not left for a request that would not be sent, or whose bytes nobody could open.
#[tokio::test]
async fn what_the_cdn_cannot_be_asked_for() {
    let world = World::new().await;
    let now = boot::clock::now();
    let can_ask = |message: &MediaMessage| {
        world.fetcher.can_ask_cdn(message, &instance_id(DEFAULT_INSTANCE), now)
    };
    let (_, message) = world.announce(Spec::of(Kind::Image));
    assert!(can_ask(&message));
    let keyless = MediaMessage { media_key: None, ..message.clone() };
    assert!(!can_ask(&keyless));
    let pathless = MediaMessage { direct_path: None, url: None, ..message.clone() };
    assert!(!can_ask(&pathless));
    let signed = |end: i64| {
        let path = Secret::new(format!("/v/t62/file.enc?ccb=1&oh=aa&oe={end:X}&_nc_sid=1"));
        MediaMessage { direct_path: Some(path), url: None, ..message.clone() }
    };
    assert!(can_ask(&signed(now + 60)));
    assert!(!can_ask(&signed(now - 60)));

    let down = CdnScenario::Status { code: 503 };
    let both = [(DEFAULT_INSTANCE, "5500900000006"), (OTHER_INSTANCE, "5500900000007")];
    for (instance, chat) in both.into_iter().cycle().take(10) {
        let spec = Spec::of(Kind::Image).instance(instance).chat(chat).cdn(down.clone());
        let options = FetchOptions { instance, insist: false, ..FetchOptions::with_strategy(Cdn) };
        let (_, message) = world.announce(spec);
        assert!(world.fetch_with(&message, options).await.result.is_err());
    }
    assert!(!can_ask(&message), "its circuit is open");
}
