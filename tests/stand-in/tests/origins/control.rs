//! The controls for other processes, and the command that runs the stand-in.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::{get_cdn, send_request};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use stand_in::{Clock, DEFAULT_INSTANCE, DEFAULT_TOKEN, StandIn};

fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn another_process_has_the_librarys_controls() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let control = stand_in.control_base();
    let spec = json!({
        "kind": "voice", "cdn": { "truncate": { "at": 5 } }, "dialect": "y2025",
        "chat": "5500900000007"
    });
    let announced =
        send_request("POST", &format!("{control}/announce"), &[], &spec.to_string()).await?;
    assert_eq!(announced.status, 200);
    let announced = announced.json()?;
    assert_eq!(text_at(&announced, "/webhook/chat/id"), "5500900000007");
    let path = text_at(&announced, "/direct_path");
    assert_eq!(get_cdn(&stand_in.cdn_base(), &path, None).await?.body.len(), 5);
    let plain = format!("{control}/plain/{}", text_at(&announced, "/message_id"));
    let file = send_request("GET", &plain, &[], "").await?;
    assert_eq!(Some(file.body.len() as u64), announced.get("size").and_then(Value::as_u64));
    let global = json!({ "cdn": { "status": { "code": 500 } }, "alternates": true });
    assert_eq!(
        send_request("POST", &format!("{control}/global"), &[], &global.to_string()).await?.status,
        204
    );
    assert_eq!(get_cdn(&stand_in.cdn_base(), &path, None).await?.status, 500);
    let requests = send_request("GET", &format!("{control}/requests"), &[], "").await?.json()?;
    assert_eq!(requests.as_array().map(Vec::len), Some(2));
    assert_eq!(send_request("DELETE", &format!("{control}/requests"), &[], "").await?.status, 204);
    assert!(stand_in.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn instances_and_overrides_answer_without_body() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let control = stand_in.control_base();
    let instance = json!({ "instance": "LITE-BBBBBB-CCCCCC", "token": "t" });
    assert_eq!(
        send_request("POST", &format!("{control}/instances"), &[], &instance.to_string())
            .await?
            .status,
        204
    );
    let nonsense = json!({ "wapi": "nonsense" });
    assert_eq!(
        send_request("POST", &format!("{control}/global"), &[], &nonsense.to_string())
            .await?
            .status,
        422
    );
    Ok(())
}

#[tokio::test]
async fn events_can_be_loaded_by_stem() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let url = format!("{}/event", stand_in.control_base());
    let wanted = json!({ "stem": "2026-voice", "wapi": { "fail500": { "message": "array" } } });
    let event = send_request("POST", &url, &[], &wanted.to_string()).await?.json()?;
    let path = text_at(&event, "/webhook/msgContent/audioMessage/directPath");
    assert_eq!(get_cdn(&stand_in.cdn_base(), &path, None).await?.status, 200);
    let unknown = json!({ "stem": "nonsense" });
    assert_eq!(send_request("POST", &url, &[], &unknown.to_string()).await?.status, 404);
    Ok(())
}

/// Calls `/control` and returns status and JSON, null if there is none.
async fn call_control(
    stand_in: &StandIn,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, Value)> {
    let url = format!("{}{path}", stand_in.control_base());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send_request(method, &url, &[], &body).await?;
    Ok((answer.status, answer.json().unwrap_or_default()))
}

#[tokio::test]
async fn accounts_change_field_by_field() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let instance = "LITE-BBBBBB-CCCCCC";
    let hooks = format!("/hooks/{instance}");
    let (status, _) = call_control(&stand_in, "GET", &hooks, &Value::Null).await?;
    assert_eq!(status, 404);
    let url = "https://hooks.example.invalid/";
    let changes = [
        (json!({ "connected": false }), 404),
        (json!({ "token": "t", "connected": false }), 204),
        (json!({ "hooks": { "received": url, "message-status": url } }), 204),
        (json!({ "hooks": { "message-status": null } }), 204),
        (
            json!({
                "connected_phone": "5500900000007", "payment_status": "OVERDUE", "expires": 5
            }),
            204,
        ),
        (json!({ "hooks": { "nonsense": url } }), 422),
        (json!({ "nonsense": true }), 422),
    ];
    for (mut change, expected) in changes {
        let object = change.as_object_mut().context("an object")?;
        object.insert("instance".to_owned(), json!(instance));
        let (status, _) = call_control(&stand_in, "POST", "/instances", &change).await?;
        assert_eq!(status, expected, "{change}");
    }
    let account = stand_in.account(instance);
    assert!(!account.connected && account.hooks.len() == 1);
    assert_eq!(account.connected_phone.as_deref(), Some("5500900000007"));
    let paid = (account.payment_status.as_str(), account.expires_ms);
    assert_eq!(paid, ("OVERDUE", 5));
    let (_, said) = call_control(&stand_in, "GET", &hooks, &Value::Null).await?;
    let expected = json!({ "received": url, "delivery": null, "message-status": null,
        "connected": null, "disconnected": null, "chat-presence": null });
    assert_eq!(said, expected);
    let forget = json!({ "instance": instance });
    let (status, _) = call_control(&stand_in, "POST", "/instances", &forget).await?;
    assert_eq!(status, 204);
    let (status, _) = call_control(&stand_in, "GET", &hooks, &Value::Null).await?;
    assert_eq!(status, 404);
    Ok(())
}

#[tokio::test]
async fn another_process_switches_management_and_log() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let old = json!({ "instance": DEFAULT_INSTANCE, "time": 5,
        "body": { "messageId": "X1", "msgContent": {} } });
    let (status, said) = call_control(&stand_in, "POST", "/logs", &old).await?;
    assert_eq!((status, text_at(&said, "/id").len()), (200, 24));
    stand_in.set_clock(Clock::new(|| 10));
    let path = format!("/logs/{DEFAULT_INSTANCE}");
    let (_, logs) = call_control(&stand_in, "GET", &path, &Value::Null).await?;
    assert_eq!(text_at(&logs, "/0/body/messageid"), "X1");
    let bearer = format!("Bearer {DEFAULT_TOKEN}");
    let url = format!(
        "{}/webhook/fetch-webhook-logs?instanceId={DEFAULT_INSTANCE}",
        stand_in.wapi_base()
    );
    for (switch, expected) in [
        (json!({ "management": 503 }), 503),
        (json!({ "wapi": "hang" }), 503),
        (json!({ "management": null }), 200),
        (json!({ "log_shape": "bare", "hooks_forget": true }), 200),
    ] {
        let (status, _) = call_control(&stand_in, "POST", "/global", &switch).await?;
        assert_eq!(status, 204, "{switch}");
        let answer = send_request("GET", &url, &[("authorization", &bearer)], "").await?;
        assert_eq!(answer.status, expected, "{switch}");
        assert!(expected == 503 || answer.json()?.is_array() == switch.get("log_shape").is_some());
    }
    for (switch, expected) in [
        (json!({ "management": "hang" }), 204),
        (json!({ "management": "nonsense" }), 422),
        (json!({ "management": 70_000 }), 422),
        (json!({ "log_shape": "nonsense" }), 422),
        (json!({ "hooks_forget": null }), 422),
    ] {
        let (status, _) = call_control(&stand_in, "POST", "/global", &switch).await?;
        assert_eq!(status, expected, "{switch}");
    }
    Ok(())
}

/// Stops the command when the test ends, even if it fails.
struct RunningCommand(Child);

impl Drop for RunningCommand {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).map(drop).unwrap_or_default();
    }
}

#[tokio::test]
async fn the_command_prints_its_addresses_and_serves() -> Result<()> {
    let events = stand_in::events::committed_dir();
    let mut running = RunningCommand(
        Command::new(env!("CARGO_BIN_EXE_stand-in"))
            .arg("--events")
            .arg(events)
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let out = running.0.stdout.take().context("no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let addresses: Value = serde_json::from_str(&line)?;
    assert!(addresses.get("events").and_then(Value::as_u64).is_some_and(|events| events > 30));
    let bases = send_request("GET", &format!("{}/bases", text_at(&addresses, "/control")), &[], "")
        .await?
        .json()?;
    assert_eq!(bases.get("cdn"), addresses.get("cdn"));
    Ok(())
}
