//! The unit in which a media travels from an origin into the bucket.

use bytes::Bytes;

use crate::open::Proof;

/// Size of every part but the last, in bytes. S3 wants at least 5 MiB and at most 10,000 parts: 8 MiB
/// reach 78 GiB, far beyond WhatsApp's 2 GB, with few requests and little memory.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// The next stretch of plain bytes: [`PART_BYTES`] long unless it is the last.
#[derive(Debug, Clone)]
pub struct Part {
    /// Plain bytes, unproven until the part that ends the stream.
    pub bytes: Bytes,
    /// Present exactly on the last part: from here on the whole file is proven as far as it says.
    pub end: Option<Proof>,
}
