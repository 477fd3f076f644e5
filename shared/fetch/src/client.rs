//! The one HTTP client, and the limits under which it works.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use url::Url;

use crate::{error::FetchError, guard::AddressGuard};

/// Where the origins are. Everything else is out of reach.
#[derive(Debug, Clone)]
pub struct Origins {
    /// W-API's base, such as `https://api.w-api.app/v1/`. Must end in a slash for paths to be joined.
    pub wapi_base: Url,
    /// WhatsApp's CDN hosts, in the order they are asked.
    pub cdn_bases: Vec<Url>,
}

/// A base URL in the configuration is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} must be an http or https URL with a host")]
pub struct BadBase {
    /// Which setting.
    pub name: &'static str,
}

impl Origins {
    /// Reads the base of W-API and the comma-separated bases of the CDN.
    ///
    /// # Errors
    /// [`BadBase`] names the setting that is wrong.
    pub fn parse(wapi_base: &str, cdn_bases: &str) -> Result<Self, BadBase> {
        let bases = cdn_bases
            .split(',')
            .map(|base| parse_base("CDN_BASE_URLS", base));
        Ok(Self {
            wapi_base: parse_base("WAPI_BASE_URL", wapi_base)?,
            cdn_bases: bases.collect::<Result<_, _>>()?,
        })
    }
}

fn parse_base(name: &'static str, text: &str) -> Result<Url, BadBase> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(&format!("{text}/")).map_err(|_| BadBase { name })?;
    let is_well =
        matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.query().is_none();
    if is_well {
        Ok(url)
    } else {
        Err(BadBase { name })
    }
}

/// How long to wait and how much to take. The defaults are what W-API was seen to need.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For W-API's answer to the POST: it fetches and decrypts the whole file before it answers.
    pub post: Duration,
    /// For the status and headers of a GET.
    pub answer: Duration,
    /// Without a single byte of the body.
    pub idle: Duration,
    /// The stretch over which a body's speed is judged.
    pub speed_window: Duration,
    /// Bytes that each stretch must bring at least.
    pub bytes_per_window: u64,
    /// Bytes of a body in all.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            post: Duration::from_mins(1),
            answer: Duration::from_secs(20),
            idle: Duration::from_secs(10),
            speed_window: Duration::from_secs(20),
            bytes_per_window: 20 * 16 * 1024,
            // WhatsApp allows documents of 2 GB; twice that is nobody's message.
            max_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// Builds the client: no redirects, no proxy from the environment, no decompression, every name resolved
/// through the guard.
pub(crate) fn build(guard: &AddressGuard, limits: &Limits) -> Result<Client, FetchError> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(limits.connect)
        .dns_resolver(Arc::new(guard.clone()))
        .build()
        .map_err(FetchError::Client)
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        net::SocketAddr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers one request, and where it is.
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(connection.read(&mut request).await.unwrap() > 0);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        });
        address
    }

    fn client(guard: &AddressGuard) -> Client {
        build(guard, &Limits::default()).unwrap()
    }

    #[tokio::test]
    async fn every_name_is_resolved_by_the_guard() {
        let address = server().await;
        let origins =
            Origins::parse("https://api.w-api.app/v1", "https://mmg.whatsapp.net").unwrap();
        let guard = AddressGuard::looking_up(&origins, move |_| ready(Ok(vec![address])));
        let url = format!("http://mmg.whatsapp.net:{}/", address.port());
        let refused = client(&guard).get(url).send().await.unwrap_err();
        assert!(format!("{refused:?}").contains("Address"), "{refused:?}");
    }

    /// A second answer may be another address: whoever asks again would connect to what was not checked.
    #[tokio::test]
    async fn a_name_is_looked_up_once_for_a_connection_which_goes_to_that_address() {
        let address = server().await;
        let base = format!("http://localhost:{}/v1", address.port());
        let origins = Origins::parse(&base, "https://mmg.whatsapp.net").unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let guard = AddressGuard::looking_up(&origins, move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let nobody = SocketAddr::from(([127, 0, 0, 9], 9));
            ready(Ok(vec![if first { address } else { nobody }]))
        });
        let answer = client(&guard).get(&base).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), asked.load(Ordering::SeqCst)),
            (200, 1)
        );
    }

    /// Also run by the test below, in a process whose environment names a proxy.
    #[tokio::test]
    async fn an_origin_on_this_machine_answers() {
        let base = format!("http://{}/v1", server().await);
        let origins = Origins::parse(&base, "https://mmg.whatsapp.net").unwrap();
        let answer = client(&AddressGuard::new(&origins))
            .get(&base)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    #[test]
    fn a_proxy_that_the_environment_names_is_not_used() {
        let nobody = "http://127.0.0.1:9";
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "client::tests::an_origin_on_this_machine_answers",
            ])
            .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, nobody)))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    }
}
