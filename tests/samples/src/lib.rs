//! Sample values of `media` for tests: names, a verified instance, a media message and its job.
//!
//! A test sets only the fields it is about: `MediaMessage { ptt: true, ..image_message() }`.

#![allow(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use media::{
    access::{SecretHashes, VerifiedInstance},
    envelope::Envelope,
    ids::{InstanceId, MessageId, TenantId},
    job::QueuedJob,
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage},
    sha256::Sha256,
};

/// The tenant of [`verified_instance`].
pub const TENANT: &str = "acme";
/// The instance of [`verified_instance`].
pub const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
/// The id of [`image_message`].
pub const MESSAGE_ID: &str = "3EB0AAAAAAAAAAAAAAAA";
/// The moment of [`image_message`]: 2026-08-22 17:47:59 at −03:00, in seconds since 1970.
pub const MOMENT: i64 = 1_787_431_679;

/// The webhook secret of all verified instances.
const SECRET: &str = "secret";

/// Parses the id of a tenant.
///
/// # Panics
/// If it is not valid, as the other functions that parse.
#[must_use]
pub fn tenant_id(id: &str) -> TenantId {
    TenantId::parse(id).expect("a tenant")
}

/// Parses the id of an instance.
#[must_use]
pub fn instance_id(id: &str) -> InstanceId {
    InstanceId::parse(id).expect("an instance")
}

/// Parses the id of a message.
#[must_use]
pub fn message_id(id: &str) -> MessageId {
    MessageId::parse(id).expect("a message id")
}

/// An instance that presented its secret.
#[must_use]
pub fn verify_instance(tenant: &str, instance: &str) -> VerifiedInstance {
    let secrets = SecretHashes::new([Sha256::from_data(SECRET.as_bytes())]);
    VerifiedInstance::verify(&tenant_id(tenant), &instance_id(instance), &secrets, SECRET)
        .expect("the right secret")
}

/// [`INSTANCE`] of [`TENANT`], which presented its secret.
#[must_use]
pub fn verified_instance() -> VerifiedInstance {
    verify_instance(TENANT, INSTANCE)
}

/// A JPEG received in the chat of a phone number, without key, path, hashes and names.
#[must_use]
pub fn image_message() -> MediaMessage {
    MediaMessage {
        message_id: message_id(MESSAGE_ID),
        chat: Chat::from_jid("5500900000002", None),
        direction: Direction::In,
        moment: MOMENT,
        kind: MediaKind::Image,
        ptt: false,
        view_once: false,
        mimetype: Some("image/jpeg".to_owned()),
        media_key: None,
        is_encrypted: false,
        direct_path: None,
        url: None,
        file_sha256: None,
        file_enc_sha256: None,
        file_length: None,
        file_name: None,
        caption: None,
        envelope: Envelope::default(),
    }
}

/// The job of a message of [`verified_instance`]. `accepted_at` is in seconds since 1970.
#[must_use]
pub fn queued_job(message: MediaMessage, accepted_at: i64) -> QueuedJob {
    verified_instance().create_job(message, accepted_at)
}
