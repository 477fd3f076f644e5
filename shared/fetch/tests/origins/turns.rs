//! The limit of questions about one instance's media that W-API answers at a time.

use std::time::Duration;

use fetch::{FetchError, error::Wait};
use futures_util::future::join_all;
use media::{
    failure::Disposition,
    strategy::Strategy::{Cdn, Wapi},
};
use stand_in::{Kind, Spec, WapiScenario};
use tokio::{
    sync::Barrier,
    time::{sleep, timeout},
};

use crate::{FetchOptions, FetchResult, World, collect_parts};

const OTHER_INSTANCE: &str = "LITE-CCCCCC-DDDDDD";
const OTHER_TOKEN: &str = "token-of-the-other";

/// The questions about an instance's media that W-API is asked at a time.
const MAX_AT_ONCE: usize = 5;

const PLENTY: Duration = Duration::from_secs(10);

async fn world() -> World {
    let world = World::new().await;
    world.origins.register_instance(OTHER_INSTANCE, OTHER_TOKEN);
    world
}

/// Fetches a media file whose question W-API does not answer.
async fn fetch_hanging(world: &World) -> FetchResult {
    let (_, message) = world.announce(Spec::of(Kind::Image).wapi(WapiScenario::Hang));
    world.fetch_with(&message, FetchOptions::with_strategy(Wapi)).await
}

fn count_questions(world: &World) -> usize {
    world.count_calls("POST", "download-media")
}

/// Lets as many questions hang as there are turns, and does something meanwhile.
async fn while_all_turns_are_taken(world: &World, meanwhile: impl Future<Output = ()>) {
    let hanging = join_all((0..MAX_AT_ONCE).map(|_| fetch_hanging(world)));
    let meanwhile = async {
        let asked = async {
            while count_questions(world) < MAX_AT_ONCE {
                // Within the time limit below.
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PLENTY, asked).await.expect("all turns at once");
        meanwhile.await;
    };
    tokio::select! {
        all = hanging => unreachable!("{} answers", all.len()),
        () = meanwhile => {}
    }
}

/// Questions of other instances, and other strategies, do not wait.
#[tokio::test]
async fn one_question_too_many_waits() {
    let world = world().await;
    let meanwhile = async {
        let (_, next) = world.announce(Spec::of(Kind::Image));
        let hurried =
            FetchOptions { time: Duration::from_millis(50), ..FetchOptions::with_strategy(Wapi) };
        let waited = world.fetch_with(&next, hurried).await;
        assert!(matches!(waited.result, Err(FetchError::TimedOut(Wait::Turn))));
        assert_eq!(count_questions(&world), MAX_AT_ONCE);

        let (_, of_other) = world.announce(Spec::of(Kind::Image).instance(OTHER_INSTANCE));
        let options = FetchOptions {
            instance: OTHER_INSTANCE,
            token: OTHER_TOKEN,
            ..FetchOptions::with_strategy(Wapi)
        };
        assert!(world.fetch_with(&of_other, options).await.result.is_ok());
        let by_cdn = world.fetch_with(&next, FetchOptions::with_strategy(Cdn)).await;
        assert!(by_cdn.result.is_ok(), "the CDN knows no instances");
    };
    while_all_turns_are_taken(&world, meanwhile).await;
}

/// More files than there are turns are downloaded at the same time: each waits in the middle of it
/// for all the others.
#[tokio::test]
async fn a_download_takes_no_turn() {
    const FILES: usize = 2 * MAX_AT_ONCE;
    let (world, all_here) = (world().await, Barrier::new(FILES));
    let fetch = async || {
        let (_, message) = world.announce(Spec::of(Kind::Image));
        let store = async |media| {
            all_here.wait().await;
            collect_parts(media).await
        };
        world.fetch_and_store(&message, FetchOptions::with_strategy(Wapi), store).await
    };
    let all = timeout(PLENTY, join_all((0..FILES).map(|_| fetch()))).await;
    assert!(all.expect("no turn is held").into_iter().all(|fetched| fetched.result.is_ok()));
    assert_eq!(count_questions(&world), FILES);
}

/// The timeout does not count against W-API.
#[tokio::test]
async fn a_turn_timeout_is_retried_later() {
    let world = world().await;
    let meanwhile = async {
        let (_, message) = world.announce(Spec::of(Kind::Image));
        let hurried = FetchOptions {
            time: Duration::ZERO,
            insist: false,
            ..FetchOptions::with_strategy(Wapi)
        };
        for _ in 0..7 {
            let refused = world.fetch_with(&message, hurried).await.result;
            let refused = refused.expect_err("no turn");
            assert!(matches!(refused, FetchError::TimedOut(Wait::Turn)), "{refused}");
            assert_eq!(refused.disposition(), Disposition::Retry { after: None });
        }
    };
    while_all_turns_are_taken(&world, meanwhile).await;
}
