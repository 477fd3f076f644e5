//! The hosts and addresses that the client may connect to.

use std::net::IpAddr;

use fetch::{
    Origins,
    guard::{AddressGuard, GuardError, is_public},
};
use reqwest::dns::Resolve;
use url::Url;

fn test_guard() -> AddressGuard {
    let origins = Origins::parse(
        "https://api.w-api.app/v1",
        "https://mmg.whatsapp.net,https://mmg-fallback.whatsapp.net",
    );
    AddressGuard::new(&origins.expect("the real ones"))
}

fn check_url(url: &str) -> Result<(), GuardError> {
    test_guard().check_url(&Url::parse(url).expect(url))
}

#[test]
fn configured_origins_and_whatsapps_hosts_are_allowed() {
    for url in [
        "https://api.w-api.app/v1/message/download-media",
        "https://api.w-api.app/media/file/x",
        "https://mmg.whatsapp.net/v/t62?oe=1",
        "https://media-gru1-1.cdn.whatsapp.net/v/t62",
    ] {
        assert_eq!(check_url(url), Ok(()), "{url}");
    }
}

#[test]
fn everything_else_is_refused() {
    for url in [
        "http://api.w-api.app/v1",
        "https://api.w-api.app:8443/v1",
        "https://user@api.w-api.app/v1",
        "https://api.w-api.app.evil.example/v1",
        "https://evilwhatsapp.net/v",
        "http://mmg.whatsapp.net/v",
        "https://mmg.whatsapp.net:8443/v",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.255.255.1:8080/media/file/x",
        "ftp://mmg.whatsapp.net/v",
    ] {
        assert!(check_url(url).is_err(), "{url}");
    }
}

#[test]
fn a_private_origin_must_be_configured() {
    let local =
        Origins::parse("http://127.0.0.1:8080/v1", "http://localhost:8081").expect("local bases");
    let guard = AddressGuard::new(&local);
    let check_url = |url: &str| guard.check_url(&Url::parse(url).expect(url));
    assert_eq!(check_url("http://127.0.0.1:8080/media/file/x"), Ok(()));
    assert_eq!(check_url("http://localhost:8081/v/t62"), Ok(()));
    assert!(check_url("http://127.0.0.1:8082/").is_err());
    assert!(check_url("http://localhost:8080/").is_err());
}

#[tokio::test]
async fn only_configured_localhost_resolves_privately() {
    let resolves = async |wapi_base: &str| {
        let origins = Origins::parse(wapi_base, "https://mmg.whatsapp.net").expect("bases");
        let name = "localhost".parse().expect("a name");
        AddressGuard::new(&origins).resolve(name).await.is_ok()
    };
    assert!(resolves("http://localhost:8080/v1").await);
    assert!(!resolves("https://api.w-api.app/v1").await);
}

#[test]
fn special_addresses_are_not_public() {
    for address in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "2002:a00:1::1",
        "3fff::1",
    ] {
        assert!(!is_public(address.parse::<IpAddr>().expect(address)), "{address}");
    }
    for address in ["1.1.1.1", "157.240.12.53", "2a03:2880:f211:c5::1", "2001:4860:4860::8888"] {
        assert!(is_public(address.parse::<IpAddr>().expect(address)), "{address}");
    }
}

#[tokio::test]
async fn a_foreign_link_is_never_followed() {
    let world = crate::World::new().await;
    let spec = stand_in::Spec::of(stand_in::Kind::Image).wapi(stand_in::WapiScenario::ForeignLink);
    assert!(world.try_spec(media::strategy::Strategy::Wapi, spec).await.result.is_err());
    assert_eq!(world.count_calls("GET", ""), 0);
}
