//! W-API: calls that return links, and the links. The management endpoints are in `account.rs`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::account::NOT_CONNECTED;
use crate::answer::{self, FOREIGN_HOST, refusal};
use crate::body::{BodyFaults, OutgoingBody};
use crate::call::{CallQuery, authorize_call, receive_call, unknown_route};
use crate::encrypt::Encryption;
use crate::formats;
use crate::plain::Plain;
use crate::record::ReceivedRequest;
use crate::scenario::{MessageShape, WapiScenario};
use crate::spec::Format;
use crate::state::{Link, ServedMedia, State as Shared};

/// The four fields of a download call; no other is allowed.
const CALL_FIELDS: [&str; 4] = ["mediaKey", "directPath", "type", "mimetype"];
/// How long a link is valid: about 100 minutes, as one client observed.
const LINK_LIFE_MS: u64 = 100 * 60 * 1000;
/// A node of W-API that cannot be reached.
const RAW_ADDRESS: &str = "http://10.255.255.1:8080";
/// The error message of a failed download.
const FAILURE: &str = "Falha ao fazer o download do conteúdo.";

/// The endpoint of a call; each has its own counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    DownloadMedia,
    Alternate,
}

/// W-API's routes, and `/control` beside them.
pub(crate) fn wapi_router(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/message/download-media", post(download_media))
        .route("/v1/media/download", post(media_download))
        .route("/v1/media/info", get(media_info))
        .route("/media/file/{name}", get(get_file))
        .merge(crate::account::router())
        .fallback(unknown_route)
        .with_state(Arc::clone(&state))
        .nest("/control", crate::control::control_router(state))
}

async fn download_media(State(state): State<Arc<Shared>>, request: Request) -> Response {
    answer_call(&state, request, Endpoint::DownloadMedia).await
}

async fn media_download(State(state): State<Arc<Shared>>, request: Request) -> Response {
    if state.has_alternates() {
        answer_call(&state, request, Endpoint::Alternate).await
    } else {
        unknown_route(State(state), request).await
    }
}

async fn answer_call(state: &Shared, request: Request, endpoint: Endpoint) -> Response {
    let asked = CallQuery::parse(&request);
    let mut received = receive_call(request).await;
    let is_connected = |instance: &str| state.account(instance).connected;
    let judged = match check_call(state, asked.instance(), &mut received) {
        Ok(_) if !asked.instance().is_some_and(is_connected) => {
            Err(Box::new(refusal(403, NOT_CONNECTED)))
        }
        judged => judged,
    };
    if let Ok(media) = &judged {
        received.message_id = Some(media.announced.message_id.clone());
    }
    let number = state.record_request(received);
    let response = match judged {
        Ok(media) => {
            let own = match endpoint {
                Endpoint::DownloadMedia => {
                    media.announced.spec.wapi.at_call(media.count_wapi_call())
                }
                Endpoint::Alternate => {
                    media.announced.spec.alternate.at_call(media.count_alternate_call())
                }
            };
            let scenario = state.wapi_override().map_or(own, |scenario| scenario.at_call(0));
            answer_scenario(state, media, scenario).await
        }
        Err(refused) => *refused,
    };
    state.record_status(number, response.status().as_u16());
    response
}

/// Checks a call and returns the media file or a refusal. Violations are added to `received`.
fn check_call(
    state: &Shared,
    instance: Option<&str>,
    received: &mut ReceivedRequest,
) -> Result<Arc<ServedMedia>, Box<Response>> {
    let instance = authorize_call(state, instance, received)?;
    let refuse = |code, message: &str| Err(Box::new(refusal(code, message)));
    let Some(body) = received.body.as_object() else {
        received.add_violation("the body is not a JSON object");
        return refuse(400, "body must be an object");
    };
    let strings = CALL_FIELDS
        .map(|field| body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()));
    let [Some(media_key), Some(direct_path), Some(kind), Some(mimetype)] = strings else {
        received.add_violation("one of the four fields is missing, empty or not a string");
        return refuse(400, "mediaKey, directPath, type and mimetype are required");
    };
    if body.len() != CALL_FIELDS.len() {
        received.add_violation("there are more than the four fields");
        return refuse(400, "unknown field");
    }
    let path = direct_path.split_once('?').map_or(direct_path, |(path, _)| path);
    let Some(media) = state.media_at(path, Some(&instance)) else {
        return Err(Box::new(failure_500(MessageShape::Nested)));
    };
    let announced = &media.announced;
    let finds = announced.media_key == media_key
        && announced.direct_path == direct_path
        && announced.wapi_types().contains(&kind.to_owned())
        && announced.oe.saturating_mul(1000) > state.now_ms()
        && matches!(announced.spec.effective_encryption(), Encryption::Right | Encryption::BadMac);
    if announced.mimetype != mimetype {
        received.add_violation("mimetype is not passed as received");
    }
    if finds { Ok(media) } else { Err(Box::new(failure_500(MessageShape::Nested))) }
}

/// The 500 that does not tell its cause.
fn failure_500(shape: MessageShape) -> Response {
    let message = match shape {
        MessageShape::Nested => {
            json!({ "error": false, "data": { "error": true, "message": FAILURE } })
        }
        MessageShape::Text => json!(FAILURE),
        MessageShape::Array => json!([FAILURE]),
    };
    answer::json_answer(500, json!({ "error": true, "message": message }))
}

/// Answers a valid call as the scenario asks.
async fn answer_scenario(
    state: &Shared,
    media: Arc<ServedMedia>,
    scenario: WapiScenario,
) -> Response {
    let mut scenario = scenario;
    while let WapiScenario::Delay { millis, then } = scenario {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(millis)) => {}
            () = state.until_stopped() => {}
        }
        scenario = then.at_call(0);
    }
    match scenario {
        WapiScenario::Fail500 { message } => failure_500(message),
        WapiScenario::Error200 => {
            answer::json_answer(200, json!({ "error": true, "message": FAILURE }))
        }
        WapiScenario::BadRequest400 => refusal(400, "Parâmetros inválidos"),
        WapiScenario::Unauthorized401 => refusal(401, "Token inválido"),
        WapiScenario::Forbidden403 => refusal(403, NOT_CONNECTED),
        WapiScenario::NotFound404 => refusal(404, "Instância não encontrada"),
        WapiScenario::TooMany429 { retry_after } => {
            answer::with_retry_after(refusal(429, "Muitas requisições"), retry_after)
        }
        WapiScenario::BadGateway502Html => answer::html_page(502),
        WapiScenario::CallStatus { status } => refusal(status, FAILURE),
        WapiScenario::CallHtml200 => answer::html_page(200),
        WapiScenario::CallRedirect => answer::redirect_away("/v1/message/download-media"),
        WapiScenario::Hang => {
            state.until_stopped().await;
            answer::empty_answer(503)
        }
        WapiScenario::Ok
        | WapiScenario::Delay { .. }
        | WapiScenario::NoLink
        | WapiScenario::OtherLinkName { .. }
        | WapiScenario::RawAddressLink
        | WapiScenario::ForeignLink
        | WapiScenario::ExpiredLink
        | WapiScenario::LinkNeedsToken
        | WapiScenario::LinkStatus { .. }
        | WapiScenario::Redirect
        | WapiScenario::HangBody
        | WapiScenario::SlowDrip { .. }
        | WapiScenario::Truncate { .. }
        | WapiScenario::CutEnd { .. }
        | WapiScenario::FlipBit { .. }
        | WapiScenario::WrongType
        | WapiScenario::EncryptedBytes
        | WapiScenario::EmptyBody200
        | WapiScenario::Html200
        | WapiScenario::Json200
        | WapiScenario::NoLength
        | WapiScenario::FailTimes { .. } => give_link(state, media, scenario),
    }
}

/// 200 with a link that answers as `scenario` asks.
fn give_link(state: &Shared, media: Arc<ServedMedia>, scenario: WapiScenario) -> Response {
    if scenario == WapiScenario::NoLink {
        return answer::json_answer(200, json!({ "error": false }));
    }
    let now = state.now_ms();
    let is_expired = scenario == WapiScenario::ExpiredLink;
    let expires_ms = if is_expired { now.saturating_sub(60_000) } else { now + LINK_LIFE_MS };
    let base = if scenario == WapiScenario::RawAddressLink {
        RAW_ADDRESS
    } else if scenario == WapiScenario::ForeignLink {
        FOREIGN_HOST
    } else {
        state.bases.wapi.as_str()
    };
    let field = if let WapiScenario::OtherLinkName { name } = &scenario {
        name.clone()
    } else {
        "fileLink".to_owned()
    };
    let announced = &media.announced;
    let extension =
        if announced.format == Format::Jpeg { "jpeg" } else { announced.format.extension() };
    let name = format!("{}.{extension}", announced.key_type.wapi_type());
    let name = state.new_link(Link { media, scenario, expires_ms }, &name);
    answer::json_answer(
        200,
        json!({
            "error": false, field: format!("{base}/media/file/{name}"), "expires": expires_ms
        }),
    )
}

/// `GET /media/info`: whether a media file exists, by `messageId` or `directPath`. Its real shape
/// is unknown.
async fn media_info(State(state): State<Arc<Shared>>, request: Request) -> Response {
    if !state.has_alternates() {
        return unknown_route(State(state), request).await;
    }
    let asked = CallQuery::parse(&request);
    let mut received = receive_call(request).await;
    let allowed = authorize_call(&state, asked.instance(), &mut received);
    let media = asked.value_of("messageId").and_then(|id| state.media_by_id(id)).or_else(|| {
        let path = asked.value_of("directPath")?;
        state.media_at(path.split('?').next()?, None)
    });
    let response = match (allowed, state.wapi_override(), media) {
        (Err(refused), _, _) => *refused,
        (Ok(_), Some(scenario), Some(media)) if scenario != WapiScenario::Ok => {
            answer_scenario(&state, media, scenario.at_call(0)).await
        }
        (Ok(_), _, None) => refusal(404, "Mídia não encontrada"),
        (Ok(_), _, Some(media)) => answer::json_answer(
            200,
            json!({ "error": false, "exists": true, "mimetype": media.announced.mimetype }),
        ),
    };
    let number = state.record_request(received);
    state.record_status(number, response.status().as_u16());
    response
}

/// `GET /media/file/{name}`.
async fn get_file(
    State(state): State<Arc<Shared>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let mut received = receive_call(request).await;
    let link = state.find_link(&name);
    let token = received
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    let mut may_have_token = false;
    if let Some(link) = &link {
        received.message_id = Some(link.media.announced.message_id.clone());
        may_have_token = matches!(
            link.scenario,
            WapiScenario::LinkNeedsToken | WapiScenario::LinkStatus { status: 401 | 403 }
        );
    }
    if token.is_some() && !may_have_token {
        received.add_violation("a token is sent to a link that does not ask for one");
    }
    let number = state.record_request(received);
    let response = match link {
        Some(link)
            if link.scenario != WapiScenario::ForeignLink && link.expires_ms > state.now_ms() =>
        {
            serve_link(&state, &link, token.as_deref())
        }
        _ => refusal(404, "Arquivo não encontrado"),
    };
    state.record_status(number, response.status().as_u16());
    response
}

/// The file behind a link, or the scenario's answer.
fn serve_link(state: &Shared, link: &Link, token: Option<&str>) -> Response {
    let announced = &link.media.announced;
    match &link.scenario {
        WapiScenario::LinkNeedsToken if token != state.token_of(&announced.instance).as_deref() => {
            return refusal(401, "Token não informado");
        }
        WapiScenario::LinkStatus { status } => return refusal(*status, FAILURE),
        WapiScenario::Redirect => return answer::redirect_away("/media/file/elsewhere"),
        WapiScenario::EmptyBody200 => return answer::empty_answer(200),
        WapiScenario::Html200 => return answer::html_page(200),
        WapiScenario::Json200 => {
            return answer::json_answer(200, json!({ "error": true, "message": FAILURE }));
        }
        WapiScenario::EncryptedBytes => return send_encrypted(state, link),
        WapiScenario::WrongType => {
            let other = if announced.format == Format::Pdf { Format::Jpeg } else { Format::Pdf };
            let made = formats::make_file(other, &format!("{}/other", announced.seed), None);
            return send_file(state, link, &made);
        }
        WapiScenario::Ok
        | WapiScenario::Fail500 { .. }
        | WapiScenario::Error200
        | WapiScenario::BadRequest400
        | WapiScenario::Unauthorized401
        | WapiScenario::Forbidden403
        | WapiScenario::NotFound404
        | WapiScenario::TooMany429 { .. }
        | WapiScenario::BadGateway502Html
        | WapiScenario::CallStatus { .. }
        | WapiScenario::CallHtml200
        | WapiScenario::Hang
        | WapiScenario::Delay { .. }
        | WapiScenario::NoLink
        | WapiScenario::OtherLinkName { .. }
        | WapiScenario::CallRedirect
        | WapiScenario::RawAddressLink
        | WapiScenario::ForeignLink
        | WapiScenario::ExpiredLink
        | WapiScenario::LinkNeedsToken
        | WapiScenario::HangBody
        | WapiScenario::SlowDrip { .. }
        | WapiScenario::Truncate { .. }
        | WapiScenario::CutEnd { .. }
        | WapiScenario::FlipBit { .. }
        | WapiScenario::NoLength
        | WapiScenario::FailTimes { .. } => {}
    }
    send_file(state, link, &announced.plain)
}

/// Sends a file with the scenario's faults.
fn send_file(state: &Shared, link: &Link, plain: &Plain) -> Response {
    let mut to = plain.size();
    let mut faults = BodyFaults::default();
    let scenario = &link.scenario;
    faults.hang = *scenario == WapiScenario::HangBody;
    faults.no_length = *scenario == WapiScenario::NoLength;
    if let WapiScenario::SlowDrip { bytes_per_second } = scenario {
        faults.rate = Some(*bytes_per_second);
    } else if let WapiScenario::Truncate { at } = scenario {
        faults.break_at = Some(*at);
    } else if let WapiScenario::CutEnd { bytes } = scenario {
        to = to.saturating_sub(*bytes);
    } else if let WapiScenario::FlipBit { at } = scenario {
        let at = (*at).min(to.saturating_sub(1));
        faults.flip = Some((at, at + 1));
    }
    let outgoing =
        OutgoingBody { source: Box::new(plain.chunks()), source_at: 0, from: 0, to, faults };
    outgoing.into_response(link_content_type(link), state.stop_receiver())
}

fn send_encrypted(state: &Shared, link: &Link) -> Response {
    match link.media.announced.encrypted_chunks() {
        Ok(sealed) => OutgoingBody {
            source: Box::new(sealed),
            source_at: 0,
            from: 0,
            to: link.media.announced.sealed_size,
            faults: BodyFaults::default(),
        }
        .into_response(link_content_type(link), state.stop_receiver()),
        Err(_) => answer::empty_answer(500),
    }
}

/// Both types occur in production: half of the media files get one, half the other.
fn link_content_type(link: &Link) -> &str {
    if crate::noise::derive_number(&link.media.announced.seed, "content type").is_multiple_of(2) {
        "application/octet-stream"
    } else {
        &link.media.announced.mimetype
    }
}
