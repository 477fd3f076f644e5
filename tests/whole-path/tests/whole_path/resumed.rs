//! A receiver that is taken up again after more than three days: what the stack gave up comes from
//! W-API's log.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use stand_in::{AppAnswer, Application, Hook};

use crate::{Account, MAX_WAIT, World, odd_records::put_item, on_the_stack, unix_now};

const INSTANCE: &str = "LITE-RESUME-000001";
const TENANT: &str = "taking-up";
const TOKEN: &str = "invented-token-of-the-taking-up";
const DAY: i64 = 24 * 60;
const ERASED: &str = "5500900000088";

/// How long the functions remember a receiver.
const MEMORY: Duration = Duration::from_secs(16);

fn text_webhook(id: &str, chat: &str, text: &str) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": id, "fromMe": false,
        "isGroup": false, "moment": unix_now(), "chat": { "id": chat },
        "sender": { "id": chat, "pushName": "Contato Exemplo" },
        "msgContent": { "conversation": text, "messageContextInfo": { "deviceListMetadata": {} } },
    })
}

/// Logs webhooks as W-API did while the application was dead. Returns the bodies that the
/// application must get, without `moment`, which says when they were logged.
fn log_what_was_given_up(world: &World) -> BTreeSet<String> {
    let long = "texto ".repeat(40_000);
    let wanted = [
        (text_webhook("3EB0RESUME01", "5500900000021", "oi"), 5 * DAY),
        (text_webhook("3EB0RESUME02", "5500900000022", &long), 4 * DAY),
    ];
    let others = [
        (text_webhook("3EB0RESUME03", "5500900000021", "velho"), 12 * DAY),
        (text_webhook("3EB0RESUME04", "5500900000021", "novo"), DAY),
        (text_webhook("3EB0RESUME05", ERASED, "apagado"), 4 * DAY),
    ];
    for (webhook, minutes) in wanted.iter().chain(&others) {
        world.log_lost_webhook(INSTANCE, webhook, *minutes);
    }
    // It has no time of its own, only that of its entry.
    let status = json!({ "event": "webhookStatus", "instanceId": INSTANCE, "status": "READ" });
    let at_ms = u64::try_from((unix_now() - 4 * DAY * 60) * 1000).expect("a time after 1970");
    world.origins.log_webhook(INSTANCE, &status, Some(at_ms));
    let bodies = wanted.into_iter().map(|(webhook, _)| webhook).chain([status]);
    bodies.map(|body| without_moment(&body)).collect()
}

fn without_moment(body: &Value) -> String {
    let mut body = body.clone();
    body.as_object_mut().expect("an object").remove("moment");
    body.to_string()
}

/// The ids under which the application got each body, one for each post.
fn ids_by_body(application: &Application) -> BTreeMap<String, Vec<String>> {
    let mut ids = BTreeMap::<_, Vec<_>>::new();
    for posted in application.posted() {
        assert_eq!(posted.header("content-type"), "application/json");
        let body: Value = serde_json::from_slice(&posted.body).expect("JSON");
        ids.entry(without_moment(&body)).or_default().push(posted.header("webhook-id").to_owned());
    }
    ids
}

/// Waits until the application got each of these bodies so often.
async fn wait_for(application: &Application, bodies: &BTreeSet<String>, times: usize) {
    let begun = Instant::now();
    let is_there = |ids: &BTreeMap<String, Vec<String>>, body: &String| {
        ids.get(body).is_some_and(|ids| ids.len() >= times)
    };
    loop {
        let ids = ids_by_body(application);
        if bodies.iter().all(|body| is_there(&ids, body)) {
            break;
        }
        assert!(begun.elapsed() < MAX_WAIT, "{} of {}", ids.len(), bodies.len());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn pause_receiver(world: &World, application: &Application) -> String {
    let add = ["receiver", "add", "--instance", INSTANCE, "--url", application.base()];
    let added = world.run_json(0, &add, "").await;
    let id = added["receiver"].as_str().expect("an id").to_owned();
    // A receiver of everything needs every hook.
    world.run_json(0, &["webhook", "register", INSTANCE, "--yes"], "").await;
    let hooked = world.origins.account(INSTANCE);
    for hook in [
        Hook::Received,
        Hook::Delivery,
        Hook::MessageStatus,
        Hook::ChatPresence,
        Hook::Connected,
        Hook::Disconnected,
    ] {
        let url = hooked.hook(hook).unwrap_or_default();
        assert!(url.starts_with(&world.stack().webhook_base()), "{hook:?}: {url}");
    }
    world.run_json(0, &["receiver", "pause", &id, "--tenant", TENANT], "").await;
    // Until then, a function may post to it.
    tokio::time::sleep(MEMORY).await;
    id
}

/// Lets the instance have been registered a month ago: what is older is not taken from the log.
async fn backdate(world: &World) {
    let table = &world.stack().outputs().instances_table;
    let items = world.stack().scan(table).await.expect("instances");
    let its = items.into_iter().find(|item| item["instance"]["S"] == INSTANCE);
    let mut item = its.expect("the instance");
    item["created_at"] = json!({ "N": (unix_now() - 30 * DAY * 60).to_string() });
    put_item(world, table, item).await;
}

/// What waits for the receiver is part of what is said about the instance.
async fn check_is_told(world: &World) {
    let check = ["instance", "check", INSTANCE, "--json"];
    let said = world.stack().try_wapi_media(&check, "").await.expect("it runs");
    let said: Value = serde_json::from_str(&said.out).expect("JSON");
    let checks = said["checks"].as_array().expect("checks");
    let its = checks.iter().find(|one| one["name"] == "receivers").expect("a check");
    let text = its.to_string();
    assert_eq!(its["verdict"], "ok", "an operator paused it: {text}");
    assert!(text.contains("1 receivers, 1 paused, 0 failing; 1 deliveries wait"), "{text}");
}

#[test]
fn what_was_given_up_comes_from_the_log() {
    on_the_stack(async |world| {
        let account: Account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let application = Application::start(|_| AppAnswer::status(204)).await.expect("it starts");
        backdate(world).await;
        let receiver = pause_receiver(world, &application).await;
        let kept = text_webhook("3EB0RESUME06", "5500900000021", "guardado");
        assert_eq!(world.post_webhook(&account, &kept).await.status, 200);
        check_is_told(world).await;
        let mut expected = log_what_was_given_up(world);
        let erase = [
            "media",
            "erase",
            "--tenant",
            TENANT,
            "--phone",
            ERASED,
            "--group-media",
            "keep",
            "--yes",
        ];
        world.run_json(0, &erase, "").await;
        let resume =
            ["receiver", "resume", &receiver, "--tenant", TENANT, "--since", "6d"].to_vec();
        let dry = world.run_json(0, &[&resume[..], &["--dry-run"]].concat(), "").await;
        assert_eq!((&dry["log"]["passed_on"], &dry["log"]["erased"]), (&json!(3), &json!(1)));
        assert_eq!(application.posted().len(), 0, "it is paused");
        let mut resumed = world.run_json(0, &resume, "").await;
        // What is six days ago moves by seconds.
        for edge in ["from", "until"] {
            let [told, done] = [&dry, &resumed].map(|said| said["log"][edge].as_i64());
            let moved = done.zip(told).map(|(done, told)| done - told);
            assert!(moved.is_some_and(|seconds| (0..60).contains(&seconds)), "{edge}: {moved:?}");
            resumed["log"][edge] = dry["log"][edge].clone();
        }
        assert_eq!(resumed["log"], dry["log"]);
        expected.insert(without_moment(&kept));
        wait_for(&application, &expected, 1).await;
        // Once more, as after a command that was interrupted: the application knows the ids.
        expected.remove(&without_moment(&kept));
        world.run_json(0, &resume, "").await;
        wait_for(&application, &expected, 2).await;
        let ids = ids_by_body(&application);
        assert_eq!(ids.len(), 4, "nothing else: {:?}", ids.keys());
        for body in &expected {
            assert_eq!(ids[body].iter().collect::<BTreeSet<_>>().len(), 1);
        }
    });
}
