//! The encryption, compared with vectors from another implementation.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use anyhow::{Context, Result};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stand_in::{Encryption, MediaKeys, encrypt_bytes};

fn read_vectors() -> Result<Vec<Value>> {
    let text = include_str!("../../../../shared/media/tests/vectors.json");
    let vectors: Value = serde_json::from_str(text)?;
    let vectors = vectors.get("vectors").and_then(Value::as_array);
    Ok(vectors.context("no vectors")?.clone())
}

fn text_field<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_default()
}

/// The vectors' plaintext: the AES-256-CTR keystream of SHA-256("plain/" + name), counting from
/// zero.
fn vector_plaintext(vector: &Value) -> Result<Vec<u8>> {
    let key: [u8; 32] = Sha256::digest(format!("plain/{}", text_field(vector, "name"))).into();
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
    for vector in read_vectors()? {
        let media_key = BASE64.decode(text_field(&vector, "mediaKey").as_bytes())?;
        let keys = MediaKeys::derive_with_info(
            media_key.as_slice().try_into()?,
            text_field(&vector, "info"),
        )?;
        assert_eq!(HEXLOWER.encode(&keys.iv), text_field(&vector, "ivHex"));
        assert_eq!(HEXLOWER.encode(&keys.cipher_key), text_field(&vector, "cipherKeyHex"));
        assert_eq!(HEXLOWER.encode(&keys.mac_key), text_field(&vector, "macKeyHex"));
        assert_eq!(HEXLOWER.encode(&keys.ref_key), text_field(&vector, "refKeyHex"));
    }
    Ok(())
}

#[test]
fn every_vector_gives_its_encrypted_file() -> Result<()> {
    let vectors = read_vectors()?;
    assert_eq!(vectors.len(), 33);
    for vector in vectors {
        let name = text_field(&vector, "name");
        let media_key = BASE64.decode(text_field(&vector, "mediaKey").as_bytes())?;
        let keys = MediaKeys::derive_with_info(
            media_key.as_slice().try_into()?,
            text_field(&vector, "info"),
        )?;
        let plain = vector_plaintext(&vector)?;
        assert_eq!(
            BASE64.encode(&Sha256::digest(&plain)),
            text_field(&vector, "fileSha256"),
            "{name}"
        );
        let sealed = encrypt_bytes(plain, &keys, Encryption::Right)?;
        assert_eq!(Some(sealed.len() as u64), vector["encLength"].as_u64(), "{name}");
        assert_eq!(
            BASE64.encode(&Sha256::digest(&sealed)),
            text_field(&vector, "fileEncSha256"),
            "{name}"
        );
        assert_eq!(
            HEXLOWER.encode(&sealed[sealed.len() - 10..]),
            text_field(&vector, "mac10Hex"),
            "{name}"
        );
        if let Some(enc) = vector["enc"].as_str() {
            assert_eq!(BASE64.encode(&sealed), enc, "{name}");
        }
    }
    Ok(())
}
