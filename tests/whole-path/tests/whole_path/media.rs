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
        exports(world, [&missed, &stored]).await;
        reckons(world).await;
    });
}

/// One medium arrives as usual; of two others W-API's webhook got lost, one of them long ago.
async fn fills_back(world: &World, account: &Account) -> (Announced, Announced) {
    let stored = sent(world, account, Kind::Image, 60);
    let missed = sent(world, account, Kind::Document, 3600);
    let too_old = sent(world, account, Kind::Voice, 5 * 24 * 3600);
    world.send(account, &stored).await;
    world.stored(&stored).await;
    let webhooks = async |code: i32| {
        let checked = world.told(code, &["instance", "check", INSTANCE], "").await;
        let checks = checked["checks"].as_array().expect("checks").clone();
        let found = checks
            .into_iter()
            .find(|check| check["name"] == "last webhooks");
        found.expect("the check")
    };
    let missing = webhooks(1).await;
    assert_eq!(missing["verdict"], "fail", "{missing}");
    assert!(
        missing["remedy"]
            .as_str()
            .is_some_and(|text| text.contains("wapi-media backfill")),
        "{missing}"
    );
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
    assert_eq!(webhooks(0).await["verdict"], "ok");
    assert_eq!(counts(&world.told(0, &ask, "").await), [3, 2, 2, 0, 0]);
    let records = world.stack().media_records().await.expect("records");
    let is_old = |record: &Value| record["message"]["S"] == too_old.message_id.as_str();
    assert!(!records.iter().any(is_old));
    (stored, missed)
}

async fn replays(world: &World, stored: &Announced) {
    let body = stored.webhook.to_string();
    let again = world.told(0, &["replay"], &body).await;
    assert_eq!((&again["media"], &again["queued"]), (&1.into(), &1.into()));
    // A file of several: each is posted, and what is none costs itself.
    let several = serde_json::json!([stored.webhook, { "body": "nada" }, stored.webhook]);
    let some = world.told(1, &["replay"], &several.to_string()).await;
    assert_eq!((&some["webhooks"], &some["queued"]), (&1.into(), &1.into()));
    let failed = serde_json::json!(["entry 2 of a list holds no webhook of W-API"]);
    assert_eq!(some["failed"], failed);
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
    let shown = &shown[0];
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

/// Everything of a chat, the oldest first: as a folder, then as an archive.
async fn exports(world: &World, sent: [&Announced; 2]) {
    let place = std::env::temp_dir().join(format!("export-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a folder");
    let (folder, archive) = (place.join("chat"), place.join("chat.zip"));
    let shown = ["media", "show", INSTANCE, &sent[0].message_id];
    let chat = world.told(0, &shown, "").await[0]["chat"].clone();
    let chat = chat.as_str().expect("a chat");
    for output in [&folder, &archive] {
        let output = output.display().to_string();
        let export = [
            "media",
            "export",
            "--instance",
            INSTANCE,
            "--chat",
            chat,
            "-o",
            &output,
        ];
        let said = world.told(0, &export, "").await;
        assert_eq!(
            (&said["media"], &said["files"]),
            (&2.into(), &2.into()),
            "{said}"
        );
        assert_eq!(said["not_as_recorded"], 0);
        // What is there is not overwritten.
        world.said(2, &export, "").await;
    }
    let index = fs::read_to_string(folder.join("index.csv")).expect("an index");
    let lines: Vec<_> = index.lines().collect();
    assert!(
        lines[0].starts_with("sent,direction,kind,chat,sender,message,state,file,"),
        "{index}"
    );
    assert_eq!(lines.len(), 3);
    for (line, one) in lines[1..].iter().zip(sent) {
        assert!(
            line.contains(&one.message_id) && line.contains(&one.sha256_hex),
            "{index}"
        );
        let file = line.split(',').nth(7).expect("a file");
        let size = fs::metadata(folder.join(file)).expect("it is there").len();
        assert_eq!(size, one.size);
    }
    // An archive of stored files holds each of them as it is, and ends with its directory.
    let bytes = fs::read(&archive).expect("an archive");
    assert!(bytes.starts_with(b"PK\x03\x04"));
    let total: u64 = sent.iter().map(|one| one.size).sum();
    assert!(bytes.len() as u64 > total);
    let names = bytes
        .windows(9)
        .filter(|window| window == b"index.csv")
        .count();
    assert_eq!(names, 2, "in its place and in the directory");
    fs::remove_dir_all(place).expect("removed");
}

async fn reckons(world: &World) {
    let cost = world.told(0, &["cost", "--tenant", TENANT], "").await;
    assert_eq!(cost["usage"]["media"], 2.0);
    assert_eq!(cost["usage"]["kept_files"], 2.0);
    let total = cost["total_dollars"].as_f64().expect("a total");
    assert!(total > 0.0 && total < 0.01, "{total}");
    let bucket = world.told(0, &["iam", "read-only"], "").await;
    let text = bucket.to_string();
    assert!(
        text.contains("s3:ListBucket") && !text.contains("s3:GetObject"),
        "{text}"
    );
    let admin = world.told(0, &["iam", "admin"], "").await.to_string();
    assert!(admin.contains("kms:Decrypt") && admin.contains("s3:DeleteObjectVersion"));
}
