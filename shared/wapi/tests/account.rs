//! W-API's answers about an instance: what is read from them, and what is never printed.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use wapi::account::{Account, Hook, HookUpdate, Status};

const URL: &str = "https://api.example.invalid/webhook/LITE-AAAAAA-BBBBBB/secret";

fn answer() -> Value {
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

fn account(answer: &Value) -> Option<Account> {
    Account::parse(answer.to_string().as_bytes())
}

#[test]
fn an_account_tells_its_hooks_whether_or_not_the_answer_is_wrapped() {
    for wrapped in [
        answer(),
        json!({ "data": answer() }),
        json!({ "error": false, "instance": answer() }),
    ] {
        let account = account(&wrapped).expect("an account");
        assert_eq!(account.hook(Hook::Received), Some(URL));
        for empty in [Hook::Delivery, Hook::MessageStatus, Hook::Connected] {
            assert_eq!(account.hook(empty), None, "{empty}");
        }
        assert_eq!(account.connected, Some(true));
        assert_eq!(account.phone.as_deref(), Some("5500900000001"));
        assert_eq!(account.payment_status.as_deref(), Some("PAID"));
    }
}

#[test]
fn an_answer_without_any_hook_is_no_account() {
    assert_eq!(account(&json!({ "error": false, "connected": true })), None);
    assert_eq!(account(&json!([])), None);
    assert_eq!(Account::parse(b"<html>"), None);
}

#[test]
fn an_account_prints_neither_urls_nor_numbers() {
    let printed = format!("{:?}", account(&answer()).expect("an account"));
    assert!(
        !printed.contains("secret") && !printed.contains("5500900000001"),
        "{printed}"
    );
}

#[test]
fn a_status_says_whether_it_is_connected_or_is_none() {
    let status = |answer: Value| Status::parse(answer.to_string().as_bytes());
    let connected = |connected| Some(Status { connected });
    assert_eq!(status(json!({ "connected": true })), connected(true));
    assert_eq!(
        status(json!({ "data": { "connected": false } })),
        connected(false)
    );
    assert_eq!(status(json!({ "error": true })), None);
    assert_eq!(status(json!({ "connected": "yes" })), None);
}

/// `url` and `enabled` are answered OK and saved nowhere.
#[test]
fn a_hook_is_set_by_the_form_that_w_api_saves() {
    let body = serde_json::to_value(HookUpdate { value: URL }).expect("JSON");
    assert_eq!(body, json!({ "value": URL }));
    let paths = Hook::ALL.map(Hook::path);
    let expected = [
        "received",
        "delivery",
        "message-status",
        "connected",
        "disconnected",
        "chat-presence",
    ]
    .map(|name| format!("webhook/update-webhook-{name}"));
    assert_eq!(paths, expected);
    let fields = Hook::ALL.map(Hook::field);
    let expected = [
        "Received",
        "Delivery",
        "Status",
        "Connected",
        "Disconnected",
        "Presence",
    ]
    .map(|name| format!("webhook{name}Url"));
    assert_eq!(fields.map(str::to_owned), expected);
}
