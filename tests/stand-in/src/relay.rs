//! TCP relays before the listeners: they can be cut, refuse connections meanwhile, and come back on the same port.
//!
//! Media and counters of the stand-in live on, so that whoever was cut off finds the same origin again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The relays before the three listeners of a [`crate::StandIn`].
#[derive(Debug)]
pub struct Relays {
    /// Before W-API, its calls and its links.
    pub wapi: Relay,
    /// Before the CDN's main host.
    pub cdn: Relay,
    /// Before the CDN's fallback host.
    pub fallback: Relay,
}

/// One relay. When dropped it closes its port and breaks its connections.
#[derive(Debug)]
pub struct Relay {
    line: Line,
    target: SocketAddr,
    port: u16,
    connections: Arc<Connections>,
}

#[derive(Debug)]
enum Line {
    Open(JoinHandle<()>),
    /// Bound and not listening: nobody else gets the port, and whoever connects is refused.
    Cut(TcpSocket),
    Lost,
}

#[derive(Debug)]
struct Connections {
    breaks: watch::Sender<u64>,
    open: AtomicUsize,
}

impl Relay {
    /// Opens a free port before the listener on this one.
    pub(crate) async fn before(target_port: u16) -> Result<Self> {
        let listener = crate::server::listen(0).await?;
        let port = listener.local_addr().context("a port")?.port();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target_port));
        let connections = Arc::new(Connections {
            breaks: watch::Sender::new(0),
            open: AtomicUsize::new(0),
        });
        Ok(Self {
            line: open(listener, target, &connections),
            target,
            port,
            connections,
        })
    }

    /// `http://127.0.0.1:P`.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Resets every open connection, in the middle of whatever it carries, and tells how many there were.
    pub fn break_connections(&self) -> usize {
        let open = self.connections.open.load(Ordering::SeqCst);
        self.connections.breaks.send_modify(|breaks| *breaks += 1);
        open
    }

    /// Stops listening and breaks every connection: from now on connecting is refused. Tells how many it broke.
    ///
    /// # Errors
    /// If another process took the port in that moment.
    pub async fn cut(&mut self) -> Result<usize> {
        if let Line::Open(accepting) = &mut self.line {
            accepting.abort();
            // The listener closes with its task. An error only says that it was aborted.
            accepting.await.unwrap_or_default();
            self.line = Line::Lost;
        }
        let broken = self.break_connections();
        if matches!(self.line, Line::Lost) {
            self.line = Line::Cut(bound(self.port)?);
        }
        Ok(broken)
    }

    /// Listens on the same port again. Does nothing if it was not cut.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn restore(&mut self) -> Result<()> {
        let socket = match std::mem::replace(&mut self.line, Line::Lost) {
            Line::Open(accepting) => {
                self.line = Line::Open(accepting);
                return Ok(());
            }
            Line::Cut(socket) => socket,
            Line::Lost => bound(self.port)?,
        };
        let listener = socket.listen(BACKLOG).context("listening again")?;
        self.line = open(listener, self.target, &self.connections);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Line::Open(accepting) = &self.line {
            accepting.abort();
        }
        self.break_connections();
    }
}

fn bound(port: u16) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4().context("a socket")?;
    socket.set_reuseaddr(true).context("its option")?;
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .with_context(|| format!("port {port} of 127.0.0.1 was taken"))?;
    Ok(socket)
}

fn open(listener: TcpListener, target: SocketAddr, connections: &Arc<Connections>) -> Line {
    let connections = Arc::clone(connections);
    Line::Open(tokio::spawn(async move {
        loop {
            // What cannot be accepted is the caller's broken connection.
            if let Ok((near, _)) = listener.accept().await {
                let broken = connections.breaks.subscribe();
                tokio::spawn(carry(near, target, broken, Arc::clone(&connections)));
            }
        }
    }))
}

/// Carries bytes both ways until both ends are done, or until the connection is broken.
async fn carry(
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
        // How it ended is seen by both ends.
        _ended = tokio::io::copy_bidirectional(&mut near, &mut far) => false,
        _broken = broken.changed() => true,
    };
    connections.open.fetch_sub(1, Ordering::SeqCst);
    if is_broken {
        // Closing then resets: the other end must not take it for the end of a body.
        near.set_zero_linger().unwrap_or_default();
        far.set_zero_linger().unwrap_or_default();
    }
}
