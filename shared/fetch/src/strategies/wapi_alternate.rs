//! Strategy `wapi_alternate`: W-API's older endpoints. They were found in old clients' code and may
//! not exist, so a 404 is remembered and costs one call per hour instead of one per media message.

use media::failure::Disposition;
use serde_json::Value;
use wapi::{
    download::{self, Refusal, RefusalRow},
    fields::Fields,
};

use crate::{error::FetchError, live_attempt::LiveAttempt, stream::MediaStream};

impl<T, S> LiveAttempt<'_, S>
where
    S: AsyncFnMut(MediaStream) -> Result<T, FetchError>,
{
    /// Runs the strategy with `POST /media/download`. After a temporary failure, `GET /media/info`
    /// is asked whether W-API has the file at all.
    pub(crate) async fn fetch_from_wapi_alternate(&mut self) -> Result<T, FetchError> {
        const NO_ENDPOINT: FetchError = FetchError::NotApplicable("W-API has no such endpoint");
        if self.resources.is_known_missing(download::ALTERNATE_PATH) {
            return Err(NO_ENDPOINT);
        }
        let failure = match self.fetch_through_links(download::ALTERNATE_PATH).await {
            Ok(stored) => return Ok(stored),
            Err(failure) => failure,
        };
        if is_not_found(&failure) {
            self.resources.remember_missing(download::ALTERNATE_PATH);
            return Err(NO_ENDPOINT);
        }
        let may_pass = matches!(failure.disposition(), Disposition::Retry { .. })
            && !failure.is_mismatch()
            && !failure.is_for_cdn();
        if may_pass && self.is_reported_missing().await {
            return Err(FetchError::NotApplicable("W-API reports that it does not have the file"));
        }
        Err(failure)
    }
}

impl<S> LiveAttempt<'_, S> {
    /// Whether `GET /media/info` explicitly reports that the file does not exist. Any other answer,
    /// or none, counts as no.
    async fn is_reported_missing(&self) -> bool {
        if self.resources.is_known_missing(download::INFO_PATH) {
            return false;
        }
        match self.get_json(download::INFO_PATH).await {
            Ok((404, _)) => {
                self.resources.remember_missing(download::INFO_PATH);
                false
            }
            Ok((200, Some(answer))) => reported_existence(&answer) == Some(false),
            Ok(_) | Err(_) => false,
        }
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
