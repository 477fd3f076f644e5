//! WhatsApp's media encryption, written from its description with `RustCrypto`: AES-256-CBC,
//! PKCS#7, ten bytes of HMAC-SHA-256.

use aes::Aes256;
use anyhow::{Result, anyhow};
use bytes::Bytes;
use cbc::cipher::{Array, BlockModeEncrypt, KeyIvInit};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::plain::{CHUNK, Chunks, Plain};

const BLOCK: usize = 16;
/// Length in bytes of the MAC at the end of an encrypted file.
pub const MAC_LEN: usize = 10;

/// The type of content, which selects the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// `WhatsApp Image Keys`.
    Image,
    /// `WhatsApp Video Keys`.
    Video,
    /// `WhatsApp Audio Keys`.
    Audio,
    /// `WhatsApp Document Keys`.
    Document,
}

impl KeyType {
    /// The HKDF info string.
    pub fn hkdf_info(self) -> &'static str {
        match self {
            KeyType::Image => "WhatsApp Image Keys",
            KeyType::Video => "WhatsApp Video Keys",
            KeyType::Audio => "WhatsApp Audio Keys",
            KeyType::Document => "WhatsApp Document Keys",
        }
    }

    /// The value of W-API's `type` field.
    pub fn wapi_type(self) -> &'static str {
        match self {
            KeyType::Image => "image",
            KeyType::Video => "video",
            KeyType::Audio => "audio",
            KeyType::Document => "document",
        }
    }
}

/// How the sender encrypted the file. The webhook's `fileEncSha256` is always the hash of the
/// encrypted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// As WhatsApp encrypts.
    #[default]
    Right,
    /// The last ten bytes are not the MAC: the encrypted hash matches, the MAC does not.
    BadMac,
    /// MAC and encrypted hash match, the PKCS#7 padding is invalid.
    BadPadding,
    /// Not encrypted: the CDN has the plaintext, as for channels. `fileEncSha256` is the hash of
    /// the plaintext.
    Plain,
}

/// The keys that HKDF expands a media key into, for one type of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKeys {
    /// The initialisation vector of AES-CBC.
    pub iv: [u8; 16],
    /// The key of AES-256.
    pub cipher_key: [u8; 32],
    /// The key of HMAC-SHA-256.
    pub mac_key: [u8; 32],
    /// Unused by the format; test vectors contain it.
    pub ref_key: [u8; 32],
}

impl MediaKeys {
    /// Expands a media key for one of the four types of content.
    ///
    /// # Errors
    /// Never in practice: the lengths are fixed.
    pub fn derive_keys(media_key: &[u8; 32], key_type: KeyType) -> Result<Self> {
        Self::derive_with_info(media_key, key_type.hkdf_info())
    }

    /// Expands a media key with any info string.
    ///
    /// # Errors
    /// Never in practice: the lengths are fixed.
    pub fn derive_with_info(media_key: &[u8; 32], info: &str) -> Result<Self> {
        let mut okm = [0_u8; 112];
        Hkdf::<Sha256>::new(None, media_key)
            .expand(info.as_bytes(), &mut okm)
            .map_err(|_| anyhow!("HKDF refused a length of 112"))?;
        let [iv, cipher_key, mac_key, ref_key] = [(0, 16), (16, 48), (48, 80), (80, 112)]
            .map(|(from, to)| okm.get(from..to).unwrap_or(&[]));
        Ok(Self {
            iv: iv.try_into()?,
            cipher_key: cipher_key.try_into()?,
            mac_key: mac_key.try_into()?,
            ref_key: ref_key.try_into()?,
        })
    }
}

/// The length of an encrypted file in bytes.
pub fn encrypted_size(plain_size: u64, seal: Encryption) -> u64 {
    match seal {
        Encryption::Plain => plain_size,
        Encryption::Right | Encryption::BadMac | Encryption::BadPadding => {
            (plain_size / BLOCK as u64 + 1) * BLOCK as u64 + MAC_LEN as u64
        }
    }
}

/// An encrypted file in pieces, encrypted as the plain one is read.
#[derive(Debug)]
pub struct EncryptedChunks {
    chunks: Chunks,
    /// `None` after the MAC, or if the file is not encrypted.
    sealing: Option<EncryptionState>,
    seal: Encryption,
}

#[derive(Debug)]
struct EncryptionState {
    cipher: cbc::Encryptor<Aes256>,
    mac: Hmac<Sha256>,
}

impl EncryptedChunks {
    /// Starts to encrypt.
    ///
    /// # Errors
    /// Never in practice: HMAC takes keys of any length.
    pub fn new(plain: &Plain, keys: &MediaKeys, seal: Encryption) -> Result<Self> {
        let sealing = if seal == Encryption::Plain {
            None
        } else {
            let mut mac = Hmac::<Sha256>::new_from_slice(&keys.mac_key)
                .map_err(|_| anyhow!("HMAC refused its key"))?;
            mac.update(&keys.iv);
            Some(EncryptionState {
                cipher: cbc::Encryptor::new(&keys.cipher_key.into(), &keys.iv.into()),
                mac,
            })
        };
        Ok(Self { chunks: plain.chunks(), sealing, seal })
    }
}

impl Iterator for EncryptedChunks {
    type Item = Bytes;

    /// Whole chunks are a multiple of the block, so only the file's last piece is padded.
    fn next(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.next();
        let Some(sealing) = &mut self.sealing else {
            return chunk;
        };
        let chunk = chunk.unwrap_or_default();
        let is_last = chunk.len() < CHUNK;
        let mut out = Vec::with_capacity(chunk.len() + BLOCK + MAC_LEN);
        out.extend_from_slice(&chunk);
        if is_last {
            append_padding(&mut out, self.seal);
        }
        let (blocks, _) = Array::slice_as_chunks_mut(&mut out);
        sealing.cipher.encrypt_blocks(blocks);
        sealing.mac.update(&out);
        if is_last {
            let mac = self.sealing.take()?.mac.finalize().into_bytes();
            let flip = u8::from(self.seal == Encryption::BadMac);
            out.extend(mac.iter().take(MAC_LEN).map(|byte| byte ^ flip));
        }
        Some(out.into())
    }
}

/// Appends PKCS#7 padding, or a last byte that is invalid as PKCS#7.
fn append_padding(out: &mut Vec<u8>, seal: Encryption) {
    let missing = BLOCK - out.len() % BLOCK;
    let byte = u8::try_from(missing).unwrap_or(0);
    out.resize(out.len() + missing, byte);
    if let (Encryption::BadPadding, Some(last)) = (seal, out.last_mut()) {
        *last = 0xff;
    }
}

/// The two hashes of a file that its webhook contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256 of the plain bytes.
    pub plain: [u8; 32],
    /// SHA-256 of the encrypted bytes.
    pub sealed: [u8; 32],
}

/// Computes both hashes of a file.
///
/// # Errors
/// Never in practice: the lengths are fixed.
pub fn compute_hashes(plain: &Plain, keys: &MediaKeys, seal: Encryption) -> Result<Hashes> {
    let mut sealed = Sha256::new();
    for chunk in EncryptedChunks::new(plain, keys, seal)? {
        sealed.update(&chunk);
    }
    Ok(Hashes { plain: plain.sha256(), sealed: sealed.finalize().into() })
}

/// Encrypts bytes in memory with any keys, for tests of other crates that need an independent
/// implementation.
///
/// # Errors
/// Never in practice: the lengths are fixed.
pub fn encrypt_bytes(plain: impl Into<Bytes>, keys: &MediaKeys, seal: Encryption) -> Result<Bytes> {
    let mut out = Vec::new();
    for chunk in EncryptedChunks::new(&Plain::unpadded(plain), keys, seal)? {
        out.extend_from_slice(&chunk);
    }
    Ok(out.into())
}
