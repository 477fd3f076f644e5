//! Encrypted files, intact and damaged, that arrive in pieces of any size.

use aes::Aes256;
use arbitrary::{Arbitrary, Unstructured};
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use media::{
    kind::KeyType,
    media_key::MediaKey,
    open::{ExpectedHashes, OpenError, Opener, Proof},
    record::Integrity,
    sha256::Sha256,
};
use sha2::Digest;

/// What happens to the file on its way.
#[derive(Debug, Arbitrary)]
enum Damage {
    None,
    /// One bit is flipped.
    Flip {
        at: u16,
        bit: u8,
    },
    /// Bytes are missing at the end.
    Cut {
        bytes: u8,
    },
    /// Bytes are added at the end.
    Append {
        tail: [u8; 16],
        bytes: u8,
    },
    /// The plain file arrives instead.
    Other,
}

#[derive(Debug, Arbitrary)]
struct Delivery<'a> {
    key: [u8; 32],
    family: u8,
    tells_enc_hash: bool,
    tells_hash: bool,
    damage: Damage,
    pieces: [u8; 8],
    plain: &'a [u8],
}

type OpenResult = Result<(Vec<u8>, Proof), OpenError>;

/// Encrypts the file, damages it, and decrypts it in pieces.
pub fn run(data: &[u8]) {
    let Ok(delivery) = Delivery::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let sealed = delivery.encrypt_file();
    let arrived = delivery.damage_file(&sealed);
    let opened = delivery.decrypt_in_pieces(&sealed, &arrived, &delivery.pieces);
    // The network chooses the sizes of the pieces; they must not change the result.
    assert_eq!(opened, delivery.decrypt_in_pieces(&sealed, &arrived, &[255; 8]));
    if arrived == sealed {
        let (plain, proof) = opened.expect("an intact file opens");
        assert_eq!(plain, delivery.plain);
        assert_eq!(proof.sha256, Sha256::from_data(delivery.plain));
        assert_eq!(proof.size_bytes, delivery.plain.len() as u64);
        let integrity =
            if delivery.tells_hash { Integrity::MacAndSha256 } else { Integrity::MacOnly };
        assert_eq!(proof.integrity, integrity);
    } else {
        assert!(opened.is_err(), "a spoilt file was opened");
    }
}

impl Delivery<'_> {
    fn media_key(&self) -> MediaKey {
        let text = data_encoding::BASE64.encode(&self.key);
        MediaKey::from_base64(&text).expect("32 bytes")
    }

    fn key_type(&self) -> KeyType {
        let all = KeyType::ALL;
        *all.get(usize::from(self.family) % all.len()).expect("a family")
    }

    /// Encrypts as a sender does, with an implementation other than the one under test.
    fn encrypt_file(&self) -> Vec<u8> {
        let keys = self.media_key().expand(self.key_type());
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(keys.cipher_key(), &keys.iv());
        let mut room = self.plain.to_vec();
        room.resize(self.plain.len() + 16, 0);
        let cipher = cipher.expect("a key of 32 bytes");
        let sealed = cipher.encrypt_padded::<Pkcs7>(&mut room, self.plain.len());
        let mut sealed = sealed.expect("room for the padding").to_vec();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(keys.mac_key()).expect("any key");
        mac.update(&keys.iv());
        mac.update(&sealed);
        sealed.extend(mac.finalize().into_bytes().iter().take(10));
        sealed
    }

    fn damage_file(&self, sealed: &[u8]) -> Vec<u8> {
        let mut arrived = sealed.to_vec();
        match &self.damage {
            Damage::None => {}
            Damage::Flip { at, bit } => {
                let at = usize::from(*at) % arrived.len();
                if let Some(byte) = arrived.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Damage::Cut { bytes } => {
                arrived.truncate(arrived.len().saturating_sub(usize::from(*bytes)));
            }
            Damage::Append { tail, bytes } => {
                arrived.extend(tail.iter().take(usize::from(*bytes % 17)));
            }
            Damage::Other => arrived = self.plain.to_vec(),
        }
        arrived
    }

    /// Decrypts what arrived, in pieces of these sizes, repeated, as a buffer is filled from a
    /// socket.
    fn decrypt_in_pieces(&self, sealed: &[u8], arrived: &[u8], pieces: &[u8]) -> OpenResult {
        let hash = |bytes: &[u8]| {
            let digest = sha2::Sha256::digest(bytes);
            Sha256::from_bytes(&digest).expect("32 bytes")
        };
        let expected = ExpectedHashes {
            file_sha256: self.tells_hash.then(|| hash(self.plain)),
            file_enc_sha256: self.tells_enc_hash.then(|| hash(sealed)),
            keep_mismatch: false,
        };
        let mut opener = Opener::encrypted(self.media_key(), vec![self.key_type()], expected);
        let (mut buffer, mut opened, mut rest) = (Vec::new(), 0, arrived);
        for size in pieces.iter().cycle() {
            let Some((piece, after)) = rest.split_at_checked(usize::from(*size).max(1)) else {
                buffer.extend_from_slice(rest);
                break;
            };
            buffer.extend_from_slice(piece);
            rest = after;
            opened += opener.advance(buffer.get_mut(opened..).expect("what is not open yet"))?;
        }
        let (kept, proof) = opener.finish(buffer.get_mut(opened..).expect("the tail"))?;
        buffer.truncate(opened + kept);
        Ok((buffer, proof))
    }
}
