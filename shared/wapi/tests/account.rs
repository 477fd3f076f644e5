//! W-API's answers about an instance: which fields are read, and which are never printed.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use wapi::account::{Account, Hook, HookUpdate, Status};

const URL: &str = "https://api.example.invalid/webhook/LITE-AAAAAA-BBBBBB/secret";

fn sample_answer() -> Value {
    json!({
        "error": false,
        "instanceId": "LITE-AAAAAA-BBBBBB",
        "connected": true,
        "connectedPhone": "5500900000001",
        "webhookReceivedUrl": URL,
        "webhookDeliveryUrl": "",
        "webhookStatusUrl": null,
        "paymentStatus": "PAID",
    })
}

fn parse_account(answer: &Value) -> Option<Account> {
    Account::parse(answer.to_string().as_bytes())
}

#[test]
fn an_account_has_hooks_in_any_wrapper() {
    for wrapped in [
        sample_answer(),
        json!({ "data": sample_answer() }),
        json!({ "error": false, "instance": sample_answer() }),
    ] {
        let account = parse_account(&wrapped).expect("an account");
        assert_eq!(account.hook_url(Hook::Received), Some(URL));
        for empty in [Hook::Delivery, Hook::MessageStatus, Hook::Connected] {
            assert_eq!(account.hook_url(empty), None, "{empty}");
        }
        assert_eq!(account.connected, Some(true));
        assert_eq!(account.phone.as_deref(), Some("5500900000001"));
        assert_eq!(account.payment_status.as_deref(), Some("PAID"));
    }
}

#[test]
fn an_answer_without_hooks_is_refused() {
    assert_eq!(parse_account(&json!({ "error": false, "connected": true })), None);
    assert_eq!(parse_account(&json!([])), None);
    assert_eq!(Account::parse(b"<html>"), None);
}

#[test]
fn an_account_prints_neither_urls_nor_numbers() {
    let printed = format!("{:?}", parse_account(&sample_answer()).expect("an account"));
    assert!(!printed.contains("secret") && !printed.contains("5500900000001"), "{printed}");
}

#[test]
fn a_status_has_its_connection() {
    let status = |answer: Value| Status::parse(answer.to_string().as_bytes());
    let connected = |connected| Some(Status { connected });
    assert_eq!(status(json!({ "connected": true })), connected(true));
    assert_eq!(status(json!({ "data": { "connected": false } })), connected(false));
    assert_eq!(status(json!({ "error": true })), None);
    assert_eq!(status(json!({ "connected": "yes" })), None);
}

/// W-API answers `url` and `enabled` with success but saves nothing.
#[test]
fn a_hook_update_has_the_saved_form() {
    let body = serde_json::to_value(HookUpdate { value: URL }).expect("JSON");
    assert_eq!(body, json!({ "value": URL }));
    let paths = Hook::ALL.map(Hook::update_path);
    let expected =
        ["received", "delivery", "message-status", "connected", "disconnected", "chat-presence"]
            .map(|name| format!("webhook/update-webhook-{name}"));
    assert_eq!(paths, expected);
    let fields = Hook::ALL.map(Hook::url_field);
    let expected = ["Received", "Delivery", "Status", "Connected", "Disconnected", "Presence"]
        .map(|name| format!("webhook{name}Url"));
    assert_eq!(fields.map(str::to_owned), expected);
}
