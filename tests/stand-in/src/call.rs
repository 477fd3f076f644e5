//! A call of W-API as it comes in: read, recorded, and judged by its token and instance.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde_json::Value;

use crate::answer::refusal;
use crate::record::{Received, Role};
use crate::state::State as Shared;

/// The largest call body that is read.
const CALL_LIMIT: usize = 1024 * 1024;

/// What stands behind the `?` of a call.
#[derive(Debug)]
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Reads the query of a request.
    pub(crate) fn of(request: &Request) -> Self {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
        Self(pairs.map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The first value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The instance that the call names.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.get("instanceId")
    }
}

/// Reads a request with its body.
pub(crate) async fn receive(request: Request) -> Received {
    let (parts, body) = request.into_parts();
    let mut received = Received::new(Role::Wapi, &parts.method, &parts.uri, &parts.headers);
    if let Ok(bytes) = axum::body::to_bytes(body, CALL_LIMIT).await
        && !bytes.is_empty()
    {
        received.body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
    }
    received
}

/// Any path that W-API does not have.
pub(crate) async fn unknown(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let number = state.record(receive(request).await);
    state.record_status(number, 404);
    refusal(404, "Cannot find this route")
}

/// Checks instance and token, as far as they are known, and gives the instance. Breaches are noted in `received`.
pub(crate) fn may_call(
    state: &Shared,
    instance: Option<&str>,
    received: &mut Received,
) -> Result<String, Box<Response>> {
    let token = received
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let Some(token) = token else {
        received
            .violations
            .push("there is no Bearer token".to_owned());
        return Err(Box::new(refusal(401, "Token não informado")));
    };
    if !state.knows_token(&token) {
        return Err(Box::new(refusal(401, "Token inválido")));
    }
    let Some(instance) = instance else {
        received
            .violations
            .push("there is no instanceId".to_owned());
        return Err(Box::new(refusal(400, "instanceId is required")));
    };
    match state.token(instance) {
        None => Err(Box::new(refusal(404, "Instância não encontrada"))),
        Some(right) if right != token => {
            received
                .violations
                .push("the token is another instance's".to_owned());
            Err(Box::new(refusal(403, "Token não pertence à instância")))
        }
        Some(_) => Ok(instance.to_owned()),
    }
}
