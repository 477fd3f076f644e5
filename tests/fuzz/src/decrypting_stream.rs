//! Sealed files, whole and spoilt, that arrive in pieces of any size.

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
    /// One bit of it is flipped.
    Flip {
        at: u16,
        bit: u8,
    },
    /// So many bytes are missing at its end.
    Cut {
        bytes: u8,
    },
    /// Something is added at its end.
    Append {
        tail: [u8; 16],
        bytes: u8,
    },
    /// It is something else altogether.
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

type Opened = Result<(Vec<u8>, Proof), OpenError>;

/// Seals the file, spoils it, and opens it in pieces.
pub fn run(data: &[u8]) {
    let Ok(delivery) = Delivery::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let sealed = delivery.seal();
    let arrived = delivery.spoil(&sealed);
    let opened = delivery.open(&sealed, &arrived, &delivery.pieces);
    // The sizes of pieces are the network's whim and must not show.
    assert_eq!(opened, delivery.open(&sealed, &arrived, &[255; 8]));
    if arrived == sealed {
        let (plain, proof) = opened.expect("an intact file opens");
        assert_eq!(plain, delivery.plain);
        assert_eq!(proof.sha256, Sha256::from_data(delivery.plain));
        assert_eq!(proof.size_bytes, delivery.plain.len() as u64);
        let integrity = if delivery.tells_hash {
            Integrity::MacAndSha256
        } else {
            Integrity::MacOnly
        };
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

    fn family(&self) -> KeyType {
        let all = KeyType::ALL;
        *all.get(usize::from(self.family) % all.len())
            .expect("a family")
    }

    /// As a sender does it, with another implementation than the one under test.
    fn seal(&self) -> Vec<u8> {
        let keys = self.media_key().expand(self.family());
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

    fn spoil(&self, sealed: &[u8]) -> Vec<u8> {
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

    /// Opens what arrived, in pieces of these sizes over and over, as a buffer is filled from a socket.
    fn open(&self, sealed: &[u8], arrived: &[u8], pieces: &[u8]) -> Opened {
        let hash = |bytes: &[u8]| {
            let digest = sha2::Sha256::digest(bytes);
            Sha256::from_bytes(&digest).expect("32 bytes")
        };
        let expected = ExpectedHashes {
            file_sha256: self.tells_hash.then(|| hash(self.plain)),
            file_enc_sha256: self.tells_enc_hash.then(|| hash(sealed)),
            keep_mismatch: false,
        };
        let mut opener = Opener::encrypted(self.media_key(), vec![self.family()], expected);
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
