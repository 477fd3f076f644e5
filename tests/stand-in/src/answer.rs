//! Small answers that both origins give.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

/// A host that does not exist, where links and redirects must never be followed to.
pub(crate) const ELSEWHERE: &str = "https://evil.example.invalid";

/// A status out of a number; numbers that are none become 500.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A JSON answer.
pub(crate) fn json_answer(code: u16, body: Value) -> Response {
    (status(code), Json(body)).into_response()
}

/// `{"error":true,"message":…}`.
pub(crate) fn refusal(code: u16, message: &str) -> Response {
    json_answer(code, json!({ "error": true, "message": message }))
}

/// An HTML page, as a gateway in front of the origin sends it.
pub(crate) fn page(code: u16) -> Response {
    let text = format!(
        "<html><head><title>{code}</title></head><body><center><h1>{code}</h1></center><hr><center>nginx</center></body></html>"
    );
    (status(code), Html(text)).into_response()
}

/// An answer without a byte.
pub(crate) fn empty(code: u16) -> Response {
    (status(code), [(header::CONTENT_LENGTH, "0")]).into_response()
}

/// 302 to a host that does not exist.
pub(crate) fn redirect(path: &str) -> Response {
    (
        StatusCode::FOUND,
        [(header::LOCATION, format!("{ELSEWHERE}{path}"))],
    )
        .into_response()
}

/// Adds `Retry-After` in seconds.
pub(crate) fn retry_after(mut response: Response, seconds: u64) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
