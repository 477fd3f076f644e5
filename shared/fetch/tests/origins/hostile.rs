//! Hundreds of hostile URLs, against the guard and against the two places where untrusted URLs
//! enter.

use std::{
    future::ready,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fetch::{
    Origins,
    guard::{AddressGuard, GuardError},
};
use reqwest::dns::Resolve;
use tokio::net::TcpListener;
use url::Url;
use wapi::link::FileLink;

const WAPI: &str = "https://api.w-api.app/v1/";

/// Expected result and URL of each line.
fn hostile_urls() -> Vec<(&'static str, String)> {
    let lines = include_str!("hostile_urls.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let all: Vec<_> = lines
        .map(|line| {
            let (verdict, json) = line.split_once(' ').expect(line);
            (verdict, serde_json::from_str(json).expect(line))
        })
        .collect();
    assert!(all.len() >= 500, "{} URLs", all.len());
    all
}

fn test_origins() -> Origins {
    let cdn = "https://mmg.whatsapp.net,https://mmg-fallback.whatsapp.net";
    Origins::parse(WAPI.trim_end_matches('/'), cdn).expect("the real ones")
}

fn is_ours(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let is_known = host == "api.w-api.app" || (is_name && host.ends_with(".whatsapp.net"));
    url.scheme() == "https"
        && url.port().is_none()
        && is_known
        && url.username().is_empty()
        && url.password().is_none()
}

#[test]
fn every_hostile_url_gets_its_verdict() {
    let guard = AddressGuard::new(&test_origins());
    let mut wrong = Vec::new();
    for (verdict, text) in hostile_urls() {
        let found = match Url::parse(&text).map(|url| guard.check_url(&url)) {
            Err(_) => "invalid",
            Ok(Ok(())) => "ok",
            Ok(Err(GuardError::Host)) => "host",
            Ok(Err(GuardError::Scheme)) => "scheme",
            Ok(Err(GuardError::Address)) => "address",
        };
        if found != verdict {
            wrong.push(format!("{text:?}: {found}, not {verdict}"));
        }
        let is_ok_and_ours = Url::parse(&text).is_ok_and(|url| is_ours(&url));
        assert_eq!(found == "ok", is_ok_and_ours, "{text:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_local_base_opens_nothing_else() {
    let local = Origins::parse("http://127.0.0.1:4566/v1", "http://127.0.0.1:4567").expect("bases");
    let guard = AddressGuard::new(&local);
    for (_, text) in hostile_urls() {
        let Ok(url) = Url::parse(&text) else { continue };
        if guard.check_url(&url).is_ok() {
            assert!(is_ours(&url) && url.host_str() != Some("api.w-api.app"), "{text:?}");
        }
    }
}

/// A configured address skips the resolver, and with it the check of the address.
#[test]
fn a_special_base_address_requires_plain_http() {
    let special = [
        "169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "[fd00:ec2::254]",
        "[::ffff:10.0.0.1]",
    ];
    for host in special {
        let base = |scheme: &str| {
            let base = format!("{scheme}://{host}/v1");
            let origins = Origins::parse(&base, "https://mmg.whatsapp.net").ok()?;
            Some(AddressGuard::new(&origins).check_url(&origins.wapi_base))
        };
        assert_eq!(base("https"), Some(Err(GuardError::Address)), "{host}");
        // A base on this machine may do without TLS. Any other one is refused as a base.
        let is_here = ["127.0.0.1", "[::1]"].contains(&host);
        assert_eq!(base("http"), is_here.then_some(Ok(())), "{host}");
    }
}

/// It would show the token to everybody on the way.
#[test]
fn a_base_without_tls_is_on_this_machine() {
    let parse = |base: &str| Origins::parse(base, "https://mmg.whatsapp.net").is_ok();
    for base in [
        "https://api.w-api.app/v1",
        "https://api.w-api.app:8443/v1/",
        "http://127.0.0.1:4566/v1",
        "http://127.1.2.3/v1",
        "http://[::1]:4566/v1",
        "http://localhost:4566/v1",
        "http://wapi.localhost/v1",
    ] {
        assert!(parse(base), "{base}");
    }
    for base in [
        "http://api.w-api.app/v1",
        "HTTP://api.w-api.app/v1",
        "http://localhost.example.invalid/v1",
        "http://127.0.0.1.example.invalid/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "ftp://api.w-api.app/v1",
        "https://user:word@api.w-api.app/v1",
        "https://api.w-api.app/v1?key=word",
        "https://api.w-api.app/v1#word",
        "https://",
        "api.w-api.app",
    ] {
        assert!(!parse(base), "{base}");
        assert!(Origins::parse("https://api.w-api.app/v1", base).is_err(), "{base}");
        assert!(Origins::for_wapi(base).is_err(), "{base}");
    }
}

#[test]
fn every_link_stays_on_w_api() {
    let base = Url::parse(WAPI).expect("a URL");
    for (_, text) in hostile_urls() {
        if let Ok(link) = FileLink::on_origin_of(&base, &text) {
            let url = Url::parse(link.url().expose()).expect("a URL");
            assert_eq!(url.origin(), base.origin(), "{text:?}");
            assert!(url.username().is_empty() && url.password().is_none(), "{text:?}");
        }
    }
}

#[test]
fn every_webhook_url_stays_on_whatsapp() {
    let guard = AddressGuard::new(&test_origins());
    for (_, text) in hostile_urls() {
        for (direct_path, url) in [
            (Some(text.clone()), None),
            (None, Some(text.clone())),
            (Some(format!("/{text}")), Some(text.clone())),
        ] {
            let body = serde_json::json!({
                "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB",
                "messageId": "3EB0AAAA",
                "moment": 1_787_431_679, "chat": { "id": "5500900000002" },
                "msgContent": { "imageMessage": {
                    "mediaKey": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                    "directPath": direct_path, "url": url } } });
            let body =
                wapi::webhook::WebhookBody::parse(body.to_string().as_bytes()).expect("a body");
            for message in body.read_announcement().media {
                for url in fetch::cdn_urls(&test_origins(), &message) {
                    let is_allowed = guard.check_url(&url).is_ok();
                    assert!(!is_allowed || is_ours(&url), "{text:?} leads to {url}");
                }
            }
        }
    }
}

/// A guard with a name service that returns these answers in order, the last one forever.
fn guard_with(answers: &'static [&'static [&'static str]]) -> AddressGuard {
    let asked = Arc::new(AtomicUsize::new(0));
    AddressGuard::with_lookup(&test_origins(), move |_| {
        let n = asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let addresses = answers[n].iter().map(|text| {
            let address: IpAddr = text.parse().expect("an address");
            SocketAddr::new(address, 0)
        });
        ready(Ok(addresses.collect()))
    })
}

async fn resolve_name(guard: &AddressGuard) -> Option<Vec<String>> {
    let name = "mmg.whatsapp.net".parse().expect("a name");
    let found = guard.resolve(name).await.ok()?;
    Some(found.map(|address| address.ip().to_string()).collect())
}

#[tokio::test]
async fn a_rebound_name_is_refused() {
    let guard = guard_with(&[&["157.240.12.53"], &["169.254.169.254"], &["127.0.0.1", "::1"]]);
    assert_eq!(resolve_name(&guard).await, Some(vec!["157.240.12.53".to_owned()]));
    assert_eq!(resolve_name(&guard).await, None);
    assert_eq!(resolve_name(&guard).await, None);
}

#[tokio::test]
async fn only_public_addresses_of_an_answer_remain() {
    let guard = guard_with(&[&[
        "10.0.0.1",
        "157.240.12.53",
        "::ffff:127.0.0.1",
        "2a03:2880:f211:c5::1",
        "fd00:ec2::254",
    ]]);
    let left = ["157.240.12.53", "2a03:2880:f211:c5::1"].map(str::to_owned);
    assert_eq!(resolve_name(&guard).await, Some(left.to_vec()));
}

/// A server listens at the address to which a WhatsApp name is rebound. No connection must arrive.
#[tokio::test]
async fn a_dropped_address_gets_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let guard = AddressGuard::with_lookup(&test_origins(), move |_| {
        ready(Ok(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)]))
    });
    let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(guard));
    let client = client.build().expect("a client");
    let asked = client.get("https://mmg.whatsapp.net/v/t62");
    let failed = asked.timeout(Duration::from_secs(2)).send().await;
    let error = failed.expect_err("no address is left");
    assert!(format!("{error:?}").contains("Address"), "{error:?}");
    let came = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(came.is_err(), "a connection arrived");
}
