//! Who may announce media for an instance: whoever knows the secret in the webhook's URL.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::{
    ids::{InstanceId, TenantId},
    job::{Job, QueuedJob},
    message::MediaMessage,
    sha256::Sha256,
    unread::{TooLargeToKeep, UnreadBody},
};

/// SHA-256 of the secrets that are valid now: one, or two while the secret is being rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretHashes([Option<Sha256>; SecretHashes::MOST]);

impl SecretHashes {
    /// Secrets valid at the same time.
    pub const MOST: usize = 2;

    /// Takes the first [`Self::MOST`] hashes.
    #[must_use]
    pub fn new(hashes: impl IntoIterator<Item = Sha256>) -> Self {
        let mut hashes = hashes.into_iter();
        Self([hashes.next(), hashes.next()])
    }

    /// Whether `presented` hashes to one of them. The work is the same whatever the answer, and however
    /// many there are: all slots are compared, each in constant time.
    #[must_use]
    pub fn admit(&self, presented: &str) -> bool {
        let hash = Sha256::of(presented.as_bytes());
        let matches = |slot: &Option<Sha256>| {
            let expected = slot.map_or([0; Sha256::BYTES], |hash| *hash.as_bytes());
            slot.is_some() & verify_slices_are_equal(&expected, hash.as_bytes()).is_ok()
        };
        self.0
            .iter()
            .fold(false, |admitted, slot| admitted | matches(slot))
    }

    /// Does the work of [`Self::admit`] for an instance that does not exist, so that its absence does not
    /// show.
    pub fn refuse(presented: &str) {
        let admitted = Self::default().admit(presented);
        debug_assert!(!admitted, "no secret is valid for nobody");
    }
}

/// The right to file media under one tenant and instance. Made only by [`Verified::check`], or
/// again of an [`UnreadBody`] that it has made, and the only maker of these and of jobs: a webhook
/// that was not verified cannot reach the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    tenant: TenantId,
    instance: InstanceId,
}

impl Verified {
    /// Gives the right if `presented` is a secret of this instance.
    #[must_use]
    pub fn check(
        tenant: &TenantId,
        instance: &InstanceId,
        secrets: &SecretHashes,
        presented: &str,
    ) -> Option<Self> {
        secrets.admit(presented).then(|| Self {
            tenant: tenant.clone(),
            instance: instance.clone(),
        })
    }

    /// The instance that the right is for.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// The tenant that the instance belongs to.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The job of storing one announced medium. `accepted_at` is in seconds since 1970, and the
    /// medium's moment where nothing else says one.
    #[must_use]
    pub fn job(&self, message: MediaMessage, accepted_at: i64) -> QueuedJob {
        QueuedJob::V1(Job {
            tenant: self.tenant.clone(),
            instance: self.instance.clone(),
            accepted_at,
            message: message.dated(accepted_at),
        })
    }

    /// The body as it came, to be kept because it could not be read; `why` is a word of letters and
    /// underscores. `accepted_at` is in seconds since 1970.
    ///
    /// # Errors
    /// [`TooLargeToKeep`]: no queue takes it.
    pub fn unread(
        &self,
        body: &[u8],
        why: &str,
        accepted_at: i64,
    ) -> Result<UnreadBody, TooLargeToKeep> {
        UnreadBody::of((&self.tenant, &self.instance), body, why, accepted_at)
    }

    /// The right that an unread body was accepted under.
    pub(crate) fn again(tenant: TenantId, instance: InstanceId) -> Self {
        Self { tenant, instance }
    }
}
