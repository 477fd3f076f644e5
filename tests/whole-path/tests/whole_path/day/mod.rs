//! An operator's day: two tenants, a person in both, media in every state, a receiver for which
//! everything rests; a hold, an export, an erasure, its proof. Then a search of both buckets, all
//! tables, queues and logs, which shares no code with the product. What ends by clock alone (S3's
//! lifecycle, DynamoDB's time to live) ends only in the worlds of
//! `tests/simulation/tests/worlds/retention.rs`: the local AWS has neither.

mod search;
mod sent;

use std::{fs, time::Duration};

use local::{Holding, Method, ask_url};
use serde_json::{Value, json};

use self::{
    search::{check_intact, find_traces, has_tenant, intact_part},
    sent::{QUEUED, Sent, find_attribute, send_all},
};
use crate::{MAX_WAIT, PARKED_QUEUE, RUNTIME, WORLD, World};

/// Longer than the queue hides the job of [`Sent::send_retrying`], which had a few runs by then.
const LONGEST_HIDDEN: Duration = Duration::from_mins(9);

const ASKED: &str = "day-asked";
const OTHER: &str = "day-other";
const FIRST: &str = "LITE-DAYASK-000001";
/// Removed before the erasure.
const REMOVED: &str = "LITE-DAYASK-000002";
/// Belongs to one tenant, and then to the other.
const MOVED: &str = "LITE-DAYMOV-000003";
const FAR: &str = "LITE-DAYOTH-000004";

/// Somebody who writes to both tenants.
struct Person {
    phone: &'static str,
    /// The number as WhatsApp may spell it, without the ninth digit.
    short: &'static str,
    lid: &'static str,
    name: &'static str,
}

/// The person who asks to be erased.
const LEAVING: Person = Person {
    phone: "5500999990000",
    short: "550099990000",
    lid: "210000000000001",
    name: "Contato Exemplo Apagavel",
};
const STAYING: Person = Person {
    phone: "5500977990000",
    short: "550077990000",
    lid: "210000000000002",
    name: "Contato Exemplo Duradouro",
};

impl Person {
    /// What nothing may contain after the person was erased: the number, the LID, the name.
    fn words(&self) -> Vec<String> {
        let name = self.name.rsplit(' ').next().expect("a name");
        [self.phone, self.short, self.lid, name].map(str::to_owned).into()
    }
}

#[test]
fn a_person_is_erased_from_one_tenant_and_then_from_all() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let mut sent = send_all(world).await;
        let alone = PARKED_QUEUE.lock().await;
        check_hold(world).await;
        check_export(world, &sent).await;
        let link = make_link(world, &sent).await;
        sent.send_retrying(world).await;
        sent.queue_unreceived(world).await;
        let all = take_inventory(world).await;
        check_rests(&all);
        let before = intact_part(&all, world);
        let order = erase(world, ASKED).await;
        wait_until_ended(world, FIRST, QUEUED).await;
        let of_leaving = sent.of_leaving();
        let after = wait_until_gone(world, |all| {
            let traces = find_traces(all, &LEAVING, &of_leaving);
            assert!(!traces.is_empty(), "the other tenant's media of the same person stay");
            traces.into_iter().filter(|one| !has_tenant(one, OTHER, all)).collect()
        })
        .await;
        check_intact(&before, &intact_part(&after, world));
        assert_eq!(ask_url(Method::GET, &link, None).await.expect("an answer").status, 404);
        let verify = ["media", "verify", &order, "--tenant", ASKED, "--phone", LEAVING.phone];
        let folder = format!("lid-{}", LEAVING.lid);
        let verified = world.run_json(0, &[&verify[..], &["--chat", &folder]].concat(), "").await;
        assert_eq!(verified["proven"], true, "{verified}");
        erase(world, OTHER).await;
        check_nowhere(world, &sent).await;
        check_output(world, &of_leaving).await;
        world.check_trail(ASKED, &["media erase", "media export", "media verify"]).await;
        drop(alone);
    });
}

async fn take_inventory(world: &World) -> Vec<Holding> {
    world.stack().take_inventory().await.expect("an inventory")
}

/// Webhooks and media events of both people rest for the receiver, also a large one each.
fn check_rests(all: &[Holding]) {
    for person in [&LEAVING, &STAYING] {
        let words = person.words();
        let its: Vec<_> = all.iter().filter(|one| one.has_any(&words)).collect();
        let is_resting = |one: &&&Holding| one.text.contains(r#""S":"~rcv_"#);
        let rests: Vec<_> = its.iter().filter(is_resting).collect();
        assert!(rests.len() > 5, "{rests:#?}");
        assert!(rests.iter().any(|one| one.has_any(&["media.stored".to_owned()])), "{rests:#?}");
        assert!(its.iter().any(|one| one.place == "body"), "{its:#?}");
    }
}

/// What is held can neither be erased nor dropped, and a retention class does not end it.
async fn check_hold(world: &World) {
    let hold = ["hold", "add", "--tenant", ASKED, "--phone", LEAVING.phone, "--reason"];
    let held = world.run_json(0, &[&hold[..], &["PROCESS-7"]].concat(), "").await;
    let id = held["hold"].as_str().expect("an id");
    let before = take_inventory(world).await;
    let refused = ["media", "erase", "--tenant", ASKED, "--phone", LEAVING.phone];
    let refused = [&refused[..], &["--group-media", "erase", "--yes"]].concat();
    let said = world.run_command(2, &refused, "").await;
    assert!(said.err.contains("PROCESS-7"), "{said:?}");
    // The person's parked job, and two webhooks in which anything may be.
    let said = world.run_json(1, &["parked", "drop", "--instance", FIRST, "--yes"], "").await;
    assert_eq!([&said["dropped"], &said["held"]], [0, 3], "{said}");
    let after = take_inventory(world).await;
    check_intact(&intact_part(&before, world), &intact_part(&after, world));
    world.run_json(0, &["tenant", "set", ASKED, "--retention", "90d"], "").await;
    let retain = ["media", "retain", "--tenant", ASKED, "--yes"];
    // Files younger than an hour are left for later.
    let said = world.run_json(1, &retain, "").await;
    assert!(said["records"]["held"].as_u64() >= Some(6), "{said}");
    check_ends(world, [false, true]).await;
    world.run_json(1, &["hold", "release", id, "--tenant", ASKED, "--yes"], "").await;
    check_ends(world, [true, true]).await;
}

/// Whether the settled records of both people have an end.
async fn check_ends(world: &World, expected: [bool; 2]) {
    for (person, expected) in [LEAVING, STAYING].iter().zip(expected) {
        let all = take_inventory(world).await;
        let is_meant = |one: &&Holding| {
            one.place == format!("table {}", world.stack().outputs().media_table)
                && has_tenant(one, ASKED, &all)
                && one.has_any(&person.words())
                && !one.text.contains(r#""state":{"S":"retrying"}"#)
        };
        let records: Vec<_> = all.iter().filter(is_meant).collect();
        assert!(records.len() > 2, "{records:?}");
        for one in records {
            assert_eq!(find_attribute(&one.text, "forget_at").is_some(), expected, "{one:?}");
        }
    }
}

/// The export has the asked tenant's files of the instance, also of one that is another's by now.
async fn check_export(world: &World, sent: &Sent) {
    for instance in [FIRST, MOVED] {
        let place = std::env::temp_dir().join(format!("day-{instance}-{}", std::process::id()));
        let output = place.display().to_string();
        let export = ["media", "export", "--instance", instance, "--tenant", ASKED];
        let what = ["--phone", LEAVING.phone, "--groups", "-o", &output];
        let said = world.stack().try_wapi_media(&[&export[..], &what].concat(), "").await;
        // Parked and hidden files are named as missing.
        assert!(matches!(said.expect("it runs").code, Some(0 | 1)));
        let index = fs::read_to_string(place.join("index.jsonl")).expect("an index");
        let lines = index.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut exported: Vec<_> = lines
            .filter(|line| line["file"].as_str().is_some_and(|name| !name.is_empty()))
            .map(|line| {
                let file = line["file"].as_str().expect("a name").to_owned();
                fs::read(place.join(file)).expect("a file")
            })
            .collect();
        let mut expected = sent.exportable(instance);
        exported.sort();
        expected.sort();
        assert!(exported == expected, "{instance}: {index}");
        fs::remove_dir_all(place).expect("removed");
    }
}

/// A link to a file of the person, which works, as its URL on this machine.
async fn make_link(world: &World, sent: &Sent) -> String {
    world.run_json(0, &["tenant", "set", ASKED, "--links", "7d"], "").await;
    let made = world.run_json(0, &["media", "link", FIRST, &sent.linkable()], "").await;
    let url = made["url"].as_str().expect("a URL");
    let link = world.stack().link_here(url).expect("a link of this stack");
    let begun = std::time::Instant::now();
    // The function remembers for a while that the tenant has no links.
    while ask_url(Method::GET, &link, None).await.expect("an answer").status != 302 {
        assert!(begun.elapsed() < MAX_WAIT, "the link does not work");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    link
}

/// Erases the person from a tenant by the number as few would spell it, and returns the order.
async fn erase(world: &World, tenant: &str) -> String {
    let erase = ["media", "erase", "--tenant", tenant, "--phone", LEAVING.short];
    let more = ["--group-media", "erase", "--reference", "TICKET-12", "--yes"];
    let erased = world.run_json(0, &[&erase[..], &more].concat(), "").await;
    assert_eq!(erased["proven"], true, "{erased}");
    erased["order"].as_str().expect("an order").to_owned()
}

/// Waits until the queued job, which nobody had received, was received and ended as erased.
async fn wait_until_ended(world: &World, instance: &str, message: &str) {
    let begun = std::time::Instant::now();
    loop {
        let tail = ["tail", "--instance", instance, "--outcome", "erased", "--no-follow"];
        let said = world.run_command(0, &tail, "").await;
        if said.out.contains(message) {
            return;
        }
        assert!(begun.elapsed() < MAX_WAIT, "it was not delivered: {said:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn check_nowhere(world: &World, sent: &Sent) {
    let media = [sent.of_leaving(), sent.of_leaving_elsewhere()].concat();
    wait_until_gone(world, |all| find_traces(all, &LEAVING, &media)).await;
}

/// Waits until nothing has a trace, and returns what is held then. Only a message that a queue
/// hides may have one for some minutes: its run ends it.
async fn wait_until_gone(world: &World, find: impl Fn(&[Holding]) -> Vec<Holding>) -> Vec<Holding> {
    let begun = std::time::Instant::now();
    loop {
        let all = take_inventory(world).await;
        let traces = find(&all);
        if traces.is_empty() {
            return all;
        }
        let is_queued = |one: &Holding| one.place.starts_with("queue ");
        let is_over = begun.elapsed() > LONGEST_HIDDEN || !traces.iter().all(is_queued);
        assert!(!is_over, "left: {traces:#?}");
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}

/// What the command says afterwards names nobody who was erased.
async fn check_output(world: &World, media: &[stand_in::AnnouncedMedia]) {
    for command in [
        &["media", "find", "--tenant", ASKED, "--since", "30days"][..],
        &["media", "orders", "--tenant", ASKED],
        &["media", "audit"],
        &["audit", "list", "--tenant", ASKED],
        &["hold", "list", "--tenant", ASKED],
        &["parked", "list", "--tenant", ASKED],
        &["stats", "--tenant", ASKED],
        &["tail", "--instance", FIRST, "--no-follow"],
    ] {
        let said = world.run_command(0, command, "").await;
        let said = Holding { place: "output".to_owned(), text: said.out + &said.err };
        let secrets = media.iter().flat_map(|one| [one.media_key.clone(), one.sha256_hex.clone()]);
        let words: Vec<_> = LEAVING.words().into_iter().chain(secrets).collect();
        assert!(!said.has_any(&words), "{command:?}: {said:?}");
    }
    let audit = world.run_json(0, &["media", "audit"], "").await;
    let newest = ["action", "tenant", "reference", "outcome"].map(|name| audit[0][name].clone());
    assert_eq!(json!(newest), json!(["media erase", OTHER, "TICKET-12", "complete"]));
}
