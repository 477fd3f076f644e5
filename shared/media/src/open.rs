//! Decrypts and verifies a media file in one pass, in place, in the buffers that the network
//! filled.
//!
//! The file is `C || mac10`, with `C = AES-256-CBC(PKCS#7(plain))` and
//! `mac10 = HMAC-SHA256(iv || C)[..10]`. Each window is hashed, added to the MAC, decrypted in
//! place, and its plain bytes are hashed. The proof exists only after the last byte, so the caller
//! must withhold the plain bytes until then.

use aws_lc_rs::{
    cipher::{DecryptingKey, DecryptionContext},
    constant_time::verify_slices_are_equal,
    digest, hmac,
};

use crate::{
    ciphertext::{EncryptedFileDetector, Head},
    integrity::Integrity,
    kind::KeyType,
    media_key::{MediaKey, MediaKeys},
    sha256::Sha256,
};

const BLOCK: usize = MediaKeys::BLOCK_BYTES;
const MAC_BYTES: usize = 10;

/// Bytes at the end that are never decrypted early: the last block holds the padding, and the MAC
/// follows it.
pub const TAIL_BYTES: usize = BLOCK + MAC_BYTES;

/// The announced hashes, and what to do if only the plain hash disagrees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedHashes {
    /// SHA-256 of the plain file.
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the encrypted file with its MAC.
    pub file_enc_sha256: Option<Sha256>,
    /// Accept bytes that contradict `file_sha256`, as [`Integrity::Mismatch`]. For the last resort:
    /// no strategy served better bytes, and the choice is between flagged bytes and none.
    pub keep_mismatch: bool,
}

/// What is proven about the bytes, once all of them were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How far the bytes are proven to be the sender's.
    pub integrity: Integrity,
    /// SHA-256 of the plain bytes.
    pub sha256: Sha256,
    /// Number of plain bytes.
    pub size_bytes: u64,
}

/// Why the bytes must not be stored. Decided after the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The body was empty: a failure of the origin, even with status 200. Fetch again.
    #[error("the body was empty")]
    Empty,
    /// The length is not `26 + 16n`, so bytes are missing or were added. Fetch again.
    #[error(
        "{raw_bytes} bytes are not an encrypted file, whose length is 10 modulo 16 and at least 26"
    )]
    BadLength {
        /// Bytes received.
        raw_bytes: u64,
    },
    /// The encrypted bytes are not those that the sender uploaded. Fetch again, elsewhere.
    #[error("the encrypted bytes differ from the sender's hash of them")]
    EncHashDiffers,
    /// The MAC is wrong. With `transfer_proven`, the bytes are right, and the key or its family is
    /// wrong.
    #[error("the MAC is wrong under the {family:?} keys (transfer proven: {transfer_proven})")]
    MacDiffers {
        /// The family that was tried.
        family: KeyType,
        /// Whether the encrypted hash was announced and agrees.
        transfer_proven: bool,
    },
    /// The MAC is right but the padding is wrong: the sender's client is broken. Final.
    #[error("the padding is wrong although the MAC is right")]
    BadPadding,
    /// The bytes are not encrypted: their hash is the announced hash of the plain file. Fetch again
    /// as plain.
    #[error("the body is the plain file, not an encrypted one")]
    WasPlain,
    /// The origin should have decrypted the file but served the encrypted one. Fetch again,
    /// elsewhere; never keep the bytes.
    #[error("the bytes are the encrypted file, not the file itself")]
    StillEncrypted,
    /// The plain bytes contradict the announced hash: another file, or an incomplete one.
    #[error("the bytes differ from the sender's hash of them")]
    HashDiffers,
    /// The cryptographic library failed in a call that cannot fail. Treated like a broken transfer.
    #[error("the cipher refused whole blocks")]
    Cipher,
}

/// The state of one pass over a file.
pub struct Opener {
    expected: ExpectedHashes,
    raw: digest::Context,
    raw_bytes: u64,
    head: Head,
    detector: Option<EncryptedFileDetector>,
    encrypted: Option<EncryptedPass>,
}

/// The additional state for encrypted files.
struct EncryptedPass {
    key: MediaKey,
    candidates: Vec<KeyType>,
    decryption: Option<Decryption>,
    plain: digest::Context,
    plain_bytes: u64,
}

struct Decryption {
    family: KeyType,
    cipher: DecryptingKey,
    previous_block: [u8; BLOCK],
    mac: hmac::Context,
}

impl Opener {
    /// A pass over bytes that are not encrypted.
    #[must_use]
    pub fn plain(expected: ExpectedHashes) -> Self {
        Self {
            expected,
            raw: digest::Context::new(&digest::SHA256),
            raw_bytes: 0,
            head: Head::default(),
            detector: None,
            encrypted: None,
        }
    }

    /// A pass over bytes that the origin should have decrypted, but may not have. `key` is the
    /// media key, if it can be read.
    #[must_use]
    pub fn decrypted_by_origin(key: Option<MediaKey>, expected: ExpectedHashes) -> Self {
        // The announced hash detects the encrypted file without help, unless `keep_mismatch`
        // overrules it.
        let is_checked = expected.file_sha256.is_none() || expected.keep_mismatch;
        Self {
            detector: Some(EncryptedFileDetector::with_key(key.filter(|_| is_checked))),
            ..Self::plain(expected)
        }
    }

    /// A pass over encrypted bytes. The key family is chosen from `candidates` (most likely first,
    /// never empty): the first under which the first block decrypts to the start of a known file
    /// format, else the first of all. The MAC decides at the end, and [`OpenError::MacDiffers`]
    /// names the family to remove.
    #[must_use]
    pub fn encrypted(key: MediaKey, candidates: Vec<KeyType>, expected: ExpectedHashes) -> Self {
        let plain = digest::Context::new(&digest::SHA256);
        let encrypted = EncryptedPass { key, candidates, decryption: None, plain, plain_bytes: 0 };
        Self { encrypted: Some(encrypted), ..Self::plain(expected) }
    }

    /// Decrypts as much of `window` as possible, in place, and returns how many of its first bytes
    /// are plain now. Pass the rest again at the front of the next window, or to [`Self::finish`].
    ///
    /// Windows of 64 KiB and more run at full speed; smaller ones are correct but slow.
    ///
    /// # Errors
    /// [`OpenError::Cipher`], which does not happen.
    pub fn advance(&mut self, window: &mut [u8]) -> Result<usize, OpenError> {
        // The window may be the end of the file, so the length of the tail is kept back.
        let ready = match self.encrypted {
            None => window.len(),
            Some(_) => window.len().saturating_sub(TAIL_BYTES) / BLOCK * BLOCK,
        };
        let ready_bytes = window.get_mut(..ready).unwrap_or_default();
        self.update(ready_bytes);
        if let Some(encrypted) = &mut self.encrypted
            && ready > 0
        {
            encrypted.decrypt(ready_bytes)?;
            encrypted.hash_plain(ready_bytes);
        }
        Ok(ready)
    }

    /// Decrypts the rest and checks the whole file. Returns how many of `tail`'s first bytes belong
    /// to the file, and the proof.
    ///
    /// The checks run in the order of their evidence: length, encrypted hash, MAC (in constant
    /// time), padding, plain hash.
    ///
    /// # Errors
    /// Each variant of [`OpenError`] says what to do. None of the bytes may be used.
    pub fn finish(mut self, tail: &mut [u8]) -> Result<(usize, Proof), OpenError> {
        self.update(tail);
        let Self { expected, raw, raw_bytes, head, detector, encrypted } = self;
        let raw_sha256 = Sha256::from_digest(&raw.finish());
        if raw_bytes == 0 {
            return Err(OpenError::Empty);
        }
        let Some(encrypted) = encrypted else {
            let proof = check_plain(expected, raw_sha256, raw_bytes, &head, detector)?;
            return Ok((tail.len(), proof));
        };
        // Needed below, to tell a body that was never encrypted from a broken one.
        let is_only_family = encrypted.candidates.len() == 1;
        let may_be_encrypted = head.may_be_encrypted(raw_bytes);
        encrypted.finish(tail, expected, raw_sha256, raw_bytes).map_err(|refused| {
            // Bytes that look encrypted count as plain only if no other key family is left to
            // try.
            let is_plain = match refused {
                OpenError::MacDiffers { .. } => is_only_family || !may_be_encrypted,
                OpenError::BadLength { .. } => true,
                OpenError::EncHashDiffers => !may_be_encrypted,
                OpenError::Empty
                | OpenError::BadPadding
                | OpenError::WasPlain
                | OpenError::StillEncrypted
                | OpenError::HashDiffers
                | OpenError::Cipher => false,
            };
            if is_plain && is_plain_by_hash(expected, raw_sha256, may_be_encrypted) {
                OpenError::WasPlain
            } else {
                refused
            }
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        self.raw.update(bytes);
        self.raw_bytes += bytes.len() as u64;
        self.head.update(bytes);
        if let Some(detector) = &mut self.detector {
            detector.update(bytes);
        }
    }
}

/// Whether the bytes have the announced plain hash. If they have the announced encrypted hash as
/// well, one hash was written into both fields, and bytes that look encrypted are.
fn is_plain_by_hash(expected: ExpectedHashes, raw_sha256: Sha256, may_be_encrypted: bool) -> bool {
    let is_both = expected.file_enc_sha256 == Some(raw_sha256);
    expected.file_sha256 == Some(raw_sha256) && !(is_both && may_be_encrypted)
}

/// Checks bytes that are not, or no longer, encrypted. The plain hash is the only proof; what is
/// known about the encrypted file can only disprove it.
fn check_plain(
    expected: ExpectedHashes,
    sha256: Sha256,
    size_bytes: u64,
    head: &Head,
    detector: Option<EncryptedFileDetector>,
) -> Result<Proof, OpenError> {
    let may_be_encrypted = head.may_be_encrypted(size_bytes);
    let is_plain = is_plain_by_hash(expected, sha256, may_be_encrypted);
    // The encrypted hash identifies the encrypted file for certain.
    if expected.file_enc_sha256 == Some(sha256) && !is_plain {
        return Err(OpenError::StillEncrypted);
    }
    let proof = |integrity| Proof { integrity, sha256, size_bytes };
    match expected.file_sha256 {
        Some(_) if is_plain => return Ok(proof(Integrity::Sha256)),
        // Without a detector, no origin was expected to decrypt the bytes.
        Some(_) if detector.is_none() && may_be_encrypted => return Err(OpenError::StillEncrypted),
        Some(_) if !expected.keep_mismatch => return Err(OpenError::HashDiffers),
        Some(_) | None => {}
    }
    // From here no hash confirms the bytes, so the last defence is what they look like.
    if detector.is_some_and(|detector| detector.detects_encryption(size_bytes)) {
        return Err(OpenError::StillEncrypted);
    }
    Ok(proof(match expected.file_sha256 {
        Some(_) => Integrity::Mismatch,
        None => Integrity::Unverified,
    }))
}

impl EncryptedPass {
    /// Decrypts whole blocks in place. The first call chooses the key family.
    fn decrypt(&mut self, blocks: &mut [u8]) -> Result<(), OpenError> {
        let decryption = match &mut self.decryption {
            Some(decryption) => decryption,
            not_started => not_started.insert(
                start_decryption(&self.key, &self.candidates, blocks).ok_or(OpenError::Cipher)?,
            ),
        };
        // The MAC covers the encrypted bytes, so it comes before the decryption in place.
        decryption.mac.update(blocks);
        decryption.decrypt(blocks)
    }

    /// Adds plain bytes to the plain hash.
    fn hash_plain(&mut self, plain: &[u8]) {
        self.plain.update(plain);
        self.plain_bytes += plain.len() as u64;
    }

    fn finish(
        mut self,
        tail: &mut [u8],
        expected: ExpectedHashes,
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
        let (blocks, received_mac) =
            tail.split_last_chunk_mut::<MAC_BYTES>().ok_or(OpenError::BadLength { raw_bytes })?;
        // The padding must stay unread until the MAC is checked, or errors would leak plain bytes.
        self.decrypt(blocks)?;
        let Decryption { family, mac, .. } = self.decryption.take().ok_or(OpenError::Cipher)?;
        let mac = mac.sign();
        let computed = mac.as_ref().get(..MAC_BYTES).unwrap_or_default();
        verify_slices_are_equal(computed, received_mac)
            .map_err(|_| OpenError::MacDiffers { family, transfer_proven })?;
        let unpadded = strip_padding(blocks).ok_or(OpenError::BadPadding)?;
        let kept = unpadded.len();
        self.hash_plain(unpadded);
        Ok((kept, self.build_proof(expected)))
    }

    /// The proof of a file whose MAC is right. A wrong plain hash is only flagged, because not
    /// every WhatsApp client checks it.
    fn build_proof(self, expected: ExpectedHashes) -> Proof {
        let sha256 = Sha256::from_digest(&self.plain.finish());
        let integrity = match expected.file_sha256 {
            Some(announced) if announced == sha256 => Integrity::MacAndSha256,
            Some(_) => Integrity::MacAgainstSha256,
            None => Integrity::MacOnly,
        };
        Proof { integrity, sha256, size_bytes: self.plain_bytes }
    }
}

impl Decryption {
    fn new(key: &MediaKey, family: KeyType) -> Option<Self> {
        let keys = key.expand(family);
        let (cipher, mac) = (keys.decrypting_key()?, keys.start_mac());
        Some(Self { family, cipher, previous_block: keys.iv(), mac })
    }

    fn decrypt(&mut self, blocks: &mut [u8]) -> Result<(), OpenError> {
        // CBC: the last encrypted block is the IV of the next call.
        let last = *blocks.last_chunk::<BLOCK>().ok_or(OpenError::Cipher)?;
        let iv = std::mem::replace(&mut self.previous_block, last);
        self.cipher
            .decrypt(blocks, DecryptionContext::Iv128(iv.into()))
            .map_err(|_| OpenError::Cipher)?;
        Ok(())
    }
}

/// Chooses the key family by what the first block decrypts to, and starts the decryption.
fn start_decryption(key: &MediaKey, candidates: &[KeyType], blocks: &[u8]) -> Option<Decryption> {
    let first = *blocks.first_chunk::<BLOCK>()?;
    // The MAC tells the family for certain, but only at the end of the file. A wrong guess here
    // costs a second download, never wrong bytes.
    let mut fallback = None;
    for family in candidates {
        // The trial works on a copy of the block; the chosen family starts afresh.
        let mut block = first;
        let mut decryption = Decryption::new(key, *family)?;
        decryption.decrypt(&mut block).ok()?;
        // Under a wrong key the block is random, and random bytes rarely begin a known format.
        if infer::get(&block).is_some() {
            return Decryption::new(key, *family);
        }
        // The candidates are ordered by likelihood, so the first is the best guess for formats
        // without a signature, such as plain text.
        fallback = fallback.or(Some(*family));
    }
    Decryption::new(key, fallback?)
}

/// Removes PKCS#7 padding: the last byte is the number of padding bytes, which are all equal.
fn strip_padding(blocks: &[u8]) -> Option<&[u8]> {
    let pad = *blocks.last()?;
    let kept = blocks.len().checked_sub(usize::from(pad))?;
    let (plain, padding) = blocks.split_at_checked(kept)?;
    let is_valid = (1..=BLOCK).contains(&usize::from(pad)) && padding.iter().all(|b| *b == pad);
    is_valid.then_some(plain)
}
