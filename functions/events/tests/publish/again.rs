//! What is sent again, and what is not, when a place does not take an event.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use events::batch::handle_batch;
use scripted_aws::{Answer, Aws};
use serde_json::json;
use tokio::time::Instant;

use crate::{Scene, change, create_events, delivered, handle, record};

/// The queue is down, and then the table as well: nothing is acknowledged that is nowhere. What is
/// sent again has the same id and the same link.
#[tokio::test]
async fn what_no_place_takes_is_sent_again() {
    let scene = Scene { link_rule: "forever", ..Scene::default() };
    let is_down = Arc::new(Mutex::new(true));
    let down = Arc::clone(&is_down);
    let aws = Aws::start(move |seen| {
        let is_delivery = seen.text().contains("deliveries") || seen.text().contains("delivery#");
        let is_down = *down.lock().expect("a flag");
        if is_down && is_delivery && ["SendMessage", "UpdateItem"].contains(&seen.operation()) {
            return Answer::json_error(400, "AccessDeniedException");
        }
        scene.answer(seen)
    })
    .await;
    let events = create_events(&aws, None);
    let changes = [
        change(1, &json!({}), &record("3EB0A", "retrying")),
        change(2, &json!({}), &record("3EB0A", "stored")),
    ];
    assert_eq!(handle(&events, &changes).await.as_deref(), Some("200"));
    *is_down.lock().expect("a flag") = false;
    assert_eq!(handle(&events, &changes).await, None);
    let all = delivered(&aws);
    let (first, last) = (&all.first().expect("one").1, &all.last().expect("one").1);
    assert_eq!(first, last);
    assert!(first["data"]["link"]["url"].is_string() && first["data"]["link"]["ends_at"].is_null());
    assert_eq!(aws.requests_of("PutItem").len(), 1, "one link");
}

#[tokio::test]
async fn a_queue_that_is_down_is_replaced_by_the_table() {
    let aws = Scene { down: vec!["SendMessage"], ..Scene::default() }.start().await;
    let events = create_events(&aws, None);
    let stored = change(1, &json!({}), &record("3EB0A", "stored"));
    assert_eq!(handle(&events, &[stored]).await, None);
    assert_eq!(aws.only_request("UpdateItem").json()["TableName"], "jobs");
}

/// The receivers have theirs. Only what the bus refused comes again, and to the bus alone; a file
/// gets one link.
#[tokio::test]
async fn what_the_bus_refuses_is_sent_again() {
    let refusals = Arc::new(Mutex::new(vec![false, true, false]));
    let scene = Scene { link_rule: "7d", ..Scene::default() };
    let left = Arc::clone(&refusals);
    let aws = Aws::start(move |seen| {
        let bus_errors = left.lock().expect("refusals").clone();
        Scene { bus_errors, ..scene.clone() }.answer(seen)
    })
    .await;
    let events = create_events(&aws, Some("default"));
    let changes: Vec<_> = (1..=3)
        .map(|number| change(number, &json!({}), &record(&format!("3EB0{number}"), "stored")))
        .collect();
    assert_eq!(handle(&events, &changes).await.as_deref(), Some("200"));
    refusals.lock().expect("refusals").clear();
    assert_eq!(handle(&events, &changes[1..]).await, None);
    assert_eq!((delivered(&aws).len(), aws.requests_of("PutItem").len()), (3, 3));
    let puts = aws.requests_of("PutEvents");
    let sizes: Vec<_> =
        puts.iter().map(|put| put.json()["Entries"].as_array().map(Vec::len)).collect();
    assert_eq!(sizes, [Some(3), Some(1)]);
}

/// Eleven events are two calls; a failure of the second begins there.
#[tokio::test]
async fn a_long_batch_is_put_in_parts() {
    let puts = Arc::new(Mutex::new(0));
    let scene = Scene { receivers: json!([]), ..Scene::default() };
    let aws = Aws::start(move |seen| {
        if seen.operation() == "PutEvents" {
            let mut puts = puts.lock().expect("a number");
            *puts += 1;
            if *puts == 2 {
                return Answer::json_error(400, "AccessDeniedException");
            }
        }
        scene.answer(seen)
    })
    .await;
    let events = create_events(&aws, Some("default"));
    let changes: Vec<_> = (1..=11)
        .map(|number| change(number, &json!({}), &record(&format!("3EB0{number}"), "stored")))
        .collect();
    assert_eq!(handle(&events, &changes).await.as_deref(), Some("1100"));
    let sizes: Vec<_> = aws
        .requests_of("PutEvents")
        .iter()
        .map(|put| put.json()["Entries"].as_array().map(Vec::len))
        .collect();
    assert_eq!(sizes, [Some(10), Some(1)]);
}

/// Lambda would kill the function: it answers before, and says from where on.
#[tokio::test(start_paused = true)]
async fn what_is_not_published_in_time_is_sent_again() {
    let aws = Aws::start(|_| Answer::silence()).await;
    let events = create_events(&aws, None);
    let stored = change(1, &json!({}), &record("3EB0A", "stored"));
    let batch = serde_json::from_value(json!({ "Records": [stored] })).expect("a batch");
    let deadline = Instant::now() + Duration::from_secs(3);
    let answer = handle_batch(&events, batch, deadline).await;
    assert!(Instant::now() < deadline);
    assert_eq!(answer.batch_item_failures.len(), 1);
}
