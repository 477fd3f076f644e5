//! Media files of any size in a few megabytes: what is repeated is the encrypted file.
//!
//! A file is chosen by its encrypted bytes, one random MiB again and again; its plain bytes are
//! what they decrypt to, which is a first MiB and then another one again and again. So nothing is
//! encrypted while a file is served.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::{
    cipher::{
        AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
        UnboundCipherKey,
    },
    digest, hkdf, hmac,
    iv::FixedLength,
    rand,
};
use bytes::Bytes;
use data_encoding::BASE64;

pub(crate) const MIB: u64 = 1024 * 1024;
const UNIT: usize = 1024 * 1024;
const BLOCK: usize = 16;
const MAC_BYTES: usize = 10;
const INFO: &[u8] = b"WhatsApp Document Keys";

/// A document that both origins serve.
#[derive(Debug, Clone)]
pub(crate) struct MediaFile {
    /// The plain size, in bytes.
    pub(crate) size: u64,
    /// The plain bytes, in pieces.
    pub(crate) plain: Vec<Bytes>,
    /// The encrypted bytes with their MAC, in pieces.
    pub(crate) encrypted: Vec<Bytes>,
    /// The fields of the webhook, in base64.
    pub(crate) media_key: String,
    pub(crate) plain_sha256: String,
    pub(crate) encrypted_sha256: String,
}

struct Keys {
    iv: [u8; BLOCK],
    cipher: [u8; 32],
    mac: [u8; 32],
}

impl MediaFile {
    /// Makes a file of `size` plain bytes, a multiple of 16.
    pub(crate) fn make(size: u64) -> Result<Self> {
        let mut media_key = [0; 32];
        rand::fill(&mut media_key).map_err(|_| anyhow!("no random bytes"))?;
        let keys = derive_keys(&media_key)?;
        let size_left = usize::try_from(size)?;
        let length = size_left.min(UNIT);
        let mut unit = vec![0; length];
        rand::fill(&mut unit).map_err(|_| anyhow!("no random bytes"))?;
        let unit = Bytes::from(unit);
        let last: [u8; BLOCK] = unit.get(length - BLOCK..).context("a block")?.try_into()?;
        let first_plain = Bytes::from(decrypt(&keys, keys.iv, &unit)?);
        let next_plain = Bytes::from(decrypt(&keys, last, &unit)?);
        let (mut plain, mut encrypted) = (Vec::new(), Vec::new());
        let mut left = size_left;
        while left > 0 {
            let of_unit = left.min(UNIT);
            let next = if plain.is_empty() { &first_plain } else { &next_plain };
            plain.push(next.slice(..of_unit));
            encrypted.push(unit.slice(..of_unit));
            left -= of_unit;
        }
        encrypted.push(seal_end(&keys, &encrypted)?);
        Ok(Self {
            size,
            plain_sha256: hash(&plain),
            encrypted_sha256: hash(&encrypted),
            media_key: BASE64.encode(&media_key),
            plain,
            encrypted,
        })
    }
}

fn derive_keys(media_key: &[u8]) -> Result<Keys> {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            112
        }
    }
    let mut bytes = [0; 112];
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(media_key)
        .expand(&[INFO], Length)
        .and_then(|expanded| expanded.fill(&mut bytes))
        .map_err(|_| anyhow!("the keys cannot be derived"))?;
    let (iv, rest) = bytes.split_at(BLOCK);
    let (cipher, rest) = rest.split_at(32);
    let (mac, _) = rest.split_at(32);
    Ok(Keys { iv: iv.try_into()?, cipher: cipher.try_into()?, mac: mac.try_into()? })
}

fn decrypt(keys: &Keys, iv: [u8; BLOCK], encrypted: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = encrypted.to_vec();
    let key = UnboundCipherKey::new(&AES_256, &keys.cipher).and_then(DecryptingKey::cbc);
    key.and_then(|key| {
        key.decrypt(&mut bytes, DecryptionContext::Iv128(FixedLength::from(iv))).map(drop)
    })
    .map_err(|_| anyhow!("the file cannot be decrypted"))?;
    Ok(bytes)
}

/// The last block, which is padding alone, and the MAC.
fn seal_end(keys: &Keys, encrypted: &[Bytes]) -> Result<Bytes> {
    let before = encrypted.last().context("a file of at least one block")?;
    let before = before.get(before.len() - BLOCK..).context("a block")?;
    let before: [u8; BLOCK] = before.try_into()?;
    let mut end = vec![0x10; BLOCK];
    let key = UnboundCipherKey::new(&AES_256, &keys.cipher).and_then(EncryptingKey::cbc);
    key.and_then(|key| {
        let context = EncryptionContext::Iv128(FixedLength::from(before));
        key.less_safe_encrypt(&mut end, context).map(drop)
    })
    .map_err(|_| anyhow!("the last block cannot be encrypted"))?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &keys.mac));
    mac.update(&keys.iv);
    encrypted.iter().for_each(|piece| mac.update(piece));
    mac.update(&end);
    end.extend(mac.sign().as_ref().iter().take(MAC_BYTES));
    Ok(Bytes::from(end))
}

fn hash(pieces: &[Bytes]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    pieces.iter().for_each(|piece| hash.update(piece));
    BASE64.encode(hash.finish().as_ref())
}

/// The length of pieces, in bytes.
pub(crate) fn total_bytes(pieces: &[Bytes]) -> usize {
    pieces.iter().map(Bytes::len).sum()
}
