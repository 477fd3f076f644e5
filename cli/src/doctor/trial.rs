//! A controlled test: calls each of W-API's endpoints once, and fetches a recent media file by
//! every strategy, without storing it.

use std::time::Duration;

use boot::clock;
use fetch::{
    FetchRequest, Fetcher, Limits, MediaStream, Origins, account::AccountCall, pool::PartPool,
};
use futures_util::StreamExt;
use media::{
    envelope::Envelope,
    ids::MessageId,
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage, Secret},
    record::Attempt,
    strategy::Strategy,
};
use report::{ControlledTest, Endpoint, Lang, Status, TestRow};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use wapi::{
    account::{ACCOUNT_PATH, LOGS_PATH, QR_CODE_PATH, SEND_TEXT_PATH, STATUS_PATH},
    download::{ALTERNATE_PATH, PATH},
    logs::LogPage,
};

use super::examined::ExaminedInstance;
use crate::{
    checks::probe,
    commands::parked::result::print_look_failures,
    examination::Examination,
    random::random_base64,
    session::{Session, as_instance},
    version::is_outdated_for,
};

/// The time limit of one strategy. W-API may take a minute to answer.
const MAX_FETCH_TIME: Duration = Duration::from_secs(90);

/// Where the media message of the test came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// W-API's own log of webhooks.
    Log,
    /// A parked job.
    Parked,
    /// Invented. W-API answers 500 to an unknown media key even when it works, so a failure proves
    /// nothing.
    Invented,
}

/// The calls of the test, and their results.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// The calls to W-API's endpoints about the instance.
    pub(crate) calls: Vec<AccountCall>,
    fetched: Vec<FetchResult>,
    origin: Option<Origin>,
}

/// The result of one strategy.
#[derive(Debug)]
struct FetchResult {
    message: MessageId,
    attempt: Attempt,
    is_stored: bool,
}

impl Trial {
    /// Runs the test for an instance with a token. Without one, nothing is called.
    pub(crate) async fn run_for(
        subject: Option<&ExaminedInstance>,
        examination: Examination<'_>,
    ) -> anyhow::Result<Self> {
        let Examination { session, consent, .. } = examination;
        let Some((examined, token)) = subject.and_then(|one| Some((one, one.token.as_ref()?)))
        else {
            return Ok(Self::default());
        };
        let (wapi, who) = (session.wapi()?, as_instance(&examined.instance.id, token));
        let mut trial = Self::default();
        trial.calls.push(wapi.get(STATUS_PATH, who).await);
        trial.calls.push(wapi.get(ACCOUNT_PATH, who).await);
        let none = None::<&Value>;
        if consent.pairing_code {
            let image = [("image", "enable")];
            let qr_code = wapi.send_request(Method::GET, QR_CODE_PATH, &image, who, none);
            trial.calls.push(qr_code.await);
        }
        // Without its fields W-API sends no message; the refusal shows that the endpoint exists.
        let empty = json!({});
        let dry = wapi.send_request(Method::POST, SEND_TEXT_PATH, &[], who, Some(&empty));
        trial.calls.push(dry.await);
        let page = [("perPage", "50"), ("page", "1")];
        let log = wapi.send_request(Method::GET, LOGS_PATH, &page, who, none).await;
        let recent = newest_in_log(&log);
        trial.calls.push(log);
        let (message, origin) = match recent {
            Some(message) => (message, Origin::Log),
            None => match find_parked(examined, session).await? {
                Some(message) => (message, Origin::Parked),
                None => (invented_message()?, Origin::Invented),
            },
        };
        trial.origin = Some(origin);
        trial.fetch_by_each_strategy(&message, examined, token, session).await?;
        Ok(trial)
    }

    async fn fetch_by_each_strategy(
        &mut self,
        message: &MediaMessage,
        examined: &ExaminedInstance,
        token: &Secret,
        session: &Session,
    ) -> anyhow::Result<()> {
        let parameter = |name| session.stack.parameter(name);
        let origins = Origins::parse(parameter("WapiBaseUrl")?, parameter("CdnBaseUrls")?)?;
        let fetcher = Fetcher::new(origins, Limits::default(), PartPool::new(1))?;
        for strategy in Strategy::DEFAULT {
            let request = FetchRequest {
                message,
                instance: &examined.instance.id,
                token: strategy.needs_token().then_some(token),
                keep_mismatch: false,
                max_bytes: None,
                insist: true,
                deadline: Instant::now() + MAX_FETCH_TIME,
                is_share: false,
                is_cdn_next: false,
                now: clock::now(),
                slot: None,
            };
            let drain = async |media: MediaStream| {
                let mut parts = std::pin::pin!(media.into_parts());
                while let Some(part) = parts.next().await {
                    part?;
                }
                Ok(())
            };
            let (attempt, fetched) = Box::pin(fetcher.fetch(strategy, request, drain)).await;
            self.fetched.push(FetchResult {
                message: message.message_id.clone(),
                attempt,
                is_stored: fetched.is_ok(),
            });
        }
        Ok(())
    }

    /// Whether a strategy fetched the file, and its attempt; `None` if it was not tried, or only
    /// with an invented key.
    pub(crate) fn result_of(&self, strategy: Strategy) -> Option<(bool, &Attempt)> {
        if self.origin == Some(Origin::Invented) {
            return None;
        }
        let of_it = |one: &&FetchResult| one.attempt.strategy == strategy;
        let found = self.fetched.iter().find(of_it)?;
        Some((found.is_stored, &found.attempt))
    }

    /// Whether the media message was invented.
    pub(crate) fn is_invented(&self) -> bool {
        self.origin == Some(Origin::Invented)
    }

    /// The attempts of all strategies, as evidence.
    pub(crate) fn attempts(&self) -> Vec<&Attempt> {
        self.fetched.iter().map(|one| &one.attempt).collect()
    }

    /// The report's table of strategies.
    pub(crate) fn to_controlled_test(&self, lang: Lang) -> Option<ControlledTest> {
        let origin = self.origin?;
        let rows = self.fetched.iter().map(|one| {
            let FetchResult { message, attempt, is_stored } = one;
            TestRow {
                message_id: message.to_string(),
                strategy: attempt.strategy,
                status: self.status_of(one),
                http_status: attempt.status,
                latency_ms: attempt.duration_ms,
                bytes: attempt.received_bytes,
                note: if *is_stored { String::new() } else { note_of(attempt, lang) },
            }
        });
        Some(ControlledTest { synthetic_keys: origin == Origin::Invented, rows: rows.collect() })
    }

    /// A failure of the alternate endpoint is no fault, because it may not exist.
    fn status_of(&self, one: &FetchResult) -> Status {
        match (one.is_stored, self.origin, one.attempt.strategy) {
            (true, _, _) => Status::Ok,
            (false, Some(Origin::Invented) | None, _) | (false, _, Strategy::WapiAlternate) => {
                Status::Unknown
            }
            (false, Some(Origin::Log | Origin::Parked), Strategy::Wapi | Strategy::Cdn) => {
                Status::Fail
            }
        }
    }

    /// The report's table of W-API's endpoints.
    pub(crate) fn to_endpoints(&self, lang: Lang) -> Vec<Endpoint> {
        let asked = self.calls.iter();
        let mut endpoints: Vec<_> = asked.map(|one| endpoint_of(one, lang)).collect();
        for one in &self.fetched {
            let path = match one.attempt.strategy {
                Strategy::Wapi => PATH,
                Strategy::WapiAlternate => ALTERNATE_PATH,
                Strategy::Cdn => continue,
            };
            endpoints.push(Endpoint {
                method: "POST".to_owned(),
                path: path.to_owned(),
                status: self.status_of(one),
                http_status: one.attempt.status,
                latency_ms: Some(one.attempt.duration_ms),
                note: if one.is_stored { String::new() } else { note_of(&one.attempt, lang) },
            });
        }
        endpoints
    }
}

/// The attempt's verdict, and the excerpt of the answer.
fn note_of(attempt: &Attempt, lang: Lang) -> String {
    let excerpt = attempt.excerpt.as_ref();
    let words = excerpt.map_or_else(String::new, |words| format!(" – {words}"));
    format!("{}{words}", report::translate_reason(&attempt.verdict, lang))
}

fn endpoint_of(asked: &AccountCall, lang: Lang) -> Endpoint {
    let is_dry = asked.path == SEND_TEXT_PATH;
    let status = match asked.status {
        Some(400..500) if is_dry && !matches!(asked.status, Some(401 | 403 | 404)) => Status::Ok,
        Some(200..300) => Status::Ok,
        Some(404) => Status::Warn,
        Some(_) | None => Status::Fail,
    };
    Endpoint {
        method: asked.method.to_owned(),
        path: asked.path.clone(),
        status,
        http_status: asked.status,
        latency_ms: Some(asked.duration_ms),
        note: match (is_dry, status) {
            (true, Status::Ok) => report::translate_reason(
                "called without the required fields: nothing was sent",
                lang,
            ),
            _ => asked.excerpt.clone().unwrap_or_default(),
        },
    }
}

/// The newest media message in W-API's log that has a media key and a path.
fn newest_in_log(log: &AccountCall) -> Option<MediaMessage> {
    let page = LogPage::parse(log.body()).filter(|_| log.is_success())?;
    let media = page.webhooks.iter().flat_map(|webhook| webhook.read_announcement().media);
    let can_be_fetched = |one: &MediaMessage| one.media_key.is_some() && one.direct_path.is_some();
    media.filter(can_be_fetched).max_by_key(|one| one.moment)
}

/// A parked media message of the instance. `None` beside a newer stack: the look also updates
/// records and deletes messages, as this version understands them.
async fn find_parked(
    examined: &ExaminedInstance,
    session: &Session,
) -> anyhow::Result<Option<MediaMessage>> {
    if is_outdated_for(session.stack.version()) {
        return Ok(None);
    }
    let (parking, mut found) = (session.parking()?, None);
    let look = parking.look(clock::now(), |parked| {
        let its = parked.job().filter(|job| job.instance == examined.instance.id);
        if let Some(job) = its {
            found = Some(job.message.clone());
        }
    });
    match look.await {
        // A caller who only watches may not receive parked jobs.
        Err(error) if !error.is_denied() => Err(error.into()),
        Ok(seen) => {
            print_look_failures(&seen.failures);
            Ok(found)
        }
        Err(_) => Ok(found),
    }
}

fn invented_message() -> anyhow::Result<MediaMessage> {
    Ok(MediaMessage {
        message_id: probe::new_message_id()?,
        chat: Chat::from_jid(Chat::PROBE_JID, None),
        direction: Direction::In,
        moment: clock::now(),
        kind: MediaKind::Image,
        ptt: false,
        view_once: false,
        mimetype: Some("image/jpeg".to_owned()),
        media_key: Some(Secret::new(random_base64()?)),
        is_encrypted: true,
        direct_path: Some(Secret::new("/probe.enc")),
        url: None,
        file_sha256: None,
        file_enc_sha256: None,
        file_length: None,
        file_name: None,
        caption: None,
        envelope: Envelope::default(),
    })
}
