//! Notes whether an instance is connected, and whether it is silent. The webhook function notes
//! what W-API's hooks say; this is the hourly question in case a webhook was lost.

use std::time::Duration;

use aws::{error::AwsError, instances::Instance};
use fetch::account::Credentials;
use tokio::time::Instant;

use crate::Backfill;

/// An instance is silent if its latest webhook is so old, in seconds: a day has a night in it, and
/// an account of a business gets something.
const SILENT_AFTER_SECONDS: i64 = 24 * 60 * 60;

/// W-API is asked only if this much of the invocation's time is left: it may take 20 s.
const MIN_TIME_TO_ASK: Duration = Duration::from_secs(30);

impl Backfill {
    /// Asks W-API whether an instance is connected, and notes it. `newest` is the time of the
    /// latest webhook in W-API's log, if that is known, in seconds since 1970. Nothing depends on
    /// it: a failure is logged, and the next hour asks again.
    pub(crate) async fn note_state(
        &self,
        instance: &Instance,
        newest: Option<i64>,
        (now, deadline): (i64, Instant),
    ) {
        if Instant::now() + MIN_TIME_TO_ASK > deadline {
            return;
        }
        // The pass that read the log has reported why.
        let Ok(token) = self.services.instances.token(instance).await else {
            return;
        };
        let who = Credentials { instance: &instance.id, token: &token };
        let is_connected = match self.services.wapi.fetch_status(who).await {
            Ok(status) => status.connected,
            Err(error) => {
                tracing::warn!(instance = %instance.id, %error, "W-API did not say whether an \
                    instance is connected");
                return;
            }
        };
        // What came before the instance was registered here says nothing of this tenant's webhooks.
        let newest = newest.filter(|newest| *newest >= instance.created_at);
        if let Err(error) = self.write_state(instance, is_connected, (newest, now)).await {
            tracing::warn!(instance = %instance.id, %error, "the state of an instance was not \
                noted");
        }
    }

    async fn write_state(
        &self,
        instance: &Instance,
        is_connected: bool,
        (newest, now): (Option<i64>, i64),
    ) -> Result<(), AwsError> {
        let states = &self.services.states;
        let whose = (&instance.tenant, &instance.id);
        states.note_connection(whose, is_connected).await?;
        match newest {
            Some(newest) if is_connected && newest <= now - SILENT_AFTER_SECONDS => {
                states.note_silence(whose, newest).await
            }
            Some(_) => states.end_silence(&instance.id).await,
            None => Ok(()),
        }
    }
}
