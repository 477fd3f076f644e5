//! W-API's endpoints for managing an instance. Each call is sent once and its outcome reported.

use std::time::Duration;

use media::{ids::InstanceId, message::Secret};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;
use wapi::{
    account::{ACCOUNT_PATH, Account, Hook, HookUpdate, LOGS_PATH, STATUS_PATH, Status},
    contact::{PHONE_EXISTS_PATH, PHONE_PARAMETER, PhoneAnswer},
    excerpt,
};

use crate::{
    body::read_at_most,
    client::{Limits, build_client},
    error::FetchError,
    guard::AddressGuard,
    origins::Origins,
};

/// Maximum answer that is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Maximum page of the webhook log that is read. A page holds a hundred bodies of up to 16 KB, some
/// of them with a thumbnail of a megabyte.
pub(crate) const MAX_LOG_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// Maximum time of one call. Only a download may take longer.
const MAX_CALL_TIME: Duration = Duration::from_secs(20);

/// An instance and its W-API token.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The instance that the call is about.
    pub instance: &'a InstanceId,
    /// The instance's token. Sent to W-API's configured base and nowhere else.
    pub token: &'a Secret,
}

/// The outcome of one call, with or without an answer.
#[derive(Clone, Serialize)]
pub struct AccountCall {
    /// HTTP method: `GET`, `PUT` or `POST`.
    pub method: &'static str,
    /// Path below W-API's base.
    pub path: String,
    /// HTTP status; `None` if no answer came.
    pub status: Option<u16>,
    /// Milliseconds until the end of the answer, or until the call was given up.
    pub duration_ms: u64,
    /// W-API's error message, redacted, or why no answer came.
    pub excerpt: Option<String>,
    /// Body of the answer. It may hold secrets and personal data.
    #[serde(skip)]
    body: Vec<u8>,
}

/// Omits the body, which may hold secrets and personal data.
impl std::fmt::Debug for AccountCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountCall")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("status", &self.status)
            .field("excerpt", &self.excerpt)
            .finish_non_exhaustive()
    }
}

impl AccountCall {
    /// Whether W-API answered with a 2xx status.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Body of the answer. It may hold secrets and personal data: parse it, never print it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns an error unless W-API answered with a 2xx status.
    ///
    /// # Errors
    /// [`AccountError::Refused`] or [`AccountError::NoAnswer`].
    pub fn require_success(&self) -> Result<(), AccountError> {
        if self.is_success() { Ok(()) } else { Err(self.to_error()) }
    }

    fn to_error(&self) -> AccountError {
        let (method, path) = (self.method, self.path.clone());
        let detail =
            self.excerpt.clone().map_or_else(String::new, |excerpt| format!(": {excerpt}"));
        match self.status {
            Some(status) => AccountError::Refused { method, path, status, detail },
            None => AccountError::NoAnswer { method, path, detail },
        }
    }
}

/// A failed call to W-API. The message holds W-API's error text, redacted, and no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// W-API answered with a status outside 2xx.
    #[error("W-API answered {method} {path} with {status}{detail}")]
    Refused {
        /// HTTP method of the call.
        method: &'static str,
        /// Path of the call, below W-API's base.
        path: String,
        /// HTTP status. 401 and 403: the token is wrong, or belongs to another instance.
        status: u16,
        /// A colon and the excerpt of the answer, or empty.
        detail: String,
    },
    /// No answer came.
    #[error("W-API did not answer {method} {path}{detail}")]
    NoAnswer {
        /// HTTP method of the call.
        method: &'static str,
        /// Path of the call, below W-API's base.
        path: String,
        /// A colon and the reason, or empty.
        detail: String,
    },
    /// W-API answered with success, but the body could not be parsed.
    #[error("W-API's answer to {method} {path} cannot be parsed")]
    Unreadable {
        /// HTTP method of the call.
        method: &'static str,
        /// Path of the call, below W-API's base.
        path: String,
    },
}

impl AccountError {
    /// The status with which W-API refused the call; `None` if there was no answer, or one that
    /// cannot be parsed.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::NoAnswer { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// Whether W-API refused the token (401 or 403).
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. })
    }
}

/// Client for W-API's management endpoints, used by operators' commands and the back-fill.
#[derive(Debug, Clone)]
pub struct AccountClient {
    client: reqwest::Client,
    guard: AddressGuard,
    base: Url,
}

impl AccountClient {
    /// Builds the client, once per process.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(origins: &Origins) -> Result<Self, FetchError> {
        let guard = AddressGuard::new(origins);
        Ok(Self {
            client: build_client(&guard, &Limits::default())?,
            guard,
            base: origins.wapi_base.clone(),
        })
    }

    /// Asks W-API whether the instance is connected to WhatsApp.
    ///
    /// # Errors
    /// [`AccountError`] if the call fails or the answer cannot be parsed.
    pub async fn fetch_status(&self, who: Credentials<'_>) -> Result<Status, AccountError> {
        let call = self.get(STATUS_PATH, who).await;
        parse_answer(&call, Status::parse)
    }

    /// Reads the instance's account, including its webhook URLs.
    ///
    /// # Errors
    /// [`AccountError`] if the call fails or the answer cannot be parsed.
    pub async fn fetch_account(&self, who: Credentials<'_>) -> Result<Account, AccountError> {
        let call = self.get(ACCOUNT_PATH, who).await;
        parse_answer(&call, Account::parse)
    }

    /// Sets the URL of a hook; an empty `url` removes it. W-API may report success without saving:
    /// read the account again to check.
    ///
    /// # Errors
    /// [`AccountError`] if the call fails.
    pub async fn set_hook(
        &self,
        hook: Hook,
        url: &str,
        who: Credentials<'_>,
    ) -> Result<(), AccountError> {
        let body = HookUpdate { value: url };
        let call = self.send_request(Method::PUT, &hook.update_path(), &[], who, Some(&body)).await;
        parse_answer(&call, |_| Some(()))
    }

    /// Asks under which LID a phone number (digits) is on WhatsApp. The error may repeat what W-API
    /// says, and with it the number: only its status may be logged.
    ///
    /// # Errors
    /// [`AccountError`] if the call fails or the answer cannot be parsed.
    pub async fn ask_phone(
        &self,
        phone: &str,
        who: Credentials<'_>,
    ) -> Result<PhoneAnswer, AccountError> {
        let query = [(PHONE_PARAMETER, phone)];
        let sent = self.send_request(Method::GET, PHONE_EXISTS_PATH, &query, who, None::<&()>);
        parse_answer(&sent.await, PhoneAnswer::parse)
    }

    /// Sends a `GET` and reports how it went.
    pub async fn get(&self, path: &str, who: Credentials<'_>) -> AccountCall {
        self.send_request(Method::GET, path, &[], who, None::<&()>).await
    }

    /// Sends any request below the base and reports how it went. `query` is appended after
    /// `instanceId`.
    pub async fn send_request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        who: Credentials<'_>,
        body: Option<&impl Serialize>,
    ) -> AccountCall {
        let name = method_name(&method);
        let answer = self.send_checked(method, path, query, who, body);
        record_call(name, path, answer, who.token).await
    }

    async fn send_checked(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        who: Credentials<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<(u16, Vec<u8>), FetchError> {
        let mut url =
            self.base.join(path).map_err(|_| FetchError::NotApplicable("the path is not valid"))?;
        url.query_pairs_mut().append_pair("instanceId", who.instance.as_str()).extend_pairs(query);
        self.guard.check_url(&url)?;
        let mut request = self.client.request(method, url).bearer_auth(who.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let max_bytes = if path == LOGS_PATH { MAX_LOG_PAGE_BYTES } else { MAX_ANSWER_BYTES };
        send_and_read(request, max_bytes).await
    }
}

/// Posts JSON to a URL of `origins`, as W-API posts a webhook, and reports how it went. The path is
/// left out of the report, and its last part out of the excerpt, because it may hold a secret.
///
/// # Errors
/// [`FetchError`] if the guard refuses the URL or the TLS stack cannot be set up.
pub async fn post_json(
    origins: &Origins,
    url: Url,
    body: &impl Serialize,
) -> Result<AccountCall, FetchError> {
    let guard = AddressGuard::new(origins);
    guard.check_url(&url)?;
    let secret = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let secret = Secret::new(secret);
    let client = build_client(&guard, &Limits::default())?;
    let answer = send_and_read(client.post(url).json(body), MAX_ANSWER_BYTES);
    Ok(record_call("POST", "", answer, &secret).await)
}

async fn send_and_read(
    request: RequestBuilder,
    max_bytes: usize,
) -> Result<(u16, Vec<u8>), FetchError> {
    let answer = request.send().await.map_err(FetchError::from_transport)?;
    let status = answer.status().as_u16();
    let body = read_at_most(answer, max_bytes, MAX_CALL_TIME).await?;
    Ok((status, body.to_vec()))
}

/// Waits for the answer and builds the report of the call. `sent` is the request's secret.
async fn record_call(
    method: &'static str,
    path: &str,
    answer: impl Future<Output = Result<(u16, Vec<u8>), FetchError>>,
    sent: &Secret,
) -> AccountCall {
    let started = Instant::now();
    let answer = tokio::time::timeout(MAX_CALL_TIME, answer);
    let (status, body, failure) = match answer.await {
        Ok(Ok((status, body))) => (Some(status), body, None),
        Ok(Err(error)) => (None, Vec::new(), Some(error.with_sources())),
        Err(_late) => {
            (None, Vec::new(), Some(format!("no answer within {} s", MAX_CALL_TIME.as_secs())))
        }
    };
    let is_refused = status.is_some_and(|status| !(200..300).contains(&status));
    AccountCall {
        method,
        path: path.to_owned(),
        status,
        duration_ms: started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        excerpt: failure
            .or_else(|| is_refused.then(|| excerpt::from_answer(&body, sent)).flatten()),
        body,
    }
}

pub(crate) fn parse_answer<T>(
    call: &AccountCall,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<T, AccountError> {
    call.require_success()?;
    read(&call.body)
        .ok_or_else(|| AccountError::Unreadable { method: call.method, path: call.path.clone() })
}

/// Name of an HTTP method as a static string; `?` for methods that no caller uses.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        _ => "?",
    }
}
