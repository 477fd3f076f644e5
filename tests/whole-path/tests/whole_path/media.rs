//! `wapi-media` finds, shows and exports media files, and back-fills lost webhooks from W-API's
//! log.

use std::fs;

use serde_json::Value;
use stand_in::{AnnouncedMedia, Hook, Kind, Spec};

use crate::{Account, RUNTIME, WORLD, World};

const TENANT: &str = "archived";
const INSTANCE: &str = "LITE-MEDIA0-000001";
const TOKEN: &str = "invented-token-of-the-archived";

/// A media message that was sent `ago` seconds ago.
fn announce_earlier(world: &World, account: &Account, kind: Kind, ago: i64) -> AnnouncedMedia {
    world.announce_media(account, Spec::of(kind).moment(crate::unix_now() - ago))
}

/// Webhooks that W-API did not deliver come from its log; files are found, shown and exported.
#[test]
fn lost_webhooks_are_filled_and_files_exported() {
    let world = &*WORLD;
    world.origins.register_instance(INSTANCE, TOKEN);
    RUNTIME.block_on(async {
        world.run_json(0, &["tenant", "add", TENANT], "").await;
        let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
        world.run_json(0, &add, TOKEN).await;
        let early = ["backfill", "--instance", INSTANCE, "--since", "48h"];
        world.run_command(2, &early, "").await;
        world.run_json(0, &["webhook", "register", INSTANCE], "").await;
        let hook = world.origins.account(INSTANCE);
        let account = Account {
            id: INSTANCE.to_owned(),
            url: hook.hook(Hook::Received).expect("a hook").to_owned(),
        };
        let (stored, missed) = check_backfill(world, &account).await;
        check_replay(world, &stored).await;
        check_find(world, &stored, &missed).await;
        check_download(world, &stored).await;
        check_export(world, [&missed, &stored]).await;
        check_cost(world).await;
    });
}

/// One media message arrives as usual; the webhooks of two others are lost, one of them long ago.
async fn check_backfill(world: &World, account: &Account) -> (AnnouncedMedia, AnnouncedMedia) {
    let stored = announce_earlier(world, account, Kind::Image, 60);
    let missed = announce_earlier(world, account, Kind::Document, 3600);
    let too_old = announce_earlier(world, account, Kind::Voice, 5 * 24 * 3600);
    world.post_announced(account, &stored).await;
    world.wait_until_stored(&stored).await;
    let webhooks = async |code: i32| {
        let checked = world.run_json(code, &["instance", "check", INSTANCE], "").await;
        let checks = checked["checks"].as_array().expect("checks").clone();
        let found = checks.into_iter().find(|check| check["name"] == "last webhooks");
        found.expect("the check")
    };
    let missing = webhooks(1).await;
    assert_eq!(missing["verdict"], "fail", "{missing}");
    assert!(
        missing["remedy"].as_str().is_some_and(|text| text.contains("wapi-media backfill")),
        "{missing}"
    );
    let ask = ["backfill", "--instance", INSTANCE, "--since", "48h"];
    let dry = world.run_json(0, &[&ask[..], &["--dry-run"]].concat(), "").await;
    let counts = |said: &Value| {
        ["webhooks", "with_media", "stored_already", "queued", "not_understood"]
            .map(|name| said[name].as_u64().expect("a count"))
    };
    assert_eq!(counts(&dry), [3, 2, 1, 1, 0]);
    assert_eq!(counts(&world.run_json(0, &ask, "").await), [3, 2, 1, 1, 0]);
    world.wait_until_stored(&missed).await;
    assert_eq!(webhooks(0).await["verdict"], "ok");
    assert_eq!(counts(&world.run_json(0, &ask, "").await), [3, 2, 2, 0, 0]);
    let records = world.stack().media_records().await.expect("records");
    let is_old = |record: &Value| record["message"]["S"] == too_old.message_id.as_str();
    assert!(!records.iter().any(is_old));
    (stored, missed)
}

async fn check_replay(world: &World, stored: &AnnouncedMedia) {
    let body = stored.webhook.to_string();
    let again = world.run_json(0, &["replay"], &body).await;
    assert_eq!((&again["media"], &again["queued"]), (&1.into(), &1.into()));
    // A file of several: each is posted, and what is none costs itself.
    let several = serde_json::json!([stored.webhook, { "body": "nada" }, stored.webhook]);
    let some = world.run_json(1, &["replay"], &several.to_string()).await;
    assert_eq!((&some["webhooks"], &some["queued"]), (&1.into(), &1.into()));
    let failed = serde_json::json!(["entry 2 of the list is not a webhook of W-API"]);
    assert_eq!(some["failed"], failed);
    let by_id = ["replay", "--instance", INSTANCE, "--message", &stored.message_id];
    assert_eq!(world.run_json(0, &by_id, "").await["queued"], 1);
    world.run_command(2, &["replay"], "no JSON").await;
    let nobody = ["replay", "--instance", INSTANCE, "--message", "3EB0FFFFFFFFFFFFFFFF"];
    world.run_command(2, &nobody, "").await;
}

async fn check_find(world: &World, stored: &AnnouncedMedia, missed: &AnnouncedMedia) {
    let find = |more: &[&'static str]| {
        let all = [&["media", "find", "--instance", INSTANCE], more].concat();
        async move {
            let found = world.run_json(0, &all, "").await;
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
    let shown = world.run_json(0, &["media", "show", INSTANCE, stored], "").await;
    let shown = &shown[0];
    assert_eq!((&shown["state"], &shown["kind"]), (&"stored".into(), &"image".into()));
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1));
    world.run_command(2, &["media", "show", INSTANCE, "3EB0FFFFFFFFFFFFFFFF"], "").await;
    let top = world.run_json(0, &["media", "ls"], "").await;
    let folders = top["folders"].as_array().expect("folders");
    assert!(folders.contains(&format!("{TENANT}/").into()), "{folders:?}");
    let tenant = world.run_json(0, &["media", "ls", TENANT], "").await;
    assert_eq!(tenant["folders"][0], format!("{TENANT}/{INSTANCE}/"));
}

async fn check_download(world: &World, stored: &AnnouncedMedia) {
    let folder = std::env::temp_dir().join(format!("media-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("file.jpg").display().to_string();
    let get = ["media", "download", INSTANCE, &stored.message_id, "-o", &path];
    let said = world.run_json(0, &get, "").await;
    assert_eq!(said["sha256"], stored.sha256_hex.as_str());
    assert_eq!(fs::metadata(&path).expect("a file").len(), stored.size);
    // An existing file is not overwritten.
    world.run_command(2, &get, "").await;
    fs::remove_dir_all(folder).expect("removed");
    let share = ["media", "presign", INSTANCE, &stored.message_id, "--for", "2h"];
    let url = world.run_json(0, &share, "").await["url"].clone();
    let url = url.as_str().expect("a URL");
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=7200"));
    let too_long = ["media", "presign", INSTANCE, &stored.message_id, "--for", "8days"];
    let refused = world.stack().try_wapi_media(&too_long, "").await.expect("it runs");
    assert_eq!(refused.code, Some(2));
}

/// Exports everything of a chat, the oldest first: as a folder, then as an archive.
async fn check_export(world: &World, sent: [&AnnouncedMedia; 2]) {
    let place = std::env::temp_dir().join(format!("export-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a folder");
    let (folder, archive) = (place.join("chat"), place.join("chat.zip"));
    let shown = ["media", "show", INSTANCE, &sent[0].message_id];
    let chat = world.run_json(0, &shown, "").await[0]["chat"].clone();
    let chat = chat.as_str().expect("a chat");
    for output in [&folder, &archive] {
        let output = output.display().to_string();
        let export = ["media", "export", "--instance", INSTANCE, "--chat", chat, "-o", &output];
        let said = world.run_json(0, &export, "").await;
        assert_eq!((&said["media"], &said["files"]), (&2.into(), &2.into()), "{said}");
        assert_eq!(said["not_as_recorded"], 0);
        // An existing file is not overwritten.
        world.run_command(2, &export, "").await;
    }
    let index = fs::read_to_string(folder.join("index.csv")).expect("an index");
    assert!(index.starts_with("\u{feff}\"tenant\";\"instance\";\"chat\";\"sender\";"), "{index}");
    assert_eq!(index.lines().count(), 3);
    let exact = fs::read_to_string(folder.join("index.jsonl")).expect("an index for programs");
    assert_eq!(exact.lines().count(), 2);
    for ((line, json), one) in index.lines().skip(1).zip(exact.lines()).zip(sent) {
        assert!(line.contains(&one.message_id) && line.contains(&one.sha256_hex), "{index}");
        let json: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(json["sha256"], one.sha256_hex.as_str());
        let file = json["file"].as_str().expect("a file");
        let size = fs::metadata(folder.join(file)).expect("it is there").len();
        assert_eq!(size, one.size);
    }
    // An archive of uncompressed files contains each unchanged, and ends with its directory.
    let bytes = fs::read(&archive).expect("an archive");
    assert!(bytes.starts_with(b"PK\x03\x04"));
    let total: u64 = sent.iter().map(|one| one.size).sum();
    assert!(bytes.len() as u64 > total);
    let names = bytes.windows(9).filter(|window| window == b"index.csv").count();
    assert_eq!(names, 2, "before its content and in the directory");
    fs::remove_dir_all(place).expect("removed");
}

async fn check_cost(world: &World) {
    let cost = world.run_json(0, &["cost", "--tenant", TENANT], "").await;
    // The stack has counted since it was made, so a month is more than what was counted.
    let media = cost["usage"]["media"].as_f64().expect("a number");
    assert!((2.0..=60.0).contains(&media), "{cost}");
    assert_eq!(cost["usage"]["kept_files"], 2.0);
    let total = cost["total_dollars"].as_f64().expect("a total");
    assert!(total > 0.0 && total < 0.01, "{total}");
    let bucket = world.run_json(0, &["iam", "read-only"], "").await;
    let text = bucket.to_string();
    assert!(text.contains("s3:ListBucket") && !text.contains("s3:GetObject\""), "{text}");
    let admin = world.run_json(0, &["iam", "admin"], "").await.to_string();
    assert!(admin.contains("kms:Decrypt") && admin.contains("s3:DeleteObjectVersion"));
}
