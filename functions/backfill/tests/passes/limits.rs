//! Bounded passes: the number of pages, the time that is left, and how a later run goes on.

use std::time::Duration;

use backfill::RunScope;
use media::ids::InstanceId;
use redaction::Recorder;
use serde_json::{Value, json};
use stand_in::DEFAULT_INSTANCE;
use tokio::time::Instant;

use crate::{DAY, HOUR, MINUTE, NOW, PLENTY, World, failures::logged_field};

fn scope() -> RunScope {
    RunScope::One(InstanceId::parse(DEFAULT_INSTANCE).expect("an id"))
}

/// Fills the log with five pages, and loses a media message on the last of them.
fn fill_log(world: &World) -> String {
    let lost = world.announce("at the end", 6 * HOUR);
    for number in (1..=450).rev() {
        world.log_status(number, 20 * MINUTE + number * 30);
    }
    lost.message_id
}

/// The mark moves when the whole pass is done, not before.
#[tokio::test]
async fn a_later_run_goes_on_where_one_stopped() {
    let world = World::start().await;
    let lost = fill_log(&world);
    let backfill = world.backfill(2);
    backfill.run(&scope(), NOW, Instant::now() + PLENTY).await.expect("a run");
    assert_eq!(world.pages_read(), 2);
    let mark = world.mark();
    assert_eq!((&mark["until"], &mark["pass_page"]["N"]), (&Value::Null, &Value::from("3")));
    assert_eq!(world.sent_ids(), Vec::<String>::new());
    for hours in 1..=2 {
        let now = NOW + hours * HOUR;
        backfill.run(&scope(), now, Instant::now() + PLENTY).await.expect("a run");
    }
    assert_eq!(world.sent_ids(), [lost]);
    // Until the time of the run that began the pass.
    let mark = world.mark();
    assert_eq!(mark["until"]["N"], (NOW - 10 * MINUTE).to_string());
    assert_eq!(mark["pass_page"], Value::Null);
}

/// The log grows faster than it is read, so that what is lost now would be found too late.
#[tokio::test]
async fn a_log_that_is_a_day_ahead_is_reported() {
    let world = World::start().await;
    let recorder = Recorder::start();
    world.change_instance(&json!({ "tenant": { "S": "busy" } }));
    fill_log(&world);
    for (ago, reported) in [(DAY - 1, 0), (DAY, 1)] {
        world.set_mark(json!({ "until": { "N": (NOW - ago).to_string() } }));
        world.backfill(2).run(&scope(), NOW, Instant::now() + PLENTY).await.expect("a run");
        assert_eq!(logged_field(&recorder, "busy", "outcome"), "unfinished");
        assert_eq!(logged_field(&recorder, "busy", "unreadable_for_a_day"), reported, "{ago}");
    }
}

#[tokio::test]
async fn no_page_is_begun_without_time_for_it() {
    let world = World::start().await;
    fill_log(&world);
    let soon = Instant::now() + Duration::from_secs(59);
    world.backfill(200).run(&scope(), NOW, soon).await.expect("a run");
    assert_eq!((world.pages_read(), world.mark()), (0, Value::Null));
}

/// With little to read, two pages of an hour suffice.
#[tokio::test]
async fn a_quiet_instance_costs_two_pages() {
    let world = World::start().await;
    fill_log(&world);
    world.run_at(NOW + 10 * HOUR).await;
    let before = world.pages_read();
    world.run_at(NOW + 11 * HOUR).await;
    assert_eq!(world.pages_read() - before, 2);
}

/// Two runs at once: the one that writes later does not overwrite the mark of the other.
#[tokio::test]
async fn an_overtaken_run_leaves_the_mark_alone() {
    let world = World::start().await;
    fill_log(&world);
    let (first, second) = (world.backfill(2), world.backfill(3));
    let (scope, deadline) = (scope(), Instant::now() + PLENTY);
    let (one, other) =
        tokio::join!(first.run(&scope, NOW, deadline), second.run(&scope, NOW + 1, deadline));
    one.expect("a run");
    other.expect("a run");
    let writes = world.mark_writes();
    assert_eq!(writes, 2);
    let mark = world.mark();
    let number = |name: &str| mark[name]["N"].as_str().and_then(|text| text.parse().ok());
    let written = (number("pass_page"), number("updated_at"));
    assert!([(Some(3), Some(NOW)), (Some(4), Some(NOW + 1))].contains(&written), "{mark}");
}
