//! A person's media erased with `wapi-media`, whether stored, parked or queued; other senders'
//! media stay.

use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, CdnScenario, Kind, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World, unix_now};

const TENANT: &str = "forgetful";
const INSTANCE: &str = "LITE-ERASED-000001";
const TOKEN: &str = "invented-token-of-the-forgetful";
/// One person, in both spellings of the number that WhatsApp uses, and somebody else.
const PHONE: &str = "5500988880000";
const SHORT: &str = "550088880000";
const OTHER: &str = "5500977770000";
const REFERENCE: &str = "TICKET-12";

fn chat_spec(chat: &str) -> Spec {
    let jid = format!("{chat}@s.whatsapp.net");
    Spec::of(Kind::Image).chat(jid.as_str()).sender(jid).moment(unix_now() - 60)
}

/// One person's media messages at the time of erasing.
struct SentMessages {
    stored: [AnnouncedMedia; 2],
    parked: AnnouncedMedia,
    queued: AnnouncedMedia,
    of_other: AnnouncedMedia,
}

/// Nothing else is erased.
#[test]
fn a_phone_is_erased_everywhere() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let sent = send_all(world, &account).await;
        let _alone = PARKED_QUEUE.lock().await;
        check_confirmation(world).await;
        erase_phone(world).await;
        check_nothing_left(world, &sent).await;
        check_queued_job_ends(world, &sent).await;
        check_log_brings_nothing_back(world, &sent).await;
    });
}

async fn send_all(world: &World, account: &Account) -> SentMessages {
    // Each person has one LID, whatever the number's spelling.
    let announce_with = |lid: &str, spec| {
        let mut media = world.announce_media(account, spec);
        media.webhook["sender"]["senderLid"] = json!(lid);
        media
    };
    let announce = |spec| announce_with("220000000000001@lid", spec);
    let stored = [announce(chat_spec(PHONE)), announce(chat_spec(SHORT))];
    // An old message is parked at once; a younger one would be retried in an hour.
    let gone = chat_spec(PHONE)
        .moment(unix_now() - 15 * 24 * 60 * 60)
        .wapi(WapiScenario::NotFound404)
        .cdn(CdnScenario::Gone { status: 404 });
    let parked = announce(gone);
    let away =
        chat_spec(PHONE).wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 });
    let queued = announce(away);
    let of_other = announce_with("220000000000002@lid", chat_spec(OTHER));
    for one in [&stored[0], &stored[1], &parked, &queued, &of_other] {
        world.post_announced(account, one).await;
    }
    for one in [&stored[0], &stored[1], &of_other] {
        world.wait_until_stored(one).await;
    }
    world.wait_for_state(&parked, "parked").await;
    let (record, _) = world.wait_until_stored(&stored[0]).await;
    let key = record.text("object_key").expect("a key");
    world.stack().bucket().leave_traces(key).await.expect("traces");
    // The failed run has ended, so nothing holds the lease.
    let begun = std::time::Instant::now();
    while world.wait_for_state(&queued, "retrying").await.text("lease_owner").is_some() {
        assert!(begun.elapsed() < crate::MAX_WAIT, "a run did not end");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    SentMessages { stored, parked, queued, of_other }
}

async fn check_confirmation(world: &World) {
    let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE, "--group-media", "erase"];
    let unasked = world.run_command(2, &erase, "").await;
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    let dry = world.run_json(0, &[&erase[..], &["--dry-run"]].concat(), "").await;
    let would = dry["would"].as_str().expect("what it would do");
    assert!(
        would.contains("3 versions of files")
            && would.contains("4 records")
            && would.contains("1 parked jobs"),
        "{would}"
    );
    let nobody = [
        "media",
        "erase",
        "--tenant",
        TENANT,
        "--phone",
        "5500900000077",
        "--group-media",
        "keep",
        "--yes",
    ];
    assert_eq!(world.run_json(0, &nobody, "").await["found"]["records"], 0);
    for wrong in [
        &["media", "erase", "--phone", PHONE, "--yes"][..],
        &["media", "erase", "--tenant", TENANT, "--yes"],
        &["media", "erase", "--tenant", TENANT, "--phone", "Contato Exemplo", "--yes"],
        &["media", "erase", "--tenant", TENANT, "--chat", "../escape", "--yes"],
    ] {
        let refused = world.stack().try_wapi_media(wrong, "").await.expect("it runs");
        assert_eq!(refused.code, Some(2), "{wrong:?}: {refused:?}");
    }
    let folder = format!("{TENANT}/{INSTANCE}/");
    let before = world.stack().bucket().versions_and_markers(&folder).await;
    assert_eq!(before.expect("a list").len(), 5);
}

async fn erase_phone(world: &World) {
    let erase = [
        "media",
        "erase",
        "--tenant",
        TENANT,
        "--phone",
        PHONE,
        "--group-media",
        "erase",
        "--reference",
        REFERENCE,
        "--yes",
    ];
    let erased = world.run_json(0, &erase, "").await;
    let count = |name: &str| erased["removed"][name].as_u64();
    let counts = ["versions", "delete_markers", "uploads", "parked_jobs"];
    assert_eq!(counts.map(count), [Some(3), Some(1), Some(1), Some(1)]);
    // The queued job may be delivered between the order and the search: its run then obeys the
    // order itself.
    let records = count("records").expect("a count");
    assert!((3..=4).contains(&records), "{erased}");
    assert_eq!(erased["proven"], true, "{erased}");
    let audit = world.run_json(0, &["media", "audit"], "").await;
    let line = &audit[0];
    let said = ["action", "tenant", "scope", "reference", "outcome"].map(|name| line[name].clone());
    assert_eq!(json!(said), json!(["media erase", TENANT, "phone", REFERENCE, "complete"]));
    assert_eq!(line["removed"]["records"], records);
    assert!(line["who"].as_str().is_some_and(|who| who.starts_with("arn:")), "{line}");
    assert!(!line.to_string().contains(PHONE) && !line.to_string().contains(SHORT));
}

/// Searches without the product: the bucket, the table, and the parked queue.
async fn check_nothing_left(world: &World, sent: &SentMessages) {
    let bucket = world.stack().bucket();
    let folder = format!("{TENANT}/{INSTANCE}/");
    let left = bucket.versions_and_markers(&folder).await.expect("a list");
    assert!(left.iter().all(|key| key.contains(OTHER)), "{left:?}");
    assert_eq!(left.len(), 1);
    let uploads = bucket.open_uploads().await.expect("a list");
    assert!(!uploads.iter().any(|key| key.starts_with(&folder)), "{uploads:?}");
    let records = world.stack().media_records().await.expect("records");
    let is_its = |record: &&Value| record["instance"]["S"] == INSTANCE;
    let its: Vec<_> = records.iter().filter(is_its).collect();
    let of_person = |record: &&&Value| {
        let text = record.to_string();
        text.contains(PHONE) || text.contains(SHORT)
    };
    assert_eq!(its.iter().filter(of_person).count(), 0);
    // A mark stays in the place of each record: otherwise W-API's log would bring the file back.
    for gone in [&sent.stored[0], &sent.stored[1], &sent.parked, &sent.queued] {
        let is_of = |record: &&&Value| record["message"]["S"] == gone.message_id.as_str();
        let marks: Vec<_> = its.iter().filter(is_of).collect();
        assert_eq!(marks.len(), 1, "{marks:?}");
        let attributes = marks[0].as_object().expect("an item");
        let kept =
            ["instance", "message_id", "message", "state", "forget_at", "chat_phone", "chat_lid"];
        assert!(attributes.keys().all(|name| kept.contains(&name.as_str())), "{attributes:?}");
        assert_eq!(attributes["state"]["S"], "erased");
    }
    let jobs = &world.stack().outputs().jobs_table;
    let entries = world.stack().scan(jobs).await.expect("entries");
    assert_eq!(entries.iter().filter(|entry| entry["tenant"]["S"] == TENANT).count(), 0);
    world.wait_until_stored(&sent.of_other).await;
    let parked = world.run_json(0, &["parked", "list", "--tenant", TENANT], "").await;
    assert_eq!(parked, json!([]));
}

/// How long the queue may hide a job that failed a few times before the erasure: on a slow machine,
/// it is tried more often until then, and each wait is longer.
const MAX_HIDDEN: std::time::Duration = std::time::Duration::from_mins(6);

/// The job that was still queued is delivered again, finds the erase mark, and ends.
async fn check_queued_job_ends(world: &World, sent: &SentMessages) {
    let begun = std::time::Instant::now();
    loop {
        let tail = ["tail", "--instance", INSTANCE, "--outcome", "erased", "--no-follow"];
        let said = world.stack().try_wapi_media(&[&tail[..], &["--json"]].concat(), "").await;
        let said = said.expect("it runs");
        if said.out.contains(&sent.queued.message_id) {
            break;
        }
        assert!(begun.elapsed() < MAX_HIDDEN, "it was not delivered: {said:?}");
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    let folder = format!("{TENANT}/{INSTANCE}/{PHONE}/");
    let left = world.stack().bucket().versions_and_markers(&folder).await;
    assert_eq!(left.expect("a list"), Vec::<String>::new());
}

/// W-API's own log still has the webhooks, and the back-fill function reads it.
async fn check_log_brings_nothing_back(world: &World, sent: &SentMessages) {
    let [first, second] = &sent.stored;
    for erased in [first, second, &sent.parked, &sent.queued] {
        world.log_lost_webhook(INSTANCE, &erased.webhook, 20);
    }
    world.run_backfill(INSTANCE).await;
    let begun = std::time::Instant::now();
    let line = loop {
        let tail = ["tail", "--instance", INSTANCE, "--outcome", "finished", "--no-follow"];
        let said = world.run_command(0, &tail, "").await;
        let mut lines = said.out.lines().filter_map(|line| serde_json::from_str(line).ok());
        if let Some(line) = lines.find(|line: &Value| line["message"] == "backfill") {
            break line;
        }
        assert!(begun.elapsed() < crate::MAX_WAIT, "it was not logged: {said:?}");
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    };
    assert_eq!([&line["found"], &line["earlier"], &line["sent"]], [0, 0, 0], "{line}");
    assert!(line["read"].as_u64() >= Some(4), "{line}");
}
