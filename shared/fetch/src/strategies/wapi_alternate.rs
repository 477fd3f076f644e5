//! W-API's older endpoints, found in old clients' code and never proven to exist: so their absence is
//! remembered, and costs one call an hour instead of one per medium.

use std::{sync::PoisonError, time::Duration};

use media::failure::Disposition;
use serde_json::Value;
use tokio::time::Instant;
use wapi::{
    download::{self, Refusal, RefusalRow},
    fields::Fields,
};

use crate::{FetchRequest, Fetcher, MediaStream, error::FetchError, evidence::Evidence};

/// How long a path's absence is believed.
const ABSENCE_LASTS: Duration = Duration::from_hours(1);

impl Fetcher {
    /// Tries `POST /media/download`. If that fails in a way that may pass, `GET /media/info` is asked
    /// whether W-API has the medium at all.
    pub(crate) async fn by_wapi_alternate<T>(
        &self,
        request: FetchRequest<'_>,
        evidence: &Evidence,
        mut store: impl AsyncFnMut(MediaStream) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        const ABSENT: FetchError = FetchError::NotApplicable("W-API has no such endpoint");
        if self.is_missing(download::ALTERNATE_PATH) {
            return Err(ABSENT);
        }
        let failure = match self
            .by_links(download::ALTERNATE_PATH, request, evidence, &mut store)
            .await
        {
            Ok(stored) => return Ok(stored),
            Err(failure) => failure,
        };
        if is_not_found(&failure) {
            self.remember_missing(download::ALTERNATE_PATH);
            return Err(ABSENT);
        }
        let may_pass =
            matches!(failure.disposition(), Disposition::Retry { .. }) && !failure.is_mismatch();
        if may_pass && self.says_it_has_none(request, evidence).await {
            return Err(FetchError::NotApplicable(
                "W-API says it does not have the medium",
            ));
        }
        Err(failure)
    }

    /// Whether `GET /media/info` says in so many words that there is no such medium. Silence is no word.
    async fn says_it_has_none(&self, request: FetchRequest<'_>, evidence: &Evidence) -> bool {
        if self.is_missing(download::INFO_PATH) {
            return false;
        }
        match self.ask_json(download::INFO_PATH, request, evidence).await {
            Ok((404, _)) => {
                self.remember_missing(download::INFO_PATH);
                false
            }
            Ok((200, Some(answer))) => exists(&answer) == Some(false),
            Ok(_) | Err(_) => false,
        }
    }

    fn is_missing(&self, path: &str) -> bool {
        let missing = self
            .missing_paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        missing
            .get(path)
            .is_some_and(|until| Instant::now() < *until)
    }

    fn remember_missing(&self, path: &str) {
        let mut missing = self
            .missing_paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        missing.insert(path.to_owned(), Instant::now() + ABSENCE_LASTS);
    }
}

fn is_not_found(failure: &FetchError) -> bool {
    matches!(
        failure,
        FetchError::Refused(Refusal {
            row: RefusalRow::NotFound,
            ..
        })
    )
}

/// The answer's word on existence, under the names that a client would guess.
fn exists(answer: &Value) -> Option<bool> {
    let fields = Fields::of(answer)?;
    ["exists", "available", "found"]
        .into_iter()
        .find_map(|name| fields.get(name)?.as_bool())
}
