//! A synthetic webhook. Its chat is an address that no sender can have, so the download function
//! skips it: it leaves a record, but no file, no request to W-API and no alarm.

use anyhow::Context;
use data_encoding::HEXUPPER;
use fetch::{
    Origins,
    account::{AccountCall, post_json},
};
use media::{
    ids::{InstanceId, MessageId},
    message::Chat,
};
use serde_json::{Value, json};
use url::Url;

use super::check::{Check, CheckId, Verdict};
use crate::random::{random_base64, random_bytes};

/// A random message id with the prefix `PROBE`, which no real message has.
pub(crate) fn new_message_id() -> anyhow::Result<MessageId> {
    Ok(MessageId::parse(format!("PROBE{}", HEXUPPER.encode(&random_bytes::<8>()?)))?)
}

/// The body of the webhook. Its media key is random.
fn probe_body(instance: &InstanceId, message: &MessageId, now: i64) -> anyhow::Result<Value> {
    Ok(json!({
        "event": "webhookReceived",
        "instanceId": instance,
        "messageId": message,
        "moment": now,
        "fromMe": false,
        "isGroup": false,
        "chat": { "id": Chat::PROBE_JID },
        "sender": { "id": Chat::PROBE_JID },
        "msgContent": { "imageMessage": {
            "mimetype": "image/jpeg",
            "mediaKey": random_base64()?,
            "directPath": "/probe.enc",
            "fileSha256": random_base64()?,
        } },
    }))
}

/// Posts a body to a webhook URL, as W-API does.
pub(crate) async fn post_webhook(url: &str, body: &Value) -> anyhow::Result<AccountCall> {
    let url = Url::parse(url).context("the webhook URL is not a URL")?;
    let here = Origins { wapi_base: url.clone(), cdn_bases: Vec::new() };
    Ok(post_json(&here, url, body).await?)
}

/// Posts a probe to a webhook URL, and checks that one job was queued.
pub(crate) async fn send_probe(
    url: &str,
    instance: &InstanceId,
    message: &MessageId,
    now: i64,
) -> anyhow::Result<Check> {
    const ID: CheckId = CheckId::ProbeWebhook;
    let asked = post_webhook(url, &probe_body(instance, message, now)?).await?;
    let answer: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
    let is_queued = asked.is_success() && answer.get("queued") == Some(&json!(1));
    let status = asked.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let evidence = format!("{status} after {} ms", asked.duration_ms);
    Ok(if is_queued {
        Check::new(ID, Verdict::Ok, format!("{evidence}: one job queued"))
    } else {
        let said = asked.excerpt.map_or_else(String::new, |said| format!(": {said}"));
        Check::new(ID, Verdict::Fail, format!("{evidence}{said}"))
            .with_remedy("read the webhook function's log")
    })
}

/// Posts a webhook that must be refused: its instance is not registered.
pub(crate) async fn post_invalid_secret(base: &str) -> anyhow::Result<AccountCall> {
    post_webhook(&format!("{base}/webhook/PROBE/none"), &json!({})).await
}
