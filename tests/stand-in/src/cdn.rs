//! WhatsApp's CDN: encrypted files under signed paths, on two hosts.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use crate::answer;
use crate::body::{BodyFaults, OutgoingBody};
use crate::encrypt::{EncryptedChunks, MAC_LEN};
use crate::formats;
use crate::record::{ReceivedRequest, Role};
use crate::scenario::CdnScenario;
use crate::state::{ServedMedia, State as Shared};

#[derive(Clone)]
struct CdnHost {
    state: Arc<Shared>,
    role: Role,
}

/// Headers that a download must have, with their values; `None` allows any value.
const EXPECTED_HEADERS: [(&str, Option<&str>); 4] = [
    ("origin", Some("https://web.whatsapp.com")),
    ("referer", Some("https://web.whatsapp.com/")),
    ("accept-encoding", Some("identity")),
    ("user-agent", None),
];

/// The route of one host of the CDN, which takes every path.
pub(crate) fn cdn_router(state: Arc<Shared>, role: Role) -> Router {
    Router::new().fallback(get_file).with_state(CdnHost { state, role })
}

async fn get_file(State(host): State<CdnHost>, request: Request) -> Response {
    let CdnHost { state, role } = host;
    let (parts, _) = request.into_parts();
    let mut received = ReceivedRequest::new(role, &parts.method, &parts.uri, &parts.headers);
    note_violations(&mut received);
    let media = state.media_at(&received.path, None);
    let mut refused = None;
    if parts.method != Method::GET {
        refused = Some(answer::empty_answer(405));
    } else if let Some(media) = &media {
        received.message_id = Some(media.announced.message_id.clone());
        let right = media.announced.direct_path.split_once('?').map(|(_, query)| query);
        if received.query.as_deref() != right
            && received.query.as_deref() != right.map(with_mms_parameter).as_deref()
        {
            received.add_violation("the query differs from the signed one");
            refused = Some(answer::empty_answer(403));
        } else if media.announced.oe.saturating_mul(1000) <= state.now_ms() {
            refused = Some(answer::empty_answer(403));
        }
    }
    let file = state.file_at(&received.path).filter(|_| media.is_none());
    let is_signed = received.query.as_deref().is_some_and(|query| query.contains("oh="));
    let range = received.header("range").map(str::to_owned);
    let number = state.record_request(received);
    let response = match (refused, media) {
        (Some(refused), _) => refused,
        (None, None) => match file {
            None => answer::empty_answer(404),
            Some(_) if !is_signed => answer::empty_answer(403),
            Some(bytes) => Response::new(bytes.into()),
        },
        (None, Some(media)) => answer_scenario(&state, role, &media, range.as_deref()).await,
    };
    state.record_status(number, response.status().as_u16());
    response
}

/// The query of the message's `url`, which has one parameter more than `directPath`.
fn with_mms_parameter(query: &str) -> String {
    format!("{query}&mms3=true")
}

fn note_violations(received: &mut ReceivedRequest) {
    for (name, expected) in EXPECTED_HEADERS {
        let sent = received.header(name);
        if sent.is_none_or(str::is_empty) || (expected.is_some() && sent != expected) {
            received.violations.push(format!("{name} differs from what WhatsApp's clients send"));
        }
    }
    for name in ["authorization", "cookie"] {
        if received.header(name).is_some() {
            received.violations.push(format!("{name} must not be sent to the CDN"));
        }
    }
}

async fn answer_scenario(
    state: &Shared,
    role: Role,
    media: &ServedMedia,
    range: Option<&str>,
) -> Response {
    let calls = media.count_cdn_call();
    let scenario = state.cdn_override().unwrap_or_else(|| media.announced.spec.cdn.clone());
    let (scenario, calls) = scenario.at_call(calls, role);
    let mut serving = FileAnswer { media, faults: BodyFaults::default(), to: None, range, late: 0 };
    serving.apply_scenario(&scenario, calls == 0);
    if let Some(response) = answer_without_file(&scenario) {
        response
    } else if scenario == CdnScenario::Hang {
        state.until_stopped().await;
        answer::empty_answer(503)
    } else if scenario == CdnScenario::PlainBytes {
        serving.send_plain(state)
    } else if scenario == CdnScenario::WrongEnc {
        serving.send_other_file(state)
    } else {
        serving.send_encrypted(state)
    }
}

/// The answer of scenarios that send no file.
fn answer_without_file(scenario: &CdnScenario) -> Option<Response> {
    if let CdnScenario::Gone { status } | CdnScenario::Status { code: status } = scenario {
        let response = answer::empty_answer(*status);
        return Some(if matches!(status, 429 | 503) {
            answer::with_retry_after(response, 1)
        } else {
            response
        });
    }
    let is = |other: CdnScenario| *scenario == other;
    is(CdnScenario::Empty200)
        .then(|| answer::empty_answer(200))
        .or_else(|| is(CdnScenario::Html200).then(|| answer::html_page(200)))
        .or_else(|| is(CdnScenario::Redirect).then(|| answer::redirect_away("/v/elsewhere")))
}

/// An answer under construction.
struct FileAnswer<'a> {
    media: &'a ServedMedia,
    faults: BodyFaults,
    /// Where the file ends, if it is cut.
    to: Option<u64>,
    range: Option<&'a str>,
    /// By how many bytes the answered range begins too late.
    late: u64,
}

impl FileAnswer<'_> {
    /// Sets the faults that the scenario asks for.
    fn apply_scenario(&mut self, scenario: &CdnScenario, is_first: bool) {
        let size = self.media.announced.sealed_size;
        match *scenario {
            CdnScenario::HangBody => self.faults.hang = true,
            CdnScenario::SlowDrip { bytes_per_second } => self.faults.rate = Some(bytes_per_second),
            CdnScenario::Truncate { at } => self.faults.break_at = Some(at),
            CdnScenario::TruncateThenRange { at }
            | CdnScenario::TruncateNoRange { at }
            | CdnScenario::TruncateWrongRange { at }
                if is_first =>
            {
                self.faults.break_at = Some(at);
            }
            CdnScenario::TruncateNoRange { .. } => self.range = None,
            CdnScenario::TruncateWrongRange { .. } => self.late = 1,
            CdnScenario::FlipBit { at } => {
                let at = at.min(size.saturating_sub(1));
                self.faults.flip = Some((at, at + 1));
            }
            CdnScenario::WrongMac => {
                self.faults.flip = Some((size.saturating_sub(MAC_LEN as u64), size));
            }
            CdnScenario::CutEnd { bytes } => self.to = Some(size.saturating_sub(bytes)),
            CdnScenario::NoLength => self.faults.no_length = true,
            CdnScenario::Ok
            | CdnScenario::Gone { .. }
            | CdnScenario::Status { .. }
            | CdnScenario::Empty200
            | CdnScenario::Html200
            | CdnScenario::Redirect
            | CdnScenario::Hang
            | CdnScenario::TruncateThenRange { .. }
            | CdnScenario::WrongEnc
            | CdnScenario::PlainBytes
            | CdnScenario::MainHostDown
            | CdnScenario::PerHost { .. }
            | CdnScenario::FailTimes { .. } => {}
        }
    }

    fn send_encrypted(self, state: &Shared) -> Response {
        let size = self.to.unwrap_or(self.media.announced.sealed_size);
        match self.media.announced.encrypted_chunks() {
            Ok(sealed) => self.send_file(state, Box::new(sealed), size),
            Err(_) => answer::empty_answer(500),
        }
    }

    fn send_plain(self, state: &Shared) -> Response {
        let plain = &self.media.announced.plain;
        let (chunks, size) = (plain.chunks(), plain.size());
        self.send_file(state, Box::new(chunks), size)
    }

    /// Another file, encrypted with the same keys.
    fn send_other_file(self, state: &Shared) -> Response {
        let announced = &self.media.announced;
        let other = format!("{}/other", announced.seed);
        let plain = formats::make_file(announced.format, &other, None);
        let encryption = announced.spec.effective_encryption();
        let size = crate::encrypt::encrypted_size(plain.size(), encryption);
        match EncryptedChunks::new(&plain, &announced.keys, encryption) {
            Ok(sealed) => self.send_file(state, Box::new(sealed), size),
            Err(_) => answer::empty_answer(500),
        }
    }

    fn send_file(
        self,
        state: &Shared,
        source: Box<dyn Iterator<Item = Bytes> + Send>,
        size: u64,
    ) -> Response {
        let window = match self.range.map(|range| parse_range(range, size)) {
            None => None,
            Some(Some(window)) => Some(window),
            Some(None) => {
                let mut response = answer::empty_answer(416);
                set_content_range(&mut response, &format!("bytes */{size}"));
                return response;
            }
        };
        let (from, to) = window.unwrap_or((0, size));
        let late = if window.is_some() { self.late } else { 0 };
        // The header below names the shifted range, as an origin with this fault does.
        let from = (from + late).min(to);
        let outgoing = OutgoingBody { source, source_at: 0, from, to, faults: self.faults };
        let mut response =
            outgoing.into_response("application/octet-stream", state.stop_receiver());
        if window.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set_content_range(
                &mut response,
                &format!("bytes {from}-{}/{size}", to.saturating_sub(1)),
            );
        }
        response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response
    }
}

fn set_content_range(response: &mut Response, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
}

/// The window of `bytes=N-` or `bytes=N-M` in a file of `size` bytes; `None` if it is outside or
/// malformed.
fn parse_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = from.parse().ok()?;
    let to = if to.is_empty() { size } else { to.parse::<u64>().ok()?.checked_add(1)?.min(size) };
    (from < to).then_some((from, to))
}
