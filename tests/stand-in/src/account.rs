//! W-API's management endpoints: state, pairing and hooks of an instance, its log of webhooks,
//! and text messages.
//!
//! Answers whose real shape is unknown are invented. What is known is noted at each.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use data_encoding::{BASE64, HEXUPPER};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{self, json_answer, refusal};
use crate::call::{CallQuery, authorize_call, receive_call, unknown_route};
use crate::record::ReceivedRequest;
use crate::spec::{DEFAULT_OE, Format};
use crate::state::State as Shared;
use crate::webhook_log::LogPage;
use crate::{formats, noise};

/// The error message of calls that need a connected phone.
pub(crate) const NOT_CONNECTED: &str = "Instância não conectada";

/// One of the six webhooks of an instance, each with its own URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Incoming messages.
    Received,
    /// Messages that the account sent.
    Delivery,
    /// A message's status changed.
    MessageStatus,
    /// The account was connected.
    Connected,
    /// The account was disconnected.
    Disconnected,
    /// Somebody is typing or recording.
    ChatPresence,
}

impl Hook {
    /// All six hooks.
    pub const ALL: [Self; 6] = [
        Self::Received,
        Self::Delivery,
        Self::MessageStatus,
        Self::Connected,
        Self::Disconnected,
        Self::ChatPresence,
    ];

    /// The hook's name in the path that updates it, `update-webhook-…`, and in `/control`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Delivery => "delivery",
            Self::MessageStatus => "message-status",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::ChatPresence => "chat-presence",
        }
    }

    /// The field of `fetch-instance` that holds the hook's URL.
    pub fn field(self) -> &'static str {
        match self {
            Self::Received => "webhookReceivedUrl",
            Self::Delivery => "webhookDeliveryUrl",
            Self::MessageStatus => "webhookStatusUrl",
            Self::Connected => "webhookConnectedUrl",
            Self::Disconnected => "webhookDisconnectedUrl",
            Self::ChatPresence => "webhookPresenceUrl",
        }
    }
}

/// What W-API stores about an instance besides its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whether a phone is paired. Without one neither texts nor downloads work.
    pub connected: bool,
    /// The phone's number, in digits; answered only while connected.
    pub connected_phone: Option<String>,
    /// The saved URLs. A hook that was never set is absent, answered as null; an unregistered one
    /// is empty.
    pub hooks: BTreeMap<Hook, String>,
    /// Whether calls that save a hook of it are answered as successful and save nothing.
    pub forgets_hooks: bool,
    /// `paymentStatus`. Its real values are unknown.
    pub payment_status: String,
    /// `expires`: until when the instance is paid, in milliseconds since 1970.
    pub expires_ms: u64,
}

impl Default for Account {
    /// Connected, paid until 2100, without hooks.
    fn default() -> Self {
        Self {
            connected: true,
            connected_phone: Some("5500900000009".to_owned()),
            hooks: BTreeMap::new(),
            forgets_hooks: false,
            payment_status: "PAID".to_owned(),
            expires_ms: DEFAULT_OE * 1000,
        }
    }
}

impl Account {
    /// The URL that a hook is posted to, unless it was never set or is unregistered.
    pub fn hook(&self, hook: Hook) -> Option<&str> {
        let saved = self.hooks.get(&hook).map(String::as_str);
        saved.filter(|url| !url.is_empty())
    }
}

/// How every management call fails once its token and instance are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagementScenario {
    /// It is never answered.
    Hang,
    /// It is answered with this status: an HTML page for 502, 503 and 504, as from the gateway in
    /// front, otherwise `error: true`. Written as a bare number.
    #[serde(untagged)]
    Status(u16),
}

/// A call whose token and instance were accepted.
#[derive(Debug)]
struct ManagementCall<'a> {
    state: &'a Shared,
    instance: &'a str,
    asked: &'a CallQuery,
    received: &'a mut ReceivedRequest,
}

/// The routes. A wrong method is answered as an unknown path.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let by = |answer: fn(ManagementCall<'_>) -> Response| {
        move |State(state): State<Arc<Shared>>, request: Request| {
            answer_call(state, request, answer)
        }
    };
    let mut router = Router::new()
        .route("/v1/instance/status-instance", get(by(status_instance)))
        .route("/v1/instance/qr-code", get(by(qr_code)))
        .route("/v1/instance/fetch-instance", get(by(fetch_instance)))
        .route("/v1/contacts/phone-exists", get(by(phone_exists)))
        .route("/v1/webhook/fetch-webhook-logs", get(by(fetch_logs)))
        .route("/v1/webhook/get-webhook-log", get(by(get_log)))
        .route("/v1/message/send-text", post(by(send_text)));
    for hook in Hook::ALL {
        let path = format!("/v1/webhook/update-webhook-{}", hook.name());
        let update = move |State(state): State<Arc<Shared>>, request: Request| {
            answer_call(state, request, move |call| update_hook(call, hook))
        };
        router = router.route(&path, put(update));
    }
    router.method_not_allowed_fallback(unknown_route)
}

/// Reads, checks, records and answers one call.
async fn answer_call(
    state: Arc<Shared>,
    request: Request,
    answer: impl FnOnce(ManagementCall<'_>) -> Response,
) -> Response {
    let asked = CallQuery::parse(&request);
    let mut received = receive_call(request).await;
    let allowed = authorize_call(&state, asked.instance(), &mut received);
    let answered = match (allowed, state.management_override()) {
        (Err(refused), _) => Some(*refused),
        (Ok(_), Some(ManagementScenario::Hang)) => None,
        (Ok(_), Some(ManagementScenario::Status(code))) => Some(error_response(code)),
        (Ok(instance), None) => Some(answer(ManagementCall {
            state: &state,
            instance: &instance,
            asked: &asked,
            received: &mut received,
        })),
    };
    let number = state.record_request(received);
    let Some(response) = answered else {
        state.until_stopped().await;
        return answer::empty_answer(503);
    };
    state.record_status(number, response.status().as_u16());
    response
}

fn error_response(code: u16) -> Response {
    if matches!(code, 502..=504) { answer::html_page(code) } else { refusal(code, "Erro interno") }
}

/// Known: `connected`.
fn status_instance(call: ManagementCall<'_>) -> Response {
    let account = call.state.account(call.instance);
    json_answer(
        200,
        json!({ "error": false, "instanceId": call.instance, "connected": account.connected }),
    )
}

/// Known: the PNG and `connected: true`. The picture is not a QR code that a phone could read.
fn qr_code(call: ManagementCall<'_>) -> Response {
    if call.state.account(call.instance).connected {
        return json_answer(
            200,
            json!({ "error": false, "instanceId": call.instance, "connected": true }),
        );
    }
    let png = formats::make_file(Format::Png, &format!("{}/qr", call.instance), None).bytes();
    if call.asked.value_of("image") == Some("enable") {
        return ([(header::CONTENT_TYPE, "image/png")], png).into_response();
    }
    let url = format!("data:image/png;base64,{}", BASE64.encode(&png));
    json_answer(
        200,
        json!({ "error": false, "instanceId": call.instance, "connected": false, "qrcode": url }),
    )
}

/// Known: the names, all at the same level.
fn fetch_instance(call: ManagementCall<'_>) -> Response {
    let account = call.state.account(call.instance);
    let phone = account.connected_phone.as_ref().filter(|_| account.connected);
    let mut said = json!({
        "error": false,
        "instanceId": call.instance,
        "instanceName": "Instância Exemplo",
        "connected": account.connected,
        "connectedPhone": phone,
        "paymentStatus": account.payment_status,
        "expires": account.expires_ms,
    });
    if let Value::Object(said) = &mut said {
        for hook in Hook::ALL {
            said.insert(hook.field().to_owned(), json!(account.hooks.get(&hook)));
        }
    }
    json_answer(200, said)
}

/// `{"value": …}` saves and an empty value unregisters. `{"url": …, "enabled": …}` gets the same
/// answer and saves nothing.
fn update_hook(call: ManagementCall<'_>, hook: Hook) -> Response {
    let body = &call.received.body;
    if let Some(url) = body.get("value").and_then(Value::as_str) {
        redaction::plant_url(url);
        if !call.state.forgets_hooks() {
            call.state.change_account(call.instance, |account| {
                if !account.forgets_hooks {
                    account.hooks.insert(hook, url.to_owned());
                }
            });
        }
    } else if body.get("url").is_some_and(Value::is_string) {
        let breach = "the form {url, enabled} saves nothing";
        call.received.add_violation(breach);
    } else {
        let breach = "value is missing or is not a string";
        call.received.add_violation(breach);
        return refusal(400, "value is required");
    }
    json_answer(200, json!({ "error": false, "message": "Webhook atualizado com sucesso" }))
}

/// Known, from clients' code: the parameter and the three names.
fn phone_exists(call: ManagementCall<'_>) -> Response {
    let Some(phone) = call.asked.value_of("phoneNumber").filter(|phone| !phone.is_empty()) else {
        call.received.add_violation("there is no phoneNumber");
        return refusal(400, "phoneNumber is required");
    };
    if let Some(status) = call.state.phone_status() {
        return error_response(status);
    }
    let answer = match call.state.find_contact(phone) {
        None => json!({ "exists": false, "phoneNumber": phone, "lid": null }),
        Some(lid) => {
            let lid = lid.map(|lid| format!("{lid}@lid"));
            json!({ "exists": true, "phoneNumber": phone, "lid": lid })
        }
    };
    json_answer(200, answer)
}

/// The first page has ten entries unless the call asks otherwise.
fn fetch_logs(call: ManagementCall<'_>) -> Response {
    let number = |name: &str, usual: usize| match call.asked.value_of(name) {
        None => Some(usual),
        Some(text) => text.parse().ok().filter(|number| *number > 0),
    };
    let (Some(per_page), Some(page)) = (number("perPage", 10), number("page", 1)) else {
        let breach = "perPage or page is not a number of at least 1";
        call.received.add_violation(breach);
        return refusal(400, "perPage and page must be positive");
    };
    let logs = call.state.webhook_logs(call.instance);
    let page = LogPage::of_page(&logs, per_page, page);
    json_answer(200, call.state.log_shape().list_json(&page))
}

fn get_log(call: ManagementCall<'_>) -> Response {
    let Some(id) = call.asked.value_of("id").filter(|id| !id.is_empty()) else {
        call.received.add_violation("there is no id");
        return refusal(400, "id is required");
    };
    let logs = call.state.webhook_logs(call.instance);
    match logs.iter().find(|logged| logged.id == id) {
        Some(logged) => json_answer(200, call.state.log_shape().single_json(logged)),
        None => refusal(404, "Log não encontrado"),
    }
}

/// Known: the two fields. No webhook reports the text.
fn send_text(call: ManagementCall<'_>) -> Response {
    let body = &call.received.body;
    let text = |field: &str| {
        let text = body.get(field).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let (Some(phone), Some(message)) = (text("phone"), text("message")) else {
        let breach = "phone or message is missing, empty or not a string";
        call.received.add_violation(breach);
        return refusal(400, "phone and message are required");
    };
    if !call.state.account(call.instance).connected {
        return refusal(403, NOT_CONNECTED);
    }
    let seed = format!("{}/{phone}/{message}", call.state.next_text());
    let id = HEXUPPER.encode(&noise::digest_seed(&seed, "message id"));
    let id = format!("3EB0{}", id.get(..16).unwrap_or(&id));
    json_answer(200, json!({ "error": false, "instanceId": call.instance, "messageId": id }))
}
