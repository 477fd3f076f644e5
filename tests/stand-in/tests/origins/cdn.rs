//! The stand-in's CDN: each scenario answers as documented.

use std::time::Duration;

use crate::client::{Answer, CDN_HEADERS, get_cdn, send_request};
use anyhow::Result;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use stand_in::{AnnouncedMedia, CdnScenario, Encryption, Kind, Role, Spec, StandIn, encrypt_bytes};

async fn announce_with(scenario: CdnScenario) -> Result<(StandIn, AnnouncedMedia)> {
    let stand_in = StandIn::start().await?;
    let media = stand_in.announce(Spec::of(Kind::Video).size(200_000).cdn(scenario))?;
    Ok((stand_in, media))
}

async fn get_media(
    stand_in: &StandIn,
    media: &AnnouncedMedia,
    range: Option<&str>,
) -> Result<Answer> {
    get_cdn(&stand_in.cdn_base(), &media.direct_path, range).await
}

async fn get_with(scenario: CdnScenario) -> Result<(AnnouncedMedia, Answer)> {
    let (stand_in, media) = announce_with(scenario).await?;
    let answer = get_media(&stand_in, &media, None).await?;
    Ok((media, answer))
}

fn encrypted_bytes(media: &AnnouncedMedia) -> Result<Bytes> {
    encrypt_bytes(media.plain.bytes(), &media.keys, Encryption::Right)
}

#[tokio::test]
async fn both_hosts_serve_the_file_and_its_ranges() -> Result<()> {
    let (stand_in, media) = announce_with(CdnScenario::Ok).await?;
    let sealed = encrypted_bytes(&media)?;
    assert_eq!(HEXLOWER.encode(&Sha256::digest(&sealed)), media.sealed_sha256_hex);
    for base in [stand_in.cdn_base(), stand_in.cdn_fallback_base()] {
        let whole = get_cdn(&base, &media.direct_path, None).await?;
        assert_eq!((whole.status, whole.complete), (200, true));
        assert_eq!(whole.body, sealed);
        for from in [0, 1, 65_535, 65_536, 65_537, sealed.len() - 1] {
            let rest = get_cdn(&base, &media.direct_path, Some(&format!("bytes={from}-"))).await?;
            assert_eq!(rest.status, 206);
            assert_eq!(rest.body, sealed[from..]);
            let told = format!("bytes {from}-{}/{}", sealed.len() - 1, sealed.len());
            assert_eq!(rest.header("content-range"), Some(told.as_str()));
        }
        assert_eq!(
            get_cdn(&base, &media.direct_path, Some("bytes=5-9")).await?.body,
            sealed[5..10]
        );
        let beyond = format!("bytes={}-", sealed.len());
        assert_eq!(get_cdn(&base, &media.direct_path, Some(&beyond)).await?.status, 416);
    }
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    assert!(stand_in.requests().iter().any(|request| request.role == Role::CdnFallback));
    Ok(())
}

#[tokio::test]
async fn paths_must_be_signed_and_unexpired() -> Result<()> {
    let (stand_in, media) = announce_with(CdnScenario::Ok).await?;
    let base = stand_in.cdn_base();
    let path = &media.direct_path;
    let without = path.split('?').next().unwrap_or_default();
    for (altered, status) in [
        (without.to_owned(), 403),
        (format!("{path}&more=1"), 403),
        (path.replace("ccb=", "Ccb="), 403),
        (format!("{path}&mms3=true"), 200),
        ("/v/unknown?oe=FFFFFFFF".to_owned(), 404),
    ] {
        assert_eq!(get_cdn(&base, &altered, None).await?.status, status, "{altered}");
    }
    assert_eq!(stand_in.violations().len(), 3);
    let old = stand_in.announce(Spec::default().oe(1_000_000_000))?;
    assert_eq!(get_media(&stand_in, &old, None).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn missing_or_extra_headers_are_violations() -> Result<()> {
    let (stand_in, media) = announce_with(CdnScenario::Ok).await?;
    let url = format!("{}{}", stand_in.cdn_base(), media.direct_path);
    assert_eq!(send_request("GET", &url, &[], "").await?.status, 200);
    assert_eq!(stand_in.violations().len(), 4);
    stand_in.clear_requests();
    let mut headers = CDN_HEADERS.to_vec();
    headers.push(("authorization", "Bearer x"));
    send_request("GET", &url, &headers, "").await?;
    assert_eq!(stand_in.violations().len(), 1);
    assert_eq!(
        stand_in.requests().first().and_then(|request| request.header("authorization")),
        Some("Bearer x")
    );
    Ok(())
}

#[tokio::test]
async fn answers_without_a_file_follow_the_scenario() -> Result<()> {
    for status in [401, 403, 404, 410] {
        let (_, answer) = get_with(CdnScenario::Gone { status }).await?;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
    let (_, busy) = get_with(CdnScenario::Status { code: 429 }).await?;
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")));
    assert_eq!(get_with(CdnScenario::Status { code: 500 }).await?.1.status, 500);
    let (_, empty) = get_with(CdnScenario::Empty200).await?;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert!(get_with(CdnScenario::Html200).await?.1.body.starts_with(b"<html>"));
    assert_eq!(get_with(CdnScenario::Redirect).await?.1.status, 302);
    Ok(())
}

#[tokio::test]
async fn a_cut_happens_at_its_exact_byte() -> Result<()> {
    for at in [0, 1, 65_536, 100_001, 200_020] {
        let (media, cut) = get_with(CdnScenario::Truncate { at: at as u64 }).await?;
        assert!(!cut.complete);
        assert_eq!(cut.body, encrypted_bytes(&media)?[..at]);
    }
    let (stand_in, media) = announce_with(CdnScenario::Truncate { at: 100 }).await?;
    for (range, left) in [("bytes=40-", 60), ("bytes=100-", 0), ("bytes=150-", 0)] {
        let rest = get_media(&stand_in, &media, Some(range)).await?;
        assert_eq!((rest.status, rest.complete, rest.body.len()), (206, false, left));
    }
    Ok(())
}

#[tokio::test]
async fn a_first_cut_may_be_resumable() -> Result<()> {
    let at = 70_000;
    for (scenario, status, expected_from) in [
        (CdnScenario::TruncateThenRange { at }, 206, 70_000),
        (CdnScenario::TruncateNoRange { at }, 200, 0),
        (CdnScenario::TruncateWrongRange { at }, 206, 70_001),
    ] {
        let (stand_in, media) = announce_with(scenario).await?;
        let sealed = encrypted_bytes(&media)?;
        let first = get_media(&stand_in, &media, None).await?;
        assert_eq!((first.complete, first.body.len()), (false, 70_000));
        let second = get_media(&stand_in, &media, Some("bytes=70000-")).await?;
        assert_eq!((second.status, second.complete), (status, true));
        assert_eq!(second.body, sealed[expected_from..]);
        assert_eq!(get_media(&stand_in, &media, None).await?.body, sealed);
    }
    Ok(())
}

#[tokio::test]
async fn the_file_is_damaged_as_asked() -> Result<()> {
    let differing = |one: &[u8], other: &[u8]| -> Vec<usize> {
        one.iter()
            .zip(other)
            .enumerate()
            .filter(|(_, (one, other))| one != other)
            .map(|(place, _)| place)
            .collect()
    };
    for at in [0, 65_535, 65_536, 200_025] {
        let (media, flipped) = get_with(CdnScenario::FlipBit { at: at as u64 }).await?;
        assert_eq!(differing(&flipped.body, &encrypted_bytes(&media)?), [at]);
    }
    let (media, wrong) = get_with(CdnScenario::WrongMac).await?;
    let size = wrong.body.len();
    assert_eq!(
        differing(&wrong.body, &encrypted_bytes(&media)?),
        (size - 10..size).collect::<Vec<_>>()
    );
    let (media, short) = get_with(CdnScenario::CutEnd { bytes: 10 }).await?;
    assert!(short.complete);
    assert_eq!(short.body, encrypted_bytes(&media)?[..size - 10]);
    let (media, other) = get_with(CdnScenario::WrongEnc).await?;
    assert_eq!(other.status, 200);
    assert_ne!(HEXLOWER.encode(&Sha256::digest(&other.body)), media.sealed_sha256_hex);
    let (media, plain) = get_with(CdnScenario::PlainBytes).await?;
    assert_eq!(plain.body, media.plain.bytes());
    let (media, chunked) = get_with(CdnScenario::NoLength).await?;
    assert_eq!(chunked.header("content-length"), None);
    assert_eq!(chunked.body, encrypted_bytes(&media)?);
    Ok(())
}

#[tokio::test]
async fn the_fallback_works_while_main_is_down() -> Result<()> {
    let (stand_in, media) = announce_with(CdnScenario::MainHostDown).await?;
    assert_eq!(get_media(&stand_in, &media, None).await?.status, 503);
    assert_eq!(get_cdn(&stand_in.cdn_fallback_base(), &media.direct_path, None).await?.status, 200);
    stand_in.set_cdn(Some(CdnScenario::PerHost {
        main: Box::new(CdnScenario::Ok),
        fallback: Box::new(CdnScenario::Gone { status: 410 }),
    }));
    assert_eq!(get_media(&stand_in, &media, None).await?.status, 200);
    assert_eq!(get_cdn(&stand_in.cdn_fallback_base(), &media.direct_path, None).await?.status, 410);
    Ok(())
}

#[tokio::test]
async fn failures_count_per_file_over_both_hosts() -> Result<()> {
    let (stand_in, media) = announce_with(CdnScenario::fail_times(2)).await?;
    assert_eq!(get_media(&stand_in, &media, None).await?.status, 503);
    assert_eq!(get_cdn(&stand_in.cdn_fallback_base(), &media.direct_path, None).await?.status, 503);
    assert_eq!(get_media(&stand_in, &media, None).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn hanging_ends_only_with_the_stand_in() -> Result<()> {
    for scenario in
        [CdnScenario::Hang, CdnScenario::HangBody, CdnScenario::SlowDrip { bytes_per_second: 100 }]
    {
        let (stand_in, media) = announce_with(scenario).await?;
        let waiting =
            tokio::time::timeout(Duration::from_millis(150), get_media(&stand_in, &media, None))
                .await;
        assert!(waiting.is_err());
        tokio::time::timeout(Duration::from_secs(5), stand_in.shutdown()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn files_may_be_badly_encrypted() -> Result<()> {
    let stand_in = StandIn::start().await?;
    for seal in [Encryption::BadMac, Encryption::BadPadding, Encryption::Plain] {
        let media = stand_in.announce(Spec::default().seal(seal))?;
        let file = get_media(&stand_in, &media, None).await?;
        assert_eq!(HEXLOWER.encode(&Sha256::digest(&file.body)), media.sealed_sha256_hex);
        assert_eq!(file.body.len() as u64, media.sealed_size);
        assert_ne!(file.body, encrypted_bytes(&media)?);
    }
    let channel = stand_in.announce(Spec::of(Kind::NewsletterImage))?;
    assert_eq!(get_media(&stand_in, &channel, None).await?.body, channel.plain.bytes());
    let object = channel.webhook.pointer("/msgContent/imageMessage").cloned().unwrap_or_default();
    assert!(object.get("mediaKey").is_none() && object.get("directPath").is_some());
    Ok(())
}
