//! Short answers that both origins give.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

/// A host that does not exist; links and redirects to it must never be followed.
pub(crate) const FOREIGN_HOST: &str = "https://evil.example.invalid";

/// The status with this number; an invalid number gives 500.
pub(crate) fn status_from(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer with this status and a JSON body.
pub(crate) fn json_answer(code: u16, body: Value) -> Response {
    (status_from(code), Json(body)).into_response()
}

/// `{"error":true,"message":…}`.
pub(crate) fn refusal(code: u16, message: &str) -> Response {
    json_answer(code, json!({ "error": true, "message": message }))
}

/// An HTML page, as a gateway in front of the origin sends it.
pub(crate) fn html_page(code: u16) -> Response {
    let text = format!(
        "<html><head><title>{code}</title></head><body><center><h1>{code}</h1></center>\
         <hr><center>nginx</center></body></html>"
    );
    (status_from(code), Html(text)).into_response()
}

/// An answer with an empty body.
pub(crate) fn empty_answer(code: u16) -> Response {
    (status_from(code), [(header::CONTENT_LENGTH, "0")]).into_response()
}

/// 302 to a host that does not exist.
pub(crate) fn redirect_away(path: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, format!("{FOREIGN_HOST}{path}"))]).into_response()
}

/// Adds `Retry-After` in seconds.
pub(crate) fn with_retry_after(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}
