//! The encryption against the vectors that were made with another implementation.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use anyhow::{Context, Result};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stand_in::{MediaKeys, Seal, seal_bytes};

fn vectors() -> Result<Vec<Value>> {
    let text = include_str!("../../../../shared/media/tests/vectors.json");
    let vectors: Value = serde_json::from_str(text)?;
    let vectors = vectors.get("vectors").and_then(Value::as_array);
    Ok(vectors.context("no vectors")?.clone())
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_default()
}

/// The vectors' plaintext: the AES-256-CTR keystream of SHA-256("plain/" + name), counting from zero.
fn plaintext(vector: &Value) -> Result<Vec<u8>> {
    let key: [u8; 32] = Sha256::digest(format!("plain/{}", text(vector, "name"))).into();
    let cipher = Aes256::new(&key.into());
    let length = usize::try_from(vector["fileLength"].as_u64().context("no length")?)?;
    let mut plain: Vec<u8> = (0_u128..)
        .take(length.div_ceil(16))
        .flat_map(|counter| {
            let mut block = Array::from(counter.to_be_bytes());
            cipher.encrypt_block(&mut block);
            block
        })
        .collect();
    plain.truncate(length);
    Ok(plain)
}

#[test]
fn every_vector_gives_its_keys() -> Result<()> {
    for vector in vectors()? {
        let media_key = BASE64.decode(text(&vector, "mediaKey").as_bytes())?;
        let keys =
            MediaKeys::derive_with_info(media_key.as_slice().try_into()?, text(&vector, "info"))?;
        assert_eq!(HEXLOWER.encode(&keys.iv), text(&vector, "ivHex"));
        assert_eq!(
            HEXLOWER.encode(&keys.cipher_key),
            text(&vector, "cipherKeyHex")
        );
        assert_eq!(HEXLOWER.encode(&keys.mac_key), text(&vector, "macKeyHex"));
        assert_eq!(HEXLOWER.encode(&keys.ref_key), text(&vector, "refKeyHex"));
    }
    Ok(())
}

#[test]
fn every_vector_gives_its_sealed_file() -> Result<()> {
    let vectors = vectors()?;
    assert_eq!(vectors.len(), 33);
    for vector in vectors {
        let name = text(&vector, "name");
        let media_key = BASE64.decode(text(&vector, "mediaKey").as_bytes())?;
        let keys =
            MediaKeys::derive_with_info(media_key.as_slice().try_into()?, text(&vector, "info"))?;
        let plain = plaintext(&vector)?;
        assert_eq!(
            BASE64.encode(&Sha256::digest(&plain)),
            text(&vector, "fileSha256"),
            "{name}"
        );
        let sealed = seal_bytes(plain, &keys, Seal::Right)?;
        assert_eq!(
            Some(sealed.len() as u64),
            vector["encLength"].as_u64(),
            "{name}"
        );
        assert_eq!(
            BASE64.encode(&Sha256::digest(&sealed)),
            text(&vector, "fileEncSha256"),
            "{name}"
        );
        assert_eq!(
            HEXLOWER.encode(&sealed[sealed.len() - 10..]),
            text(&vector, "mac10Hex"),
            "{name}"
        );
        if let Some(enc) = vector["enc"].as_str() {
            assert_eq!(BASE64.encode(&sealed), enc, "{name}");
        }
    }
    Ok(())
}
