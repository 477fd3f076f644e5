//! A run: which instances it takes, and that one of them does not stop the others.

use std::collections::BTreeSet;

use backfill::{RunError, RunScope};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, Kind, Spec};
use tokio::time::Instant;

use crate::{HOUR, NOW, PLENTY, World, instance_item};

/// An instance's id.
fn id_of(number: usize) -> String {
    format!("LITE-SPREAD-{number:06}")
}

/// Registers many instances in place of the default one.
fn register_many(world: &World, count: usize) {
    let ids: Vec<_> = (0..count).map(id_of).collect();
    for id in &ids {
        world.origins.register_instance(id, "old");
    }
    world.tables().instances = ids.iter().map(|id| instance_item(id)).collect();
}

async fn run_due(world: &World, now: i64) -> Result<(), RunError> {
    world.backfill(200).run(&RunScope::Due, now, Instant::now() + PLENTY).await
}

/// The instances whose log was read, by their marks.
fn marked(world: &World) -> BTreeSet<String> {
    world.tables().marks.keys().cloned().collect()
}

#[tokio::test]
async fn twelve_runs_take_every_instance_once() {
    let world = World::start().await;
    register_many(&world, 48);
    let mut seen = BTreeSet::new();
    for run in 0..12 {
        run_due(&world, NOW + run * 300).await.expect("a run");
        let now = marked(&world);
        assert!(now.len() - seen.len() < 16, "run {run} took {} at once", now.len() - seen.len());
        seen = now;
    }
    assert_eq!(seen.len(), 48);
    let updates = world.mark_writes();
    assert_eq!(updates, 48, "each instance has one turn");
}

#[tokio::test]
async fn a_paused_or_removed_instance_is_skipped() {
    let world = World::start().await;
    world.announce("lost", 2 * HOUR);
    world.change_instance(&json!({ "paused_at": { "N": (NOW - HOUR).to_string() } }));
    world.run().await;
    for run in 0..12 {
        run_due(&world, NOW + run * 300).await.expect("a run");
    }
    world.tables().instances.clear();
    world.run().await;
    assert_eq!((world.pages_read(), world.mark()), (0, Value::Null));
    assert_eq!(world.sent_bodies(), Vec::<String>::new());
}

/// One has another token than W-API knows, one has a malformed record, one an id that is none.
#[tokio::test]
async fn a_broken_instance_does_not_stop_the_others() {
    let world = World::start().await;
    register_many(&world, 12);
    world.origins.register_instance(&id_of(3), "another");
    {
        let mut tables = world.tables();
        tables.instances[5].as_object_mut().expect("an item").remove("sealed_token");
        tables.instances.push(instance_item("not an id of an instance"));
    }
    let lost: BTreeSet<_> = (0..12)
        .map(|number| {
            let spec = Spec::of(Kind::Image).seed(format!("lost {number}"));
            let spec = spec.instance(id_of(number)).moment(NOW - 2 * HOUR);
            world.announce_spec(spec, 2 * HOUR).message_id
        })
        .collect();
    let mut failures = 0;
    for run in 0..12 {
        failures += usize::from(run_due(&world, NOW + run * 300).await.is_err());
    }
    assert_eq!(failures, 1, "the malformed record fails its run");
    let sent: BTreeSet<_> = world.sent_ids().into_iter().collect();
    assert_eq!((sent.len(), lost.is_superset(&sent)), (10, true));
    let refused = world.tables().marks[&id_of(3)].clone();
    assert!(refused["failed_since"]["N"].is_string(), "{refused}");
}

/// `template.yaml` allows exactly these calls; a house rule compares its actions.
#[tokio::test]
async fn a_run_makes_only_the_calls_that_its_role_allows() {
    let world = World::start().await;
    world.announce("lost", 2 * HOUR);
    for run in 0..12 {
        run_due(&world, NOW + run * 300).await.expect("a run");
    }
    assert_eq!(world.sent_ids().len(), 1);
    let called: BTreeSet<_> = world
        .aws
        .requests()
        .iter()
        .map(|seen| {
            let table = seen.json()["TableName"].as_str().unwrap_or_default().to_owned();
            (seen.operation(), table)
        })
        .collect();
    let expected = [
        ("Decrypt", ""),
        ("GetItem", "instances"),
        ("GetItem", "marks"),
        ("GetItem", "media"),
        ("GetItem", "orders"),
        ("GetQueueAttributes", ""),
        ("Scan", "instances"),
        ("SendMessage", ""),
        ("UpdateItem", "marks"),
    ];
    assert_eq!(called, expected.map(|(name, table)| (name, table.to_owned())).into());
}

/// The download function has stopped, for example: what waits for it has no record and would be
/// found, and queued once more every hour.
#[tokio::test]
async fn a_backlog_postpones_the_run() {
    let world = World::start().await;
    let lost = world.announce("lost", 2 * HOUR);
    world.tables().waiting = 1001;
    world.run().await;
    assert_eq!((world.pages_read(), world.mark()), (0, Value::Null));
    world.tables().waiting = 1000;
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.sent_ids(), [lost.message_id]);
}

/// The scheduled event names no instance; a person's may.
#[test]
fn an_event_may_name_one_instance() {
    let event = json!({ "version": "0", "source": "aws.events", "detail": {} });
    assert_eq!(RunScope::from_event(&event), Ok(RunScope::Due));
    let named = RunScope::from_event(&json!({ "instance": DEFAULT_INSTANCE }));
    assert!(matches!(named, Ok(RunScope::One(id)) if id.as_str() == DEFAULT_INSTANCE));
    assert!(RunScope::from_event(&json!({ "instance": "../escape" })).is_err());
}
