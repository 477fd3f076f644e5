//! The strategies against loopback servers that behave as W-API and the CDN were observed to.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod breaker;
mod cdn;
mod guard;
mod hostile;
mod log;
mod silence;
mod wapi;
mod wapi_alternate;
mod witnesses;

use std::{pin::pin, time::Duration};

use ::wapi::webhook::WebhookBody;
use fetch::{
    FetchError, FetchRequest, Fetcher, Limits, MediaStream, Origins, pool::PartPool, slot::Slot,
};
use futures_util::TryStreamExt;
use media::{
    message::{MediaMessage, Secret},
    open::Proof,
    part::{PART_BYTES, Part},
    record::Attempt,
    sha256::Sha256,
    strategy::Strategy,
};
use samples::{TENANT, instance_id, verify_instance};
use stand_in::{AnnouncedMedia, DEFAULT_INSTANCE, DEFAULT_TOKEN, Spec, StandIn};

/// Limits that are short enough for tests.
fn test_limits() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        post: Duration::from_millis(700),
        answer: Duration::from_millis(700),
        answer_before_cdn: Duration::from_millis(150),
        idle: Duration::from_millis(300),
        speed_window: Duration::from_millis(400),
        bytes_per_window: 8 * 1024,
        max_bytes: 64 * 1024 * 1024,
    }
}

/// The origins, and a fetcher configured for them.
struct World {
    origins: StandIn,
    fetcher: Fetcher,
}

/// The parameters of a fetch.
#[derive(Clone, Copy)]
struct FetchOptions<'a> {
    strategy: Strategy,
    instance: &'a str,
    token: &'a str,
    keep_mismatch: bool,
    max_bytes: Option<u64>,
    is_share: bool,
    is_cdn_next: bool,
    insist: bool,
    time: Duration,
    now: i64,
    slot: Option<&'a Slot>,
}

impl FetchOptions<'_> {
    /// What most tests use: `insist` is set, so that earlier failures do not matter.
    fn with_strategy(strategy: Strategy) -> Self {
        Self {
            strategy,
            instance: DEFAULT_INSTANCE,
            token: DEFAULT_TOKEN,
            keep_mismatch: false,
            max_bytes: None,
            is_share: false,
            is_cdn_next: false,
            insist: true,
            time: Duration::from_secs(20),
            now: boot::clock::now(),
            slot: None,
        }
    }
}

/// The result of a fetch.
struct FetchResult {
    attempt: Attempt,
    result: Result<(Vec<u8>, Proof), FetchError>,
}

impl World {
    async fn new() -> Self {
        Self::with_limits(test_limits()).await
    }

    async fn with_limits(limits: Limits) -> Self {
        let origins = StandIn::start().await.expect("the stand-in starts");
        let configured =
            Origins::parse(&origins.wapi_base(), &origins.cdn_bases()).expect("its bases are URLs");
        let fetcher = Fetcher::new(configured, limits, PartPool::new(2)).expect("a client");
        Self { origins, fetcher }
    }

    fn announce(&self, spec: Spec) -> (AnnouncedMedia, MediaMessage) {
        let announced = self.origins.announce(spec).expect("the media file can be made");
        let message = message_of(&announced);
        (announced, message)
    }

    async fn fetch(&self, strategy: Strategy, message: &MediaMessage) -> FetchResult {
        self.fetch_with(message, FetchOptions::with_strategy(strategy)).await
    }

    async fn fetch_with(&self, message: &MediaMessage, options: FetchOptions<'_>) -> FetchResult {
        self.fetch_and_store(message, options, collect_parts).await
    }

    async fn fetch_and_store(
        &self,
        message: &MediaMessage,
        options: FetchOptions<'_>,
        store: impl AsyncFnMut(MediaStream) -> Result<(Vec<u8>, Proof), FetchError>,
    ) -> FetchResult {
        let instance = instance_id(options.instance);
        let token = Secret::new(options.token);
        let request = FetchRequest {
            message,
            instance: &instance,
            token: Some(&token),
            keep_mismatch: options.keep_mismatch,
            max_bytes: options.max_bytes,
            insist: options.insist,
            deadline: tokio::time::Instant::now() + options.time,
            is_share: options.is_share,
            is_cdn_next: options.is_cdn_next,
            now: options.now,
            slot: options.slot,
        };
        let fetch = Box::pin(self.fetcher.fetch(options.strategy, request, store));
        let (attempt, result) = fetch.await;
        FetchResult { attempt, result }
    }

    /// Fetches what the spec announces, and compares the bytes if any arrived.
    async fn try_spec(&self, strategy: Strategy, spec: Spec) -> FetchResult {
        let (announced, message) = self.announce(spec);
        let fetched = self.fetch(strategy, &message).await;
        if let Ok((bytes, proof)) = &fetched.result {
            assert_eq!(bytes.len() as u64, announced.size, "all bytes came");
            assert_eq!(
                Sha256::from_data(bytes).to_hex(),
                announced.sha256_hex,
                "the bytes are the sender's"
            );
            assert_eq!(
                (proof.size_bytes, proof.sha256.to_hex()),
                (announced.size, announced.sha256_hex)
            );
        }
        fetched
    }

    fn count_calls(&self, method: &str, path: &str) -> usize {
        let requests = self.origins.requests();
        requests.iter().filter(|one| one.method == method && one.path.contains(path)).count()
    }

    /// Checks that every request so far kept the rules of W-API and the CDN.
    fn assert_origin_rules(&self) {
        assert_eq!(self.origins.violations(), Vec::<String>::new());
    }
}

/// Reads a stream as the bucket does: in whole parts, trusting only the end.
async fn collect_parts(media: MediaStream) -> Result<(Vec<u8>, Proof), FetchError> {
    let mut parts = pin!(media.into_parts());
    let mut bytes = Vec::new();
    while let Some(Part { bytes: part, end }) = parts.try_next().await? {
        bytes.extend_from_slice(&part);
        match end {
            Some(proof) => {
                assert!(part.len() <= PART_BYTES + 32, "the last part is {} bytes", part.len());
                assert!(parts.try_next().await?.is_none(), "nothing follows the proof");
                return Ok((bytes, proof));
            }
            None => assert_eq!(part.len(), PART_BYTES),
        }
    }
    panic!("the stream ended without a proof");
}

fn message_of(announced: &AnnouncedMedia) -> MediaMessage {
    let verified = verify_instance(TENANT, &announced.instance);
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes()).expect("JSON");
    let mut announcement = body.announcement(&verified).expect("the same instance");
    assert_eq!(announcement.media.len(), 1, "one media message");
    announcement.media.remove(0)
}
