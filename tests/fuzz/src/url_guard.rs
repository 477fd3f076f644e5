//! An untrusted URL, link or path, and an address that a name resolves to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use fetch::{
    Origins,
    guard::{AddressGuard, is_public},
};
use media::message::Secret;
use serde_json::json;
use url::Url;
use wapi::{link::FileLink, webhook::WebhookBody};

const WAPI: &str = "https://api.w-api.app/v1/";

static ORIGINS: LazyLock<Origins> = LazyLock::new(|| {
    let cdn = "https://mmg.whatsapp.net,https://mmg-fallback.whatsapp.net";
    Origins::parse(WAPI, cdn).expect("the real ones")
});

static GUARD: LazyLock<AddressGuard> = LazyLock::new(|| AddressGuard::new(&ORIGINS));

/// Reads the bytes as a URL, as a W-API link, as a media message's path, and as an address.
pub fn run(data: &[u8]) {
    check_address(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(url) = Url::parse(text) {
        assert!(GUARD.check_url(&url).is_err() || is_ours(&url), "{text:?}");
    }
    let base = &ORIGINS.wapi_base;
    if let Ok(link) = FileLink::on_origin_of(base, text) {
        let url = Url::parse(link.url().expose()).expect("a link is a URL");
        assert_eq!(url.origin(), base.origin(), "{text:?}");
        assert!(url.username().is_empty() && url.password().is_none());
    }
    for (path, url) in [(Some(text), None), (None, Some(text)), (Some(text), Some(text))] {
        check_announced(path, url);
    }
}

/// Checks that an announced path or URL leads to WhatsApp or nowhere.
fn check_announced(path: Option<&str>, url: Option<&str>) {
    let key = data_encoding::BASE64.encode(&[7; 32]);
    let body = json!({
        "msgContent": { "imageMessage": { "mediaKey": key, "directPath": path, "url": url } }
    });
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("an object");
    for message in body.read_announcement().media {
        for url in fetch::cdn_urls(&ORIGINS, &message) {
            let host = url.host_str().unwrap_or_default().to_owned();
            let is_allowed = GUARD.check_url(&url).is_ok();
            assert!(!is_allowed || is_ours(&url), "{path:?} {:?} leads to {host}", url.path());
            let signed = message.direct_path.as_ref().map_or("", Secret::expose);
            let is_base = ORIGINS.cdn_bases.iter().any(|base| base.host() == url.host());
            assert!(is_base || message.url.is_some(), "{signed:?} changed the host to {host}");
        }
    }
}

/// Whether the guard may pass the URL, written independently of the guard.
fn is_ours(url: &Url) -> bool {
    let text = url.as_str();
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    is_name && (host == "api.w-api.app" || host.ends_with(".whatsapp.net"))
}

/// Networks that must not be reached: IANA's registries of special addresses, as CIDR blocks.
const SPECIAL_V4: [(&str, u32); 16] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
    ("255.255.255.255", 32),
];

const SPECIAL_V6: [(&str, u32); 14] = [
    ("::", 128),
    ("::1", 128),
    ("::", 96),
    ("::ffff:0:0", 96),
    ("64:ff9b::", 96),
    ("64:ff9b:1::", 48),
    ("100::", 64),
    ("2001::", 23),
    ("2001:db8::", 32),
    ("2002::", 16),
    ("3fff::", 20),
    ("fc00::", 7),
    ("fe80::", 10),
    ("ff00::", 8),
];

fn check_address(data: &[u8]) {
    let v4 = data.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets));
    if let Some(v4) = v4 {
        let in_block = |(net, bits): (&str, u32)| {
            let net: Ipv4Addr = net.parse().expect("a network");
            (u32::from(net) ^ u32::from(v4)).leading_zeros() >= bits
        };
        let is_special = SPECIAL_V4.into_iter().any(in_block);
        assert_eq!(is_public(IpAddr::V4(v4)), !is_special, "{v4}");
        assert!(!is_public(IpAddr::V6(v4.to_ipv6_mapped())), "{v4} mapped");
        assert!(!is_public(IpAddr::V6(v4.to_ipv6_compatible())), "{v4} compatible");
    }
    if let Some(v6) = data.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets)) {
        let in_block = |(net, bits): (&str, u32)| {
            let net: Ipv6Addr = net.parse().expect("a network");
            (u128::from(net) ^ u128::from(v6)).leading_zeros() >= bits
        };
        let is_special = SPECIAL_V6.into_iter().any(in_block);
        assert!(!(is_special && is_public(IpAddr::V6(v6))), "{v6}");
    }
}
