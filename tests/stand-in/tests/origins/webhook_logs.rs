//! W-API's own log of webhooks: its content, its pages, and the shapes of its answers.

use crate::account::{call_as, get_json};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use stand_in::{
    CdnScenario, Clock, DEFAULT_INSTANCE, DEFAULT_TOKEN, Dialect, Kind, LogShape, Spec, StandIn,
    WapiScenario,
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const NOW_MS: u64 = 1_787_438_879_000;
const LIST: &str = "/webhook/fetch-webhook-logs?perPage=10&page=1";

async fn list_logs(stand_in: &StandIn, path: &str) -> Result<Vec<Value>> {
    let answer = get_json(stand_in, path).await?;
    assert_eq!(answer.status, 200, "{path}");
    let logs = answer.json()?.get("logs").cloned();
    let logs = logs.context("no logs")?;
    logs.as_array().cloned().context("no array")
}

/// Every key of a value, at every depth.
fn all_keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| [vec![key.clone()], all_keys(value)].concat())
            .collect(),
        Value::Array(array) => array.iter().flat_map(all_keys).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Logs webhooks a second apart, the latest one now, and returns their ids, newest first.
fn log_webhooks(stand_in: &StandIn, count: u64) -> Vec<String> {
    stand_in.set_clock(Clock::new(|| NOW_MS));
    let log = |ago: u64| {
        let body = json!({ "event": "webhookStatus", "messageId": format!("ID{ago}") });
        stand_in.log_webhook(DEFAULT_INSTANCE, &body, Some(NOW_MS - ago * 1000))
    };
    (0..count).map(log).collect()
}

fn log_ids(logs: &[Value]) -> Vec<String> {
    let ids = logs.iter().filter_map(|log| log.get("id")?.as_str());
    ids.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_log_has_lower_case_keys_and_unchanged_values() -> Result<()> {
    let stand_in = StandIn::start().await?;
    stand_in.set_clock(Clock::new(|| NOW_MS));
    let spec = Spec::of(Kind::Voice).wrapper("viewOnceMessageV2");
    let media = stand_in.announce(spec.dialect(Dialect::Y2026))?;
    let logs = list_logs(&stand_in, LIST).await?;
    let [log] = logs.as_slice() else {
        unreachable!("{} webhooks are logged", logs.len());
    };
    assert_eq!(log.get("time"), Some(&json!(NOW_MS)));
    let body = log.get("body").context("no body")?;
    let (original, told) = (all_keys(&media.webhook), all_keys(body));
    assert!(told.iter().all(|key| *key == key.to_lowercase()));
    assert_eq!(told.len(), original.len());
    let object = "/msgcontent/viewoncemessagev2/message/audiomessage";
    let audio = body.pointer(object).context("no audio")?;
    for (key, value) in [
        ("mediakey", json!(media.media_key)),
        ("directpath", json!(media.direct_path)),
        ("ptt", json!(true)),
    ] {
        assert_eq!(audio.get(key), Some(&value), "{key}");
    }
    assert!(audio.get("url").is_some() && audio.get("fileencsha256").is_some());
    assert_eq!(body.get("event"), Some(&json!("webhookReceived")));
    Ok(())
}

#[tokio::test]
async fn events_without_media_are_logged_too() -> Result<()> {
    let stand_in = StandIn::start().await?;
    for stem in ["status", "missing-event", "2025-image"] {
        stand_in.load_event(stem, WapiScenario::Ok, CdnScenario::Ok)?;
    }
    let logs = list_logs(&stand_in, LIST).await?;
    let events: Vec<_> = logs.iter().map(|log| log.pointer("/body/event")).collect();
    let expected = [Some(&json!("webhookReceived")), None, Some(&json!("webhookStatus"))];
    assert_eq!(events, expected, "newest first");
    Ok(())
}

#[tokio::test]
async fn an_instance_sees_only_its_own_log() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let other = ("LITE-BBBBBB-CCCCCC", "token of the other");
    stand_in.register_instance(other.0, other.1);
    stand_in.announce(Spec::of(Kind::Image))?;
    let media = stand_in.announce(Spec::of(Kind::Image).instance(other.0))?;
    let answer = call_as(&stand_in, other, ("GET", LIST, "")).await?.json()?;
    let seen = answer.get("logs").and_then(Value::as_array);
    assert_eq!(seen.map(Vec::len), Some(1));
    let id = answer.pointer("/logs/0/body/messageid");
    assert_eq!(id, Some(&json!(media.message_id)));
    let others = stand_in.webhook_logs(other.0);
    let others = others.first().context("nothing is logged")?;
    let path = format!("/webhook/get-webhook-log?id={}", others.id);
    assert_eq!(get_json(&stand_in, &path).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn pages_cover_the_log_without_gap_or_repeat() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let all = log_webhooks(&stand_in, 23);
    for per_page in [1, 7, 23, 100] {
        let mut seen = Vec::new();
        for page in 1.. {
            let path = format!("/webhook/fetch-webhook-logs?perPage={per_page}&page={page}");
            let logs = list_logs(&stand_in, &path).await?;
            assert!(logs.len() <= per_page);
            if logs.is_empty() {
                break;
            }
            seen.extend(log_ids(&logs));
        }
        assert_eq!(seen, all, "{per_page}");
    }
    let usual = list_logs(&stand_in, "/webhook/fetch-webhook-logs").await?;
    assert_eq!(Some(log_ids(&usual).as_slice()), all.get(..10));
    for nonsense in ["perPage=0", "page=0", "page=x", "perPage=-1"] {
        let path = format!("/webhook/fetch-webhook-logs?{nonsense}");
        assert_eq!(get_json(&stand_in, &path).await?.status, 400, "{nonsense}");
    }
    Ok(())
}

#[tokio::test]
async fn one_webhook_is_found_by_its_id() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let all = log_webhooks(&stand_in, 3);
    for (ago, id) in all.iter().enumerate() {
        let path = format!("/webhook/get-webhook-log?id={id}");
        let said = get_json(&stand_in, &path).await?.json()?;
        let message = said.pointer("/log/body/messageid");
        assert_eq!(message, Some(&json!(format!("ID{ago}"))));
    }
    let path = "/webhook/get-webhook-log";
    assert_eq!(get_json(&stand_in, path).await?.status, 400);
    let unknown = format!("{path}?id=nonsense");
    assert_eq!(get_json(&stand_in, &unknown).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn a_webhook_expires_after_thirty_days() -> Result<()> {
    let stand_in = StandIn::start().await?;
    stand_in.set_clock(Clock::new(|| NOW_MS));
    let body = json!({ "event": "webhookStatus" });
    let log = |ago_ms| stand_in.log_webhook(DEFAULT_INSTANCE, &body, Some(NOW_MS - ago_ms));
    let gone = log(30 * DAY_MS);
    let kept = log(30 * DAY_MS - 1);
    assert_eq!(log_ids(&list_logs(&stand_in, LIST).await?), [kept]);
    let path = format!("/webhook/get-webhook-log?id={gone}");
    assert_eq!(get_json(&stand_in, &path).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn the_log_has_five_shapes() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let all = log_webhooks(&stand_in, 12);
    let one = format!("/webhook/get-webhook-log?id={}", all[0]);
    for (shape, list, single) in [
        (LogShape::Logs, "/logs", "/log"),
        (LogShape::Bare, "", ""),
        (LogShape::Data, "/data", "/data"),
        (LogShape::Nested, "/data/logs", "/data/log"),
    ] {
        stand_in.set_log_shape(shape);
        let said = get_json(&stand_in, LIST).await?.json()?;
        let logs = said.pointer(list).and_then(Value::as_array);
        let logs = logs.with_context(|| format!("{shape:?}: {said}"))?;
        assert_eq!(Some(log_ids(logs).as_slice()), all.get(..10), "{shape:?}");
        let told = (shape == LogShape::Nested).then_some(json!(12));
        assert_eq!(said.pointer("/data/total"), told.as_ref(), "{shape:?}");
        let said = get_json(&stand_in, &one).await?.json()?;
        let id = said.pointer(single).and_then(|log| log.get("id"));
        assert_eq!(id, Some(&json!(all[0])), "{shape:?}");
    }
    stand_in.set_log_shape(LogShape::Opaque);
    for path in [LIST, &one] {
        let opaque = get_json(&stand_in, path).await?;
        assert_eq!(opaque.status, 200);
        let keys = all_keys(&opaque.json()?);
        assert!(!keys.iter().any(|key| key == "body" || key == "id"));
    }
    Ok(())
}

#[tokio::test]
async fn the_log_can_be_read_only_with_the_token() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let caller = (DEFAULT_INSTANCE, "nonsense");
    let answer = call_as(&stand_in, caller, ("GET", LIST, "")).await?;
    assert_eq!(answer.status, 401);
    let caller = (DEFAULT_INSTANCE, DEFAULT_TOKEN);
    let answer = call_as(&stand_in, caller, ("GET", LIST, "")).await?;
    assert_eq!(answer.json()?.get("logs"), Some(&json!([])));
    Ok(())
}
