//! Media events: an application hears of each end of a media message, and opens the file by the
//! link in the event; the account's bus gets the same, without what is personal; and both hear that
//! an instance was disconnected and another receiver paused.

use std::time::{Duration, Instant};

use local::{Method, ask_url};
use media::sha256::Sha256;
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, AppAnswer, Application, Kind, Spec};

use crate::{Account, MAX_WAIT, PARKED_QUEUE, RUNTIME, WORLD, World, unix_now};

const TENANT: &str = "hearing";
const INSTANCE: &str = "LITE-HEARIN-000001";
const TOKEN: &str = "invented-token-of-the-hearing";
const PHONE: &str = "5500966550000";
const CAPTION: &str = "legenda: segue o orçamento";
/// For how long a function remembers receivers at most.
const MAX_RECEIVERS_AGE: Duration = Duration::from_secs(16);

/// The JSON of what was posted with this type.
fn of_type(application: &Application, event_type: &str) -> Vec<Value> {
    let posted = application.posted();
    let events = posted.iter().filter_map(|one| serde_json::from_slice::<Value>(&one.body).ok());
    events.filter(|event| event["type"] == event_type).collect()
}

/// Waits until the application heard of the message's end.
async fn wait_for(application: &Application, event_type: &str, sent: &AnnouncedMedia) -> Value {
    let about = |event: &Value| event["data"]["message_id"] == sent.message_id;
    wait_for_event(application, event_type, about).await
}

async fn wait_for_event(
    application: &Application,
    event_type: &str,
    about: impl Fn(&Value) -> bool,
) -> Value {
    let begun = Instant::now();
    loop {
        let heard = of_type(application, event_type);
        if let Some(event) = heard.into_iter().find(&about) {
            return event;
        }
        assert!(begun.elapsed() < MAX_WAIT, "no {event_type}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Fails if an event is not as the committed schema says.
fn assert_valid(event: &Value) {
    let kind = event["type"].as_str().and_then(|word| word.split('.').next());
    let schema = match kind {
        Some("media") => include_str!("../../../../docs/schemas/media-event-1.json"),
        Some("instance") => include_str!("../../../../docs/schemas/instance-event-1.json"),
        Some("receiver") => include_str!("../../../../docs/schemas/receiver-event-1.json"),
        other => unreachable!("no schema for {other:?}"),
    };
    let schema = serde_json::from_str(schema).expect("a schema");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    let validator = validator.expect("a schema");
    let errors: Vec<_> = validator.iter_errors(event).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} {event}");
}

/// The details of the bus's events about this message.
async fn wait_for_bus(
    world: &World,
    queue: &str,
    sent: &AnnouncedMedia,
    count: usize,
) -> Vec<Value> {
    let (begun, mut found) = (Instant::now(), Vec::new());
    while found.len() < count {
        assert!(begun.elapsed() < MAX_WAIT, "{} of {count} events", found.len());
        for body in world.stack().receive_bodies(queue).await.expect("the queue") {
            let event: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(event["detail-type"], event["detail"]["type"]);
            if event["detail"]["data"]["message_id"] == sent.message_id {
                found.push(event["detail"].clone());
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    found
}

#[test]
fn an_application_hears_of_a_file_and_opens_it() {
    let world = &*WORLD;
    RUNTIME.block_on(async {
        let account = world.operator_account(TENANT, INSTANCE, TOKEN).await;
        let queue = world.stack().collect_bus_events("wapi-media", "hearing").await;
        let queue = queue.expect("a queue of the bus");
        let application = Application::start(|_| AppAnswer::status(204)).await;
        let application = application.expect("an application");
        world.run_json(0, &["tenant", "set", TENANT, "--links", "7d"], "").await;
        let add = ["receiver", "add", "--tenant", TENANT, "--url", application.base()];
        let added = world.run_json(0, &[&add[..], &["--gets", "media"]].concat(), "").await;
        let id = added["receiver"].as_str().expect("an id");
        let set = ["receiver", "set", id, "--tenant", TENANT, "--gets", "all"];
        assert_eq!(world.run_json(0, &set, "").await["gets"], "all");
        let listed = world.run_json(0, &["receiver", "list", "--tenant", TENANT], "").await;
        assert_eq!(listed[0]["gets"], "all");
        let closed = Application::start(|_| AppAnswer::status(410)).await.expect("an application");
        let add = ["receiver", "add", "--tenant", TENANT, "--url", closed.base()];
        let added = world.run_json(0, &[&add[..], &["--gets", "media"]].concat(), "").await;
        let closed_id = added["receiver"].as_str().expect("an id");
        let jid = format!("{PHONE}@s.whatsapp.net");
        let spec = Spec::of(Kind::Image).chat(jid.as_str()).sender(jid).moment(unix_now() - 60);
        let spec = spec.caption(CAPTION);
        let sent = world.announce_media(&account, spec);
        // Until then, the functions may remember that it gets media events only.
        tokio::time::sleep(MAX_RECEIVERS_AGE).await;
        world.post_announced(&account, &sent).await;
        world.wait_until_stored(&sent).await;
        let stored = wait_for(&application, "media.stored", &sent).await;
        assert_valid(&stored);
        let data = &stored["data"];
        assert_eq!(data["chat_phone"], PHONE);
        assert_eq!(data["sha256"], sent.sha256_hex);
        assert_eq!(data["caption"], CAPTION);
        let raw = application.posted().into_iter().any(|one| {
            serde_json::from_slice::<Value>(&one.body).is_ok_and(|body| body == sent.webhook)
        });
        assert!(raw, "it gets the webhook as well");
        let link = open_link(world, data["link"]["url"].as_str().expect("a link"), &sent).await;
        hear_of_own_media(world, &account, &application).await;
        hear_of_states(world, &account, &application, closed_id).await;
        let _alone = PARKED_QUEUE.lock().await;
        let erase = ["media", "erase", "--tenant", TENANT, "--phone", PHONE];
        let options = ["--group-media", "keep", "--yes"];
        world.run_json(0, &[&erase[..], &options].concat(), "").await;
        let erased = wait_for(&application, "media.erased", &sent).await;
        assert_valid(&erased);
        assert!(!erased.to_string().contains(PHONE), "{erased}");
        let gone = ask_url(Method::GET, &link, None).await.expect("an answer");
        assert_eq!(gone.status, 404);
        for event in wait_for_bus(world, &queue, &sent, 2).await {
            assert_valid(&event);
            let mut data = event["data"].clone();
            data.as_object_mut().expect("data").remove("key");
            let text = data.to_string();
            assert!(!text.contains(PHONE) && !text.contains(CAPTION), "{text}");
        }
        let remove = ["receiver", "remove", id, "--tenant", TENANT, "--yes"];
        world.run_json(0, &remove, "").await;
    });
}

/// What the account sent itself is announced as what came in is.
async fn hear_of_own_media(world: &World, account: &Account, application: &Application) {
    let spec = Spec::of(Kind::Document).chat("5500966550001@s.whatsapp.net").from_me();
    let spec = spec.file_name("proposta nº 7.pdf");
    let sent = world.announce_media(account, spec.moment(unix_now() - 60));
    world.post_announced(account, &sent).await;
    let stored = wait_for(application, "media.stored", &sent).await;
    assert_valid(&stored);
    assert_eq!(stored["data"]["direction"], "out");
    assert_eq!(stored["data"]["file_name"], "proposta nº 7.pdf");
    open_link(world, stored["data"]["link"]["url"].as_str().expect("a link"), &sent).await;
}

/// The instance is disconnected, and the other receiver wants nothing any more: two more tables
/// have streams.
async fn hear_of_states(
    world: &World,
    account: &Account,
    application: &Application,
    closed_id: &str,
) {
    let paused = wait_for_event(application, "receiver.paused", |_| true).await;
    assert_valid(&paused);
    assert_eq!(paused["data"]["receiver"], closed_id);
    assert_eq!(paused["data"]["reason"], "gone");
    for (event, word) in [
        ("webhookDisconnected", "instance.disconnected"),
        ("webhookConnected", "instance.connected"),
    ] {
        let webhook = json!({ "event": event, "instanceId": INSTANCE, "moment": unix_now() });
        assert_eq!(world.post_webhook(account, &webhook).await.status, 200);
        let told = wait_for_event(application, word, |_| true).await;
        assert_valid(&told);
        assert_eq!(told["data"], json!({ "tenant": TENANT, "instance": INSTANCE }));
    }
}

/// Follows the link of an event to the bytes. Returns the URL of the link on this machine.
async fn open_link(world: &World, url: &str, sent: &AnnouncedMedia) -> String {
    let url = world.stack().link_here(url).expect("a link of this stack");
    let redirect = ask_url(Method::GET, &url, None).await.expect("an answer");
    assert_eq!(redirect.status, 302, "{redirect:?}");
    let file = ask_url(Method::GET, &redirect.location.expect("a location"), None).await;
    assert_eq!(Sha256::from_data(&file.expect("a file").bytes).to_hex(), sent.sha256_hex);
    url
}
