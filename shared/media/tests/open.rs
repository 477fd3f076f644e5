//! Decryption, against vectors of another implementation and against every way to damage a file.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    hmac,
};
use data_encoding::{BASE64, HEXLOWER};
use media::{
    kind::{KeyType, MediaKind},
    media_key::MediaKey,
    open::{ExpectedHashes, OpenError, Opener, Proof},
    record::Integrity,
    sha256::Sha256,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    info: String,
    media_key: String,
    iv_hex: String,
    cipher_key_hex: String,
    mac_key_hex: String,
    file_length: u64,
    file_sha256: String,
    file_enc_sha256: String,
    enc: Option<String>,
    plain: Option<String>,
}

/// The vectors of the families that media messages use; the file has others as well.
fn load_vectors() -> Vec<Vector> {
    let all: Vectors =
        serde_json::from_str(include_str!("vectors.json")).expect("the vectors parse");
    let vectors: Vec<_> =
        all.vectors.into_iter().filter(|vector| vector.family().is_some()).collect();
    assert!(vectors.len() >= 25, "the vectors are all there");
    let is_pack = |one: &Vector| one.family() == Some(KeyType::StickerPack);
    assert!(vectors.iter().any(is_pack), "a pack of stickers, too");
    vectors
}

impl Vector {
    fn media_key(&self) -> MediaKey {
        MediaKey::from_base64(&self.media_key).expect("a vector's key is well formed")
    }

    fn family(&self) -> Option<KeyType> {
        KeyType::ALL
            .into_iter()
            .chain([KeyType::StickerPack])
            .find(|family| family.hkdf_info() == self.info.as_bytes())
    }

    fn expected(&self) -> ExpectedHashes {
        ExpectedHashes {
            file_sha256: Some(Sha256::from_base64(&self.file_sha256).expect("a hash")),
            file_enc_sha256: Some(Sha256::from_base64(&self.file_enc_sha256).expect("a hash")),
            keep_mismatch: false,
        }
    }

    fn enc(&self) -> Option<Vec<u8>> {
        self.enc.as_ref().map(|text| BASE64.decode(text.as_bytes()).expect("base64"))
    }

    fn plain(&self) -> Option<Vec<u8>> {
        self.plain.as_ref().map(|text| BASE64.decode(text.as_bytes()).expect("base64"))
    }
}

/// Runs a pass over `input` in windows that grow by `chunk` bytes, as a network fills them.
fn run_opener(
    mut opener: Opener,
    input: &[u8],
    chunk: usize,
) -> Result<(Vec<u8>, Proof), OpenError> {
    let mut buffer = Vec::new();
    let mut opened = 0;
    for piece in input.chunks(chunk.max(1)) {
        buffer.extend_from_slice(piece);
        opened += opener.advance(&mut buffer[opened..])?;
    }
    let (kept, proof) = opener.finish(&mut buffer[opened..])?;
    buffer.truncate(opened + kept);
    Ok((buffer, proof))
}

fn encrypted_opener(vector: &Vector, expected: ExpectedHashes) -> Opener {
    Opener::encrypted(vector.media_key(), vec![vector.family().expect("a family")], expected)
}

/// Encrypts as a sender does, for files that the vectors lack.
fn encrypt_file(
    plain: &[u8],
    key: &MediaKey,
    family: KeyType,
    pad: Option<u8>,
) -> (Vec<u8>, ExpectedHashes) {
    let keys = key.expand(family);
    let amount = 16 - plain.len() % 16;
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + amount, pad.unwrap_or(u8::try_from(amount).expect("at most 16")));
    let cipher = UnboundCipherKey::new(&AES_256, keys.cipher_key()).expect("a key of 32 bytes");
    let cipher = EncryptingKey::cbc(cipher).expect("CBC");
    cipher
        .less_safe_encrypt(&mut bytes, EncryptionContext::Iv128(keys.iv().into()))
        .expect("whole blocks");
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, keys.mac_key()));
    mac.update(&keys.iv());
    mac.update(&bytes);
    bytes.extend_from_slice(&mac.sign().as_ref()[..10]);
    let expected = ExpectedHashes {
        file_sha256: Some(Sha256::from_data(plain)),
        file_enc_sha256: Some(Sha256::from_data(&bytes)),
        keep_mismatch: false,
    };
    (bytes, expected)
}

fn sample_key() -> MediaKey {
    MediaKey::from_base64(&BASE64.encode(&[7; 32])).expect("32 bytes")
}

#[test]
fn derived_keys_match_the_other_implementation() {
    for vector in load_vectors() {
        let keys = vector.media_key().expand(vector.family().expect("a family"));
        assert_eq!(HEXLOWER.encode(&keys.iv()), vector.iv_hex, "{}", vector.name);
        assert_eq!(HEXLOWER.encode(keys.cipher_key()), vector.cipher_key_hex, "{}", vector.name);
        assert_eq!(HEXLOWER.encode(keys.mac_key()), vector.mac_key_hex, "{}", vector.name);
    }
}

#[test]
fn every_vector_is_fully_proven() {
    for vector in load_vectors() {
        let (Some(enc), Some(plain)) = (vector.enc(), vector.plain()) else {
            continue;
        };
        let (opened, proof) =
            run_opener(encrypted_opener(&vector, vector.expected()), &enc, 64 * 1024)
                .expect(&vector.name);
        assert_eq!(opened, plain, "{}", vector.name);
        assert_eq!(proof.integrity, Integrity::MacAndSha256, "{}", vector.name);
        assert_eq!(proof.size_bytes, vector.file_length, "{}", vector.name);
    }
}

#[test]
fn chunk_sizes_do_not_change_the_bytes() {
    for vector in load_vectors() {
        let (Some(enc), Some(plain)) = (vector.enc(), vector.plain()) else {
            continue;
        };
        for chunk in 1..=enc.len() {
            let (opened, _) = run_opener(encrypted_opener(&vector, vector.expected()), &enc, chunk)
                .expect(&vector.name);
            assert_eq!(opened, plain, "{} in chunks of {chunk}", vector.name);
        }
    }
}

#[test]
fn a_truncated_file_is_refused() {
    for vector in load_vectors().into_iter().filter(|vector| vector.file_length <= 100) {
        let Some(enc) = vector.enc() else { continue };
        for kept in 0..enc.len() {
            let without_enc_hash = ExpectedHashes { file_enc_sha256: None, ..vector.expected() };
            for expected in [vector.expected(), without_enc_hash] {
                let refused = run_opener(encrypted_opener(&vector, expected), &enc[..kept], 64)
                    .expect_err("a cut file");
                match (kept, refused) {
                    (0, OpenError::Empty)
                    | (
                        _,
                        OpenError::BadLength { .. }
                        | OpenError::EncHashDiffers
                        | OpenError::MacDiffers { .. },
                    ) => {}
                    (kept, other) => panic!("{} cut to {kept}: {other}", vector.name),
                }
            }
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    for vector in load_vectors().into_iter().filter(|vector| vector.file_length <= 100) {
        let Some(enc) = vector.enc() else { continue };
        for byte in 0..enc.len() {
            let mut spoiled = enc.clone();
            spoiled[byte] ^= 1 << (byte % 8);
            let refused = run_opener(encrypted_opener(&vector, vector.expected()), &spoiled, 64);
            assert_eq!(refused.expect_err("a flipped bit"), OpenError::EncHashDiffers);
            let without_enc_hash = ExpectedHashes { file_enc_sha256: None, ..vector.expected() };
            let refused = run_opener(encrypted_opener(&vector, without_enc_hash), &spoiled, 64)
                .expect_err("a flipped bit");
            assert!(
                matches!(refused, OpenError::MacDiffers { transfer_proven: false, .. }),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_wrong_family_is_no_broken_transfer() {
    let (bytes, expected) =
        encrypt_file(b"nothing that any format begins with", &sample_key(), KeyType::Audio, None);
    let refused =
        run_opener(Opener::encrypted(sample_key(), vec![KeyType::Document], expected), &bytes, 64);
    let said = OpenError::MacDiffers { family: KeyType::Document, transfer_proven: true };
    assert_eq!(refused.expect_err("the wrong family"), said);
}

/// A document that was encrypted as an image opens at the first attempt.
#[test]
fn the_first_block_selects_the_key_family() {
    let jpeg = [b"\xff\xd8\xff\xe0\x00\x10JFIF".as_slice(), &[0; 100]].concat();
    let (bytes, expected) = encrypt_file(&jpeg, &sample_key(), KeyType::Image, None);
    let candidates = KeyType::candidates(MediaKind::Document, Some("image/jpeg"));
    assert_eq!(candidates[..2], [KeyType::Document, KeyType::Image]);
    let (opened, proof) =
        run_opener(Opener::encrypted(sample_key(), candidates.to_vec(), expected), &bytes, 64)
            .expect("opens");
    assert_eq!((opened, proof.integrity), (jpeg, Integrity::MacAndSha256));
}

#[test]
fn padding_is_checked_after_the_mac() {
    let (mut bytes, expected) =
        encrypt_file(b"twelve bytes", &sample_key(), KeyType::Image, Some(9));
    let opener = || {
        Opener::encrypted(
            sample_key(),
            vec![KeyType::Image],
            ExpectedHashes { file_sha256: None, ..expected },
        )
    };
    assert_eq!(run_opener(opener(), &bytes, 64).expect_err("bad padding"), OpenError::BadPadding);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let no_hash = Opener::encrypted(sample_key(), vec![KeyType::Image], ExpectedHashes::default());
    assert!(matches!(run_opener(no_hash, &bytes, 64), Err(OpenError::MacDiffers { .. })));
}

#[test]
fn the_mac_outranks_the_plain_hash() {
    let (bytes, expected) = encrypt_file(b"some bytes", &sample_key(), KeyType::Video, None);
    let lie = ExpectedHashes { file_sha256: Some(Sha256::from_data(b"other bytes")), ..expected };
    let (_, proof) =
        run_opener(Opener::encrypted(sample_key(), vec![KeyType::Video], lie), &bytes, 64)
            .expect("opens");
    assert_eq!(
        (proof.integrity, proof.sha256),
        (Integrity::MacAgainstSha256, Sha256::from_data(b"some bytes"))
    );
    let silent = ExpectedHashes { file_sha256: None, ..expected };
    let (_, proof) =
        run_opener(Opener::encrypted(sample_key(), vec![KeyType::Video], silent), &bytes, 64)
            .expect("opens");
    assert_eq!(proof.integrity, Integrity::MacOnly);
}

#[test]
fn a_plain_channel_file_is_recognised() {
    for length in [1_usize, 25, 26, 1000] {
        let plain = vec![b'n'; length];
        let expected = ExpectedHashes {
            file_sha256: Some(Sha256::from_data(&plain)),
            ..ExpectedHashes::default()
        };
        let refused =
            run_opener(Opener::encrypted(sample_key(), vec![KeyType::Image], expected), &plain, 64);
        assert_eq!(refused.expect_err("not encrypted"), OpenError::WasPlain, "{length} bytes");
        let (opened, proof) =
            run_opener(Opener::plain(expected), &plain, 64).expect("opens as plain");
        assert_eq!((opened, proof.integrity), (plain, Integrity::Sha256));
    }
}

#[test]
fn only_the_hash_proves_plain_bytes() {
    let hash = |of: &[u8]| ExpectedHashes {
        file_sha256: Some(Sha256::from_data(of)),
        ..ExpectedHashes::default()
    };
    let integrity = |expected| {
        run_opener(Opener::plain(expected), b"bytes", 2).map(|(_, proof)| proof.integrity)
    };
    assert_eq!(integrity(hash(b"bytes")), Ok(Integrity::Sha256));
    assert_eq!(integrity(hash(b"others")), Err(OpenError::HashDiffers));
    assert_eq!(
        integrity(ExpectedHashes { keep_mismatch: true, ..hash(b"others") }),
        Ok(Integrity::Mismatch)
    );
    assert_eq!(integrity(ExpectedHashes::default()), Ok(Integrity::Unverified));
    assert_eq!(
        run_opener(Opener::plain(ExpectedHashes::default()), b"", 1).expect_err("nothing"),
        OpenError::Empty
    );
}

/// Bytes that are neither text nor the start of a known file format.
fn noise_bytes(length: usize) -> Vec<u8> {
    let next = |byte: &u8| Some(byte.wrapping_mul(137).wrapping_add(91));
    std::iter::successors(Some(3_u8), next).take(length).collect()
}

/// W-API answers with the CDN's encrypted bytes if it was given the wrong key.
#[test]
fn bytes_left_encrypted_are_refused() {
    let noise = noise_bytes(4000);
    let plains: [&[u8]; 5] = [b"", b"a text", b"\xff\xd8\xff\xe0 a picture", b"PK\x03\x04", &noise];
    let other = Some(Sha256::from_data(b"another file"));
    for (plain, family) in plains.into_iter().flat_map(|plain| KeyType::ALL.map(|one| (plain, one)))
    {
        let (bytes, sealed) = encrypt_file(plain, &sample_key(), family, None);
        let silent = ExpectedHashes::default();
        let told = ExpectedHashes { file_sha256: None, ..sealed };
        let overruled = ExpectedHashes { file_sha256: other, keep_mismatch: true, ..silent };
        // The encrypted hash was written into both fields.
        let twice = ExpectedHashes { file_sha256: sealed.file_enc_sha256, ..sealed };
        for expected in [silent, told, overruled, twice] {
            for chunk in [1, 7, 10, 64, 5000] {
                let opener = Opener::decrypted_by_origin(Some(sample_key()), expected);
                let refused = run_opener(opener, &bytes, chunk).expect_err("encrypted");
                assert_eq!(refused, OpenError::StillEncrypted, "{family:?} {expected:?}");
            }
        }
        let refused = run_opener(Opener::plain(told), &bytes, 64).expect_err("encrypted");
        assert_eq!(refused, OpenError::StillEncrypted);
        let blind = Opener::decrypted_by_origin(None, silent);
        assert_eq!(
            run_opener(blind, &bytes, 64).expect_err("looks encrypted"),
            OpenError::StillEncrypted
        );
    }
}

/// A cut removes the MAC that would decide. The decrypted first block detects most of them.
#[test]
fn a_truncated_encrypted_file_is_detected() {
    let picture = [b"\xff\xd8\xff\xe0 a picture".as_slice(), &[7; 500]].concat();
    let (bytes, _) = encrypt_file(&picture, &sample_key(), KeyType::Image, None);
    for kept in [bytes.len() - 1, bytes.len() - 10, 16] {
        let opener = Opener::decrypted_by_origin(Some(sample_key()), ExpectedHashes::default());
        let refused = run_opener(opener, &bytes[..kept], 64).expect_err("encrypted");
        assert_eq!(refused, OpenError::StillEncrypted, "{kept} bytes");
    }
}

#[test]
fn decrypted_files_may_have_any_length() {
    for length in [1_usize, 9, 10, 25, 26, 42, 1002] {
        let text = vec![b't'; length];
        let noise = noise_bytes(length);
        for plain in [text, noise] {
            let opener = Opener::decrypted_by_origin(Some(sample_key()), ExpectedHashes::default());
            let (opened, proof) = run_opener(opener, &plain, 7).expect("the file");
            assert_eq!((opened, proof.integrity), (plain, Integrity::Unverified));
        }
    }
}

/// The two hashes were swapped, so the CDN's bytes agree with the plain hash.
#[test]
fn swapped_hashes_do_not_hide_encryption() {
    let noise = noise_bytes(400);
    let (bytes, told) = encrypt_file(&noise, &sample_key(), KeyType::Document, None);
    let without = ExpectedHashes { file_sha256: told.file_enc_sha256, ..ExpectedHashes::default() };
    let exchanged = ExpectedHashes { file_enc_sha256: told.file_sha256, ..without };
    let others = vec![KeyType::Image, KeyType::Video];
    let refused = run_opener(Opener::encrypted(sample_key(), others.clone(), without), &bytes, 64);
    assert!(matches!(refused, Err(OpenError::MacDiffers { .. })), "{refused:?}");
    let refused = run_opener(Opener::encrypted(sample_key(), others, exchanged), &bytes, 64);
    assert_eq!(refused.expect_err("not plain"), OpenError::EncHashDiffers);
}

/// The key is never printed.
#[test]
fn a_wrong_key_length_is_refused() {
    for length in [0, 1, 31, 33, 64] {
        assert!(MediaKey::from_base64(&BASE64.encode(&vec![1; length])).is_err(), "{length} bytes");
    }
    assert!(MediaKey::from_base64("not base64").is_err());
    assert_eq!(format!("{:?}", sample_key()), "MediaKey([redacted])");
}
