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
    ciphertext::{Head, Watch},
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
    /// What should be the file itself is the encrypted one, which whoever gave it did not decrypt. Fetch
    /// again, elsewhere; never to be kept, whatever else there is.
    #[error("the bytes are the encrypted file, not the file itself")]
    StillSealed,
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
    head: Head,
    watch: Option<Watch>,
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
            head: Head::default(),
            watch: None,
            sealed: None,
        }
    }

    /// A pass over what somebody else was to decrypt, and may have left as it was. `key` is the medium's, if
    /// it can be read.
    #[must_use]
    pub fn opened_elsewhere(key: Option<MediaKey>, expected: Expected) -> Self {
        // The sender's hash decides by itself, unless it is to be overruled.
        let is_watched = expected.file_sha256.is_none() || expected.keep_mismatch;
        Self {
            watch: Some(Watch::under(key.filter(|_| is_watched))),
            ..Self::plain(expected)
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
        self.see(ready_bytes);
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
        self.see(tail);
        let Self {
            expected,
            raw,
            raw_bytes,
            head,
            watch,
            sealed,
        } = self;
        let raw_sha256 = Sha256::from_digest(&raw.finish());
        if raw_bytes == 0 {
            return Err(OpenError::Empty);
        }
        let Some(sealed) = sealed else {
            let proof = plain_verdict(expected, raw_sha256, raw_bytes, &head, watch)?;
            return Ok((tail.len(), proof));
        };
        let is_only_family = sealed.candidates.len() == 1;
        let may_be_sealed = head.may_be_sealed(raw_bytes);
        sealed
            .finish(tail, expected, raw_sha256, raw_bytes)
            .map_err(|refused| {
                // What looks encrypted is believed to be plain only when no family is left that opens it.
                let is_plain = match refused {
                    OpenError::MacDiffers { .. } => is_only_family || !may_be_sealed,
                    OpenError::BadLength { .. } => true,
                    OpenError::EncHashDiffers => !may_be_sealed,
                    OpenError::Empty
                    | OpenError::BadPadding
                    | OpenError::WasPlain
                    | OpenError::StillSealed
                    | OpenError::HashDiffers
                    | OpenError::Cipher => false,
                };
                if is_plain && is_plain_by_hash(expected, raw_sha256, may_be_sealed) {
                    OpenError::WasPlain
                } else {
                    refused
                }
            })
    }

    fn see(&mut self, bytes: &[u8]) {
        self.raw.update(bytes);
        self.raw_bytes += bytes.len() as u64;
        self.head.see(bytes);
        if let Some(watch) = &mut self.watch {
            watch.see(bytes);
        }
    }
}

/// Whether the bytes are those that the sender gave the plain hash of. If they are also those of the
/// encrypted hash, somebody wrote one hash into both places, and what looks encrypted is.
fn is_plain_by_hash(expected: Expected, raw_sha256: Sha256, may_be_sealed: bool) -> bool {
    let is_both = expected.file_enc_sha256 == Some(raw_sha256);
    expected.file_sha256 == Some(raw_sha256) && !(is_both && may_be_sealed)
}

/// Without encryption the sender's plain hash is the only proof there is, and what is known of the encrypted
/// file is proof against it.
fn plain_verdict(
    expected: Expected,
    sha256: Sha256,
    size_bytes: u64,
    head: &Head,
    watch: Option<Watch>,
) -> Result<Proof, OpenError> {
    let may_be_sealed = head.may_be_sealed(size_bytes);
    let is_plain = is_plain_by_hash(expected, sha256, may_be_sealed);
    if expected.file_enc_sha256 == Some(sha256) && !is_plain {
        return Err(OpenError::StillSealed);
    }
    let proof = |integrity| Proof {
        integrity,
        sha256,
        size_bytes,
    };
    match expected.file_sha256 {
        Some(_) if is_plain => return Ok(proof(Integrity::Sha256)),
        // Nobody was to decrypt it.
        Some(_) if watch.is_none() && may_be_sealed => return Err(OpenError::StillSealed),
        Some(_) if !expected.keep_mismatch => return Err(OpenError::HashDiffers),
        Some(_) | None => {}
    }
    if watch.is_some_and(|watch| watch.tells_sealed(size_bytes)) {
        return Err(OpenError::StillSealed);
    }
    Ok(proof(match expected.file_sha256 {
        Some(_) => Integrity::Mismatch,
        None => Integrity::Unverified,
    }))
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

    /// The MAC holds. The sender's plain hash only adds to it: not every client of WhatsApp checks it.
    fn verdict(self, expected: Expected) -> Proof {
        let sha256 = Sha256::from_digest(&self.plain.finish());
        let integrity = match expected.file_sha256 {
            Some(said) if said == sha256 => Integrity::MacAndSha256,
            Some(_) => Integrity::MacAgainstSha256,
            None => Integrity::MacOnly,
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
