//! A TLS server on loopback: one listener for each stand-in.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use axum::{Router, serve::Listener};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};

use super::certificates::Certificates;

/// Which versions of HTTP a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/1.1, as AWS does.
    One,
    /// HTTP/2 too, as the CDN and W-API's front do.
    OneAndTwo,
}

/// Accepts connections and does their handshakes side by side.
struct TlsListener {
    address: SocketAddr,
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Serves the routes over TLS until the bench ends, and returns the port.
pub(crate) async fn serve_tls(
    routes: Router,
    certificates: &Certificates,
    versions: Versions,
) -> Result<u16> {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(certificates, versions)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (sender, accepted) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                // A client that ends a handshake is its own affair: its function fails.
                if stream.set_nodelay(true).is_ok()
                    && let Ok(stream) = acceptor.accept(stream).await
                {
                    sender.send((stream, peer)).await.unwrap_or_default();
                }
            });
        }
    });
    tokio::spawn(async move { axum::serve(TlsListener { address, accepted }, routes).await });
    Ok(address.port())
}

fn server_config(certificates: &Certificates, versions: Versions) -> Result<ServerConfig> {
    let chain = vec![CertificateDer::from(certificates.certificate.clone())];
    let key = PrivatePkcs8KeyDer::from(certificates.key.clone()).into();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("the versions of TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate")?;
    let names: &[&[u8]] = match versions {
        Versions::One => &[b"http/1.1"],
        Versions::OneAndTwo => &[b"h2", b"http/1.1"],
    };
    config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}
