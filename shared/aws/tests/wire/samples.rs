//! Sample messages, jobs, files and records, and a CRC-64 that shares no code with the one under
//! test.

use ::samples::{image_message, instance_id, queued_job, tenant_id};
use aws::bucket::StoreError;
use bytes::Bytes;
use data_encoding::BASE64;
use media::{
    ids::{InstanceId, TenantId},
    job::{Job, QueuedJob},
    kind::MediaKind,
    message::{ChatKind, MediaMessage},
    object::{Claims, ObjectDescription},
    object_key::parse_offset,
    open::Proof,
    part::Part,
    policy::Policy,
    record::Integrity,
    sha256::Sha256,
    strategy::Strategy,
};
use serde_json::{Value, json};

pub(crate) use ::samples::{INSTANCE, MESSAGE_ID as MESSAGE, TENANT};

pub(crate) const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 and some more";

/// The error of a stream that breaks.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the origin broke off")]
pub(crate) struct Broke;

pub(crate) type Refused = StoreError<Broke>;

pub(crate) fn tenant() -> TenantId {
    tenant_id(TENANT)
}

pub(crate) fn instance() -> InstanceId {
    instance_id(INSTANCE)
}

/// A document with a name.
pub(crate) fn message() -> MediaMessage {
    MediaMessage {
        kind: MediaKind::Document,
        file_name: Some("Orçamento.jpg".to_owned()),
        ..image_message()
    }
}

/// A job whose message has the n-th of many ids.
pub(crate) fn queued(n: usize) -> QueuedJob {
    let mut message = message();
    message.message_id = message.message_id.earlier_nth(n);
    queued_job(message, 1_787_431_680)
}

pub(crate) fn job() -> Job {
    queued(0).into_job()
}

pub(crate) fn describe(head: &[u8], claims: Claims) -> ObjectDescription {
    let offset = parse_offset("-03:00").expect("an offset");
    ObjectDescription::new(&job(), Strategy::Cdn, head, claims, offset)
}

pub(crate) fn key() -> String {
    describe(JPEG, Claims::default()).key.as_str().to_owned()
}

/// The proof that a stream would end with.
pub(crate) fn proof_of(bytes: &[u8]) -> Proof {
    Proof {
        integrity: Integrity::MacAndSha256,
        sha256: Sha256::from_data(bytes),
        size_bytes: bytes.len() as u64,
    }
}

/// Bytes that begin like a JPEG, without repetitions, so that no two parts are equal.
pub(crate) fn picture(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    JPEG.iter().copied().chain(noise.flatten()).take(size).collect()
}

/// The stream of a file: full parts, then a part of `last` bytes with the proof.
pub(crate) fn parts(bytes: &[u8], last: usize) -> Vec<Result<Part, Broke>> {
    let (full, rest) = bytes.split_at(bytes.len() - last);
    let part = |bytes: &[u8], end| Ok(Part { bytes: Bytes::copy_from_slice(bytes), end });
    let full = full.chunks(media::part::PART_BYTES).map(|chunk| part(chunk, None));
    full.chain([part(rest, Some(proof_of(bytes)))]).collect()
}

/// CRC-64/NVME in S3's form, by the definition: reflected, polynomial `ad93d23594c93659`, all ones
/// in and out.
pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    let table: Vec<u64> = (0..256_u64)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (0x9a6c_9329_ac4b_c9b5 * (crc & 1))))
        .collect();
    let crc = !bytes
        .iter()
        .fold(u64::MAX, |crc, byte| table[usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8));
    data_encoding::BASE64.encode(&crc.to_be_bytes())
}

#[test]
fn the_reference_crc_gives_its_published_check_value() {
    let check = 0xae8b_1486_0a79_9888_u64.to_be_bytes();
    assert_eq!(crc64nvme(b"123456789"), data_encoding::BASE64.encode(&check));
}

/// A sample policy.
pub(crate) fn policy() -> Policy {
    Policy {
        kinds: vec![MediaKind::Image, MediaKind::Audio],
        chats: vec![ChatKind::Person],
        max_bytes: Some(1_000_000),
        ..Policy::default()
    }
}

/// The item of a sample instance, as the operator's command writes it.
pub(crate) fn instance_item() -> Value {
    json!({
        "instance": { "S": INSTANCE },
        "tenant": { "S": "acme" },
        "secret_hashes": { "L": [{ "S": Sha256::from_data(b"secret").to_hex() }] },
        "strategies": { "L": [{ "S": "cdn" }, { "S": "wapi" }] },
        "strategies_set_at": { "N": "1787431000" },
        "policy": { "M": {
            "kinds": { "L": [{ "S": "image" }, { "S": "audio" }] },
            "chats": { "L": [{ "S": "person" }] },
            "max_bytes": { "N": "1000000" },
        } },
        "sealed_token": { "S": BASE64.encode(b"sealed") },
        "created_at": { "N": "1787431000" },
    })
}
