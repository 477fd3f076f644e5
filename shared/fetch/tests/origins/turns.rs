//! The limit of concurrent W-API downloads per instance.

use std::time::Duration;

use fetch::{FetchError, error::Wait};
use media::{
    failure::Disposition,
    strategy::Strategy::{Cdn, Wapi},
};
use stand_in::{Kind, Spec};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::{FetchOptions, FetchResult, World, collect_parts};

const OTHER_INSTANCE: &str = "LITE-CCCCCC-DDDDDD";
const OTHER_TOKEN: &str = "token-of-the-other";

/// A world in which downloads from W-API last until the test ends them.
struct HeldDownload {
    world: World,
    begun: Semaphore,
    end: Notify,
}

impl HeldDownload {
    async fn new() -> Self {
        let world = World::new().await;
        world.origins.register_instance(OTHER_INSTANCE, OTHER_TOKEN);
        Self { world, begun: Semaphore::new(0), end: Notify::new() }
    }

    /// Fetches a media file of the default instance that is stored only when the test allows it.
    async fn fetch_held(&self) -> FetchResult {
        let (_, message) = self.world.announce(Spec::of(Kind::Image));
        let store = async |media| {
            self.begun.add_permits(1);
            self.end.notified().await;
            collect_parts(media).await
        };
        let options = FetchOptions::with_strategy(Wapi);
        self.world.fetch_and_store(&message, options, store).await
    }

    async fn until_two_are_held(&self) {
        let held = timeout(Duration::from_secs(10), self.begun.acquire_many(2)).await;
        held.expect("two turns at once").expect("open").forget();
    }
}

/// Downloads of other instances and with other strategies do not wait.
#[tokio::test]
async fn a_third_download_of_an_instance_waits() {
    let held = HeldDownload::new().await;
    let meanwhile = async {
        held.until_two_are_held().await;
        let asked = held.world.count_calls("POST", "download-media");
        let (_, third) = held.world.announce(Spec::of(Kind::Image));
        let hurried =
            FetchOptions { time: Duration::from_millis(50), ..FetchOptions::with_strategy(Wapi) };
        let waited = held.world.fetch_with(&third, hurried).await;
        assert!(matches!(waited.result, Err(FetchError::TimedOut(Wait::Turn))));
        assert_eq!(held.world.count_calls("POST", "download-media"), asked);

        let (_, of_other) = held.world.announce(Spec::of(Kind::Image).instance(OTHER_INSTANCE));
        let options = FetchOptions {
            instance: OTHER_INSTANCE,
            token: OTHER_TOKEN,
            ..FetchOptions::with_strategy(Wapi)
        };
        assert!(held.world.fetch_with(&of_other, options).await.result.is_ok());
        let by_cdn = held.world.fetch_with(&third, FetchOptions::with_strategy(Cdn)).await;
        assert!(by_cdn.result.is_ok(), "the CDN knows no instances");
        held.end.notify_waiters();
    };
    let (first, second, ()) = tokio::join!(held.fetch_held(), held.fetch_held(), meanwhile);
    assert!(first.result.is_ok() && second.result.is_ok());
}

#[tokio::test]
async fn a_finished_turn_passes_to_the_next() {
    let held = HeldDownload::new().await;
    let meanwhile = async {
        for _ in 0..2 {
            held.until_two_are_held().await;
            held.end.notify_waiters();
        }
    };
    let four = async {
        tokio::join!(held.fetch_held(), held.fetch_held(), held.fetch_held(), held.fetch_held())
    };
    let ((a, b, c, d), ()) = tokio::join!(four, meanwhile);
    for fetched in [a, b, c, d] {
        assert!(fetched.result.is_ok());
    }
    assert_eq!(held.world.count_calls("POST", "download-media"), 4);
}

/// The timeout does not count against W-API.
#[tokio::test]
async fn a_turn_timeout_is_retried_later() {
    let held = HeldDownload::new().await;
    let meanwhile = async {
        held.until_two_are_held().await;
        let (_, message) = held.world.announce(Spec::of(Kind::Image));
        let hurried = FetchOptions {
            time: Duration::ZERO,
            insist: false,
            ..FetchOptions::with_strategy(Wapi)
        };
        for _ in 0..7 {
            let refused = held.world.fetch_with(&message, hurried).await.result;
            let refused = refused.expect_err("no turn");
            assert!(matches!(refused, FetchError::TimedOut(Wait::Turn)), "{refused}");
            assert_eq!(refused.disposition(), Disposition::Retry { after: None });
        }
        held.end.notify_waiters();
    };
    tokio::join!(held.fetch_held(), held.fetch_held(), meanwhile);
}
