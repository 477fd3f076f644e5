//! The HTTP client and its limits.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect};

use crate::{error::FetchError, guard::AddressGuard};

/// Timeouts and size limits. The defaults are what W-API needed in observation.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time to open a connection, TLS included.
    pub connect: Duration,
    /// Time for W-API's answer to the POST. W-API fetches and decrypts the whole file before it
    /// answers.
    pub post: Duration,
    /// Time for the status and headers of a GET.
    pub answer: Duration,
    /// Time for either answer of W-API while the CDN can still be asked instead.
    pub answer_before_cdn: Duration,
    /// Maximum time without a single byte of the body.
    pub idle: Duration,
    /// Period over which a body's speed is measured.
    pub speed_window: Duration,
    /// Minimum bytes that each period must bring.
    pub bytes_per_window: u64,
    /// Maximum bytes of a body.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            post: Duration::from_mins(1),
            answer: Duration::from_secs(20),
            answer_before_cdn: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            speed_window: Duration::from_secs(20),
            bytes_per_window: 20 * 16 * 1024,
            // WhatsApp allows documents of 2 GB, so no message reaches twice that.
            max_bytes: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// Builds the client: no redirects, no proxy from the environment, no decompression, and every name
/// resolved through the guard.
pub(crate) fn build_client(guard: &AddressGuard, limits: &Limits) -> Result<Client, FetchError> {
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
    use crate::origins::Origins;

    /// Starts a server that answers one request, and returns its address.
    async fn start_server() -> SocketAddr {
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

    fn guarded_client(guard: &AddressGuard) -> Client {
        build_client(guard, &Limits::default()).unwrap()
    }

    #[tokio::test]
    async fn every_name_is_resolved_by_the_guard() {
        let address = start_server().await;
        let origins =
            Origins::parse("https://api.w-api.app/v1", "https://mmg.whatsapp.net").unwrap();
        let guard = AddressGuard::with_lookup(&origins, move |_| ready(Ok(vec![address])));
        let url = format!("http://mmg.whatsapp.net:{}/", address.port());
        let refused = guarded_client(&guard).get(url).send().await.unwrap_err();
        assert!(format!("{refused:?}").contains("Address"), "{refused:?}");
    }

    /// A second lookup may return an address that was not checked, so one connection uses one
    /// lookup.
    #[tokio::test]
    async fn each_connection_uses_one_lookup() {
        let address = start_server().await;
        let base = format!("http://localhost:{}/v1", address.port());
        let origins = Origins::parse(&base, "https://mmg.whatsapp.net").unwrap();
        let lookups = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lookups);
        let guard = AddressGuard::with_lookup(&origins, move |_| {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let unused = SocketAddr::from(([127, 0, 0, 9], 9));
            ready(Ok(vec![if first { address } else { unused }]))
        });
        let answer = guarded_client(&guard).get(&base).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), lookups.load(Ordering::SeqCst)), (200, 1));
    }

    /// The next test also runs this one, in a process whose environment names a proxy.
    #[tokio::test]
    async fn an_origin_on_this_machine_answers() {
        let base = format!("http://{}/v1", start_server().await);
        let origins = Origins::parse(&base, "https://mmg.whatsapp.net").unwrap();
        let answer = guarded_client(&AddressGuard::new(&origins)).get(&base).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    #[test]
    fn a_proxy_in_the_environment_is_ignored() {
        let unused = "http://127.0.0.1:9";
        let ran = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "client::tests::an_origin_on_this_machine_answers"])
            .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, unused)))
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success() && output.contains("1 passed"), "{output}");
    }
}
