//! One loopback listener: opened, run, stopped.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::state::until_stopped;

/// How long a listener may take to close before it is aborted.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A running listener. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

/// Opens a port of 127.0.0.1; 0 selects a free one.
pub(crate) async fn open_listener(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("port {port} of 127.0.0.1"))
}

/// The base URL of a listener.
pub(crate) fn base_url(listener: &TcpListener) -> Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

/// The port of a listener.
pub(crate) fn port_of(listener: &TcpListener) -> Result<u16> {
    Ok(listener.local_addr()?.port())
}

impl Server {
    /// Serves until stopped. All servers of a stand-in share `stop`.
    pub(crate) fn serve_router(
        listener: TcpListener,
        router: Router,
        stop: Arc<watch::Sender<bool>>,
    ) -> Self {
        let mut stopped = stop.subscribe();
        let task = tokio::spawn(async move {
            // The signal ends the server; no caller is left to receive an error.
            // Without this, the kernel holds small pieces back until the last one is acknowledged:
            // for up to 40 ms of real time, which can be minutes of a simulated world.
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
            axum::serve(listener, router)
                .with_graceful_shutdown(async move { until_stopped(&mut stopped).await })
                .await
                .unwrap_or_default();
        });
        Self { stop, task }
    }

    /// Stops and waits until the port is closed.
    pub(crate) async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(CLOSE_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.task.abort();
    }
}
