//! TCP relays in front of the listeners: they can be cut, refuse connections meanwhile, and
//! listen again on the same port.
//!
//! The stand-in's media files and counters stay, so a client that was cut off finds the same
//! origin again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Maximum number of connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The relays in front of the three listeners of a [`crate::StandIn`].
#[derive(Debug)]
pub struct Relays {
    /// In front of W-API: calls and links.
    pub wapi: Relay,
    /// In front of the CDN's main host.
    pub cdn: Relay,
    /// In front of the CDN's fallback host.
    pub fallback: Relay,
}

/// One relay. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Relay {
    line: RelayState,
    target: SocketAddr,
    port: u16,
    connections: Arc<Connections>,
}

#[derive(Debug)]
enum RelayState {
    Open(JoinHandle<()>),
    /// Bound and not listening: no other process gets the port, and connections are refused.
    Cut(TcpSocket),
    Lost,
}

#[derive(Debug)]
struct Connections {
    breaks: watch::Sender<u64>,
    open: AtomicUsize,
}

impl Relay {
    /// Opens a relay on a free port, in front of the listener on `target_port`.
    pub(crate) async fn start_before(target_port: u16) -> Result<Self> {
        let listener = crate::server::open_listener(0).await?;
        let port = listener.local_addr().context("a port")?.port();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target_port));
        let connections =
            Arc::new(Connections { breaks: watch::Sender::new(0), open: AtomicUsize::new(0) });
        Ok(Self { line: open_relay(listener, target, &connections), target, port, connections })
    }

    /// The relay's base URL, `http://127.0.0.1:P`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Resets every open connection, even in the middle of a body, and returns their number.
    pub fn break_connections(&self) -> usize {
        let open = self.connections.open.load(Ordering::SeqCst);
        self.connections.breaks.send_modify(|breaks| *breaks += 1);
        open
    }

    /// Stops listening and breaks every connection; further connections are refused. Returns the
    /// number of broken connections.
    ///
    /// # Errors
    /// If another process took the port at that moment.
    pub async fn cut(&mut self) -> Result<usize> {
        if let RelayState::Open(accepting) = &mut self.line {
            accepting.abort();
            // The listener closes with its task. The task's error only says that it was aborted.
            accepting.await.unwrap_or_default();
            self.line = RelayState::Lost;
        }
        let broken = self.break_connections();
        if matches!(self.line, RelayState::Lost) {
            self.line = RelayState::Cut(bind_port(self.port)?);
        }
        Ok(broken)
    }

    /// Listens on the same port again. Has no effect if the relay was not cut.
    ///
    /// # Errors
    /// If it cannot listen on the port.
    pub fn restore(&mut self) -> Result<()> {
        let socket = match std::mem::replace(&mut self.line, RelayState::Lost) {
            RelayState::Open(accepting) => {
                self.line = RelayState::Open(accepting);
                return Ok(());
            }
            RelayState::Cut(socket) => socket,
            RelayState::Lost => bind_port(self.port)?,
        };
        let listener = socket.listen(BACKLOG).context("listening again")?;
        self.line = open_relay(listener, self.target, &self.connections);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let RelayState::Open(accepting) = &self.line {
            accepting.abort();
        }
        self.break_connections();
    }
}

fn bind_port(port: u16) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4().context("a socket")?;
    socket.set_reuseaddr(true).context("its option")?;
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .with_context(|| format!("port {port} of 127.0.0.1 was taken"))?;
    Ok(socket)
}

fn open_relay(
    listener: TcpListener,
    target: SocketAddr,
    connections: &Arc<Connections>,
) -> RelayState {
    let connections = Arc::clone(connections);
    RelayState::Open(tokio::spawn(async move {
        loop {
            // A connection that cannot be accepted is a broken connection to the caller.
            if let Ok((near, _)) = listener.accept().await {
                let broken = connections.breaks.subscribe();
                tokio::spawn(forward_bytes(near, target, broken, Arc::clone(&connections)));
            }
        }
    }))
}

/// Forwards bytes both ways until both ends are done or the connection is broken.
async fn forward_bytes(
    mut near: TcpStream,
    target: SocketAddr,
    mut broken: watch::Receiver<u64>,
    connections: Arc<Connections>,
) {
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    connections.open.fetch_add(1, Ordering::SeqCst);
    let is_broken = tokio::select! {
        // Both ends see how the connection ended.
        _ended = tokio::io::copy_bidirectional(&mut near, &mut far) => false,
        _broken = broken.changed() => true,
    };
    connections.open.fetch_sub(1, Ordering::SeqCst);
    if is_broken {
        // A reset instead of a normal close, so that the other end does not take it for the end
        // of a body.
        near.set_zero_linger().unwrap_or_default();
        far.set_zero_linger().unwrap_or_default();
    }
}
