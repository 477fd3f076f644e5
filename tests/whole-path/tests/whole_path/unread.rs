//! Webhooks that cannot be read: kept, parked, redriven, and erased by their content.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{MAX_WAIT, PARKED_QUEUE, RUNTIME, WORLD, World};

const TENANT: &str = "unread";
const INSTANCE: &str = "LITE-UNREAD-000001";
const TOKEN: &str = "invented-token-of-the-unread";
const PHONE: &str = "5500966660000";

#[test]
fn an_unreadable_webhook_is_kept_until_erased() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let _alone = PARKED_QUEUE.lock().await;
        let cut = format!("{{\"event\":\"webhookReceived\",\"chat\":{{\"id\":\"{PHONE}@s.whatsapp");
        for (body, word) in [(cut.as_str(), "bad_body"), ("[{\"body\":{}}]", "no_webhook")] {
            let answer = world.stack().post_bytes(&account.url, body.into()).await;
            let answer = answer.expect("an answer");
            assert_eq!((answer.status, answer.body), (200, json!({ "unread": word })));
        }
        let parked = wait_until_parked(world, 2, &Value::Null).await;
        check_shown(world, &parked).await;
        // A second later, when they are parked once more, their times differ.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let mine = ["parked", "redrive", "--instance", INSTANCE, "--class", "unread", "--yes"];
        let sent = world.run_json(0, &mine, "").await;
        assert_eq!((&sent["admitted"], &sent["sent"]), (&2.into(), &2.into()));
        // This version still cannot read them, so they are parked once more, and once each.
        self::wait_until_parked(world, 2, &parked).await;
        check_erase(world).await;
        let drop = ["parked", "drop", "--instance", INSTANCE, "--yes"];
        assert_eq!(world.run_json(0, &drop, "").await["dropped"], 1);
        assert_eq!(list_unread(world).await, json!([]));
    });
}

async fn list_unread(world: &World) -> Value {
    let list = ["parked", "list", "--instance", INSTANCE, "--class", "unread"];
    world.run_json(0, &list, "").await
}

/// Waits until `count` are parked, none of them at the time of `before`.
async fn wait_until_parked(world: &World, count: usize, before: &Value) -> Value {
    let begun = Instant::now();
    let times = |list: &Value| -> Vec<i64> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|one| one["parked_at"].as_i64()).collect()
    };
    loop {
        let found = list_unread(world).await;
        let is_new = times(&found).iter().all(|time| !times(before).contains(time));
        if found.as_array().map(Vec::len) == Some(count) && is_new {
            return found;
        }
        assert!(begun.elapsed() < MAX_WAIT, "{found}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn check_shown(world: &World, parked: &Value) {
    for one in parked.as_array().expect("a list") {
        assert_eq!((&one["tenant"], &one["instance"]), (&json!(TENANT), &json!(INSTANCE)));
        assert_eq!(one["class"], "unread");
    }
    let reasons = parked.to_string();
    assert!(reasons.contains("bad_body: ") && reasons.contains("no_webhook: "), "{reasons}");
    let shown = world.run_json(0, &["parked", "show", INSTANCE], "").await;
    let words: Vec<_> =
        shown.as_array().expect("a list").iter().map(|one| &one["unread"]["why"]).collect();
    assert!(
        words.contains(&&json!("bad_body")) && words.contains(&&json!("no_webhook")),
        "{shown}"
    );
    assert!(!shown.to_string().contains(PHONE) && !reasons.contains(PHONE));
}

/// The body with the number is erased, and the other stays.
async fn check_erase(world: &World) {
    let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE, "--group-media", "erase"];
    let confirmed = [&erase[..], &["--yes"]].concat();
    let done = world.run_json(0, &confirmed, "").await;
    assert_eq!(done["removed"]["unread_bodies"], 1, "{done}");
    assert_eq!((&done["left"]["unread_bodies"], &done["proven"]), (&json!(0), &json!(true)));
    let left = list_unread(world).await;
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
}
