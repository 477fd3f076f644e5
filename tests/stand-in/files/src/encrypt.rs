//! WhatsApp's media encryption, written from its description with `RustCrypto`: AES-256-CBC, PKCS#7, ten bytes of HMAC-SHA-256.

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
/// Bytes of the MAC that end a sealed file.
pub const MAC_LEN: usize = 10;

/// Whose keys a file is encrypted with.
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
    pub fn info(self) -> &'static str {
        match self {
            KeyType::Image => "WhatsApp Image Keys",
            KeyType::Video => "WhatsApp Video Keys",
            KeyType::Audio => "WhatsApp Audio Keys",
            KeyType::Document => "WhatsApp Document Keys",
        }
    }

    /// The word that W-API's `type` field has for it.
    pub fn wapi_type(self) -> &'static str {
        match self {
            KeyType::Image => "image",
            KeyType::Video => "video",
            KeyType::Audio => "audio",
            KeyType::Document => "document",
        }
    }
}

/// How the sender sealed the file. The webhook's `fileEncSha256` is always that of the sealed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seal {
    /// As WhatsApp does it.
    #[default]
    Right,
    /// The last ten bytes are not the MAC: the encrypted hash agrees, the MAC does not.
    BadMac,
    /// MAC and encrypted hash agree, the PKCS#7 padding is nonsense.
    BadPadding,
    /// Not sealed at all: the CDN holds the plaintext, as for channels. `fileEncSha256` is then that of the plaintext.
    Plain,
}

/// What HKDF makes of a media key for one type of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKeys {
    /// The initialisation vector.
    pub iv: [u8; 16],
    /// The AES key.
    pub cipher_key: [u8; 32],
    /// The HMAC key.
    pub mac_key: [u8; 32],
    /// Unused by the format; here to hold test vectors against.
    pub ref_key: [u8; 32],
}

impl MediaKeys {
    /// The keys of a media key for one of the four types of media.
    ///
    /// # Errors
    /// Never in practice: the lengths are fixed.
    pub fn derive(media_key: &[u8; 32], key_type: KeyType) -> Result<Self> {
        Self::derive_with_info(media_key, key_type.info())
    }

    /// The keys of a media key for any info string.
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

/// The length of a sealed file.
pub fn sealed_size(plain_size: u64, seal: Seal) -> u64 {
    match seal {
        Seal::Plain => plain_size,
        Seal::Right | Seal::BadMac | Seal::BadPadding => {
            (plain_size / BLOCK as u64 + 1) * BLOCK as u64 + MAC_LEN as u64
        }
    }
}

/// A sealed file in pieces, made from a plain one as it is read.
#[derive(Debug)]
pub struct Sealed {
    chunks: Chunks,
    /// `None` once the MAC is out, or for a file that is not sealed.
    sealing: Option<Sealing>,
    seal: Seal,
}

#[derive(Debug)]
struct Sealing {
    cipher: cbc::Encryptor<Aes256>,
    mac: Hmac<Sha256>,
}

impl Sealed {
    /// Begins to seal.
    ///
    /// # Errors
    /// Never in practice: HMAC takes keys of any length.
    pub fn new(plain: &Plain, keys: &MediaKeys, seal: Seal) -> Result<Self> {
        let sealing = if seal == Seal::Plain {
            None
        } else {
            let mut mac = Hmac::<Sha256>::new_from_slice(&keys.mac_key)
                .map_err(|_| anyhow!("HMAC refused its key"))?;
            mac.update(&keys.iv);
            Some(Sealing {
                cipher: cbc::Encryptor::new(&keys.cipher_key.into(), &keys.iv.into()),
                mac,
            })
        };
        Ok(Self {
            chunks: plain.chunks(),
            sealing,
            seal,
        })
    }
}

impl Iterator for Sealed {
    type Item = Bytes;

    /// Whole chunks are a multiple of the block, so only the file's last piece meets the padding.
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
            pad(&mut out, self.seal);
        }
        let (blocks, _) = Array::slice_as_chunks_mut(&mut out);
        sealing.cipher.encrypt_blocks(blocks);
        sealing.mac.update(&out);
        if is_last {
            let mac = self.sealing.take()?.mac.finalize().into_bytes();
            let flip = u8::from(self.seal == Seal::BadMac);
            out.extend(mac.iter().take(MAC_LEN).map(|byte| byte ^ flip));
        }
        Some(out.into())
    }
}

/// PKCS#7, or a last byte that no PKCS#7 ends with.
fn pad(out: &mut Vec<u8>, seal: Seal) {
    let missing = BLOCK - out.len() % BLOCK;
    let byte = u8::try_from(missing).unwrap_or(0);
    out.resize(out.len() + missing, byte);
    if let (Seal::BadPadding, Some(last)) = (seal, out.last_mut()) {
        *last = 0xff;
    }
}

/// The two hashes of a sealed file that its webhook tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// Of the plain bytes.
    pub plain: [u8; 32],
    /// Of the sealed bytes.
    pub sealed: [u8; 32],
}

/// Both hashes of a file.
///
/// # Errors
/// Never in practice: the lengths are fixed.
pub fn hashes(plain: &Plain, keys: &MediaKeys, seal: Seal) -> Result<Hashes> {
    let mut sealed = Sha256::new();
    for chunk in Sealed::new(plain, keys, seal)? {
        sealed.update(&chunk);
    }
    Ok(Hashes {
        plain: plain.sha256(),
        sealed: sealed.finalize().into(),
    })
}

/// Seals bytes in memory with keys of any kind: for tests of other crates that need an independent sealer.
///
/// # Errors
/// Never in practice: the lengths are fixed.
pub fn seal_bytes(plain: impl Into<Bytes>, keys: &MediaKeys, seal: Seal) -> Result<Bytes> {
    let mut out = Vec::new();
    for chunk in Sealed::new(&Plain::whole(plain), keys, seal)? {
        out.extend_from_slice(&chunk);
    }
    Ok(out.into())
}
