//! Webhooks that are passed on: an application whose URL the stack takes, and others beside it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use stand_in::{AppAnswer, Application, Hook, Kind, PostedWebhook, Spec};

use crate::{Account, MAX_WAIT, World, on_the_stack};

const INSTANCE: &str = "LITE-PASSON-000001";
const TENANT: &str = "passing-on";
const TOKEN: &str = "invented-token-of-the-passing-on";

/// The different bodies that an application took, by what it answered.
fn bodies(posted: &[PostedWebhook]) -> BTreeSet<Vec<u8>> {
    posted.iter().map(|one| one.body.clone()).collect()
}

/// Waits until the application got each of the bodies.
async fn wait_for(application: &Application, expected: &BTreeSet<Vec<u8>>) {
    let begun = Instant::now();
    while !bodies(&application.posted()).is_superset(expected) {
        assert!(begun.elapsed() < MAX_WAIT, "{} of {}", application.posted().len(), expected.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Hooks that lead to an application, which the stack takes over.
async fn take_hooks(world: &World, old_url: &str) -> Account {
    world.origins.register_instance(INSTANCE, TOKEN);
    world.origins.change_account(INSTANCE, |account| {
        for hook in [Hook::Received, Hook::Delivery, Hook::MessageStatus] {
            account.hooks.insert(hook, old_url.to_owned());
        }
    });
    world.run_json(0, &["tenant", "add", TENANT], "").await;
    world.run_json(0, &["instance", "add", INSTANCE, "--tenant", TENANT], TOKEN).await;
    let taken = world.run_command(0, &["webhook", "register", INSTANCE, "--yes"], "").await;
    assert!(taken.err.contains("whsec_"), "the secret is printed once: {}", taken.err);
    let account = world.origins.account(INSTANCE);
    for hook in [Hook::Received, Hook::Delivery, Hook::MessageStatus, Hook::Connected] {
        let url = account.hook(hook).expect("a URL");
        assert!(url.starts_with(&world.stack().webhook_base()), "{hook:?}");
    }
    assert_eq!(account.hook(Hook::ChatPresence), None, "nobody gets it");
    let url = account.hook(Hook::Received).expect("a hook").to_owned();
    Account { id: INSTANCE.to_owned(), url }
}

/// The application that was there, one that fails for a third of its requests, and one that is dead
/// at first: each gets every body, and the dead one delays nobody.
#[test]
fn what_was_there_before_misses_nothing() {
    on_the_stack(async |world| {
        let old = Application::start(|_| AppAnswer::status(204)).await.expect("an application");
        let old_url = format!("{}/hooks/w-api?key=a%20b", old.base());
        let account = take_hooks(world, &old_url).await;
        let shaky = |n: usize| AppAnswer::status(if n % 3 == 1 { 500 } else { 200 });
        let shaky = Application::start(shaky).await.expect("an application");
        let is_dead = Arc::new(AtomicBool::new(true));
        let known = Arc::clone(&is_dead);
        let dead = Application::start(move |_| {
            AppAnswer::status(if known.load(Ordering::SeqCst) { 500 } else { 200 })
        });
        let dead = dead.await.expect("an application");
        for other in [&shaky, &dead] {
            let add = ["receiver", "add", "--tenant", TENANT, "--url", other.base()];
            world.run_json(0, &add, "").await;
        }
        let announced = world.announce_media(&account, Spec::of(Kind::Image));
        let mut expected = BTreeSet::new();
        let status = json!({ "event": "webhookStatus", "instanceId": INSTANCE, "status": "READ" });
        let webhook = announced.webhook.to_string();
        // MiniStack's API Gateway replaces bytes that are no text; a test at wire level has them.
        for body in [webhook, status.to_string(), "{\"event\": caf\u{e9} }\r\n".to_owned()] {
            let body = body.into_bytes();
            let answer = world.stack().post_bytes(&account.url, body.clone()).await;
            assert_eq!(answer.expect("an answer").status, 200);
            expected.insert(body);
        }
        for quick in [&old, &shaky] {
            wait_for(quick, &expected).await;
        }
        assert!(old.posted().iter().all(|one| one.path_and_query == "/hooks/w-api?key=a%20b"));
        assert!(old.posted().iter().all(|one| one.header("webhook-signature").starts_with("v1,")));
        world.wait_until_stored(&announced).await;
        assert!(!dead.posted().is_empty(), "it was tried");
        is_dead.store(false, Ordering::SeqCst);
        wait_for(&dead, &expected).await;
        check_return(world, &old_url).await;
    });
}

/// The hooks lead to the application again, and the others stay as they were.
async fn check_return(world: &World, old_url: &str) {
    let listed = world.run_json(0, &["receiver", "list", "--tenant", TENANT], "").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    world.run_json(0, &["webhook", "unregister", INSTANCE, "--yes"], "").await;
    let account = world.origins.account(INSTANCE);
    for hook in [Hook::Received, Hook::Delivery, Hook::MessageStatus] {
        assert_eq!(account.hook(hook), Some(old_url), "{hook:?}");
    }
    assert_eq!(account.hook(Hook::Connected), None);
    for one in listed.as_array().expect("a list") {
        let id = one["receiver"].as_str().expect("an id");
        world.run_json(0, &["receiver", "remove", id, "--tenant", TENANT, "--yes"], "").await;
    }
    let listed = world.run_json(0, &["receiver", "list", "--tenant", TENANT], "").await;
    assert_eq!(listed, json!([]));
}
