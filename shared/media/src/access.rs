//! Verifies that a webhook may announce media messages for an instance, by the secret in its URL.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::{
    ids::{InstanceId, TenantId},
    job::{Job, QueuedJob},
    message::MediaMessage,
    revocation::{Revocation, RevokedMessage},
    sha256::Sha256,
    unread::{TooLargeToKeep, UnreadBody},
};

/// SHA-256 of the secrets that are valid now: one, or two while the secret is being rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretHashes([Option<Sha256>; SecretHashes::MAX_SECRETS]);

impl SecretHashes {
    /// Maximum number of secrets valid at the same time.
    pub const MAX_SECRETS: usize = 2;

    /// Takes the first [`Self::MAX_SECRETS`] hashes.
    #[must_use]
    pub fn new(hashes: impl IntoIterator<Item = Sha256>) -> Self {
        let mut hashes = hashes.into_iter();
        Self([hashes.next(), hashes.next()])
    }

    /// Whether `presented` hashes to one of the hashes. All slots are compared in constant time, so
    /// the work depends neither on the result nor on the number of secrets.
    #[must_use]
    pub fn is_valid(&self, presented: &str) -> bool {
        let hash = Sha256::from_data(presented.as_bytes());
        let matches = |slot: &Option<Sha256>| {
            let expected = slot.map_or([0; Sha256::BYTES], |hash| *hash.as_bytes());
            slot.is_some() & verify_slices_are_equal(&expected, hash.as_bytes()).is_ok()
        };
        self.0.iter().fold(false, |admitted, slot| admitted | matches(slot))
    }

    /// Does the same work as [`Self::is_valid`] for an unknown instance, so that the response time
    /// does not reveal that it is unknown.
    pub fn refuse_unknown(presented: &str) {
        let admitted = Self::default().is_valid(presented);
        debug_assert!(!admitted, "an unknown instance has no valid secret");
    }
}

/// An instance whose webhook was verified. Created only by [`VerifiedInstance::verify`], by
/// [`VerifiedInstance::for_own_log`], or again from an [`UnreadBody`] that such an instance
/// created, and the only type that creates these and jobs: an unverified webhook cannot reach the
/// queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedInstance {
    tenant: TenantId,
    instance: InstanceId,
}

impl VerifiedInstance {
    /// Returns the verified instance if `presented` is one of its secrets.
    #[must_use]
    pub fn verify(
        tenant: &TenantId,
        instance: &InstanceId,
        secrets: &SecretHashes,
        presented: &str,
    ) -> Option<Self> {
        secrets
            .is_valid(presented)
            .then(|| Self { tenant: tenant.clone(), instance: instance.clone() })
    }

    /// The instance of webhooks that were read from W-API's log with the instance's own token:
    /// W-API itself vouches for them, so they have no secret. Only the back-fill may call this.
    #[must_use]
    pub fn for_own_log(tenant: &TenantId, instance: &InstanceId) -> Self {
        Self { tenant: tenant.clone(), instance: instance.clone() }
    }

    /// The verified instance.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// The tenant that the instance belongs to.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Creates the job that stores one announced media message. `accepted_at` is in seconds since
    /// 1970, and becomes the message's moment if the webhook gives no valid one.
    #[must_use]
    pub fn create_job(&self, message: MediaMessage, accepted_at: i64) -> QueuedJob {
        let owner = (self.tenant.clone(), self.instance.clone());
        QueuedJob::V1(Job::new(owner, message.with_valid_moment(accepted_at), accepted_at))
    }

    /// Creates the job of a media message whose webhook came at `arrived_at` and was not queued
    /// then. The job's life begins now. Both times are in seconds since 1970.
    #[must_use]
    pub fn create_late_job(&self, message: MediaMessage, arrived_at: i64, now: i64) -> QueuedJob {
        QueuedJob::for_redrive(self.create_job(message, arrived_at).into_job(), now)
    }

    /// Says that a message was deleted by who sent it. `accepted_at` is in seconds since 1970.
    #[must_use]
    pub fn create_revocation(&self, message: RevokedMessage, accepted_at: i64) -> Revocation {
        Revocation::new((&self.tenant, &self.instance), message, accepted_at)
    }

    /// Keeps the body of a webhook that could not be read, byte for byte. `why` is one word of
    /// letters and underscores. `accepted_at` is in seconds since 1970.
    ///
    /// # Errors
    /// [`TooLargeToKeep`]: the body does not fit into a queue message.
    pub fn keep_unread(
        &self,
        body: &[u8],
        why: &str,
        accepted_at: i64,
    ) -> Result<UnreadBody, TooLargeToKeep> {
        UnreadBody::new((&self.tenant, &self.instance), body, why, accepted_at)
    }
}

impl UnreadBody {
    /// The verified instance whose webhook it was, to read it again.
    #[must_use]
    pub fn verified_instance(&self) -> VerifiedInstance {
        VerifiedInstance { tenant: self.tenant().clone(), instance: self.instance().clone() }
    }
}
