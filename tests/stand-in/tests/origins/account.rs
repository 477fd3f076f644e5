//! W-API's management endpoints: state, pairing, hooks and texts, with their peculiarities.

use std::time::Duration;

use crate::client::{Answer, send_request};
use anyhow::Result;
use serde_json::{Value, json};
use stand_in::{
    Account, DEFAULT_INSTANCE, DEFAULT_TOKEN, Format, Hook, Kind, ManagementScenario, Spec,
    StandIn, WapiScenario, formats,
};

const OURS: &str = "https://hooks.example.invalid/v1/LITE-AAAAAA-BBBBBB/secret";

/// Every management call that reads or saves, with a valid body.
fn every_call() -> Vec<(&'static str, String, String)> {
    let get = |path: &str| ("GET", path.to_owned(), String::new());
    let mut calls = vec![
        get("/instance/status-instance"),
        get("/instance/qr-code?image=enable"),
        get("/instance/fetch-instance"),
        get("/webhook/fetch-webhook-logs?perPage=10&page=1"),
        get("/webhook/get-webhook-log?id=x"),
        (
            "POST",
            "/message/send-text".to_owned(),
            json!({ "phone": "5500900000002", "message": "Mensagem de teste" }).to_string(),
        ),
    ];
    for hook in Hook::ALL {
        let path = format!("/webhook/update-webhook-{}", hook.name());
        calls.push(("PUT", path, json!({ "value": OURS }).to_string()));
    }
    calls
}

/// Calls for an instance with a token.
pub(crate) async fn call_as(
    stand_in: &StandIn,
    (instance, token): (&str, &str),
    (method, path, body): (&str, &str, &str),
) -> Result<Answer> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let base = stand_in.wapi_base();
    let bearer = format!("Bearer {token}");
    send_request(
        method,
        &format!("{base}{path}{sign}instanceId={instance}"),
        &[("authorization", &bearer)],
        body,
    )
    .await
}

/// Calls for the default instance.
async fn call_json(stand_in: &StandIn, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let caller = (DEFAULT_INSTANCE, DEFAULT_TOKEN);
    call_as(stand_in, caller, (method, path, &body)).await
}

/// Sends a GET for the default instance.
pub(crate) async fn get_json(stand_in: &StandIn, path: &str) -> Result<Answer> {
    call_json(stand_in, "GET", path, &Value::Null).await
}

async fn put_hook(stand_in: &StandIn, hook: Hook, body: &Value) -> Result<Answer> {
    let path = format!("/webhook/update-webhook-{}", hook.name());
    call_json(stand_in, "PUT", &path, body).await
}

fn disconnect_phone(stand_in: &StandIn) {
    stand_in.change_account(DEFAULT_INSTANCE, |account| account.connected = false);
}

#[tokio::test]
async fn status_shows_the_account() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let path = "/instance/status-instance";
    let said = get_json(&stand_in, path).await?;
    assert_eq!(said.status, 200);
    assert_eq!(said.json()?.get("connected"), Some(&json!(true)));
    disconnect_phone(&stand_in);
    let said = get_json(&stand_in, path).await?.json()?;
    assert_eq!(said.get("connected"), Some(&json!(false)));
    Ok(())
}

#[tokio::test]
async fn a_qr_code_is_given_only_while_unpaired() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let path = "/instance/qr-code?image=enable";
    let paired = get_json(&stand_in, path).await?;
    assert_eq!(paired.header("content-type"), Some("application/json"));
    assert_eq!(paired.json()?.get("connected"), Some(&json!(true)));
    disconnect_phone(&stand_in);
    let picture = get_json(&stand_in, path).await?;
    assert_eq!(picture.status, 200);
    assert_eq!(picture.header("content-type"), Some("image/png"));
    let seed = format!("{DEFAULT_INSTANCE}/qr");
    let png = formats::make_file(Format::Png, &seed, None).bytes();
    assert!(picture.body == png && png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let text = get_json(&stand_in, "/instance/qr-code").await?.json()?;
    let url = text.get("qrcode").and_then(Value::as_str);
    assert!(url.is_some_and(|url| url.starts_with("data:image/png;base64,iVBOR")));
    Ok(())
}

#[tokio::test]
async fn fetch_instance_shows_all_six_hooks() -> Result<()> {
    let stand_in = StandIn::start().await?;
    stand_in.change_account(DEFAULT_INSTANCE, |account| {
        account.hooks.insert(Hook::Received, OURS.to_owned());
        account.hooks.insert(Hook::MessageStatus, String::new());
        account.payment_status = "OVERDUE".to_owned();
        account.expires_ms = 1_787_438_879_000;
    });
    let answer = get_json(&stand_in, "/instance/fetch-instance").await?;
    assert_eq!(answer.status, 200);
    let said = answer.json()?;
    for (field, value) in [
        ("instanceId", json!(DEFAULT_INSTANCE)),
        ("connected", json!(true)),
        ("connectedPhone", json!("5500900000009")),
        ("webhookReceivedUrl", json!(OURS)),
        ("webhookDeliveryUrl", Value::Null),
        ("webhookStatusUrl", json!("")),
        ("webhookConnectedUrl", Value::Null),
        ("webhookDisconnectedUrl", Value::Null),
        ("webhookPresenceUrl", Value::Null),
        ("paymentStatus", json!("OVERDUE")),
        ("expires", json!(1_787_438_879_000_u64)),
    ] {
        assert_eq!(said.get(field), Some(&value), "{field}");
    }
    disconnect_phone(&stand_in);
    let said = get_json(&stand_in, "/instance/fetch-instance").await?.json()?;
    assert_eq!(said.get("connectedPhone"), Some(&Value::Null));
    Ok(())
}

#[tokio::test]
async fn hooks_are_saved_and_unregistered_one_by_one() -> Result<()> {
    let stand_in = StandIn::start().await?;
    for hook in Hook::ALL {
        let other = format!("https://other.example.invalid/{}", hook.name());
        for url in [OURS, other.as_str()] {
            let answer = put_hook(&stand_in, hook, &json!({ "value": url })).await?;
            assert_eq!(answer.status, 200, "{hook:?}");
            assert_eq!(answer.json()?.get("error"), Some(&json!(false)));
            assert_eq!(stand_in.account(DEFAULT_INSTANCE).hook(hook), Some(url));
            let said = get_json(&stand_in, "/instance/fetch-instance").await?.json()?;
            assert_eq!(said.get(hook.field()), Some(&json!(url)), "{hook:?}");
        }
    }
    let account = stand_in.account(DEFAULT_INSTANCE);
    assert_eq!(account.hooks.len(), 6, "no hook touches another");
    let answer = put_hook(&stand_in, Hook::Delivery, &json!({ "value": "" })).await?;
    assert_eq!(answer.status, 200);
    let account = stand_in.account(DEFAULT_INSTANCE);
    assert_eq!(account.hook(Hook::Delivery), None);
    assert!(account.hook(Hook::Received).is_some());
    let said = get_json(&stand_in, "/instance/fetch-instance").await?.json()?;
    assert_eq!(said.get("webhookDeliveryUrl"), Some(&json!("")));
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn the_enabled_form_answers_and_saves_nothing() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let good = put_hook(&stand_in, Hook::Received, &json!({ "value": OURS })).await?;
    let body = json!({ "url": "https://other.example.invalid/", "enabled": true });
    let other = put_hook(&stand_in, Hook::Received, &body).await?;
    assert_eq!((other.status, other.json()?), (good.status, good.json()?));
    let account = stand_in.account(DEFAULT_INSTANCE);
    assert_eq!(account.hook(Hook::Received), Some(OURS));
    assert_eq!(stand_in.violations().len(), 1);
    for nonsense in [json!({}), json!({ "value": null }), json!([OURS])] {
        let answer = put_hook(&stand_in, Hook::Received, &nonsense).await?;
        assert_eq!(answer.status, 400, "{nonsense}");
    }
    Ok(())
}

#[tokio::test]
async fn hooks_may_be_forgotten_after_a_200() -> Result<()> {
    let stand_in = StandIn::start().await?;
    stand_in.set_hooks_forget(true);
    for status in [
        put_hook(&stand_in, Hook::Received, &json!({ "value": OURS })).await?,
        put_hook(&stand_in, Hook::Received, &json!({ "value": "" })).await?,
    ] {
        assert_eq!(status.status, 200);
    }
    assert_eq!(stand_in.account(DEFAULT_INSTANCE), Account::default());
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    stand_in.set_hooks_forget(false);
    put_hook(&stand_in, Hook::Received, &json!({ "value": OURS })).await?;
    let account = stand_in.account(DEFAULT_INSTANCE);
    assert_eq!(account.hook(Hook::Received), Some(OURS));
    Ok(())
}

#[tokio::test]
async fn a_text_needs_both_fields_and_a_phone() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let path = "/message/send-text";
    let text = json!({ "phone": "5500900000002", "message": "Mensagem de teste" });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let sent = call_json(&stand_in, "POST", path, &text).await?;
        assert_eq!(sent.status, 200);
        let id = sent.json()?.get("messageId").cloned();
        assert!(id.as_ref().is_some_and(Value::is_string) && !ids.contains(&id));
        ids.push(id);
    }
    for body in [
        json!({ "phone": "5500900000002" }),
        json!({ "message": "Mensagem de teste" }),
        json!({ "phone": "", "message": "Mensagem de teste" }),
        Value::Null,
    ] {
        let refused = call_json(&stand_in, "POST", path, &body).await?;
        assert_eq!(refused.status, 400, "{body}");
    }
    disconnect_phone(&stand_in);
    let refused = call_json(&stand_in, "POST", path, &text).await?;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()?.get("error"), Some(&json!(true)));
    Ok(())
}

#[tokio::test]
async fn a_disconnected_instance_downloads_nothing() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let media = stand_in.announce(Spec::of(Kind::Image))?;
    let body = json!({ "mediaKey": media.media_key, "directPath": media.direct_path,
        "type": "image", "mimetype": media.mimetype });
    disconnect_phone(&stand_in);
    let path = "/message/download-media";
    let refused = call_json(&stand_in, "POST", path, &body).await?;
    assert_eq!(refused.status, 403);
    stand_in.change_account(DEFAULT_INSTANCE, |account| account.connected = true);
    let answer = call_json(&stand_in, "POST", path, &body).await?;
    assert_eq!(answer.status, 200);
    Ok(())
}

#[tokio::test]
async fn unknown_paths_answer_404() -> Result<()> {
    let stand_in = StandIn::start().await?;
    for (method, path) in [
        ("GET", "/instance/status"),
        ("GET", "/instance/info"),
        ("GET", "/instance/connection-state"),
        ("GET", "/instance/profile"),
        ("PUT", "/webhook/update-webhook-presence"),
        ("POST", "/webhook/update-webhook-received"),
        ("POST", "/instance/status-instance"),
    ] {
        let answer = call_json(&stand_in, method, path, &Value::Null).await?;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    assert_eq!(stand_in.requests().len(), 7);
    Ok(())
}

#[tokio::test]
async fn every_call_needs_a_token_and_instance() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let other = ("LITE-BBBBBB-CCCCCC", "token of the other");
    stand_in.register_instance(other.0, other.1);
    for (method, path, body) in every_call() {
        let call = (method, path.as_str(), body.as_str());
        for (caller, expected) in [
            ((DEFAULT_INSTANCE, "nonsense"), 401),
            ((DEFAULT_INSTANCE, other.1), 403),
            (("LITE-CCCCCC-DDDDDD", other.1), 404),
        ] {
            let answer = call_as(&stand_in, caller, call).await?;
            assert_eq!(answer.status, expected, "{path}");
        }
        let url = format!("{}{path}", stand_in.wapi_base());
        assert_eq!(send_request(method, &url, &[], &body).await?.status, 401, "{path}");
        let bearer = [("authorization", "Bearer token of the other")];
        let unnamed = send_request(method, &url, &bearer, &body).await?;
        assert_eq!(unnamed.status, 400, "{path}");
    }
    assert_eq!(stand_in.account(DEFAULT_INSTANCE), Account::default());
    Ok(())
}

#[tokio::test]
async fn calls_are_recorded_with_body_and_status() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let caller = (DEFAULT_INSTANCE, DEFAULT_TOKEN);
    for (method, path, body) in every_call() {
        let answer = call_as(&stand_in, caller, (method, &path, &body)).await?;
        let recorded = stand_in.requests().pop();
        let sent: Value = serde_json::from_str(&body).unwrap_or_default();
        let is_recorded = recorded.as_ref().is_some_and(|recorded| {
            let bare = path.split('?').next().unwrap_or_default();
            recorded.method == method
                && recorded.path == format!("/v1{bare}")
                && recorded.status == Some(answer.status)
                && recorded.body == sent
        });
        assert!(is_recorded, "{path}: {recorded:?}");
    }
    assert_eq!(stand_in.violations(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn management_fails_without_affecting_downloads() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let media = stand_in.announce(Spec::of(Kind::Image))?;
    let download = json!({ "mediaKey": media.media_key, "directPath": media.direct_path,
        "type": "image", "mimetype": media.mimetype });
    let caller = (DEFAULT_INSTANCE, DEFAULT_TOKEN);
    for (code, start) in [(500, "{"), (200, "{"), (503, "<html>")] {
        stand_in.set_management(Some(ManagementScenario::Status(code)));
        for (method, path, body) in every_call() {
            let answer = call_as(&stand_in, caller, (method, &path, &body)).await?;
            assert_eq!(answer.status, code, "{path}");
            assert!(answer.body.starts_with(start.as_bytes()), "{path}");
            if start == "{" {
                assert_eq!(answer.json()?.get("error"), Some(&json!(true)));
            }
        }
        let answer = call_json(&stand_in, "POST", "/message/download-media", &download).await?;
        assert_eq!(answer.status, 200, "downloads are not affected");
    }
    assert_eq!(stand_in.account(DEFAULT_INSTANCE), Account::default());
    stand_in.set_management(None);
    stand_in.set_wapi(Some(WapiScenario::fail_500()));
    let answer = get_json(&stand_in, "/instance/status-instance").await?;
    assert_eq!(answer.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_hanging_call_ends_with_the_stand_in() -> Result<()> {
    let stand_in = StandIn::start().await?;
    stand_in.set_management(Some(ManagementScenario::Hang));
    let waiting = get_json(&stand_in, "/instance/status-instance");
    let waiting = tokio::time::timeout(Duration::from_millis(150), waiting).await;
    assert!(waiting.is_err());
    let statuses: Vec<_> = stand_in.requests().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [None]);
    tokio::time::timeout(Duration::from_secs(5), stand_in.shutdown()).await?;
    Ok(())
}

#[tokio::test]
async fn an_account_outlives_its_token() -> Result<()> {
    let stand_in = StandIn::start().await?;
    put_hook(&stand_in, Hook::Received, &json!({ "value": OURS })).await?;
    stand_in.forget_instance(DEFAULT_INSTANCE);
    let path = "/instance/fetch-instance";
    assert_eq!(get_json(&stand_in, path).await?.status, 401);
    stand_in.register_instance(DEFAULT_INSTANCE, DEFAULT_TOKEN);
    let said = get_json(&stand_in, path).await?.json()?;
    assert_eq!(said.get("webhookReceivedUrl"), Some(&json!(OURS)));
    Ok(())
}
