//! WhatsApp's CDN: hosts, expiry, resumption, key families, and every way to spoil a sealed file.

use media::{failure::Disposition, record::Integrity, strategy::Strategy::Cdn};
use stand_in::{
    CdnScenario as C, Encryption, FalseFields, Field, Format, KeyType, Kind, Spec, WapiScenario,
};

use crate::World;

const LATER: Disposition = Disposition::Retry { after: None };

fn spec(seed: impl Into<String>, scenario: C) -> Spec {
    Spec::of(Kind::Image).seed(seed).size(60_000).cdn(scenario)
}

#[tokio::test]
async fn every_kind_opens_with_full_proof_while_w_api_is_down() {
    let world = World::new().await;
    world.origins.set_wapi(Some(WapiScenario::Hang));
    for kind in [
        Kind::Image,
        Kind::Video,
        Kind::Ptv,
        Kind::Gif,
        Kind::Audio,
        Kind::Voice,
        Kind::Document,
        Kind::Sticker,
    ] {
        let fetched = world
            .try_spec(Cdn, Spec::of(kind).seed(format!("{kind:?}")))
            .await;
        let (_, proof) = fetched
            .result
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{kind:?}");
    }
    assert!(
        world
            .origins
            .requests()
            .iter()
            .all(|one| one.header("authorization").is_none())
    );
    world.assert_manners();
}

#[tokio::test]
async fn gone_is_final_on_every_host_and_nothing_else_is() {
    let world = World::new().await;
    for status in [401, 403, 404, 410] {
        let before = world.origins.requests().len();
        let fetched = world
            .try_spec(Cdn, spec(format!("gone-{status}"), C::Gone { status }))
            .await;
        assert_eq!(
            fetched.result.expect_err("gone").disposition(),
            Disposition::Gone,
            "{status}"
        );
        assert_eq!(
            world.origins.requests().len(),
            before + 1,
            "{status}: one host is enough"
        );
    }
    for code in [429, 500, 502, 503] {
        let before = world.origins.requests().len();
        let fetched = world
            .try_spec(Cdn, spec(format!("status-{code}"), C::Status { code }))
            .await;
        let disposition = fetched.result.expect_err("failing").disposition();
        assert!(
            matches!(disposition, Disposition::Retry { .. }),
            "{code}: {disposition:?}"
        );
        assert_eq!(
            world.origins.requests().len(),
            before + 2,
            "{code}: both hosts are asked"
        );
    }
}

#[tokio::test]
async fn an_expired_path_is_not_asked_for() {
    let world = World::new().await;
    let fetched = world
        .try_spec(Cdn, spec("expired", C::Ok).oe(1_700_000_000))
        .await;
    assert_eq!(
        fetched.result.expect_err("expired").disposition(),
        Disposition::Expired
    );
    assert_eq!(world.origins.requests().len(), 0);
}

#[tokio::test]
async fn the_fallback_host_serves_while_the_main_one_cannot() {
    let world = World::new().await;
    let bad = |main: C| C::PerHost {
        main: Box::new(main),
        fallback: Box::new(C::Ok),
    };
    let spoilt = [
        C::MainHostDown,
        bad(C::Hang),
        bad(C::Empty200),
        bad(C::Html200),
        bad(C::Redirect),
        bad(C::HangBody),
        bad(C::SlowDrip {
            bytes_per_second: 2_000,
        }),
        bad(C::Truncate { at: 30_000 }),
        bad(C::FlipBit { at: 30_000 }),
        bad(C::WrongMac),
        bad(C::WrongEnc),
        bad(C::CutEnd { bytes: 1 }),
        bad(C::CutEnd { bytes: 10 }),
        bad(C::CutEnd { bytes: 16 }),
    ];
    for (n, scenario) in spoilt.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        let fetched = world
            .try_spec(Cdn, spec(format!("spoilt-{n}"), scenario))
            .await;
        let (_, proof) = fetched
            .result
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{name}");
    }
}

#[tokio::test]
async fn what_is_spoilt_on_every_host_is_refused_and_retried() {
    let world = World::new().await;
    let spoilt = [
        C::Empty200,
        C::Html200,
        C::FlipBit { at: 0 },
        C::FlipBit { at: u64::MAX },
        C::WrongMac,
        C::WrongEnc,
        C::CutEnd { bytes: 1 },
        C::CutEnd { bytes: 10 },
        C::CutEnd { bytes: 26 },
        C::Truncate { at: 0 },
        C::Truncate { at: 59_999 },
    ];
    for (n, scenario) in spoilt.into_iter().enumerate() {
        let name = format!("{scenario:?}");
        let fetched = world
            .try_spec(Cdn, spec(format!("refused-{n}"), scenario))
            .await;
        let error = fetched.result.expect_err(&name);
        assert_eq!(error.disposition(), LATER, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_broken_transfer_is_resumed_where_it_stopped() {
    let world = World::new().await;
    let fetched = world
        .try_spec(Cdn, spec("resumed", C::TruncateThenRange { at: 40_000 }))
        .await;
    assert_eq!(
        fetched.result.expect("the file").1.integrity,
        Integrity::MacAndSha256
    );
    let ranges: Vec<_> = world
        .origins
        .requests()
        .iter()
        .filter_map(|one| one.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["bytes=40000-"]);
}

#[tokio::test]
async fn an_origin_that_resumes_wrongly_is_asked_from_the_start_on_the_next_host() {
    let world = World::new().await;
    for (n, scenario) in [
        C::TruncateNoRange { at: 40_000 },
        C::TruncateWrongRange { at: 40_000 },
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{scenario:?}");
        let fetched = world
            .try_spec(Cdn, spec(format!("wrongly-{n}"), scenario))
            .await;
        if let Err(error) = fetched.result {
            assert_eq!(error.disposition(), LATER, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_document_sealed_with_another_familys_keys_is_opened() {
    let world = World::new().await;
    for (n, family) in [
        KeyType::Image,
        KeyType::Video,
        KeyType::Audio,
        KeyType::Document,
    ]
    .into_iter()
    .enumerate()
    {
        for format in [Format::Jpeg, Format::Random] {
            let odd = Spec::of(Kind::Document)
                .format(format)
                .key_type(family)
                .seed(format!("odd-{n}-{format:?}"));
            let fetched = world.try_spec(Cdn, odd).await;
            let (_, proof) = fetched
                .result
                .unwrap_or_else(|error| panic!("{family:?} {format:?}: {error}"));
            assert_eq!(proof.integrity, Integrity::MacAndSha256);
        }
    }
}

#[tokio::test]
async fn a_file_born_with_a_wrong_mac_or_padding_cannot_be_opened() {
    let world = World::new().await;
    for (n, (seal, gets)) in [(Encryption::BadMac, 4), (Encryption::BadPadding, 1)]
        .into_iter()
        .enumerate()
    {
        let before = world.origins.requests().len();
        let fetched = world
            .try_spec(Cdn, spec(format!("born-{n}"), C::Ok).seal(seal))
            .await;
        let error = fetched.result.expect_err("unopenable");
        assert_eq!(error.disposition(), Disposition::Unopenable, "{error}");
        assert_eq!(world.origins.requests().len() - before, gets, "{seal:?}");
    }
}

#[tokio::test]
async fn channels_come_plain_with_or_without_a_key() {
    let world = World::new().await;
    let channel = || Spec::of(Kind::NewsletterImage);
    let fetched = world.try_spec(Cdn, channel().seed("no-key")).await;
    assert_eq!(
        fetched.result.expect("plain").1.integrity,
        Integrity::Sha256
    );
    let fetched = world
        .try_spec(Cdn, channel().seed("with-key").keep(Field::MediaKey))
        .await;
    assert_eq!(
        fetched.result.expect("plain in spite of a key").1.integrity,
        Integrity::Sha256
    );
}

/// Without its key an encrypted file is nobody's file, and what the CDN gives of it is never stored.
#[tokio::test]
async fn an_encrypted_medium_whose_key_is_missing_is_not_taken_as_it_is() {
    let world = World::new().await;
    let keyless = |seed: &str| spec(seed, C::Ok).omit(Field::MediaKey);
    let unreadable =
        |seed: &str| spec(seed, C::Ok).extra("mediaKey", serde_json::json!("c2hvcnQ="));
    for keyless in [
        keyless("F12c").omit(Field::FileSha256),
        keyless("both hashes"),
        keyless("no hash")
            .omit(Field::FileSha256)
            .omit(Field::FileEncSha256),
        unreadable("a short key"),
        unreadable("no plain hash").omit(Field::FileSha256),
        unreadable("no hashes")
            .omit(Field::FileSha256)
            .omit(Field::FileEncSha256),
    ] {
        let name = keyless.seed.clone();
        let (_, message) = world.announce(keyless);
        let error = world.fetch(Cdn, &message).await.result.expect_err(&name);
        assert_eq!(
            error.disposition(),
            Disposition::NotApplicable,
            "{name}: {error}"
        );
        assert!(error.to_string().contains("key"), "{name}: {error}");
    }
    assert_eq!(
        world.origins.requests().len(),
        0,
        "nobody is asked for what nobody can open"
    );
}

/// A relay lost every sign of encryption but the plain hash, which the CDN's bytes contradict.
#[tokio::test]
async fn what_looks_plain_and_comes_encrypted_is_not_asked_for_over_and_over() {
    let world = World::new().await;
    let stripped = spec("stripped", C::Ok)
        .omit(Field::MediaKey)
        .omit(Field::FileEncSha256);
    let (_, message) = world.announce(stripped);
    let error = world
        .fetch(Cdn, &message)
        .await
        .result
        .expect_err("encrypted");
    assert_eq!(error.disposition(), Disposition::Unopenable, "{error}");
}

#[tokio::test]
async fn a_channel_s_medium_without_any_hash_is_taken_and_called_unverified() {
    let world = World::new().await;
    let channel = Spec::of(Kind::NewsletterImage)
        .seed("no hash")
        .omit(Field::FileSha256);
    let fetched = world.try_spec(Cdn, channel).await;
    assert_eq!(
        fetched.result.expect("plain").1.integrity,
        Integrity::Unverified
    );
    let sealed = Spec::of(Kind::NewsletterImage)
        .seed("with its encrypted hash")
        .omit(Field::FileSha256)
        .keep(Field::FileEncSha256);
    let error = world
        .try_spec(Cdn, sealed)
        .await
        .result
        .expect_err("encrypted");
    assert_eq!(error.disposition(), Disposition::NotApplicable, "{error}");
}

/// What six of six such paths of an older system lacked, the message's own URL had.
#[tokio::test]
async fn a_path_without_a_signature_yields_to_the_signed_url() {
    let world = World::new().await;
    let unsigned = |seed: &str, scenario| spec(seed, scenario).unsigned_path();
    let fetched = world.try_spec(Cdn, unsigned("signed url", C::Ok)).await;
    assert_eq!(
        fetched.result.expect("the file").1.integrity,
        Integrity::MacAndSha256
    );
    assert_eq!(
        world.origins.requests().len(),
        1,
        "the signed one is asked first"
    );
    let fetched = world
        .try_spec(Cdn, unsigned("fallback", C::MainHostDown))
        .await;
    assert_eq!(
        fetched.result.expect("the file").1.integrity,
        Integrity::MacAndSha256
    );
    world.assert_manners();
}

#[tokio::test]
async fn a_refusal_of_what_was_never_signed_is_no_word_on_the_medium() {
    let world = World::new().await;
    let bare = |seed: &str| spec(seed, C::Ok).unsigned_path().omit(Field::Url);
    let error = world
        .try_spec(Cdn, bare("no url"))
        .await
        .result
        .expect_err("403");
    assert_eq!(error.disposition(), Disposition::NotApplicable, "{error}");
    // A signed URL that is refused is final, whatever the path without a signature is answered.
    let gone = spec("signed and gone", C::Gone { status: 403 }).unsigned_path();
    let error = world.try_spec(Cdn, gone).await.result.expect_err("gone");
    assert_eq!(error.disposition(), Disposition::Gone, "{error}");
}

/// The expiry stands in the URL alone.
#[tokio::test]
async fn a_signed_url_that_has_expired_by_its_own_word_is_not_asked() {
    let world = World::new().await;
    let expired = spec("expired url", C::Ok).unsigned_path().oe(1_700_000_000);
    let (_, message) = world.announce(expired);
    assert_eq!(message.recoverable_until(), 1_700_000_000);
    let error = world
        .fetch(Cdn, &message)
        .await
        .result
        .expect_err("expired");
    assert_eq!(error.disposition(), Disposition::Expired, "{error}");
}

#[tokio::test]
async fn hashes_that_are_missing_or_lie_are_told_by_the_integrity() {
    let world = World::new().await;
    let without = |field| spec(format!("without-{field:?}"), C::Ok).omit(field);
    let fetched = world.try_spec(Cdn, without(Field::FileSha256)).await;
    assert_eq!(fetched.result.expect("MAC").1.integrity, Integrity::MacOnly);
    let fetched = world.try_spec(Cdn, without(Field::FileEncSha256)).await;
    assert_eq!(
        fetched.result.expect("MAC and hash").1.integrity,
        Integrity::MacAndSha256
    );
    let lies = FalseFields {
        file_sha256: true,
        ..FalseFields::default()
    };
    let fetched = world.try_spec(Cdn, spec("a lie", C::Ok).lies(lies)).await;
    assert_eq!(
        fetched.result.expect("MAC").1.integrity,
        Integrity::MacAgainstSha256
    );
    for length in [0, 1, 2_000_000_000] {
        let lies = FalseFields {
            file_length: Some(length),
            ..FalseFields::default()
        };
        let lying = spec(format!("lying-{length}"), C::Ok).lies(lies);
        let fetched = world.try_spec(Cdn, lying).await;
        assert_eq!(
            fetched.result.expect("length is a hint").1.integrity,
            Integrity::MacAndSha256
        );
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_proven_all_the_same() {
    let world = World::new().await;
    let fetched = world.try_spec(Cdn, spec("no-length", C::NoLength)).await;
    assert_eq!(
        fetched.result.expect("the file").1.integrity,
        Integrity::MacAndSha256
    );
}

#[tokio::test]
async fn a_sealed_file_of_several_parts_is_cut_at_the_parts() {
    let world = World::with_limits(fetch::Limits::default()).await;
    let part = media::part::PART_BYTES as u64;
    for size in [
        part - 17,
        part - 1,
        part,
        part + 1,
        part + 16,
        2 * part - 1,
        2 * part + 15,
        3 * part,
    ] {
        let big = Spec::of(Kind::Document)
            .format(Format::Random)
            .seed(format!("big-{size}"))
            .size(size);
        let fetched = world.try_spec(Cdn, big).await;
        let (_, proof) = fetched
            .result
            .unwrap_or_else(|error| panic!("{size}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{size} bytes");
    }
}

#[tokio::test]
async fn without_a_path_the_messages_own_url_is_the_last_hope_and_must_be_whatsapps() {
    let world = World::new().await;
    let fetched = world
        .try_spec(
            Cdn,
            spec("no-path", C::Ok)
                .omit(Field::DirectPath)
                .omit(Field::Url),
        )
        .await;
    assert_eq!(
        fetched.result.expect_err("no path").disposition(),
        Disposition::NotApplicable
    );
    assert_eq!(world.origins.requests().len(), 0);
}
