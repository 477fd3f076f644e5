//! A certificate authority that lives as long as the bench, and the certificate of this machine.
//!
//! Written as DER by hand, because nothing else here needs a library for it.

use anyhow::{Result, anyhow};
use aws_lc_rs::{
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use data_encoding::BASE64;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const BOOLEAN_TRUE: [u8; 3] = [0x01, 0x01, 0xFF];
/// 1.2.840.10045.4.3.2
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x0E];
const KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x0F];
const ALTERNATIVE_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1D, 0x25];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTHENTICATION: &[u8] = &[0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 3, 1];
const SIGN_CERTIFICATES: &[u8] = &[BIT_STRING, 2, 2, 0x04];
const SIGN_HANDSHAKES: &[u8] = &[BIT_STRING, 2, 7, 0x80];

/// The certificate of this machine, signed by an authority that only this run knows.
pub(crate) struct Certificates {
    /// The authority's certificate, in PEM: what a function must trust.
    pub(crate) authority_pem: String,
    /// The certificate of `localhost` and 127.0.0.1, in DER.
    pub(crate) certificate: Vec<u8>,
    /// Its private key, in PKCS#8.
    pub(crate) key: Vec<u8>,
}

impl Certificates {
    /// Makes both, with new keys.
    pub(crate) fn make() -> Result<Self> {
        let (authority, machine) = (new_key()?, new_key()?);
        let authority_id = key_id(&authority)?;
        let of_authority = [
            extension(BASIC_CONSTRAINTS, &tlv(SEQUENCE, &BOOLEAN_TRUE)),
            extension(KEY_USAGE, SIGN_CERTIFICATES),
            extension(SUBJECT_KEY_ID, &tlv(OCTET_STRING, &authority_id)),
        ];
        let names = [tlv(0x82, b"localhost"), tlv(0x87, &[127, 0, 0, 1])].concat();
        let of_machine = [
            extension(KEY_USAGE, SIGN_HANDSHAKES),
            extension(EXTENDED_KEY_USAGE, &tlv(SEQUENCE, SERVER_AUTHENTICATION)),
            extension(ALTERNATIVE_NAME, &tlv(SEQUENCE, &names)),
            extension(AUTHORITY_KEY_ID, &tlv(SEQUENCE, &tlv(0x80, &authority_id))),
        ];
        let root = sign(("authority", 1), &authority, &of_authority.concat(), &authority)?;
        let certificate = sign(("localhost", 2), &machine, &of_machine.concat(), &authority)?;
        let key = machine.to_pkcs8v1().map_err(|_| anyhow!("the key cannot be written"))?;
        let lines = BASE64.encode(&root);
        let authority_pem =
            format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
        Ok(Self { authority_pem, certificate, key: key.as_ref().to_vec() })
    }
}

fn new_key() -> Result<EcdsaKeyPair> {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| anyhow!("no key was made"))
}

/// The name that one certificate has for another's key.
fn key_id(key: &EcdsaKeyPair) -> Result<Vec<u8>> {
    let hash = digest::digest(&digest::SHA256, key.public_key().as_ref());
    Ok(hash.as_ref().get(..20).ok_or_else(|| anyhow!("a short hash"))?.to_vec())
}

/// A certificate of `key`, signed by the authority.
fn sign(
    (name, serial): (&str, u8),
    key: &EcdsaKeyPair,
    extensions: &[u8],
    authority: &EcdsaKeyPair,
) -> Result<Vec<u8>> {
    let public: PublicKeyX509Der<'_> =
        key.public_key().as_der().map_err(|_| anyhow!("the public key cannot be written"))?;
    let algorithm = tlv(SEQUENCE, ECDSA_WITH_SHA256);
    let validity = [tlv(UTC_TIME, b"250101000000Z"), tlv(UTC_TIME, b"491231235959Z")].concat();
    let content = [
        tlv(0xA0, &[INTEGER, 1, 2]),
        tlv(INTEGER, &[serial]),
        algorithm.clone(),
        common_name("authority"),
        tlv(SEQUENCE, &validity),
        common_name(name),
        public.as_ref().to_vec(),
        tlv(0xA3, &tlv(SEQUENCE, extensions)),
    ];
    let content = tlv(SEQUENCE, &content.concat());
    let signature = authority
        .sign(&SystemRandom::new(), &content)
        .map_err(|_| anyhow!("the certificate cannot be signed"))?;
    let bits = [&[0], signature.as_ref()].concat();
    Ok(tlv(SEQUENCE, &[content, algorithm, tlv(BIT_STRING, &bits)].concat()))
}

fn common_name(name: &str) -> Vec<u8> {
    const UTF8_STRING: u8 = 0x0C;
    const SET: u8 = 0x31;
    let attribute = [COMMON_NAME, &tlv(UTF8_STRING, name.as_bytes())].concat();
    tlv(SEQUENCE, &tlv(SET, &tlv(SEQUENCE, &attribute)))
}

/// An extension; those about the use of a key are critical.
fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    let is_critical = id == BASIC_CONSTRAINTS || id == KEY_USAGE;
    let critical: &[u8] = if is_critical { &BOOLEAN_TRUE } else { &[] };
    tlv(SEQUENCE, &[id, critical, &tlv(OCTET_STRING, value)].concat())
}

/// A DER value of less than 64 KiB.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [.., high, low] = length.to_be_bytes();
    let mut all = match length {
        0..128 => vec![tag, low],
        128..256 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    all.extend_from_slice(content);
    all
}
