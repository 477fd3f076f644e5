//! Tells an encrypted file where the file itself should be: whoever was to decrypt it may not have.

use aws_lc_rs::{cipher::DecryptionContext, constant_time::verify_slices_are_equal, hmac};

use crate::{
    kind::KeyType,
    media_key::{MediaKey, MediaKeys},
};

const BLOCK: usize = MediaKeys::BLOCK_BYTES;
const MAC_BYTES: usize = 10;

/// First bytes that are kept to be looked at: as many as the signatures of common files need.
const HEAD_BYTES: usize = 512;

/// The first bytes of what came, before anything was done to them.
#[derive(Default)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// Takes in what comes next.
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.0.len()).min(bytes.len());
        self.0
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Whether bytes of this length that begin so may be an encrypted file: its length is 10 modulo 16 and
    /// at least 26, and its bytes are neither text nor a file that is known.
    pub(crate) fn may_be_sealed(&self, raw_bytes: u64) -> bool {
        let block = BLOCK as u64;
        let has_its_length = raw_bytes >= 26 && raw_bytes % block == MAC_BYTES as u64;
        has_its_length && infer::get(&self.0).is_none() && !is_text(&self.0)
    }

    /// Whether the medium's key turns the first block into the beginning of a known file, which what came is
    /// not: an encrypted file, also if its end is missing.
    fn opens_under(&self, key: &MediaKey) -> bool {
        let Some(first) = self.0.first_chunk::<BLOCK>() else {
            return false;
        };
        let becomes_a_file = |family: KeyType| {
            let (keys, mut block) = (key.expand(family), *first);
            let iv = DecryptionContext::Iv128(keys.iv().into());
            let opened = keys
                .decrypting()
                .is_some_and(|cipher| cipher.decrypt(&mut block, iv).is_ok());
            opened && infer::get(&block).is_some()
        };
        infer::get(&self.0).is_none() && KeyType::ALL.into_iter().any(becomes_a_file)
    }
}

/// Whether it is the beginning of a text in UTF-8, which no cipher gives.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => head
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or_default(),
        Err(_) => return false,
    };
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    !text.is_empty() && !text.contains(is_odd)
}

/// Watches what should be the file itself for being the encrypted one.
pub(crate) struct Watch {
    key: Option<MediaKey>,
    head: Head,
    /// The MAC of each family over all but the last bytes.
    macs: Vec<hmac::Context>,
    /// The last bytes: the MAC, if this is the end of an encrypted file.
    held: Vec<u8>,
}

impl Watch {
    /// With the key that would open it, if that can be read: then the MAC tells for certain.
    pub(crate) fn under(key: Option<MediaKey>) -> Self {
        let keys = key
            .iter()
            .flat_map(|key| KeyType::ALL.map(|one| key.expand(one)));
        Self {
            macs: keys.map(|keys| keys.mac()).collect(),
            key,
            head: Head::default(),
            held: Vec::with_capacity(MAC_BYTES),
        }
    }

    /// Takes in what comes next.
    pub(crate) fn see(&mut self, bytes: &[u8]) {
        self.head.see(bytes);
        let early = bytes.len().saturating_sub(MAC_BYTES);
        let (settled, last) = bytes.split_at_checked(early).unwrap_or_default();
        let excess = (self.held.len() + last.len()).saturating_sub(MAC_BYTES);
        let overtaken: Vec<u8> = self.held.drain(..excess.min(self.held.len())).collect();
        for mac in &mut self.macs {
            mac.update(&overtaken);
            mac.update(settled);
        }
        self.held.extend_from_slice(last);
    }

    /// Whether what came, so many bytes in all, is the encrypted file.
    pub(crate) fn tells_sealed(self, raw_bytes: u64) -> bool {
        let Some(key) = &self.key else {
            return self.head.may_be_sealed(raw_bytes);
        };
        let held = &self.held;
        let holds = |mac: hmac::Context| {
            let mac = mac.sign();
            let computed = mac.as_ref().get(..MAC_BYTES).unwrap_or_default();
            verify_slices_are_equal(computed, held).is_ok()
        };
        self.macs.into_iter().any(holds) || self.head.opens_under(key)
    }
}
