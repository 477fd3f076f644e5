//! Decrypts and proves one media in a single pass over the buffers the network filled, in place.
//!
//! The file is `C || mac10`, `C = AES-256-CBC(PKCS#7(plain))`, `mac10 = HMAC-SHA256(iv || C)[..10]`.
//! Per window: hash what came, MAC it, decrypt it where it stands, hash the plain bytes. The verdict
//! exists only after the last byte, so whoever holds the plain bytes must withhold them until then.

use aws_lc_rs::{
    cipher::{DecryptingKey, DecryptionContext},
    constant_time::verify_slices_are_equal,
    digest, hmac,
};

use crate::{
    kind::KeyType,
    media_key::{MediaKey, MediaKeys},
    record::Integrity,
    sha256::Sha256,
};

const BLOCK: usize = MediaKeys::BLOCK_BYTES;
const MAC_BYTES: usize = 10;

/// Bytes at the end that are never decrypted early: the last block holds the padding, and the MAC follows.
pub const TAIL_BYTES: usize = BLOCK + MAC_BYTES;

/// What the sender said the bytes are, and what to do when only the sender's plain hash disagrees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256 of the plain file.
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the encrypted file with its MAC.
    pub file_enc_sha256: Option<Sha256>,
    /// Accept bytes that contradict `file_sha256`, as [`Integrity::Mismatch`]: for the last resort, when
    /// no strategy could do better and the choice is between flagged bytes and none.
    pub keep_mismatch: bool,
}

/// What is known of the bytes after the last one, and proven as far as `integrity` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How far the bytes are proven to be what the sender sent.
    pub integrity: Integrity,
    /// SHA-256 of the plain bytes.
    pub sha256: Sha256,
    /// Plain bytes.
    pub size_bytes: u64,
}

/// Why the bytes may not be stored. Decided only once all of them are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No byte at all: a failure of the origin, whatever its status said. Fetch again.
    #[error("the body was empty")]
    Empty,
    /// Not `26 + 16n` bytes, so something was cut or added on the way. Fetch again.
    #[error(
        "{raw_bytes} bytes are not an encrypted media: its length is 10 modulo 16 and at least 26"
    )]
    BadLength {
        /// Bytes received.
        raw_bytes: u64,
    },
    /// The encrypted bytes are not those the sender uploaded. Fetch again, elsewhere.
    #[error("the encrypted bytes differ from the sender's hash of them")]
    EncHashDiffers,
    /// The MAC is wrong. With `transfer_proven` the bytes are right and the key or its family is not.
    #[error("the MAC is wrong under the {family:?} keys (transfer proven: {transfer_proven})")]
    MacDiffers {
        /// The family that was tried.
        family: KeyType,
        /// The encrypted hash was given and agreed.
        transfer_proven: bool,
    },
    /// The MAC is right and the padding is not: the sender's client is broken. Final.
    #[error("the padding is wrong although the MAC is right")]
    BadPadding,
    /// The bytes never were encrypted: their own hash is the one given for the plain file. Fetch again as
    /// plain.
    #[error("the body is the plain file, not an encrypted one")]
    WasPlain,
    /// Plain bytes that contradict the sender's hash of them: not the file, or not all of it.
    #[error("the bytes differ from the sender's hash of them")]
    HashDiffers,
    /// The cryptographic library refused a call that cannot fail; treated like a broken transfer.
    #[error("the cipher refused whole blocks")]
    Cipher,
}

/// The state of one pass.
pub struct Opener {
    expected: Expected,
    raw: digest::Context,
    raw_bytes: u64,
    sealed: Option<Sealed>,
}

/// The part of the state that only encrypted media have.
struct Sealed {
    key: MediaKey,
    candidates: Vec<KeyType>,
    running: Option<Running>,
    plain: digest::Context,
    plain_bytes: u64,
}

struct Running {
    family: KeyType,
    cipher: DecryptingKey,
    previous_block: [u8; BLOCK],
    mac: hmac::Context,
}

impl Opener {
    /// A pass over bytes that are the file itself.
    #[must_use]
    pub fn plain(expected: Expected) -> Self {
        Self {
            expected,
            raw: digest::Context::new(&digest::SHA256),
            raw_bytes: 0,
            sealed: None,
        }
    }

    /// A pass over encrypted bytes. Of the `candidates` (most likely first, never empty) the family is
    /// taken whose first decrypted block begins like a file that is known; else the first. The MAC decides
    /// in the end, and [`OpenError::MacDiffers`] says which family to strike out.
    #[must_use]
    pub fn sealed(key: MediaKey, candidates: Vec<KeyType>, expected: Expected) -> Self {
        let plain = digest::Context::new(&digest::SHA256);
        let sealed = Sealed {
            key,
            candidates,
            running: None,
            plain,
            plain_bytes: 0,
        };
        Self {
            sealed: Some(sealed),
            ..Self::plain(expected)
        }
    }

    /// Opens as much of `window` as can be opened already, in place, and says how many of its first bytes
    /// are plain now. The rest must come again at the front of the next window, or in [`Self::finish`].
    ///
    /// Windows of 64 KiB and more run at the processor's speed; small ones are right, but slow.
    ///
    /// # Errors
    /// [`OpenError::Cipher`], which does not happen.
    pub fn advance(&mut self, window: &mut [u8]) -> Result<usize, OpenError> {
        let ready = match self.sealed {
            None => window.len(),
            Some(_) => window.len().saturating_sub(TAIL_BYTES) / BLOCK * BLOCK,
        };
        let ready_bytes = window.get_mut(..ready).unwrap_or_default();
        self.raw.update(ready_bytes);
        self.raw_bytes += ready as u64;
        if let Some(sealed) = &mut self.sealed
            && ready > 0
        {
            sealed.decrypt(ready_bytes)?;
            sealed.keep(ready_bytes);
        }
        Ok(ready)
    }

    /// Opens the rest and gives the verdict, and how many of `tail`'s first bytes belong to the file.
    ///
    /// The order of the checks is that of the evidence: length, encrypted hash, MAC (in constant time),
    /// padding, plain hash.
    ///
    /// # Errors
    /// Each variant of [`OpenError`] says what to do. None of the bytes may be used.
    pub fn finish(mut self, tail: &mut [u8]) -> Result<(usize, Proof), OpenError> {
        self.raw.update(tail);
        self.raw_bytes += tail.len() as u64;
        let raw_sha256 = Sha256::from_digest(&self.raw.finish());
        if self.raw_bytes == 0 {
            return Err(OpenError::Empty);
        }
        let Some(sealed) = self.sealed else {
            let proof = plain_verdict(self.expected, raw_sha256, self.raw_bytes)?;
            return Ok((tail.len(), proof));
        };
        sealed
            .finish(tail, self.expected, raw_sha256, self.raw_bytes)
            .map_err(|refused| {
                let was_plain = self.expected.file_sha256 == Some(raw_sha256);
                if was_plain {
                    OpenError::WasPlain
                } else {
                    refused
                }
            })
    }
}

/// Without encryption the sender's plain hash is the only proof there is.
fn plain_verdict(expected: Expected, sha256: Sha256, size_bytes: u64) -> Result<Proof, OpenError> {
    let integrity = match expected.file_sha256 {
        None => Integrity::Unverified,
        Some(said) if said == sha256 => Integrity::Sha256,
        Some(_) if expected.keep_mismatch => Integrity::Mismatch,
        Some(_) => return Err(OpenError::HashDiffers),
    };
    Ok(Proof {
        integrity,
        sha256,
        size_bytes,
    })
}

impl Sealed {
    fn decrypt(&mut self, blocks: &mut [u8]) -> Result<(), OpenError> {
        let running = match &mut self.running {
            Some(running) => running,
            none => {
                none.insert(start(&self.key, &self.candidates, blocks).ok_or(OpenError::Cipher)?)
            }
        };
        running.mac.update(blocks);
        running.decrypt(blocks)
    }

    /// Takes plain bytes into account.
    fn keep(&mut self, plain: &[u8]) {
        self.plain.update(plain);
        self.plain_bytes += plain.len() as u64;
    }

    fn finish(
        mut self,
        tail: &mut [u8],
        expected: Expected,
        raw_sha256: Sha256,
        raw_bytes: u64,
    ) -> Result<(usize, Proof), OpenError> {
        let transfer_proven = expected.file_enc_sha256 == Some(raw_sha256);
        if raw_bytes < TAIL_BYTES as u64 || raw_bytes % BLOCK as u64 != MAC_BYTES as u64 {
            return Err(OpenError::BadLength { raw_bytes });
        }
        if expected.file_enc_sha256.is_some() && !transfer_proven {
            return Err(OpenError::EncHashDiffers);
        }
        let (blocks, said_mac) = tail
            .split_last_chunk_mut::<MAC_BYTES>()
            .ok_or(OpenError::BadLength { raw_bytes })?;
        self.decrypt(blocks)?;
        let Running { family, mac, .. } = self.running.take().ok_or(OpenError::Cipher)?;
        let mac = mac.sign();
        let computed = mac.as_ref().get(..MAC_BYTES).unwrap_or_default();
        verify_slices_are_equal(computed, said_mac).map_err(|_| OpenError::MacDiffers {
            family,
            transfer_proven,
        })?;
        let unpadded = unpadded(blocks).ok_or(OpenError::BadPadding)?;
        let kept = unpadded.len();
        self.keep(unpadded);
        Ok((kept, self.verdict(expected)))
    }

    /// The MAC holds. The sender's plain hash only adds to it: WhatsApp's own clients do not check it.
    fn verdict(self, expected: Expected) -> Proof {
        let sha256 = Sha256::from_digest(&self.plain.finish());
        let integrity = match expected.file_sha256 {
            Some(said) if said == sha256 => Integrity::MacAndSha256,
            Some(_) | None => Integrity::MacOnly,
        };
        Proof {
            integrity,
            sha256,
            size_bytes: self.plain_bytes,
        }
    }
}

impl Running {
    fn decrypt(&mut self, blocks: &mut [u8]) -> Result<(), OpenError> {
        let last = *blocks.last_chunk::<BLOCK>().ok_or(OpenError::Cipher)?;
        let iv = std::mem::replace(&mut self.previous_block, last);
        self.cipher
            .decrypt(blocks, DecryptionContext::Iv128(iv.into()))
            .map_err(|_| OpenError::Cipher)?;
        Ok(())
    }
}

/// Chooses the family by what the first block becomes.
fn start(key: &MediaKey, candidates: &[KeyType], blocks: &[u8]) -> Option<Running> {
    let first = *blocks.first_chunk::<BLOCK>()?;
    let mut fallback = None;
    for family in candidates {
        let mut block = first;
        let mut running = Running::new(key, *family)?;
        running.decrypt(&mut block).ok()?;
        if infer::get(&block).is_some() {
            return Running::new(key, *family);
        }
        fallback = fallback.or(Some(*family));
    }
    Running::new(key, fallback?)
}

impl Running {
    fn new(key: &MediaKey, family: KeyType) -> Option<Self> {
        let keys = key.expand(family);
        let (cipher, mac) = (keys.decrypting()?, keys.mac());
        Some(Self {
            family,
            cipher,
            previous_block: keys.iv(),
            mac,
        })
    }
}

/// PKCS#7: the last byte says how many bytes, all alike, to take away.
fn unpadded(blocks: &[u8]) -> Option<&[u8]> {
    let pad = *blocks.last()?;
    let kept = blocks.len().checked_sub(usize::from(pad))?;
    let (plain, padding) = blocks.split_at_checked(kept)?;
    let is_well = (1..=BLOCK).contains(&usize::from(pad)) && padding.iter().all(|b| *b == pad);
    is_well.then_some(plain)
}
