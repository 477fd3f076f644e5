//! Reads the body of an upload as it comes: counts its bytes, and hashes them if that is asked.

use anyhow::{Context, Result, bail};
use axum::{body::Body, http::HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt;

/// Reads a body to its end and returns the number of bytes of the file in it. `take` sees each
/// piece, without the frames of `aws-chunked`, in which SDKs send a checksum after the bytes.
pub(crate) async fn read_upload(
    headers: &HeaderMap,
    body: Body,
    mut take: impl FnMut(&[u8]),
) -> Result<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_framed = text("content-encoding").is_some_and(|value| value.contains("aws-chunked"))
        || text("x-amz-decoded-content-length").is_some();
    let mut pieces = body.into_data_stream();
    let (mut frames, mut size) = (Frames::default(), 0);
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece.context("the upload broke")?;
        if is_framed {
            frames.read(&piece, |bytes| {
                size += bytes.len() as u64;
                take(bytes);
            })?;
        } else {
            size += piece.len() as u64;
            take(&piece);
        }
    }
    Ok(size)
}

/// The frames of `aws-chunked`: a line with the length in hexadecimal, the bytes, a line's end; at
/// last a length of zero, and trailers.
#[derive(Default)]
struct Frames {
    line: Vec<u8>,
    left: usize,
    is_over: bool,
}

impl Frames {
    fn read(&mut self, mut piece: &[u8], mut take: impl FnMut(&[u8])) -> Result<()> {
        while !piece.is_empty() && !self.is_over {
            if self.left > 0 {
                let (bytes, rest) = piece.split_at(self.left.min(piece.len()));
                take(bytes);
                self.left -= bytes.len();
                piece = rest;
                continue;
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let (line, rest) = piece.split_at(end.map_or(piece.len(), |end| end + 1));
            self.line.extend_from_slice(line);
            piece = rest;
            if end.is_some() {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// A line is complete: a length, or the end of the bytes before it.
    fn end_line(&mut self) -> Result<()> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).context("a frame")?.trim();
        if line.is_empty() {
            return Ok(());
        }
        let length = line.split(';').next().unwrap_or_default();
        let Ok(length) = usize::from_str_radix(length, 16) else {
            bail!("a frame's length is not a number");
        };
        self.left = length;
        self.is_over = length == 0;
        Ok(())
    }
}
