//! Opens a media link: finds the file that its token names, and redirects to a URL of S3 that works
//! for five minutes. The bytes never pass through here.

pub mod config;

use std::time::Duration;

use aws::{
    clients::Clients,
    error::AwsError,
    links::{LinkRules, LinksTable},
    stored_files::{FileMethod, StoredFiles},
};
use lambda_http::{
    Body, Error, LambdaEvent, Request, RequestExt, Response,
    http::{Method, StatusCode, header},
    request::LambdaRequest,
};
use media::{
    ids::{InstanceId, TenantId},
    malware::ScanVerdict,
    media_link::{LinkToken, MediaLink},
};
use tokio::time::Instant;

use crate::config::Config;

/// A link that leads nowhere is answered no sooner than this, so that the response time does not
/// reveal whether its token ever existed: many times what the calls take that one needs and another
/// does not.
const MIN_UNKNOWN_TIME: Duration = Duration::from_millis(300);

/// The time limit of a call to AWS, its three attempts included.
pub const MAX_CALL_TIME: Duration = Duration::from_secs(2);

/// The state of the function between two requests.
#[derive(Debug)]
pub struct Links {
    links: LinksTable,
    rules: LinkRules,
    files: StoredFiles,
    scans_for_malware: bool,
}

/// What became of a request.
enum Opening {
    /// The link leads to this URL, which is a secret.
    Open { link: MediaLink, url: String },
    /// No link has this token, or it does not work any more, for this reason. The caller learns
    /// only that there is nothing.
    Nothing(&'static str),
}

impl Links {
    /// Builds the clients, once.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config)
    }

    /// Builds the function from existing clients.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config) -> Self {
        Self {
            links: LinksTable::new(clients, config.links_table),
            rules: LinkRules::new(clients, config.tenants_table),
            files: StoredFiles::new(clients, config.media_table, config.media_bucket),
            scans_for_malware: config.scans_for_malware,
        }
    }

    /// Opens the connection during init, when Lambda gives the function a whole processor.
    pub async fn connect(&self) {
        self.files.connect().await;
    }

    /// Answers one request. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Only if the answer itself cannot be built, which does not happen.
    pub async fn handle_request(
        &self,
        request: &Request,
        now: i64,
    ) -> Result<Response<Body>, Error> {
        let started = Instant::now();
        let path = request.path_parameters();
        let token = path.first("token").unwrap_or_default();
        let method =
            if request.method() == Method::HEAD { FileMethod::Head } else { FileMethod::Get };
        match self.open_link(token, method, now).await {
            Ok(Opening::Open { link, url }) => {
                let (tenant, instance) = (&link.tenant, &link.instance);
                let status = StatusCode::FOUND;
                tracing::info!(
                    outcome = "opened", status = status.as_u16(), %tenant, %instance, "link"
                );
                answer(status, Some(&url))
            }
            Ok(Opening::Nothing(reason)) => {
                tokio::time::sleep_until(started + MIN_UNKNOWN_TIME).await;
                let status = StatusCode::NOT_FOUND;
                tracing::info!(outcome = "unknown", status = status.as_u16(), reason, "link");
                answer(status, None)
            }
            Err(error) => {
                tokio::time::sleep_until(started + MIN_UNKNOWN_TIME).await;
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let reason = error.to_string();
                tracing::error!(outcome = "unavailable", status = status.as_u16(), reason, "link");
                answer(status, None)
            }
        }
    }

    async fn open_link(
        &self,
        token: &str,
        method: FileMethod,
        now: i64,
    ) -> Result<Opening, AwsError> {
        let Some(hash) = LinkToken::parse(token).map(|token| token.hash()) else {
            return Ok(Opening::Nothing("no token"));
        };
        let Some(link) = self.links.find(&hash).await? else {
            return Ok(Opening::Nothing("no link"));
        };
        if link.is_over(now) {
            return Ok(Opening::Nothing("over"));
        }
        let ids = (TenantId::parse(&*link.tenant), InstanceId::parse(&*link.instance));
        let (Ok(tenant), Ok(instance)) = ids else {
            return Ok(Opening::Nothing("not readable"));
        };
        if !self.rules.allow_links(&tenant).await? {
            return Ok(Opening::Nothing("switched off"));
        }
        let found = self.files.find_key(&tenant, &instance, (&link.record_key, &hash)).await?;
        let Some(key) = found else {
            return Ok(Opening::Nothing("no file"));
        };
        if self.scans_for_malware
            && self.files.find_verdict(&key).await? != Some(ScanVerdict::Clean)
        {
            return Ok(Opening::Nothing("no clean verdict"));
        }
        let url = self.files.sign_url(&key, method, now).await?;
        if let Err(error) = self.links.count_opening(&hash, now).await {
            tracing::warn!(%tenant, %instance, %error, "counting the opening of a link failed");
        }
        Ok(Opening::Open { link, url })
    }
}

/// An answer that no cache keeps, and that tells the next page nothing about the link.
fn answer(status: StatusCode, url: Option<&str>) -> Result<Response<Body>, Error> {
    let answer = Response::builder()
        .status(status)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::REFERRER_POLICY, "no-referrer")
        .header("x-robots-tag", "noindex");
    Ok(match url {
        Some(url) => answer.header(header::LOCATION, url).body(Body::Empty)?,
        None if status == StatusCode::NOT_FOUND => answer
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::Text(r#"{"error":"not_found"}"#.to_owned()))?,
        None => answer
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::RETRY_AFTER, "30")
            .body(Body::Text(r#"{"error":"unavailable"}"#.to_owned()))?,
    })
}

/// Removes the query string, which no link has. API Gateway passes it on as it came, even with
/// characters that a URL may not have, and the runtime panics on these when it builds a request.
#[must_use]
pub fn without_query(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        request.raw_query_string = None;
    }
    event
}
