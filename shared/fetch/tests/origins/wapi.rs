//! The strategy `wapi`: every row of the table of answers, and every way in which a link can fail.

use std::time::Duration;

use media::{
    failure::Disposition,
    open::OpenError,
    record::Integrity,
    strategy::Strategy::{Cdn, Wapi},
};
use stand_in::{Field, Format, Kind, MessageShape, Spec, WapiScenario};

use crate::{FetchOptions, World};

const LATER: Disposition = Disposition::Retry { after: None };

fn wapi_spec(seed: &str, scenario: WapiScenario) -> Spec {
    Spec::of(Kind::Image).seed(seed).size(60_000).wapi(scenario)
}

#[tokio::test]
async fn four_fields_fetch_a_proven_file() {
    let world = World::new().await;
    for kind in [
        Kind::Image,
        Kind::Video,
        Kind::Ptv,
        Kind::Audio,
        Kind::Voice,
        Kind::Document,
        Kind::Sticker,
    ] {
        let fetched = world.try_spec(Wapi, Spec::of(kind).seed(format!("{kind:?}"))).await;
        let (_, proof) = fetched.result.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(proof.integrity, Integrity::Sha256, "{kind:?}");
        assert_eq!(
            (fetched.attempt.status, fetched.attempt.verdict.as_str()),
            (Some(200), "stored")
        );
    }
    world.assert_origin_rules();
}

#[tokio::test]
async fn every_answer_has_its_disposition() {
    use Disposition::{NotApplicable, Unauthorized};
    use WapiScenario as W;
    let after = |seconds| Disposition::Retry { after: Some(Duration::from_secs(seconds)) };
    let rows = [
        (W::Fail500 { message: MessageShape::Nested }, LATER, 500),
        (W::Fail500 { message: MessageShape::Text }, LATER, 500),
        (W::Fail500 { message: MessageShape::Array }, LATER, 500),
        (W::Error200, LATER, 200),
        (W::BadRequest400, NotApplicable, 400),
        (W::Unauthorized401, Unauthorized, 401),
        (W::Forbidden403, Unauthorized, 403),
        (W::NotFound404, Disposition::Absent, 404),
        (W::TooMany429 { retry_after: 7 }, after(7), 429),
        (W::BadGateway502Html, LATER, 502),
        (W::CallStatus { status: 408 }, LATER, 408),
        (W::CallStatus { status: 425 }, LATER, 425),
        (W::CallStatus { status: 503 }, LATER, 503),
        (W::CallStatus { status: 504 }, LATER, 504),
        (W::CallStatus { status: 418 }, NotApplicable, 418),
        (W::CallHtml200, LATER, 200),
        (W::CallRedirect, LATER, 302),
        (W::NoLink, LATER, 200),
        (W::ForeignLink, LATER, 200),
    ];
    let world = World::new().await;
    for (n, (scenario, disposition, status)) in rows.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        let fetched = world.try_spec(Wapi, wapi_spec(&format!("row-{n}"), scenario)).await;
        let error = fetched.result.expect_err(&name);
        assert_eq!(
            (error.disposition(), fetched.attempt.status),
            (disposition, Some(status)),
            "{name}: {error}"
        );
        assert_eq!(fetched.attempt.verdict, error.to_string());
    }
    world.assert_origin_rules();
}

#[tokio::test]
async fn every_form_of_500_gives_the_excerpt() {
    let world = World::new().await;
    for shape in [MessageShape::Nested, MessageShape::Text, MessageShape::Array] {
        let fetched = world
            .try_spec(
                Wapi,
                wapi_spec(&format!("{shape:?}"), WapiScenario::Fail500 { message: shape }),
            )
            .await;
        let excerpt = fetched.attempt.excerpt.expect("W-API said something");
        assert!(excerpt.starts_with("Falha ao fazer o download do conteúdo"), "{excerpt}");
    }
}

/// Links are found under every field name, and moved from raw addresses to W-API's origin.
#[tokio::test]
async fn links_are_found_and_moved() {
    let world = World::new().await;
    let named = |name: &str| WapiScenario::OtherLinkName { name: name.to_owned() };
    let scenarios = [
        WapiScenario::RawAddressLink,
        named("link"),
        named("url"),
        named("mediaUrl"),
        WapiScenario::NoLength,
    ];
    for (n, scenario) in scenarios.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        world.try_spec(Wapi, wapi_spec(&format!("link-{n}"), scenario)).await.result.expect(&name);
    }
    world.assert_origin_rules();
}

#[tokio::test]
async fn a_link_gets_the_token_after_401() {
    let world = World::new().await;
    world
        .try_spec(Wapi, wapi_spec("needs-token", WapiScenario::LinkNeedsToken))
        .await
        .result
        .expect("the file");
    world.try_spec(Wapi, wapi_spec("needs-none", WapiScenario::Ok)).await.result.expect("the file");
    let links: Vec<_> =
        world.origins.requests().into_iter().filter(|one| one.method == "GET").collect();
    let with_token: Vec<_> =
        links.iter().map(|one| one.header("authorization").is_some()).collect();
    assert_eq!(with_token, [false, true, false]);
    let refused =
        world.try_spec(Wapi, wapi_spec("refuses", WapiScenario::LinkStatus { status: 403 })).await;
    assert_eq!(refused.result.expect_err("refused").disposition(), Disposition::Unauthorized);
}

#[tokio::test]
async fn a_failed_link_is_replaced_once() {
    let world = World::new().await;
    let first = Box::new(WapiScenario::LinkStatus { status: 404 });
    let then = Box::new(WapiScenario::Ok);
    let scenario = WapiScenario::FailTimes { times: 1, first, then };
    world
        .try_spec(Wapi, wapi_spec("second-link", scenario))
        .await
        .result
        .expect("the second link works");
    assert_eq!(
        (world.count_calls("POST", "download-media"), world.count_calls("GET", "media/file")),
        (2, 2)
    );
    let expired = world.try_spec(Wapi, wapi_spec("expired", WapiScenario::ExpiredLink)).await;
    assert_eq!(expired.result.expect_err("expired").disposition(), LATER);
    assert_eq!(world.count_calls("GET", "media/file"), 2, "an expired link is not fetched");
}

#[tokio::test]
async fn wrong_bytes_are_never_stored() {
    use WapiScenario as W;
    let world = World::new().await;
    let scenarios = [
        W::Html200,
        W::Json200,
        W::EmptyBody200,
        W::CutEnd { bytes: 1 },
        W::FlipBit { at: 59_999 },
        W::WrongType,
        W::EncryptedBytes,
        W::Truncate { at: 0 },
        W::Truncate { at: 1 },
        W::Truncate { at: 59_999 },
        W::Redirect,
        W::LinkStatus { status: 500 },
    ];
    for (n, scenario) in scenarios.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        let fetched = world.try_spec(Wapi, wapi_spec(&format!("not-{n}"), scenario)).await;
        let error = fetched.result.expect_err(&name);
        assert_eq!(error.disposition(), LATER, "{name}: {error}");
    }
    world.assert_origin_rules();
}

#[tokio::test]
async fn a_sent_web_page_is_stored() {
    let world = World::new().await;
    let page = || Spec::of(Kind::Document).format(Format::Html).file_name("pagina.html");
    let fetched = world.try_spec(Wapi, page().seed("a-page")).await;
    assert_eq!(fetched.result.expect("the page").1.integrity, Integrity::Sha256);
    let fetched = world.try_spec(Wapi, page().seed("no-hash").omit(Field::FileSha256)).await;
    assert!(fetched.result.is_err(), "without a hash a page may be an error page");
}

#[tokio::test]
async fn a_file_without_hash_is_unverified() {
    let world = World::new().await;
    let fetched =
        world.try_spec(Wapi, wapi_spec("no-hash", WapiScenario::Ok).omit(Field::FileSha256)).await;
    assert_eq!(fetched.result.expect("bytes").1.integrity, Integrity::Unverified);
}

/// W-API's link may serve the CDN's encrypted bytes. They are not the file, not even as a last
/// resort.
#[tokio::test]
async fn bytes_left_encrypted_are_never_stored() {
    let world = World::new().await;
    let encrypted = |seed: &str| wapi_spec(seed, WapiScenario::EncryptedBytes);
    let (whole, silent) = (encrypted("hash"), encrypted("no hash").omit(Field::FileSha256));
    let mute = silent.clone().seed("no hashes").omit(Field::FileEncSha256);
    let noise = mute.clone().seed("noise").format(Format::Random);
    for (spec, keep_mismatch) in [(whole, true), (silent, false), (mute, false), (noise, false)] {
        let (_, message) = world.announce(spec);
        let options = FetchOptions { keep_mismatch, ..FetchOptions::with_strategy(Wapi) };
        let error = world.fetch_with(&message, options).await.result.expect_err("encrypted");
        assert_eq!(error.disposition(), LATER, "{error}");
        assert!(!error.is_mismatch(), "{error}");
    }
}

/// An error page is never kept, even on request.
#[tokio::test]
async fn mismatching_bytes_are_kept_on_request() {
    let world = World::new().await;
    let (_, message) = world.announce(wapi_spec("flipped", WapiScenario::FlipBit { at: 100 }));
    let refused = world.fetch(Wapi, &message).await.result.expect_err("contradicted");
    assert!(refused.is_mismatch(), "{refused}");
    let keep = FetchOptions { keep_mismatch: true, ..FetchOptions::with_strategy(Wapi) };
    let kept = world.fetch_with(&message, keep).await;
    assert_eq!(kept.result.expect("kept").1.integrity, Integrity::Mismatch);
    let (_, message) = world.announce(wapi_spec("page", WapiScenario::Html200));
    let page = world.fetch_with(&message, keep).await;
    assert!(page.result.is_err());
}

#[tokio::test]
async fn slow_and_silent_bodies_time_out() {
    use WapiScenario as W;
    let world = World::new().await;
    let scenarios = [W::Hang, W::HangBody, W::SlowDrip { bytes_per_second: 2_000 }];
    for (n, scenario) in scenarios.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        let fetched = world.try_spec(Wapi, wapi_spec(&format!("slow-{n}"), scenario)).await;
        let error = fetched.result.expect_err(&name);
        assert!(matches!(error, fetch::FetchError::TimedOut(_)), "{name}: {error}");
        assert!(
            fetched.attempt.duration_ms < 5_000,
            "{name} took {} ms",
            fetched.attempt.duration_ms
        );
    }
}

/// By its announced length and its speed so far. A strategy that has all of the time goes on.
#[tokio::test]
async fn a_source_too_slow_for_its_share_is_left() {
    let world = World::new().await;
    let slow = WapiScenario::SlowDrip { bytes_per_second: 40_000 };
    let spec = |name: &str| wapi_spec(name, slow.clone()).size(120_000);
    for (name, is_share, time, verdict) in [
        (
            "share",
            true,
            1500,
            Some("at this speed the file takes longer than the strategy's share of the run"),
        ),
        ("whole", false, 1500, Some("no end before the invocation's deadline in time")),
        ("enough", true, 20_000, None),
    ] {
        let (_, message) = world.announce(spec(name));
        let options = FetchOptions {
            is_share,
            time: Duration::from_millis(time),
            ..FetchOptions::with_strategy(Wapi)
        };
        let fetched = world.fetch_with(&message, options).await;
        assert_eq!(fetched.attempt.verdict, verdict.unwrap_or("stored"), "{name}");
        let is_late = fetch::FetchError::is_deadline_verdict(&fetched.attempt.verdict);
        assert_eq!(is_late, verdict.is_some(), "{name}");
        let took = fetched.attempt.duration_ms;
        assert!(name != "share" || took < 1000, "{name} took {took} ms");
    }
}

#[tokio::test]
async fn a_wrong_token_needs_a_person() {
    let world = World::new().await;
    let (_, message) = world.announce(wapi_spec("token", WapiScenario::Ok));
    let options = FetchOptions { token: "another-token", ..FetchOptions::with_strategy(Wapi) };
    let fetched = world.fetch_with(&message, options).await;
    assert_eq!(fetched.result.expect_err("refused").disposition(), Disposition::Unauthorized);
}

#[tokio::test]
async fn a_sticker_is_requested_as_image_first() {
    let world = World::new().await;
    let only_sticker = Spec::of(Kind::Sticker).seed("picky").wapi_types(&["sticker"]);
    world.try_spec(Wapi, only_sticker).await.result.expect("the second type works");
    assert_eq!(world.count_calls("POST", "download-media"), 2);
}

#[tokio::test]
async fn without_key_or_path_nothing_is_requested() {
    let world = World::new().await;
    for (n, field) in [Field::MediaKey, Field::DirectPath].into_iter().enumerate() {
        let fetched = world
            .try_spec(Wapi, wapi_spec(&format!("without-{n}"), WapiScenario::Ok).omit(field))
            .await;
        assert_eq!(
            fetched.result.expect_err("no request").disposition(),
            Disposition::NotApplicable
        );
    }
    assert_eq!(world.origins.requests().len(), 0);
}

#[tokio::test]
async fn a_large_file_is_cut_and_proven() {
    let world = World::with_limits(fetch::Limits::default()).await;
    let part = media::part::PART_BYTES as u64;
    for size in [part - 1, part, part + 1, part + 31, part + 32, part + 33, 2 * part, 3 * part + 5]
    {
        let big =
            Spec::of(Kind::Document).format(Format::Random).seed(format!("big-{size}")).size(size);
        let fetched = world.try_spec(Wapi, big).await;
        assert_eq!(
            fetched.result.expect("the file").1.integrity,
            Integrity::Sha256,
            "{size} bytes"
        );
    }
}

/// The download stops as soon as the limit is passed, not after the last byte.
#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let world =
        World::with_limits(fetch::Limits { max_bytes: 50_000, ..crate::test_limits() }).await;
    let fetched = world.try_spec(Wapi, wapi_spec("too-large", WapiScenario::NoLength)).await;
    assert_eq!(fetched.result.expect_err("too large").disposition(), Disposition::OverLimit);
}

/// The instance's cap applies only if it is lower than the limit.
#[tokio::test]
async fn an_instances_cap_never_raises_the_limit() {
    let limits = fetch::Limits { max_bytes: 50_000, ..crate::test_limits() };
    let world = World::with_limits(limits).await;
    let (_, small) = world.announce(wapi_spec("small", WapiScenario::Ok).size(40_000));
    let (_, large) = world.announce(wapi_spec("large", WapiScenario::Ok));
    for strategy in [Wapi, Cdn] {
        for (message, cap, fits) in [
            (&small, None, true),
            (&small, Some(40_000), true),
            (&small, Some(39_900), false),
            (&large, Some(u64::MAX), false),
        ] {
            let options = FetchOptions { max_bytes: cap, ..FetchOptions::with_strategy(strategy) };
            let fetched = world.fetch_with(message, options).await.result;
            let refused = fetched.map_err(|error| error.disposition()).err();
            let expected = (!fits).then_some(Disposition::OverLimit);
            assert_eq!(refused, expected, "{strategy} {cap:?}");
        }
    }
}

#[tokio::test]
async fn an_attempt_holds_no_secret() {
    let world = World::new().await;
    let (announced, message) = world.announce(wapi_spec("secretive", WapiScenario::fail_500()));
    let fetched = world.fetch(Wapi, &message).await;
    let told = format!("{:?} {:?}", fetched.attempt, fetched.result.expect_err("a failure"));
    for secret in
        [announced.media_key.as_str(), announced.direct_path.as_str(), stand_in::DEFAULT_TOKEN]
    {
        assert!(!told.contains(secret), "{told}");
    }
    assert_eq!(OpenError::Empty.to_string(), "the body was empty");
}
