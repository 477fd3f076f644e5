//! A person's media erased with `wapi-media`: stored, parked and still queued; and what others sent stays.

use serde_json::{Value, json};
use stand_in::{Announced, CdnScenario, Hook, Kind, Spec, WapiScenario};

use crate::{Account, PARKED_QUEUE, RUNTIME, WORLD, World, now};

const TENANT: &str = "forgetful";
const INSTANCE: &str = "LITE-ERASED-000001";
const TOKEN: &str = "invented-token-of-the-forgetful";
/// One person, as WhatsApp may spell the number, and somebody else.
const PHONE: &str = "5500988880000";
const SHORT: &str = "550088880000";
const OTHER: &str = "5500977770000";
const REFERENCE: &str = "TICKET-12";

fn spec(chat: &str) -> Spec {
    let jid = format!("{chat}@s.whatsapp.net");
    Spec::of(Kind::Image)
        .chat(jid.as_str())
        .sender(jid)
        .moment(now() - 60)
}

/// What one person's media are at the time of erasing.
struct Sent {
    stored: [Announced; 2],
    parked: Announced,
    queued: Announced,
    of_other: Announced,
}

#[test]
fn a_phone_is_erased_everywhere_and_nothing_else_is() {
    let world = &*WORLD;
    world.origins.register_instance(INSTANCE, TOKEN);
    RUNTIME.block_on(async {
        world.told(0, &["tenant", "add", TENANT], "").await;
        let add = ["instance", "add", INSTANCE, "--tenant", TENANT];
        world.told(0, &add, TOKEN).await;
        world.told(0, &["webhook", "register", INSTANCE], "").await;
        let account = Account {
            id: INSTANCE.to_owned(),
            url: world
                .origins
                .account(INSTANCE)
                .hook(Hook::Received)
                .expect("a hook")
                .to_owned(),
        };
        let sent = send(world, &account).await;
        let _alone = PARKED_QUEUE.lock().await;
        is_asked_first(world).await;
        erases(world).await;
        nothing_is_left(world, &sent).await;
        does_not_come_back(world, &sent).await;
    });
}

async fn send(world: &World, account: &Account) -> Sent {
    let announce = |spec| world.announce(account, spec);
    let stored = [announce(spec(PHONE)), announce(spec(SHORT))];
    // An old one is lost at once; a younger one would be looked for again in an hour.
    let gone = spec(PHONE)
        .moment(now() - 15 * 24 * 60 * 60)
        .wapi(WapiScenario::NotFound404)
        .cdn(CdnScenario::Gone { status: 404 });
    let parked = announce(gone);
    let away = spec(PHONE)
        .wapi(WapiScenario::fail_500())
        .cdn(CdnScenario::Status { code: 503 });
    let queued = announce(away);
    let of_other = announce(spec(OTHER));
    for one in [&stored[0], &stored[1], &parked, &queued, &of_other] {
        world.send(account, one).await;
    }
    for one in [&stored[0], &stored[1], &of_other] {
        world.stored(one).await;
    }
    world.until(&parked, "parked").await;
    let (record, _) = world.stored(&stored[0]).await;
    let key = record.text("object_key").expect("a key");
    world
        .stack()
        .bucket()
        .leave_traces(key)
        .await
        .expect("traces");
    // The run that failed has ended, so that nobody holds the medium.
    let begun = std::time::Instant::now();
    while world
        .until(&queued, "retrying")
        .await
        .text("lease_owner")
        .is_some()
    {
        assert!(begun.elapsed() < crate::WITHIN, "a run never ended");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    Sent {
        stored,
        parked,
        queued,
        of_other,
    }
}

async fn is_asked_first(world: &World) {
    let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE];
    let unasked = world.said(2, &erase, "").await;
    assert!(unasked.err.contains("--yes"), "{unasked:?}");
    let dry = world
        .told(0, &[&erase[..], &["--dry-run"]].concat(), "")
        .await;
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
        "--yes",
    ];
    assert_eq!(world.told(0, &nobody, "").await["found"]["records"], 0);
    for wrong in [
        &["media", "erase", "--phone", PHONE, "--yes"][..],
        &["media", "erase", "--tenant", TENANT, "--yes"],
        &[
            "media",
            "erase",
            "--tenant",
            TENANT,
            "--phone",
            "Contato Exemplo",
            "--yes",
        ],
        &[
            "media",
            "erase",
            "--tenant",
            TENANT,
            "--chat",
            "../escape",
            "--yes",
        ],
    ] {
        let refused = world.stack().ask(wrong, "").await.expect("it runs");
        assert_eq!(refused.code, Some(2), "{wrong:?}: {refused:?}");
    }
    let folder = format!("{TENANT}/{INSTANCE}/");
    let before = world.stack().bucket().versions_and_markers(&folder).await;
    assert_eq!(before.expect("a list").len(), 5);
}

async fn erases(world: &World) {
    let erase = [
        "media",
        "erase",
        "--tenant",
        TENANT,
        "--phone",
        PHONE,
        "--reference",
        REFERENCE,
        "--yes",
    ];
    let erased = world.told(0, &erase, "").await;
    let count = |name: &str| erased["removed"][name].as_u64();
    let counts = [
        "versions",
        "delete_markers",
        "uploads",
        "records",
        "parked_jobs",
        "marks",
    ];
    assert_eq!(
        counts.map(count),
        [Some(3), Some(1), Some(1), Some(4), Some(1), Some(1)]
    );
    assert_eq!(erased["proven"], true, "{erased}");
    let audit = world.told(0, &["media", "audit"], "").await;
    let line = &audit[0];
    let said = ["action", "tenant", "scope", "reference", "outcome"].map(|name| line[name].clone());
    assert_eq!(
        json!(said),
        json!(["media erase", TENANT, "phone", REFERENCE, "complete"])
    );
    assert_eq!(line["removed"]["records"], 4);
    assert!(
        line["who"]
            .as_str()
            .is_some_and(|who| who.starts_with("arn:")),
        "{line}"
    );
    assert!(!line.to_string().contains(PHONE) && !line.to_string().contains(SHORT));
}

/// Looked for without the product: in the bucket, in the table, and in the parked queue.
async fn nothing_is_left(world: &World, sent: &Sent) {
    let bucket = world.stack().bucket();
    let folder = format!("{TENANT}/{INSTANCE}/");
    let left = bucket.versions_and_markers(&folder).await.expect("a list");
    assert!(left.iter().all(|key| key.contains(OTHER)), "{left:?}");
    assert_eq!(left.len(), 1);
    let uploads = bucket.open_uploads().await.expect("a list");
    assert!(
        !uploads.iter().any(|key| key.starts_with(&folder)),
        "{uploads:?}"
    );
    let records = world.stack().media_records().await.expect("records");
    let is_its = |record: &&Value| record["instance"]["S"] == INSTANCE;
    let its: Vec<_> = records.iter().filter(is_its).collect();
    let of_person = |record: &&&Value| {
        let text = record.to_string();
        text.contains(PHONE) || text.contains(SHORT)
    };
    assert_eq!(its.iter().filter(of_person).count(), 0);
    let ids: Vec<_> = its
        .iter()
        .map(|record| record["message"]["S"].as_str())
        .collect();
    for gone in [&sent.stored[0], &sent.stored[1], &sent.parked] {
        assert!(!ids.contains(&Some(&gone.message_id)), "{ids:?}");
    }
    world.stored(&sent.of_other).await;
    let parked = world
        .told(0, &["parked", "list", "--tenant", TENANT], "")
        .await;
    assert_eq!(parked, json!([]));
}

/// The job that was still queued comes back, finds the mark, and ends.
async fn does_not_come_back(world: &World, sent: &Sent) {
    let begun = std::time::Instant::now();
    loop {
        let tail = [
            "tail",
            "--instance",
            INSTANCE,
            "--outcome",
            "erased",
            "--no-follow",
        ];
        let said = world
            .stack()
            .ask(&[&tail[..], &["--json"]].concat(), "")
            .await;
        let said = said.expect("it runs");
        if said.out.contains(&sent.queued.message_id) {
            break;
        }
        assert!(begun.elapsed() < crate::WITHIN, "it never came: {said:?}");
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    let folder = format!("{TENANT}/{INSTANCE}/{PHONE}/");
    let left = world.stack().bucket().versions_and_markers(&folder).await;
    assert_eq!(left.expect("a list"), Vec::<String>::new());
}
