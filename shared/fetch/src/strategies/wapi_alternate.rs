//! Strategy `wapi_alternate`: W-API's older endpoints. They were found in old clients' code and may
//! not exist, so a 404 is remembered and costs one call per hour instead of one per media message.

use std::{sync::PoisonError, time::Duration};

use media::failure::Disposition;
use serde_json::Value;
use tokio::time::Instant;
use wapi::{
    download::{self, Refusal, RefusalRow},
    fields::Fields,
};

use crate::{FetchRequest, Fetcher, MediaStream, error::FetchError, evidence::Evidence};

/// Time for which a path counts as missing after a 404.
const MISSING_PATH_TTL: Duration = Duration::from_hours(1);

impl Fetcher {
    /// Runs the strategy with `POST /media/download`. After a temporary failure, `GET /media/info`
    /// is asked whether W-API has the file at all.
    pub(crate) async fn fetch_from_wapi_alternate<T>(
        &self,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        mut store: impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        const NO_ENDPOINT: FetchError = FetchError::NotApplicable("W-API has no such endpoint");
        if self.is_known_missing(download::ALTERNATE_PATH) {
            return Err(NO_ENDPOINT);
        }
        let failure = match self
            .fetch_through_links(download::ALTERNATE_PATH, request, evidence, &mut store)
            .await
        {
            Ok(stored) => return Ok(stored),
            Err(failure) => failure,
        };
        if is_not_found(&failure) {
            self.remember_missing(download::ALTERNATE_PATH);
            return Err(NO_ENDPOINT);
        }
        let may_pass =
            matches!(failure.disposition(), Disposition::Retry { .. }) && !failure.is_mismatch();
        if may_pass && self.is_reported_missing(request, evidence).await {
            return Err(FetchError::NotApplicable("W-API reports that it does not have the file"));
        }
        Err(failure)
    }

    /// Whether `GET /media/info` explicitly reports that the file does not exist. Any other answer,
    /// or none, counts as no.
    async fn is_reported_missing(&self, request: FetchRequest<'_>, evidence: &Evidence) -> bool {
        if self.is_known_missing(download::INFO_PATH) {
            return false;
        }
        match self.get_json(download::INFO_PATH, request, evidence).await {
            Ok((404, _)) => {
                self.remember_missing(download::INFO_PATH);
                false
            }
            Ok((200, Some(answer))) => reported_existence(&answer) == Some(false),
            Ok(_) | Err(_) => false,
        }
    }

    fn is_known_missing(&self, path: &str) -> bool {
        let missing = self.missing_paths.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get(path).is_some_and(|until| Instant::now() < *until)
    }

    fn remember_missing(&self, path: &str) {
        let mut missing = self.missing_paths.lock().unwrap_or_else(PoisonError::into_inner);
        missing.insert(path.to_owned(), Instant::now() + MISSING_PATH_TTL);
    }
}

fn is_not_found(failure: &FetchError) -> bool {
    matches!(failure, FetchError::Refused(Refusal { row: RefusalRow::NotFound, .. }))
}

/// Whether the file exists according to the answer, under the field names that a client would
/// guess.
fn reported_existence(answer: &Value) -> Option<bool> {
    let fields = Fields::from_value(answer)?;
    ["exists", "available", "found"].into_iter().find_map(|name| fields.get(name)?.as_bool())
}
