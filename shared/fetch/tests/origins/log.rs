//! W-API's webhook log: a page is read whole, in parts if it is large, or not at all.

use fetch::{
    Origins,
    account::{AccountClient, AccountError, Credentials},
};
use media::message::Secret;
use samples::instance_id;
use serde_json::{Value, json};
use stand_in::{
    DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, LogShape, ManagementScenario, Spec, StandIn,
};
use wapi::{logs::LogPage, webhook::WebhookBody};

async fn start_origins() -> StandIn {
    StandIn::start().await.expect("the stand-ins")
}

async fn fetch_page(origins: &StandIn, page: u32) -> Result<LogPage, AccountError> {
    let base = Origins::for_wapi(&origins.wapi_base()).expect("a URL");
    let client = AccountClient::new(&base).expect("a client");
    let (instance, token) = (instance_id(DEFAULT_INSTANCE), Secret::new(DEFAULT_TOKEN));
    client.fetch_log_page(page, Credentials { instance: &instance, token: &token }).await
}

#[tokio::test]
async fn the_pages_of_the_log_are_read() {
    let origins = start_origins().await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    for number in 0..100 {
        let body = json!({ "event": "webhookStatus", "messageId": format!("STATUS{number}") });
        origins.log_webhook(DEFAULT_INSTANCE, &body, None);
    }
    let first = fetch_page(&origins, 1).await.expect("a page");
    assert_eq!((first.webhooks.len(), first.times.len(), first.not_understood), (100, 100, 0));
    let second = fetch_page(&origins, 2).await.expect("a page");
    let media = second.webhooks[0].read_announcement().media;
    assert_eq!(media[0].message_id.as_str(), announced.message_id);
    let third = fetch_page(&origins, 3).await.expect("a page");
    assert!(third.summarize(i64::MAX).is_empty);
    assert_eq!(origins.violations(), Vec::<String>::new());
}

/// A hundred webhooks with large thumbnails. A page that was cut off could be repaired, and would
/// then lack entries.
#[tokio::test]
async fn a_page_above_the_limit_is_read_in_parts() {
    let origins = start_origins().await;
    let sizes = [("first", 3), ("a quarter", 40), ("too large for ten", 60)];
    let thumbnail = "A".repeat(1024 * 1024);
    for (name, count) in sizes {
        for number in 0..count {
            // The last ten have 2 MiB each.
            let size = if name == "too large for ten" && number >= 50 { 2 } else { 0 };
            let size = if name == "a quarter" && number < 17 { 1 } else { size };
            let body = json!({ "event": "webhookReceived", "messageId": format!("{name} {number}"),
                "msgContent": { "documentMessage": { "jpegThumbnail": thumbnail.repeat(size) } } });
            origins.log_webhook(DEFAULT_INSTANCE, &body, None);
        }
    }
    let page = fetch_page(&origins, 1).await.expect("a page");
    let ids: std::collections::BTreeSet<_> = page.webhooks.iter().map(read_id).collect();
    assert_eq!((page.webhooks.len(), page.times.len(), ids.len()), (100, 100, 100));
    // The newest first, as W-API has them.
    assert_eq!(read_id(&page.webhooks[0]), "too large for ten 59");
    assert_eq!(read_id(&page.webhooks[99]), "a quarter 0");
    let rest = fetch_page(&origins, 2).await.expect("a page");
    assert_eq!(rest.webhooks.len(), 3);
    assert_eq!(origins.violations(), Vec::<String>::new());
}

fn read_id(webhook: &WebhookBody) -> String {
    webhook.as_value()["messageid"].as_str().unwrap_or_default().to_owned()
}

/// One entry alone is above the limit: what it contains is not known.
#[tokio::test]
async fn an_entry_above_the_limit_is_unreadable() {
    let origins = start_origins().await;
    let body = json!({ "event": "webhookReceived", "text": "A".repeat(17 * 1024 * 1024) });
    origins.log_webhook(DEFAULT_INSTANCE, &body, None);
    let refused = fetch_page(&origins, 1).await.expect_err("17 MiB");
    assert!(matches!(refused, AccountError::Unreadable { .. }), "{refused}");
    assert_eq!(refused.status(), None);
}

#[tokio::test]
async fn a_refused_page_has_its_status() {
    let origins = start_origins().await;
    for status in [401, 404, 429, 503] {
        origins.set_management(Some(ManagementScenario::Status(status)));
        let refused = fetch_page(&origins, 1).await.expect_err("refused");
        assert_eq!(refused.status(), Some(status), "{refused}");
    }
}

/// Its shape is not documented: an answer without entries is the end of the log.
#[tokio::test]
async fn an_answer_without_entries_is_an_empty_page() {
    let origins = start_origins().await;
    origins.log_webhook(DEFAULT_INSTANCE, &Value::Null, None);
    origins.set_log_shape(LogShape::Opaque);
    let page = fetch_page(&origins, 1).await.expect("a page");
    assert!(page.summarize(i64::MAX).is_empty);
}
