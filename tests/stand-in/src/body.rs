//! A file that is being sent, and the faults on its way.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::watch;

use crate::activity;
use crate::answer;
use crate::state::until_stopped;

/// How long a broken body waits before the break, so that everything before it has left the
/// process.
const BREAK_DELAY: Duration = Duration::from_millis(50);
/// The interval at which a slow body sends.
const DRIP_INTERVAL: Duration = Duration::from_millis(50);
const DRIPS_PER_SECOND: u64 = 20;
/// A hanging body stops after half of its bytes, and after this many at the latest.
const HANG_AFTER: u64 = 64 * 1024;

/// The faults of a body. Offsets are those of the whole file, whatever range is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyFaults {
    /// The connection closes before this byte.
    pub(crate) break_at: Option<u64>,
    /// Nothing is sent after the middle.
    pub(crate) hang: bool,
    /// The rate in bytes per second.
    pub(crate) rate: Option<u64>,
    /// The lowest bit of the bytes in this range is flipped.
    pub(crate) flip: Option<(u64, u64)>,
    /// `Content-Length` is missing.
    pub(crate) no_length: bool,
}

/// A file or a window of it.
pub(crate) struct OutgoingBody {
    /// The bytes; the first is at offset `source_at` of the file.
    pub(crate) source: Box<dyn Iterator<Item = Bytes> + Send>,
    /// The file's offset at which `source` begins.
    pub(crate) source_at: u64,
    /// The window's first byte.
    pub(crate) from: u64,
    /// The end of the window, exclusive.
    pub(crate) to: u64,
    /// What goes wrong while it is sent.
    pub(crate) faults: BodyFaults,
}

impl OutgoingBody {
    /// A 200 with this body. `Content-Length` is set unless the faults omit it.
    pub(crate) fn into_response(
        self,
        content_type: &str,
        stopped: watch::Receiver<bool>,
    ) -> Response {
        let length = (!self.faults.no_length).then_some(self.to - self.from);
        let sending = BodyStream::new(self, stopped);
        let stream = futures_util::stream::unfold(sending, |mut sending| async move {
            let item = sending.next_piece().await?;
            Some((item, sending))
        });
        let mut response = Response::new(Body::from_stream(stream));
        *response.status_mut() = answer::status_from(200);
        let headers = response.headers_mut();
        if let Ok(content_type) = HeaderValue::from_str(content_type) {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// The state of one body being sent.
struct BodyStream {
    outgoing: OutgoingBody,
    /// Bytes that were read and not yet sent.
    waiting: VecDeque<Bytes>,
    /// The file's offset of the first byte of `waiting`.
    at: u64,
    hang_at: Option<u64>,
    stopped: watch::Receiver<bool>,
    broken: bool,
}

impl BodyStream {
    fn new(outgoing: OutgoingBody, stopped: watch::Receiver<bool>) -> Self {
        let half = (outgoing.to - outgoing.from) / 2;
        let hang_at = outgoing.faults.hang.then_some(outgoing.from + half.min(HANG_AFTER));
        Self {
            at: outgoing.source_at,
            outgoing,
            waiting: VecDeque::new(),
            hang_at,
            stopped,
            broken: false,
        }
    }

    async fn next_piece(&mut self) -> Option<io::Result<Bytes>> {
        if self.broken {
            return None;
        }
        self.skip_to_window().await;
        if self.hang_at.is_some_and(|hang_at| self.at >= hang_at) {
            // A hanging body sends nothing until the stand-in stops.
            until_stopped(&mut self.stopped).await;
            return self.cut_connection();
        }
        let break_at = self.outgoing.faults.break_at.unwrap_or(u64::MAX);
        if self.at >= break_at && self.at < self.outgoing.to {
            tokio::time::sleep(BREAK_DELAY).await;
            return self.cut_connection();
        }
        let mut limit = self.outgoing.to.min(break_at).min(self.hang_at.unwrap_or(u64::MAX));
        if let Some(rate) = self.outgoing.faults.rate {
            // Below one byte per drip, the pause grows instead.
            limit = limit.min(self.at + (rate / DRIPS_PER_SECOND).max(1));
            let pause = if rate < DRIPS_PER_SECOND {
                Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(1)
            } else {
                DRIP_INTERVAL
            };
            let stopped = until_stopped(&mut self.stopped);
            if tokio::time::timeout(pause, stopped).await.is_ok() {
                return self.cut_connection();
            }
        }
        activity::count_activity();
        self.take_until(limit).map(Ok)
    }

    /// Drops the bytes before the window and yields to other tasks in between.
    async fn skip_to_window(&mut self) {
        while self.at < self.outgoing.from && self.take_until(self.outgoing.from).is_some() {
            tokio::task::yield_now().await;
        }
    }

    /// The next piece, ending at `limit` at the latest; `None` at the end.
    fn take_until(&mut self, limit: u64) -> Option<Bytes> {
        if self.at >= limit {
            return None;
        }
        let mut piece = self.waiting.pop_front().or_else(|| self.outgoing.source.next())?;
        let room = usize::try_from(limit - self.at).unwrap_or(usize::MAX);
        // The rest stays in front, so that `at` always is the offset of the next byte.
        if piece.len() > room {
            self.waiting.push_front(piece.split_off(room));
        }
        let begin = self.at;
        self.at += piece.len() as u64;
        Some(match self.outgoing.faults.flip {
            Some((from, to)) if from < self.at && to > begin => flip_bits(&piece, begin, from, to),
            _ => piece,
        })
    }

    fn cut_connection(&mut self) -> Option<io::Result<Bytes>> {
        self.broken = true;
        Some(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

fn flip_bits(piece: &[u8], begin: u64, from: u64, to: u64) -> Bytes {
    (begin..).zip(piece).map(|(place, byte)| byte ^ u8::from((from..to).contains(&place))).collect()
}
