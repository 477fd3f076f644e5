//! The stand-in's W-API: each scenario answers as documented.

use std::time::Duration;

use crate::client::{Answer, send_request};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use stand_in::{
    AnnouncedMedia, DEFAULT_INSTANCE, DEFAULT_TOKEN, Encryption, Field, KeyType, Kind,
    MessageShape, Role, Spec, StandIn, WapiScenario,
};

fn call_body(media: &AnnouncedMedia, kind: &str) -> Value {
    json!({
        "mediaKey": media.media_key, "directPath": media.direct_path,
        "type": kind, "mimetype": media.mimetype,
    })
}

async fn call_with(stand_in: &StandIn, path: &str, token: &str, body: &Value) -> Result<Answer> {
    let url = format!("{}{path}?instanceId={DEFAULT_INSTANCE}", stand_in.wapi_base());
    let bearer = format!("Bearer {token}");
    send_request("POST", &url, &[("authorization", &bearer)], &body.to_string()).await
}

async fn call_download(stand_in: &StandIn, media: &AnnouncedMedia) -> Result<Answer> {
    let kind = media.key_type.wapi_type();
    call_with(stand_in, "/message/download-media", DEFAULT_TOKEN, &call_body(media, kind)).await
}

fn link_of(answer: &Answer) -> Result<String> {
    let link = answer.json()?.get("fileLink").and_then(Value::as_str).map(str::to_owned);
    link.context("no fileLink")
}

/// Calls W-API, then fetches the link.
async fn fetch_through_link(stand_in: &StandIn, media: &AnnouncedMedia) -> Result<Answer> {
    let link = link_of(&call_download(stand_in, media).await?)?;
    send_request("GET", &link, &[], "").await
}

async fn announce_with(scenario: WapiScenario) -> Result<(StandIn, AnnouncedMedia)> {
    let stand_in = StandIn::start().await?;
    let media = stand_in.announce(Spec::of(Kind::Document).size(10_000).wapi(scenario))?;
    Ok((stand_in, media))
}

async fn call_with_scenario(scenario: WapiScenario) -> Result<Answer> {
    let (stand_in, media) = announce_with(scenario).await?;
    call_download(&stand_in, &media).await
}

async fn fetch_with_scenario(scenario: WapiScenario) -> Result<(AnnouncedMedia, Answer)> {
    let (stand_in, media) = announce_with(scenario).await?;
    let answer = fetch_through_link(&stand_in, &media).await?;
    Ok((media, answer))
}

#[tokio::test]
async fn each_call_gives_a_new_link_to_the_file() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::Ok).await?;
    let first = call_download(&stand_in, &media).await?;
    assert_eq!(first.status, 200);
    let said = first.json()?;
    assert_eq!(said.get("error"), Some(&json!(false)));
    assert!(
        said.get("expires")
            .and_then(Value::as_u64)
            .is_some_and(|expires| expires > 1_700_000_000_000)
    );
    let second = link_of(&call_download(&stand_in, &media).await?)?;
    assert_ne!(link_of(&first)?, second);
    let file = send_request("GET", &second, &[], "").await?;
    assert_eq!(file.body, media.plain.bytes());
    assert!(file.complete);
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    let requests = stand_in.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests.iter().all(|request| request.role == Role::Wapi && request.status == Some(200))
    );
    assert!(requests.iter().all(|request| request.message_id.as_ref() == Some(&media.message_id)));
    Ok(())
}

#[tokio::test]
async fn exactly_four_fields_are_accepted() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::Ok).await?;
    let path = "/message/download-media";
    let mut more = call_body(&media, "document");
    more.as_object_mut().context("an object")?.insert("messageId".to_owned(), json!("x"));
    assert_eq!(call_with(&stand_in, path, DEFAULT_TOKEN, &more).await?.status, 400);
    for field in ["mediaKey", "directPath", "type", "mimetype"] {
        let mut fewer = call_body(&media, "document");
        fewer.as_object_mut().context("an object")?.remove(field);
        assert_eq!(call_with(&stand_in, path, DEFAULT_TOKEN, &fewer).await?.status, 400);
    }
    assert_eq!(stand_in.violations().len(), 5);
    Ok(())
}

#[tokio::test]
async fn the_type_must_be_that_of_the_keys() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let path = "/message/download-media";
    let cases = [
        (Spec::of(Kind::Document), "document", "image"),
        (Spec::of(Kind::Voice), "audio", "document"),
        (Spec::of(Kind::Ptv), "video", "ptv"),
        (Spec::of(Kind::Sticker), "sticker", "video"),
        (Spec::of(Kind::Sticker), "image", "document"),
        (Spec::of(Kind::Document).key_type(KeyType::Image), "image", "document"),
    ];
    for (spec, right, wrong) in cases {
        let media = stand_in.announce(spec)?;
        let answer = call_with(&stand_in, path, DEFAULT_TOKEN, &call_body(&media, right)).await?;
        assert_eq!(answer.status, 200, "{right}");
        let answer = call_with(&stand_in, path, DEFAULT_TOKEN, &call_body(&media, wrong)).await?;
        assert_eq!(answer.status, 500, "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn undecryptable_files_answer_the_generic_500() -> Result<()> {
    let stand_in = StandIn::start().await?;
    for spec in [
        Spec::default().oe(1_000_000_000),
        Spec::default().seal(Encryption::BadPadding),
        Spec::of(Kind::NewsletterImage).keep(Field::MediaKey),
    ] {
        let media = stand_in.announce(spec)?;
        assert_eq!(call_download(&stand_in, &media).await?.status, 500);
    }
    Ok(())
}

#[tokio::test]
async fn a_token_opens_its_own_instance_only() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::Ok).await?;
    stand_in.register_instance("LITE-BBBBBB-CCCCCC", "token of the other");
    let path = "/message/download-media";
    let body = call_body(&media, "document");
    let status = |answer: Answer| answer.status;
    assert_eq!(call_with(&stand_in, path, "nonsense", &body).await.map(status)?, 401);
    assert_eq!(call_with(&stand_in, path, "token of the other", &body).await.map(status)?, 403);
    let base = stand_in.wapi_base();
    let bearer = [("authorization", "Bearer token of the other")];
    let unknown = format!("{base}{path}?instanceId=LITE-CCCCCC-DDDDDD");
    assert_eq!(send_request("POST", &unknown, &bearer, &body.to_string()).await.map(status)?, 404);
    let none = format!("{base}{path}?instanceId={DEFAULT_INSTANCE}");
    assert_eq!(send_request("POST", &none, &[], &body.to_string()).await.map(status)?, 401);
    stand_in.forget_instance(DEFAULT_INSTANCE);
    assert_eq!(call_download(&stand_in, &media).await.map(status)?, 401);
    Ok(())
}

#[tokio::test]
async fn the_500_has_three_shapes() -> Result<()> {
    for (message, pointer) in [
        (MessageShape::Nested, "/message/data/message"),
        (MessageShape::Text, "/message"),
        (MessageShape::Array, "/message/0"),
    ] {
        let answer = call_with_scenario(WapiScenario::Fail500 { message }).await?;
        assert_eq!(answer.status, 500);
        let said = answer.json()?;
        assert_eq!(said.get("error"), Some(&json!(true)));
        let text = said.pointer(pointer).and_then(Value::as_str);
        assert_eq!(text, Some("Falha ao fazer o download do conteúdo."));
    }
    Ok(())
}

#[tokio::test]
async fn calls_fail_as_asked() -> Result<()> {
    for (scenario, status) in [
        (WapiScenario::Error200, 200),
        (WapiScenario::BadRequest400, 400),
        (WapiScenario::Unauthorized401, 401),
        (WapiScenario::Forbidden403, 403),
        (WapiScenario::NotFound404, 404),
        (WapiScenario::CallStatus { status: 504 }, 504),
    ] {
        let answer = call_with_scenario(scenario).await?;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()?.get("error"), Some(&json!(true)));
    }
    let slow_down = call_with_scenario(WapiScenario::TooMany429 { retry_after: 7 }).await?;
    assert_eq!((slow_down.status, slow_down.header("retry-after")), (429, Some("7")));
    for (scenario, status) in
        [(WapiScenario::BadGateway502Html, 502), (WapiScenario::CallHtml200, 200)]
    {
        let page = call_with_scenario(scenario).await?;
        assert_eq!(page.status, status);
        assert!(page.body.starts_with(b"<html>"));
    }
    let elsewhere = call_with_scenario(WapiScenario::CallRedirect).await?;
    assert_eq!(elsewhere.status, 302);
    assert!(
        elsewhere
            .header("location")
            .is_some_and(|to| to.starts_with("https://evil.example.invalid/"))
    );
    assert_eq!(call_with_scenario(WapiScenario::NoLink).await?.json()?, json!({ "error": false }));
    Ok(())
}

#[tokio::test]
async fn links_have_odd_names_and_hosts_as_asked() -> Result<()> {
    let named =
        call_with_scenario(WapiScenario::OtherLinkName { name: "mediaUrl".to_owned() }).await?;
    assert!(named.json()?.get("mediaUrl").is_some());
    let (stand_in, media) = announce_with(WapiScenario::RawAddressLink).await?;
    let raw = link_of(&call_download(&stand_in, &media).await?)?;
    let path = raw.strip_prefix("http://10.255.255.1:8080").context(raw.clone())?;
    let base = stand_in.wapi_base();
    let rewritten = format!("{}{path}", base.trim_end_matches("/v1"));
    assert_eq!(send_request("GET", &rewritten, &[], "").await?.body, media.plain.bytes());
    let (stand_in, media) = announce_with(WapiScenario::ForeignLink).await?;
    let foreign = link_of(&call_download(&stand_in, &media).await?)?;
    let path = foreign.strip_prefix("https://evil.example.invalid").context(foreign.clone())?;
    let base = stand_in.wapi_base();
    let rewritten = format!("{}{path}", base.trim_end_matches("/v1"));
    assert_eq!(send_request("GET", &rewritten, &[], "").await?.status, 404);
    let (_, expired) = fetch_with_scenario(WapiScenario::ExpiredLink).await?;
    assert_eq!(expired.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_link_may_need_its_instances_token() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::LinkNeedsToken).await?;
    let link = link_of(&call_download(&stand_in, &media).await?)?;
    assert_eq!(send_request("GET", &link, &[], "").await?.status, 401);
    let bearer = format!("Bearer {DEFAULT_TOKEN}");
    let file = send_request("GET", &link, &[("authorization", &bearer)], "").await?;
    assert_eq!(file.body, media.plain.bytes());
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    stand_in.set_wapi(Some(WapiScenario::Ok));
    let link = link_of(&call_download(&stand_in, &media).await?)?;
    send_request("GET", &link, &[("authorization", &bearer)], "").await?;
    assert_eq!(stand_in.violations().len(), 1);
    Ok(())
}

#[tokio::test]
async fn links_answer_as_their_scenario_asks() -> Result<()> {
    for (scenario, status, start) in [
        (WapiScenario::LinkStatus { status: 503 }, 503, "{"),
        (WapiScenario::Redirect, 302, ""),
        (WapiScenario::EmptyBody200, 200, ""),
        (WapiScenario::Html200, 200, "<html>"),
        (WapiScenario::Json200, 200, "{"),
    ] {
        let (_, answer) = fetch_with_scenario(scenario.clone()).await?;
        assert_eq!(answer.status, status, "{scenario:?}");
        assert!(answer.body.starts_with(start.as_bytes()), "{scenario:?}");
        assert!(answer.body.is_empty() == start.is_empty(), "{scenario:?}");
    }
    let (_, other) = fetch_with_scenario(WapiScenario::WrongType).await?;
    assert!(other.body.starts_with(b"\xff\xd8\xff"));
    let (media, encrypted) = fetch_with_scenario(WapiScenario::EncryptedBytes).await?;
    assert_eq!(encrypted.body.len() as u64, media.sealed_size);
    Ok(())
}

#[tokio::test]
async fn links_damage_the_file_as_asked() -> Result<()> {
    for at in [0, 1, 4096, 9_999] {
        let (media, cut) = fetch_with_scenario(WapiScenario::Truncate { at: at as u64 }).await?;
        assert!(!cut.complete);
        assert_eq!(cut.body, media.plain.bytes()[..at]);
        let (media, flipped) = fetch_with_scenario(WapiScenario::FlipBit { at: at as u64 }).await?;
        let plain = media.plain.bytes();
        let differing: Vec<usize> =
            (0..plain.len()).filter(|place| plain[*place] != flipped.body[*place]).collect();
        assert_eq!(differing, [at]);
    }
    let (media, short) = fetch_with_scenario(WapiScenario::CutEnd { bytes: 3 }).await?;
    assert!(short.complete);
    assert_eq!(short.body, media.plain.bytes()[..9_997]);
    let (media, chunked) = fetch_with_scenario(WapiScenario::NoLength).await?;
    assert_eq!((chunked.header("content-length"), chunked.complete), (None, true));
    assert_eq!(chunked.body, media.plain.bytes());
    Ok(())
}

#[tokio::test]
async fn hanging_ends_only_with_the_stand_in() -> Result<()> {
    for scenario in [
        WapiScenario::Hang,
        WapiScenario::HangBody,
        WapiScenario::SlowDrip { bytes_per_second: 1000 },
    ] {
        let (stand_in, media) = announce_with(scenario).await?;
        let waiting =
            tokio::time::timeout(Duration::from_millis(150), fetch_through_link(&stand_in, &media))
                .await;
        assert!(waiting.is_err());
        tokio::time::timeout(Duration::from_secs(5), stand_in.shutdown()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_link_sends_the_whole_file() -> Result<()> {
    let (media, slow) =
        fetch_with_scenario(WapiScenario::SlowDrip { bytes_per_second: 50_000 }).await?;
    assert_eq!(slow.body, media.plain.bytes());
    Ok(())
}

#[tokio::test]
async fn failures_count_per_file_and_have_overrides() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::fail_times(2)).await?;
    for expected in [500, 500, 200, 200] {
        assert_eq!(call_download(&stand_in, &media).await?.status, expected);
    }
    stand_in.set_wapi(Some(WapiScenario::BadGateway502Html));
    assert_eq!(call_download(&stand_in, &media).await?.status, 502);
    stand_in.set_wapi(None);
    assert_eq!(call_download(&stand_in, &media).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn alternate_endpoints_exist_only_when_enabled() -> Result<()> {
    let (stand_in, media) = announce_with(WapiScenario::fail_500()).await?;
    let body = call_body(&media, "document");
    let info =
        format!("{}/media/info?instanceId={DEFAULT_INSTANCE}&messageId=", stand_in.wapi_base());
    let bearer = format!("Bearer {DEFAULT_TOKEN}");
    let bearer = [("authorization", bearer.as_str())];
    let known = format!("{info}{}", media.message_id);
    assert_eq!(call_with(&stand_in, "/media/download", DEFAULT_TOKEN, &body).await?.status, 404);
    assert_eq!(send_request("GET", &known, &bearer, "").await?.status, 404);
    stand_in.set_alternates(true);
    let answer = call_with(&stand_in, "/media/download", DEFAULT_TOKEN, &body).await?;
    let file = send_request("GET", &link_of(&answer)?, &[], "").await?;
    assert_eq!(file.body, media.plain.bytes());
    assert_eq!(send_request("GET", &known, &bearer, "").await?.status, 200);
    assert_eq!(send_request("GET", &format!("{info}nonsense"), &bearer, "").await?.status, 404);
    assert_eq!(stand_in.requests().len(), 6);
    Ok(())
}
