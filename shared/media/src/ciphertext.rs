//! Detects the encrypted file where an origin should have delivered the decrypted one.

use aws_lc_rs::{cipher::DecryptionContext, constant_time::verify_slices_are_equal, hmac};

use crate::{
    kind::KeyType,
    media_key::{MediaKey, MediaKeys},
};

const BLOCK: usize = MediaKeys::BLOCK_BYTES;
const MAC_BYTES: usize = 10;

/// First bytes that are kept: enough for the signatures of common file formats.
const HEAD_BYTES: usize = 512;

/// The first bytes received, before any decryption.
#[derive(Default)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// Adds the next bytes received.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Whether the bytes may be an encrypted file of `raw_bytes` bytes: the length is 10 modulo 16
    /// and at least 26, and the first bytes are neither text nor a known file format.
    pub(crate) fn may_be_encrypted(&self, raw_bytes: u64) -> bool {
        let block = BLOCK as u64;
        let has_its_length = raw_bytes >= 26 && raw_bytes % block == MAC_BYTES as u64;
        has_its_length && infer::get(&self.0).is_none() && !is_text(&self.0)
    }

    /// Whether the bytes are encrypted under this key: the first block decrypts to the start of a
    /// known file format, and the bytes as received are not one. This also detects an encrypted
    /// file whose end is missing.
    fn decrypts_under(&self, key: &MediaKey) -> bool {
        let Some(first) = self.0.first_chunk::<BLOCK>() else {
            return false;
        };
        let becomes_a_file = |family: KeyType| {
            let (keys, mut block) = (key.expand(family), *first);
            let iv = DecryptionContext::Iv128(keys.iv().into());
            let opened =
                keys.decrypting_key().is_some_and(|cipher| cipher.decrypt(&mut block, iv).is_ok());
            opened && infer::get(&block).is_some()
        };
        infer::get(&self.0).is_none() && KeyType::ALL.into_iter().any(becomes_a_file)
    }
}

/// Whether the bytes are the start of a UTF-8 text, which encrypted bytes practically never are.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head ends within a character.
        Err(error) if error.error_len().is_none() => head
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or_default(),
        Err(_) => return false,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    !text.is_empty() && !text.contains(is_odd)
}

/// Checks whether bytes that should be the decrypted file are the encrypted one.
pub(crate) struct EncryptedFileDetector {
    key: Option<MediaKey>,
    head: Head,
    /// MAC state of each key family over all but the last bytes.
    macs: Vec<hmac::Context>,
    /// The last bytes received: the MAC, if this is the end of an encrypted file.
    held: Vec<u8>,
}

impl EncryptedFileDetector {
    /// Creates a detector. With the media key, the MAC or the decrypted first block identifies the
    /// encrypted file; without it, only length and content do.
    pub(crate) fn with_key(key: Option<MediaKey>) -> Self {
        let keys = key.iter().flat_map(|key| KeyType::ALL.map(|one| key.expand(one)));
        Self {
            macs: keys.map(|keys| keys.start_mac()).collect(),
            key,
            head: Head::default(),
            held: Vec::with_capacity(MAC_BYTES),
        }
    }

    /// Adds the next bytes received.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.head.update(bytes);
        let early = bytes.len().saturating_sub(MAC_BYTES);
        let (early_bytes, last) = bytes.split_at_checked(early).unwrap_or_default();
        let excess = (self.held.len() + last.len()).saturating_sub(MAC_BYTES);
        let released: Vec<u8> = self.held.drain(..excess.min(self.held.len())).collect();
        for mac in &mut self.macs {
            mac.update(&released);
            mac.update(early_bytes);
        }
        self.held.extend_from_slice(last);
    }

    /// Whether the `raw_bytes` bytes received are the encrypted file.
    pub(crate) fn detects_encryption(self, raw_bytes: u64) -> bool {
        let Some(key) = &self.key else {
            return self.head.may_be_encrypted(raw_bytes);
        };
        let held = &self.held;
        let holds = |mac: hmac::Context| {
            let mac = mac.sign();
            let computed = mac.as_ref().get(..MAC_BYTES).unwrap_or_default();
            verify_slices_are_equal(computed, held).is_ok()
        };
        self.macs.into_iter().any(holds) || self.head.decrypts_under(key)
    }
}
