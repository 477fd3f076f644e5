//! Media found, shown and given out with `wapi-media`; and webhooks that never arrived, fetched from W-API's log.

use std::fs;

use serde_json::Value;
use stand_in::{Announced, Hook, Kind, Spec};

use crate::{Account, RUNTIME, WORLD, World};

const TENANT: &str = "archived";
const INSTANCE: &str = "LITE-MEDIA0-000001";
const TOKEN: &str = "invented-token-of-the-archived";

/// A medium of a message that was sent so many seconds ago.
fn sent(world: &World, account: &Account, kind: Kind, ago: i64) -> Announced {
    world.announce(account, Spec::of(kind).moment(crate::now() - ago))
}

#[test]
fn what_w_api_never_delivered_is_fetched_from_its_log_and_media_are_found_and_given_out() {
    let world = &*WORLD;
    world.origins.register_instance(INSTANCE, TOKEN);
    RUNTIME.block_on(async {
        world.told(0, &["tenant", "add", TENANT], "").await;
        let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
        world.told(0, &add, TOKEN).await;
        let early = ["backfill", "--instance", INSTANCE, "--since", "48h"];
        world.said(2, &early, "").await;
        world.told(0, &["webhook", "register", INSTANCE], "").await;
        let hook = world.origins.account(INSTANCE);
        let account = Account {
            id: INSTANCE.to_owned(),
            url: hook.hook(Hook::Received).expect("a hook").to_owned(),
        };
        let (stored, missed) = fills_back(world, &account).await;
        replays(world, &stored).await;
        finds(world, &stored, &missed).await;
        gives_out(world, &stored).await;
    });
}

/// One medium arrives as usual; of two others W-API's webhook got lost, one of them long ago.
async fn fills_back(world: &World, account: &Account) -> (Announced, Announced) {
    let stored = sent(world, account, Kind::Image, 60);
    let missed = sent(world, account, Kind::Document, 3600);
    let too_old = sent(world, account, Kind::Voice, 5 * 24 * 3600);
    world.send(account, &stored).await;
    world.stored(&stored).await;
    let ask = ["backfill", "--instance", INSTANCE, "--since", "48h"];
    let dry = world
        .told(0, &[&ask[..], &["--dry-run"]].concat(), "")
        .await;
    let counts = |said: &Value| {
        [
            "webhooks",
            "with_media",
            "stored_already",
            "queued",
            "not_understood",
        ]
        .map(|name| said[name].as_u64().expect("a count"))
    };
    assert_eq!(counts(&dry), [3, 2, 1, 1, 0]);
    assert_eq!(counts(&world.told(0, &ask, "").await), [3, 2, 1, 1, 0]);
    world.stored(&missed).await;
    assert_eq!(counts(&world.told(0, &ask, "").await), [3, 2, 2, 0, 0]);
    let records = world.stack().media_records().await.expect("records");
    let is_old = |record: &Value| record["message_id"]["S"] == too_old.message_id.as_str();
    assert!(!records.iter().any(is_old));
    (stored, missed)
}

async fn replays(world: &World, stored: &Announced) {
    let body = stored.webhook.to_string();
    let again = world.told(0, &["replay"], &body).await;
    assert_eq!((&again["media"], &again["queued"]), (&1.into(), &1.into()));
    let by_id = [
        "replay",
        "--instance",
        INSTANCE,
        "--message",
        &stored.message_id,
    ];
    assert_eq!(world.told(0, &by_id, "").await["queued"], 1);
    world.said(2, &["replay"], "no JSON").await;
    let nobody = [
        "replay",
        "--instance",
        INSTANCE,
        "--message",
        "3EB0FFFFFFFFFFFFFFFF",
    ];
    world.said(2, &nobody, "").await;
}

async fn finds(world: &World, stored: &Announced, missed: &Announced) {
    let find = |more: &[&'static str]| {
        let all = [&["media", "find", "--instance", INSTANCE], more].concat();
        async move {
            let found = world.told(0, &all, "").await;
            let found = found.as_array().expect("a list").clone();
            found
                .iter()
                .map(|one| one["message_id"].as_str().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        }
    };
    let (stored, missed) = (stored.message_id.as_str(), missed.message_id.as_str());
    assert_eq!(find(&[]).await, [stored, missed]);
    assert_eq!(find(&["--kind", "document"]).await, [missed]);
    assert_eq!(find(&["--limit", "1"]).await, [stored]);
    assert!(find(&["--phone", "5500900000099"]).await.is_empty());
    assert!(find(&["--state", "parked"]).await.is_empty());
    let shown = world
        .told(0, &["media", "show", INSTANCE, stored], "")
        .await;
    assert_eq!(
        (&shown["state"], &shown["kind"]),
        (&"stored".into(), &"image".into())
    );
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1));
    world
        .said(2, &["media", "show", INSTANCE, "3EB0FFFFFFFFFFFFFFFF"], "")
        .await;
    let top = world.told(0, &["media", "ls"], "").await;
    let folders = top["folders"].as_array().expect("folders");
    assert!(
        folders.contains(&format!("{TENANT}/").into()),
        "{folders:?}"
    );
    let tenant = world.told(0, &["media", "ls", TENANT], "").await;
    assert_eq!(tenant["folders"][0], format!("{TENANT}/{INSTANCE}/"));
}

async fn gives_out(world: &World, stored: &Announced) {
    let folder = std::env::temp_dir().join(format!("media-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("file.jpg").display().to_string();
    let get = [
        "media",
        "download",
        INSTANCE,
        &stored.message_id,
        "-o",
        &path,
    ];
    let said = world.told(0, &get, "").await;
    assert_eq!(said["sha256"], stored.sha256_hex.as_str());
    assert_eq!(fs::metadata(&path).expect("a file").len(), stored.size);
    // What is there is not overwritten.
    world.said(2, &get, "").await;
    fs::remove_dir_all(folder).expect("removed");
    let share = [
        "media",
        "presign",
        INSTANCE,
        &stored.message_id,
        "--for",
        "2h",
    ];
    let url = world.told(0, &share, "").await["url"].clone();
    let url = url.as_str().expect("a URL");
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=7200"));
    let too_long = [
        "media",
        "presign",
        INSTANCE,
        &stored.message_id,
        "--for",
        "8days",
    ];
    let refused = world.stack().ask(&too_long, "").await.expect("it runs");
    assert_eq!(refused.code, Some(2));
}
