//! A call to W-API as it arrives: read, recorded, and checked by its token and instance.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde_json::Value;

use crate::answer::refusal;
use crate::record::{ReceivedRequest, Role};
use crate::state::State as Shared;

/// Maximum size of a call's body in bytes.
const MAX_CALL_BYTES: usize = 1024 * 1024;

/// The query of a call.
#[derive(Debug)]
pub(crate) struct CallQuery(Vec<(String, String)>);

impl CallQuery {
    /// Parses the query of a request.
    pub(crate) fn parse(request: &Request) -> Self {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        Self(pairs.map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The first value of this name.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The instance that the call names.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.value_of("instanceId")
    }
}

/// Reads a request with its body.
pub(crate) async fn receive_call(request: Request) -> ReceivedRequest {
    let (parts, body) = request.into_parts();
    let mut received = ReceivedRequest::new(Role::Wapi, &parts.method, &parts.uri, &parts.headers);
    if let Ok(bytes) = axum::body::to_bytes(body, MAX_CALL_BYTES).await
        && !bytes.is_empty()
    {
        received.body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
    }
    received
}

/// Answers a path that W-API does not have.
pub(crate) async fn unknown_route(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let number = state.record_request(receive_call(request).await);
    state.record_status(number, 404);
    refusal(404, "Cannot find this route")
}

/// Checks the instance and the token if they are known, and returns the instance. Violations are
/// added to `received`.
pub(crate) fn authorize_call(
    state: &Shared,
    instance: Option<&str>,
    received: &mut ReceivedRequest,
) -> Result<String, Box<Response>> {
    let token = received
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let Some(token) = token else {
        received.add_violation("there is no Bearer token");
        return Err(Box::new(refusal(401, "Token não informado")));
    };
    if !state.knows_token(&token) {
        return Err(Box::new(refusal(401, "Token inválido")));
    }
    let Some(instance) = instance else {
        received.add_violation("there is no instanceId");
        return Err(Box::new(refusal(400, "instanceId is required")));
    };
    match state.token_of(instance) {
        None => Err(Box::new(refusal(404, "Instância não encontrada"))),
        Some(right) if right != token => {
            received.add_violation("the token is another instance's");
            Err(Box::new(refusal(403, "Token não pertence à instância")))
        }
        Some(_) => Ok(instance.to_owned()),
    }
}
