//! The unit in which a file travels from an origin to the bucket.

use bytes::Bytes;

use crate::open::Proof;

/// Size of every part but the last, in bytes. S3 requires at least 5 MiB and at most 10,000 parts.
/// With 8 MiB, 10,000 parts reach 78 GiB, far beyond WhatsApp's 2 GB, with few requests and little
/// memory.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// The next plain bytes of a file: [`PART_BYTES`] long unless it is the last part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Plain bytes. They are not proven until the part with `end`.
    pub bytes: Bytes,
    /// The proof of the whole file. Present on the last part only.
    pub end: Option<Proof>,
}
