//! A media key and the keys derived from it. Source: the WhatsApp clients whatsmeow and Baileys,
//! which agree.

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, UnboundCipherKey},
    hkdf, hmac,
};
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::{byte_text, kind::KeyType, message::Secret};

/// The 32 bytes from which a message's keys are derived. Redacted when printed, wiped on drop.
#[derive(Clone)]
pub struct MediaKey(Zeroizing<[u8; MediaKey::BYTES]>);

/// The text is not a media key. The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a media key is 32 bytes in base64 or hex")]
pub struct NotAMediaKey;

impl MediaKey {
    /// Length of the key, in bytes.
    pub const BYTES: usize = 32;

    /// Parses a text in any form that [`byte_text::decode`] knows. W-API sends standard base64 of
    /// 44 characters.
    ///
    /// # Errors
    /// [`NotAMediaKey`] for any other text. W-API may still accept it.
    pub fn from_base64(text: &str) -> Result<Self, NotAMediaKey> {
        Self::from_bytes(&byte_text::decode(text).ok_or(NotAMediaKey)?)
    }

    /// Takes exactly 32 bytes.
    ///
    /// # Errors
    /// [`NotAMediaKey`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAMediaKey> {
        let key = bytes.try_into().map_err(|_| NotAMediaKey)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Encodes the key in W-API's form: standard base64, 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> Secret {
        Secret::new(BASE64.encode(self.0.as_slice()))
    }

    /// Derives the keys of one family: HKDF-SHA256 without salt, 112 bytes. The last 32 (the "ref
    /// key") are not used.
    #[must_use]
    pub fn expand(&self, family: KeyType) -> MediaKeys {
        let mut okm = Zeroizing::new([0_u8; MediaKeys::OKM_BYTES]);
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.0.as_slice());
        let filled = prk
            .expand(&[family.hkdf_info()], OkmLength)
            .and_then(|output| output.fill(okm.as_mut_slice()));
        debug_assert!(filled.is_ok(), "112 bytes are within HKDF's limit of 255 hashes");
        MediaKeys { okm }
    }
}

impl std::fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MediaKey([redacted])")
    }
}

struct OkmLength;

impl hkdf::KeyType for OkmLength {
    fn len(&self) -> usize {
        MediaKeys::OKM_BYTES
    }
}

/// IV, cipher key and MAC key of one media file under one family. Wiped on drop.
pub struct MediaKeys {
    okm: Zeroizing<[u8; MediaKeys::OKM_BYTES]>,
}

impl MediaKeys {
    const OKM_BYTES: usize = 112;
    /// Length of the IV and of an AES block, in bytes.
    pub(crate) const BLOCK_BYTES: usize = 16;

    /// The CBC initialisation vector: bytes 0..16.
    #[must_use]
    pub fn iv(&self) -> [u8; Self::BLOCK_BYTES] {
        let mut iv = [0; Self::BLOCK_BYTES];
        iv.copy_from_slice(self.key_slice(0, Self::BLOCK_BYTES));
        iv
    }

    /// The AES-256 key: bytes 16..48.
    #[must_use]
    pub fn cipher_key(&self) -> &[u8] {
        self.key_slice(16, 48)
    }

    /// The HMAC-SHA256 key: bytes 48..80.
    #[must_use]
    pub fn mac_key(&self) -> &[u8] {
        self.key_slice(48, 80)
    }

    /// The cipher for whole blocks. `None` cannot happen, because the key has AES-256's length.
    pub(crate) fn decrypting_key(&self) -> Option<DecryptingKey> {
        UnboundCipherKey::new(&AES_256, self.cipher_key()).and_then(DecryptingKey::cbc).ok()
    }

    /// Starts the MAC over `iv || ciphertext`; the IV is already included.
    pub(crate) fn start_mac(&self) -> hmac::Context {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.mac_key()));
        mac.update(&self.iv());
        mac
    }

    fn key_slice(&self, from: usize, to: usize) -> &[u8] {
        self.okm.get(from..to).unwrap_or_default()
    }
}
