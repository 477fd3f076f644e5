//! W-API's calls about an instance itself, for operators: each is asked once and told as it went.

use std::time::Duration;

use media::{ids::InstanceId, message::Secret};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;
use wapi::{
    account::{ACCOUNT_PATH, Account, Hook, HookUpdate, STATUS_PATH, Status},
    excerpt,
};

use crate::{Limits, Origins, body::read_at_most, client, error::FetchError, guard::AddressGuard};

/// The largest answer that is read. A page of webhook logs holds a hundred bodies of up to 16 KB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Answers to anything but a download come at once, or something is wrong.
const LONGEST_CALL: Duration = Duration::from_secs(20);

/// An instance and the token that speaks for it.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The instance.
    pub instance: &'a InstanceId,
    /// Sent to W-API's configured base and nowhere else.
    pub token: &'a Secret,
}

/// One call, as it went.
#[derive(Clone, Serialize)]
pub struct Asked {
    /// `GET`, `PUT`, `POST`.
    pub method: &'static str,
    /// Below W-API's base.
    pub path: String,
    /// The answer's status; nothing if none came.
    pub status: Option<u16>,
    /// Until the end of the answer, or until it was given up.
    pub duration_ms: u64,
    /// W-API's own words when it refused, redacted; or why no answer came.
    pub excerpt: Option<String>,
    /// The answer's body, which may hold secrets and people.
    #[serde(skip)]
    body: Vec<u8>,
}

/// Leaves out the body.
impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("status", &self.status)
            .field("excerpt", &self.excerpt)
            .finish_non_exhaustive()
    }
}

impl Asked {
    /// Whether W-API answered with success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// The answer's body. It may hold secrets and people: read from it, never print it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Fails unless W-API answered with success.
    ///
    /// # Errors
    /// [`AccountError`].
    pub fn accepted(&self) -> Result<(), AccountError> {
        if self.is_success() {
            Ok(())
        } else {
            Err(self.error())
        }
    }

    fn error(&self) -> AccountError {
        let (method, path) = (self.method, self.path.clone());
        let said = self
            .excerpt
            .clone()
            .map_or_else(String::new, |excerpt| format!(": {excerpt}"));
        match self.status {
            Some(status) => AccountError::Refused {
                method,
                path,
                status,
                said,
            },
            None => AccountError::Silent { method, path, said },
        }
    }
}

/// A call of W-API that failed. The message holds W-API's own words, redacted, and no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// It answered with a status that is no success.
    #[error("W-API answered {method} {path} with {status}{said}")]
    Refused {
        /// Of the call.
        method: &'static str,
        /// Of the call, below the base.
        path: String,
        /// 401 and 403: the token is wrong, or belongs to another instance.
        status: u16,
        /// A colon and an excerpt, or nothing.
        said: String,
    },
    /// No answer came.
    #[error("W-API did not answer {method} {path}{said}")]
    Silent {
        /// Of the call.
        method: &'static str,
        /// Of the call, below the base.
        path: String,
        /// A colon and the reason, or nothing.
        said: String,
    },
    /// It answered with success and something that cannot be read.
    #[error("W-API's answer to {method} {path} makes no sense")]
    Senseless {
        /// Of the call.
        method: &'static str,
        /// Of the call, below the base.
        path: String,
    },
}

impl AccountError {
    /// Whether W-API refused the token.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 401 | 403,
                ..
            }
        )
    }
}

/// W-API, as an operator asks it.
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
            client: client::build(&guard, &Limits::default())?,
            guard,
            base: origins.wapi_base.clone(),
        })
    }

    /// Whether the instance is connected to WhatsApp.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn status(&self, who: Credentials<'_>) -> Result<Status, AccountError> {
        let asked = self.get(STATUS_PATH, who).await;
        understood(&asked, Status::parse)
    }

    /// What W-API knows of the instance, its hooks included.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn account(&self, who: Credentials<'_>) -> Result<Account, AccountError> {
        let asked = self.get(ACCOUNT_PATH, who).await;
        understood(&asked, Account::parse)
    }

    /// Sends a hook's events to `url`; nowhere if it is empty. Success means little: read it back.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_hook(
        &self,
        hook: Hook,
        url: &str,
        who: Credentials<'_>,
    ) -> Result<(), AccountError> {
        let body = HookUpdate { value: url };
        let asked = self
            .ask(Method::PUT, &hook.path(), &[], who, Some(&body))
            .await;
        understood(&asked, |_| Some(()))
    }

    /// A `GET`, as it went.
    pub async fn get(&self, path: &str, who: Credentials<'_>) -> Asked {
        self.ask(Method::GET, path, &[], who, None::<&()>).await
    }

    /// Any call below the base, as it went. `query` comes after `instanceId`.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        who: Credentials<'_>,
        body: Option<&impl Serialize>,
    ) -> Asked {
        let name = name_of(&method);
        let answer = self.send(method, path, query, who, body);
        told(name, path, answer).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        who: Credentials<'_>,
        body: Option<&impl Serialize>,
    ) -> Result<(u16, Vec<u8>), FetchError> {
        let mut url = self
            .base
            .join(path)
            .map_err(|_| FetchError::NotApplicable("the path is none"))?;
        url.query_pairs_mut()
            .append_pair("instanceId", who.instance.as_str())
            .extend_pairs(query);
        self.guard.check(&url)?;
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(who.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        answer_to(request).await
    }
}

/// Posts JSON to a URL of `origins`, as W-API posts a webhook, and tells how it went. The path is not told:
/// it may hold a secret.
///
/// # Errors
/// [`FetchError`] when the URL is not one of the origins, or the TLS stack cannot be set up.
pub async fn post(origins: &Origins, url: Url, body: &impl Serialize) -> Result<Asked, FetchError> {
    let guard = AddressGuard::new(origins);
    guard.check(&url)?;
    let client = client::build(&guard, &Limits::default())?;
    let answer = answer_to(client.post(url).json(body));
    Ok(told("POST", "", answer).await)
}

async fn answer_to(request: RequestBuilder) -> Result<(u16, Vec<u8>), FetchError> {
    let answer = request.send().await.map_err(FetchError::transport)?;
    let status = answer.status().as_u16();
    let body = read_at_most(answer, MAX_ANSWER_BYTES, LONGEST_CALL).await?;
    Ok((status, body.to_vec()))
}

/// Waits for an answer and tells how it went.
async fn told(
    method: &'static str,
    path: &str,
    answer: impl Future<Output = Result<(u16, Vec<u8>), FetchError>>,
) -> Asked {
    let started = Instant::now();
    let answer = tokio::time::timeout(LONGEST_CALL, answer);
    let (status, body, failure) = match answer.await {
        Ok(Ok((status, body))) => (Some(status), body, None),
        Ok(Err(error)) => (None, Vec::new(), Some(error.with_sources())),
        Err(_late) => (
            None,
            Vec::new(),
            Some(format!("no answer within {} s", LONGEST_CALL.as_secs())),
        ),
    };
    let is_refused = status.is_some_and(|status| !(200..300).contains(&status));
    Asked {
        method,
        path: path.to_owned(),
        status,
        duration_ms: started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        excerpt: failure.or_else(|| is_refused.then(|| excerpt::of_answer(&body)).flatten()),
        body,
    }
}

fn understood<T>(asked: &Asked, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, AccountError> {
    asked.accepted()?;
    read(&asked.body).ok_or_else(|| AccountError::Senseless {
        method: asked.method,
        path: asked.path.clone(),
    })
}

/// The method's name, of those that are used.
fn name_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        _ => "?",
    }
}
