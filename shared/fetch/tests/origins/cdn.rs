//! The strategy `cdn`: hosts, expiry, resumption, key families, and every way to damage an
//! encrypted file.

use media::{failure::Disposition, record::Integrity, strategy::Strategy::Cdn};
use stand_in::{
    CdnScenario as C, Encryption, FalseFields, Field, Format, KeyType, Kind, Spec, WapiScenario,
};

use crate::World;

const LATER: Disposition = Disposition::Retry { after: None };

fn cdn_spec(seed: impl Into<String>, scenario: C) -> Spec {
    Spec::of(Kind::Image).seed(seed).size(60_000).cdn(scenario)
}

#[tokio::test]
async fn every_kind_is_proven_without_w_api() {
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
        let fetched = world.try_spec(Cdn, Spec::of(kind).seed(format!("{kind:?}"))).await;
        let (_, proof) = fetched.result.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{kind:?}");
    }
    assert!(world.origins.requests().iter().all(|one| one.header("authorization").is_none()));
    world.assert_origin_rules();
}

#[tokio::test]
async fn only_gone_is_final_on_every_host() {
    let world = World::new().await;
    for status in [401, 403, 404, 410] {
        let before = world.origins.requests().len();
        let fetched =
            world.try_spec(Cdn, cdn_spec(format!("gone-{status}"), C::Gone { status })).await;
        assert_eq!(fetched.result.expect_err("gone").disposition(), Disposition::Gone, "{status}");
        assert_eq!(world.origins.requests().len(), before + 1, "{status}: one host is enough");
    }
    for code in [429, 500, 502, 503] {
        let before = world.origins.requests().len();
        let fetched =
            world.try_spec(Cdn, cdn_spec(format!("status-{code}"), C::Status { code })).await;
        let disposition = fetched.result.expect_err("failing").disposition();
        assert!(matches!(disposition, Disposition::Retry { .. }), "{code}: {disposition:?}");
        assert_eq!(world.origins.requests().len(), before + 2, "{code}: both hosts are asked");
    }
}

#[tokio::test]
async fn an_expired_path_is_not_requested() {
    let world = World::new().await;
    let fetched = world.try_spec(Cdn, cdn_spec("expired", C::Ok).oe(1_700_000_000)).await;
    assert_eq!(fetched.result.expect_err("expired").disposition(), Disposition::Expired);
    assert_eq!(world.origins.requests().len(), 0);
}

#[tokio::test]
async fn the_fallback_host_serves_when_needed() {
    let world = World::new().await;
    let bad = |main: C| C::PerHost { main: Box::new(main), fallback: Box::new(C::Ok) };
    let spoilt = [
        C::MainHostDown,
        bad(C::Hang),
        bad(C::Empty200),
        bad(C::Html200),
        bad(C::Redirect),
        bad(C::HangBody),
        bad(C::SlowDrip { bytes_per_second: 2_000 }),
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
        let fetched = world.try_spec(Cdn, cdn_spec(format!("spoilt-{n}"), scenario)).await;
        let (_, proof) = fetched.result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{name}");
    }
}

#[tokio::test]
async fn a_file_damaged_everywhere_is_retried() {
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
        let fetched = world.try_spec(Cdn, cdn_spec(format!("refused-{n}"), scenario)).await;
        let error = fetched.result.expect_err(&name);
        assert_eq!(error.disposition(), LATER, "{name}: {error}");
    }
}

#[tokio::test]
async fn a_broken_transfer_is_resumed() {
    let world = World::new().await;
    let fetched =
        world.try_spec(Cdn, cdn_spec("resumed", C::TruncateThenRange { at: 40_000 })).await;
    assert_eq!(fetched.result.expect("the file").1.integrity, Integrity::MacAndSha256);
    let ranges: Vec<_> = world
        .origins
        .requests()
        .iter()
        .filter_map(|one| one.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["bytes=40000-"]);
}

/// The next host is asked for the file from its start.
#[tokio::test]
async fn a_wrong_resume_goes_to_another_host() {
    let world = World::new().await;
    for (n, scenario) in [C::TruncateNoRange { at: 40_000 }, C::TruncateWrongRange { at: 40_000 }]
        .into_iter()
        .enumerate()
    {
        let name = format!("{scenario:?}");
        let fetched = world.try_spec(Cdn, cdn_spec(format!("wrongly-{n}"), scenario)).await;
        if let Err(error) = fetched.result {
            assert_eq!(error.disposition(), LATER, "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn another_familys_keys_open_a_document() {
    let world = World::new().await;
    for (n, family) in
        [KeyType::Image, KeyType::Video, KeyType::Audio, KeyType::Document].into_iter().enumerate()
    {
        for format in [Format::Jpeg, Format::Random] {
            let odd = Spec::of(Kind::Document)
                .format(format)
                .key_type(family)
                .seed(format!("odd-{n}-{format:?}"));
            let fetched = world.try_spec(Cdn, odd).await;
            let (_, proof) =
                fetched.result.unwrap_or_else(|error| panic!("{family:?} {format:?}: {error}"));
            assert_eq!(proof.integrity, Integrity::MacAndSha256);
        }
    }
}

#[tokio::test]
async fn a_wrong_mac_or_padding_is_final() {
    let world = World::new().await;
    for (n, (seal, gets)) in
        [(Encryption::BadMac, 4), (Encryption::BadPadding, 1)].into_iter().enumerate()
    {
        let before = world.origins.requests().len();
        let fetched = world.try_spec(Cdn, cdn_spec(format!("born-{n}"), C::Ok).seal(seal)).await;
        let error = fetched.result.expect_err("unopenable");
        assert_eq!(error.disposition(), Disposition::Unopenable, "{error}");
        assert_eq!(world.origins.requests().len() - before, gets, "{seal:?}");
    }
}

#[tokio::test]
async fn channel_files_are_plain() {
    let world = World::new().await;
    let channel = || Spec::of(Kind::NewsletterImage);
    let fetched = world.try_spec(Cdn, channel().seed("no-key")).await;
    assert_eq!(fetched.result.expect("plain").1.integrity, Integrity::Sha256);
    let fetched = world.try_spec(Cdn, channel().seed("with-key").keep(Field::MediaKey)).await;
    assert_eq!(fetched.result.expect("plain in spite of a key").1.integrity, Integrity::Sha256);
}

/// Without its key an encrypted file cannot be opened, so the CDN's bytes must not be stored.
#[tokio::test]
async fn an_encrypted_file_without_key_is_refused() {
    let world = World::new().await;
    let keyless = |seed: &str| cdn_spec(seed, C::Ok).omit(Field::MediaKey);
    let unreadable =
        |seed: &str| cdn_spec(seed, C::Ok).extra("mediaKey", serde_json::json!("c2hvcnQ="));
    for keyless in [
        keyless("F12c").omit(Field::FileSha256),
        keyless("both hashes"),
        keyless("no hash").omit(Field::FileSha256).omit(Field::FileEncSha256),
        unreadable("a short key"),
        unreadable("no plain hash").omit(Field::FileSha256),
        unreadable("no hashes").omit(Field::FileSha256).omit(Field::FileEncSha256),
    ] {
        let name = keyless.seed.clone();
        let (_, message) = world.announce(keyless);
        let error = world.fetch(Cdn, &message).await.result.expect_err(&name);
        assert_eq!(error.disposition(), Disposition::NotApplicable, "{name}: {error}");
        assert!(error.to_string().contains("key"), "{name}: {error}");
    }
    assert_eq!(world.origins.requests().len(), 0, "no request for a file that cannot be opened");
}

/// A relay dropped every sign of encryption except the plain hash, which the CDN's bytes
/// contradict.
#[tokio::test]
async fn an_unexpected_encrypted_file_is_requested_once() {
    let world = World::new().await;
    let stripped = cdn_spec("stripped", C::Ok).omit(Field::MediaKey).omit(Field::FileEncSha256);
    let (_, message) = world.announce(stripped);
    let error = world.fetch(Cdn, &message).await.result.expect_err("encrypted");
    assert_eq!(error.disposition(), Disposition::Unopenable, "{error}");
}

#[tokio::test]
async fn a_channel_file_without_hash_is_unverified() {
    let world = World::new().await;
    let channel = Spec::of(Kind::NewsletterImage).seed("no hash").omit(Field::FileSha256);
    let fetched = world.try_spec(Cdn, channel).await;
    assert_eq!(fetched.result.expect("plain").1.integrity, Integrity::Unverified);
    let sealed = Spec::of(Kind::NewsletterImage)
        .seed("with its encrypted hash")
        .omit(Field::FileSha256)
        .keep(Field::FileEncSha256);
    let error = world.try_spec(Cdn, sealed).await.result.expect_err("encrypted");
    assert_eq!(error.disposition(), Disposition::NotApplicable, "{error}");
}

/// Six of six such paths of an older system had lost the signature; the announced URL had it.
#[tokio::test]
async fn the_signed_url_precedes_an_unsigned_path() {
    let world = World::new().await;
    let unsigned = |seed: &str, scenario| cdn_spec(seed, scenario).unsigned_path();
    let fetched = world.try_spec(Cdn, unsigned("signed url", C::Ok)).await;
    assert_eq!(fetched.result.expect("the file").1.integrity, Integrity::MacAndSha256);
    assert_eq!(world.origins.requests().len(), 1, "the signed URL is requested first");
    let fetched = world.try_spec(Cdn, unsigned("fallback", C::MainHostDown)).await;
    assert_eq!(fetched.result.expect("the file").1.integrity, Integrity::MacAndSha256);
    world.assert_origin_rules();
}

#[tokio::test]
async fn a_refused_unsigned_path_proves_nothing() {
    let world = World::new().await;
    let bare = |seed: &str| cdn_spec(seed, C::Ok).unsigned_path().omit(Field::Url);
    let error = world.try_spec(Cdn, bare("no url")).await.result.expect_err("403");
    assert_eq!(error.disposition(), Disposition::NotApplicable, "{error}");
    // A 403 for a signed URL is final, whatever the answer for the unsigned path is.
    let gone = cdn_spec("signed and gone", C::Gone { status: 403 }).unsigned_path();
    let error = world.try_spec(Cdn, gone).await.result.expect_err("gone");
    assert_eq!(error.disposition(), Disposition::Gone, "{error}");
}

/// In this announcement only the URL carries the expiry.
#[tokio::test]
async fn an_expired_signed_url_is_not_requested() {
    let world = World::new().await;
    let expired = cdn_spec("expired url", C::Ok).unsigned_path().oe(1_700_000_000);
    let (_, message) = world.announce(expired);
    assert_eq!(message.recoverable_until(), 1_700_000_000);
    let error = world.fetch(Cdn, &message).await.result.expect_err("expired");
    assert_eq!(error.disposition(), Disposition::Expired, "{error}");
}

#[tokio::test]
async fn integrity_shows_missing_and_wrong_hashes() {
    let world = World::new().await;
    let without = |field| cdn_spec(format!("without-{field:?}"), C::Ok).omit(field);
    let fetched = world.try_spec(Cdn, without(Field::FileSha256)).await;
    assert_eq!(fetched.result.expect("MAC").1.integrity, Integrity::MacOnly);
    let fetched = world.try_spec(Cdn, without(Field::FileEncSha256)).await;
    assert_eq!(fetched.result.expect("MAC and hash").1.integrity, Integrity::MacAndSha256);
    let lies = FalseFields { file_sha256: true, ..FalseFields::default() };
    let fetched = world.try_spec(Cdn, cdn_spec("a lie", C::Ok).lies(lies)).await;
    assert_eq!(fetched.result.expect("MAC").1.integrity, Integrity::MacAgainstSha256);
    for length in [0, 1, 2_000_000_000] {
        let lies = FalseFields { file_length: Some(length), ..FalseFields::default() };
        let lying = cdn_spec(format!("lying-{length}"), C::Ok).lies(lies);
        let fetched = world.try_spec(Cdn, lying).await;
        assert_eq!(fetched.result.expect("length is a hint").1.integrity, Integrity::MacAndSha256);
    }
}

#[tokio::test]
async fn a_body_without_length_is_proven() {
    let world = World::new().await;
    let fetched = world.try_spec(Cdn, cdn_spec("no-length", C::NoLength)).await;
    assert_eq!(fetched.result.expect("the file").1.integrity, Integrity::MacAndSha256);
}

#[tokio::test]
async fn an_encrypted_file_is_cut_into_parts() {
    let world = World::with_limits(fetch::Limits::default()).await;
    let part = media::part::PART_BYTES as u64;
    for size in
        [part - 17, part - 1, part, part + 1, part + 16, 2 * part - 1, 2 * part + 15, 3 * part]
    {
        let big =
            Spec::of(Kind::Document).format(Format::Random).seed(format!("big-{size}")).size(size);
        let fetched = world.try_spec(Cdn, big).await;
        let (_, proof) = fetched.result.unwrap_or_else(|error| panic!("{size}: {error}"));
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{size} bytes");
    }
}

/// The URL is used only if it is on one of WhatsApp's hosts.
#[tokio::test]
async fn without_a_path_the_url_is_used() {
    let world = World::new().await;
    let fetched = world
        .try_spec(Cdn, cdn_spec("no-path", C::Ok).omit(Field::DirectPath).omit(Field::Url))
        .await;
    assert_eq!(fetched.result.expect_err("no path").disposition(), Disposition::NotApplicable);
    assert_eq!(world.origins.requests().len(), 0);
}
