//! Turns a response body into parts for the bucket: network chunks are collected in a buffer,
//! decrypted in place and cut into parts.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures_util::Stream;
use media::{
    open::Opener,
    part::{PART_BYTES, Part},
};

use crate::{
    body::Body,
    error::FetchError,
    pool::{Buffer, PartPool, SLACK_BYTES},
    resume::Resume,
};

/// Bytes that are opened at a time: enough for the processor's full speed, and few enough to stay
/// in its caches during the four passes over them.
const WINDOW_BYTES: usize = 256 * 1024;

/// How to treat a body that looks like an error page, because some origins send one with status
/// 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorPages {
    /// Refuse markup or JSON at the start: the body is not the file.
    Refuse,
    /// Accept it: the bytes will be proven, or the file itself may be text.
    LeaveToProof,
}

/// A media file that is read once, from start to end. See [`MediaStream::into_parts`].
pub struct MediaStream {
    body: Body,
    resume: Option<Resume>,
    opener: Option<Opener>,
    is_encrypted: bool,
    error_pages: ErrorPages,
    pool: Arc<PartPool>,
    deadline: tokio::time::Instant,
    max_bytes: u64,
    received_bytes: u64,
    /// Received bytes that are not yet in a buffer.
    waiting: VecDeque<Bytes>,
}

/// The parameters of a [`MediaStream`].
pub(crate) struct StreamInput {
    pub(crate) body: Body,
    pub(crate) resume: Option<Resume>,
    pub(crate) opener: Opener,
    pub(crate) is_encrypted: bool,
    pub(crate) error_pages: ErrorPages,
    pub(crate) pool: Arc<PartPool>,
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) max_bytes: u64,
}

impl MediaStream {
    pub(crate) fn new(source: StreamInput) -> Self {
        let StreamInput {
            body,
            resume,
            opener,
            is_encrypted,
            error_pages,
            pool,
            deadline,
            max_bytes,
        } = source;
        Self {
            body,
            resume,
            opener: Some(opener),
            is_encrypted,
            error_pages,
            pool,
            deadline,
            max_bytes,
            received_bytes: 0,
            waiting: VecDeque::new(),
        }
    }

    /// The file as a stream of parts. Every part but the last is [`PART_BYTES`] long; the last has
    /// up to 32 bytes more and carries the proof. If the last item is an error, no part may be
    /// kept.
    pub fn into_parts(self) -> impl Stream<Item = Result<Part, FetchError>> {
        futures_util::stream::try_unfold(self, |mut stream| async move {
            Ok(stream.next_part().await?.map(|part| (part, stream)))
        })
    }

    /// Fills one buffer window by window and opens each window at once, so that the bytes are
    /// still in the processor's cache. `None` after the last part.
    async fn next_part(&mut self) -> Result<Option<Part>, FetchError> {
        // An error below leaves the opener taken, so that the stream cannot be read on.
        let Some(mut opener) = self.opener.take() else {
            return Ok(None);
        };
        // Only the start of the file can tell whether it is an error page.
        let is_first = self.received_bytes == 0;
        let mut buffer = self.pool.take_buffer(self.left_bytes(), self.deadline).await?;
        // Bytes at the start of the buffer that are plain already.
        let mut opened = 0;
        loop {
            // A window never passes the end of the buffer, or the buffer would have to grow.
            let target = (opened + WINDOW_BYTES).min(PART_BYTES + SLACK_BYTES);
            let is_over = !self.fill_to(&mut buffer, target).await?;
            if is_first && opened == 0 {
                self.refuse_error_pages(&buffer.bytes)?;
            }
            if is_over {
                // The rest holds the padding and the MAC; a failed check drops the whole buffer.
                let tail = buffer.bytes.get_mut(opened..).unwrap_or_default();
                let (kept, proof) = opener.finish(tail)?;
                buffer.bytes.truncate(opened + kept);
                return Ok(Some(Part { bytes: buffer.into_bytes(), end: Some(proof) }));
            }
            // The opener of an encrypted file keeps back its last block and the MAC, so it needs
            // the slack to reach the end of the part. Plain bytes must stop at the part exactly.
            let limit = if self.is_encrypted {
                buffer.bytes.len()
            } else {
                buffer.bytes.len().min(PART_BYTES)
            };
            opened += opener.advance(buffer.bytes.get_mut(opened..limit).unwrap_or_default())?;
            if opened >= PART_BYTES {
                // The bytes that are not opened yet begin the next part.
                self.waiting.push_front(Bytes::copy_from_slice(
                    buffer.bytes.get(opened..).unwrap_or_default(),
                ));
                buffer.bytes.truncate(opened);
                self.opener = Some(opener);
                return Ok(Some(Part { bytes: buffer.into_bytes(), end: None }));
            }
        }
    }

    /// How many bytes of the file are still to come, if the origin has announced its length. A body
    /// that is longer is an error of the transfer.
    fn left_bytes(&self) -> Option<u64> {
        let waiting: u64 = self.waiting.iter().map(|chunk| chunk.len() as u64).sum();
        self.body.left_bytes().map(|left| left + waiting)
    }

    /// Fills the buffer up to `target` bytes. Returns `false` if the body ended before.
    async fn fill_to(&mut self, buffer: &mut Buffer, target: usize) -> Result<bool, FetchError> {
        while buffer.bytes.len() < target {
            let Some(mut chunk) = self.waiting.pop_front() else {
                match self.receive_chunk().await? {
                    Some(chunk) => self.waiting.push_back(chunk),
                    None => return Ok(false),
                }
                continue;
            };
            let room = target - buffer.bytes.len();
            if chunk.len() > room {
                self.waiting.push_front(chunk.split_off(room));
            }
            buffer.bytes.extend_from_slice(&chunk);
        }
        Ok(true)
    }

    /// Reads the next bytes from the network. A broken transfer is resumed where it stopped, if the
    /// strategy allows it.
    async fn receive_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.body.next_chunk().await {
                Ok(chunk) => {
                    self.received_bytes += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
                    if self.received_bytes > self.max_bytes {
                        return Err(FetchError::TooLarge { limit_bytes: self.max_bytes });
                    }
                    return Ok(chunk);
                }
                Err(broken) => self.body = self.resume_body(broken).await?,
            }
        }
    }

    async fn resume_body(&mut self, broken: FetchError) -> Result<Body, FetchError> {
        match &mut self.resume {
            Some(resume) if broken.is_transfer_error() && self.received_bytes > 0 => {
                resume.resume_at(self.received_bytes, broken).await
            }
            Some(_) | None => Err(broken),
        }
    }

    fn refuse_error_pages(&self, head: &[u8]) -> Result<(), FetchError> {
        let start = head.trim_ascii_start();
        let is_page = wapi::excerpt::looks_like_html(head) || start.starts_with(b"{");
        if self.error_pages == ErrorPages::Refuse && is_page {
            return Err(FetchError::NotTheFile);
        }
        Ok(())
    }
}
