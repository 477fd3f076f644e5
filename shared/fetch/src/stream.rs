//! One medium on its way: from network chunks, through the opener, into parts that fit the bucket.

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
    strategies::Resume,
};

/// Bytes that are opened at once: large enough for the processor's full speed, small enough to stay in its
/// caches between the four passes over them.
const WINDOW_BYTES: usize = 256 * 1024;

/// Which error pages an origin is known to send with status 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorPages {
    /// Markup or JSON at the start means the body is not the file.
    AreRefused,
    /// The bytes prove themselves, or the file itself is text.
    AreLeftToTheProof,
}

/// The bytes of one medium, each seen once. See [`MediaStream::into_parts`].
pub struct MediaStream {
    body: Body,
    resume: Option<Resume>,
    opener: Option<Opener>,
    is_sealed: bool,
    error_pages: ErrorPages,
    pool: Arc<PartPool>,
    deadline: tokio::time::Instant,
    max_bytes: u64,
    received_bytes: u64,
    /// Bytes received and not yet in a buffer.
    waiting: VecDeque<Bytes>,
}

/// What a stream is made of.
pub(crate) struct Source {
    pub(crate) body: Body,
    pub(crate) resume: Option<Resume>,
    pub(crate) opener: Opener,
    pub(crate) is_sealed: bool,
    pub(crate) error_pages: ErrorPages,
    pub(crate) pool: Arc<PartPool>,
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) max_bytes: u64,
}

impl MediaStream {
    pub(crate) fn new(source: Source) -> Self {
        let Source {
            body,
            resume,
            opener,
            is_sealed,
            error_pages,
            pool,
            deadline,
            max_bytes,
        } = source;
        Self {
            body,
            resume,
            opener: Some(opener),
            is_sealed,
            error_pages,
            pool,
            deadline,
            max_bytes,
            received_bytes: 0,
            waiting: VecDeque::new(),
        }
    }

    /// The medium as parts. Every part but the last is [`PART_BYTES`] long; the last has at most 32 bytes
    /// more, and carries the proof. An error as the last item means that no part may be kept.
    pub fn into_parts(self) -> impl Stream<Item = Result<Part, FetchError>> {
        futures_util::stream::try_unfold(self, |mut stream| async move {
            Ok(stream.next_part().await?.map(|part| (part, stream)))
        })
    }

    async fn next_part(&mut self) -> Result<Option<Part>, FetchError> {
        let Some(mut opener) = self.opener.take() else {
            return Ok(None);
        };
        let is_first = self.received_bytes == 0;
        let mut buffer = self.pool.take(self.deadline).await?;
        let mut opened = 0;
        loop {
            let target = (opened + WINDOW_BYTES).min(PART_BYTES + SLACK_BYTES);
            let is_over = !self.fill(&mut buffer, target).await?;
            if is_first && opened == 0 {
                self.refuse_error_pages(&buffer.bytes)?;
            }
            if is_over {
                let tail = buffer.bytes.get_mut(opened..).unwrap_or_default();
                let (kept, proof) = opener.finish(tail)?;
                buffer.bytes.truncate(opened + kept);
                return Ok(Some(Part {
                    bytes: buffer.into_bytes(),
                    end: Some(proof),
                }));
            }
            let limit = if self.is_sealed {
                buffer.bytes.len()
            } else {
                buffer.bytes.len().min(PART_BYTES)
            };
            opened += opener.advance(buffer.bytes.get_mut(opened..limit).unwrap_or_default())?;
            if opened >= PART_BYTES {
                self.waiting.push_front(Bytes::copy_from_slice(
                    buffer.bytes.get(opened..).unwrap_or_default(),
                ));
                buffer.bytes.truncate(opened);
                self.opener = Some(opener);
                return Ok(Some(Part {
                    bytes: buffer.into_bytes(),
                    end: None,
                }));
            }
        }
    }

    /// Fills the buffer up to `target` bytes; `false` when the body ended before.
    async fn fill(&mut self, buffer: &mut Buffer, target: usize) -> Result<bool, FetchError> {
        while buffer.bytes.len() < target {
            let Some(mut chunk) = self.waiting.pop_front() else {
                match self.receive().await? {
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

    /// The next bytes off the network. A broken transfer is resumed where it stopped, if it can be.
    async fn receive(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.body.chunk().await {
                Ok(chunk) => {
                    self.received_bytes += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
                    if self.received_bytes > self.max_bytes {
                        return Err(FetchError::TooLarge {
                            limit_bytes: self.max_bytes,
                        });
                    }
                    return Ok(chunk);
                }
                Err(broken) => self.body = self.resumed(broken).await?,
            }
        }
    }

    async fn resumed(&mut self, broken: FetchError) -> Result<Body, FetchError> {
        match &mut self.resume {
            Some(resume) if broken.is_of_transfer() && self.received_bytes > 0 => {
                resume.after(self.received_bytes, broken).await
            }
            Some(_) | None => Err(broken),
        }
    }

    fn refuse_error_pages(&self, head: &[u8]) -> Result<(), FetchError> {
        let start = head.trim_ascii_start();
        let is_page = wapi::excerpt::looks_like_html(head) || start.starts_with(b"{");
        if self.error_pages == ErrorPages::AreRefused && is_page {
            return Err(FetchError::NotTheFile);
        }
        Ok(())
    }
}
