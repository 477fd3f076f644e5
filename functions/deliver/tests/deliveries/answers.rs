//! What follows from an answer of a receiver, or from none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deliver::batch::handle_batch;
use redaction::{Canary, Class, Recorder, Scan, Sink};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{AppAnswer, Application};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    NOW, RECEIVER, SECRET, answer_for, create_deliver, create_deliver_near, delivery, handle,
    hidden_for, receiver_item, record, start_aws, updates_of, with_status,
};

/// Another receiver of the tenant.
const QUICK: &str = "rcv_bbbbbbbbbbbbbbbb";

#[tokio::test]
async fn a_failed_attempt_is_repeated_from_the_queue() {
    for status in [302, 400, 404, 500] {
        let application = Application::start(move |_| AppAnswer {
            status,
            header: Some(("location", "/elsewhere")),
        })
        .await
        .expect("an application");
        let aws = start_aws(application.base(), json!({})).await;
        assert!(handle(&create_deliver(&aws), &delivery(b"{}", 0), 1).await, "{status}");
        assert_eq!(hidden_for(&aws), 5, "{status}");
        assert_eq!(application.posted().len(), 1, "no redirect is followed");
        assert!(updates_of(&aws, "receivers").is_empty(), "one failure is not noted");
    }
}

/// The wait that a receiver asks for, up to an hour. A long one is spent in the jobs table.
#[tokio::test]
async fn retry_after_is_obeyed_within_bounds() {
    for (asked, queue, rest) in
        [("59", Some(59), None), ("120", Some(120), None), ("999999", None, Some(3600))]
    {
        let application = Application::start(move |_| AppAnswer {
            status: 503,
            header: Some(("retry-after", asked)),
        })
        .await
        .expect("an application");
        let aws = start_aws(application.base(), json!({})).await;
        let is_repeated = handle(&create_deliver(&aws), &delivery(b"{}", 0), 1).await;
        assert_eq!(is_repeated, queue.is_some(), "{asked}");
        // A long wait is told to the other processes, and is a failure: the receiver is tried too
        // rarely for three attempts of one delivery.
        let told: Vec<_> = updates_of(&aws, "receivers")
            .iter()
            .map(|update| update["ExpressionAttributeValues"].clone())
            .collect();
        let until = told.iter().find_map(|values| values.get(":until").cloned());
        let seconds = queue.or(rest).filter(|seconds| *seconds >= 60);
        let seconds = seconds.map(|seconds| i64::try_from(seconds).expect("a number"));
        assert_eq!(until, seconds.map(|seconds| json!({ "N": (NOW + seconds).to_string() })));
        let is_failing = told.iter().any(|values| values[":failure"]["S"] == "503");
        assert_eq!(is_failing, seconds.is_some(), "{asked}");
        match queue {
            Some(seconds) => assert_eq!(hidden_for(&aws), seconds),
            None => {
                let rested = updates_of(&aws, "jobs-table");
                let due = &rested[0]["ExpressionAttributeValues"][":due"]["N"];
                let seconds = i64::try_from(rest.expect("seconds")).expect("a number");
                assert_eq!(*due, (NOW + seconds).to_string());
            }
        }
    }
}

/// It says that it is too busy: it is left alone at once, and not only after three failures.
#[tokio::test]
async fn a_busy_receiver_is_left_alone_at_once() {
    for (status, posts) in [(429, 1), (502, 1), (503, 1), (504, 1), (500, 2)] {
        let application = with_status(status).await;
        let aws = start_aws(application.base(), json!({})).await;
        let deliver = create_deliver(&aws);
        for n in 1..=2 {
            let waits = handle(&deliver, &delivery(b"{}", 0), 1).await;
            assert_eq!(waits, n <= posts, "{status}: what is not tried is sent anew");
        }
        assert_eq!(application.posted().len(), posts, "{status}");
        assert_eq!(aws.requests_of("SendMessage").len(), 2 - posts, "{status}");
    }
}

/// The queue counts receipts, not attempts. A message that was received without one is replaced by
/// another, which has the attempts that there were.
#[tokio::test]
async fn what_was_not_tried_is_sent_anew_with_its_attempts() {
    let application = with_status(503).await;
    let aws = start_aws(application.base(), json!({})).await;
    let deliver = create_deliver(&aws);
    assert!(handle(&deliver, &delivery(b"{}", 0), 1).await, "it is left alone from now on");
    let tried_twice = delivery(b"caf\xe9", 40).with_failed_attempts(2);
    assert!(!handle(&deliver, &tried_twice, 4).await, "the message is replaced");
    let sent = aws.only_request("SendMessage").json();
    let body = sent["MessageBody"].as_str().expect("a body");
    let anew = media::delivery::Delivery::parse(body).expect("a delivery");
    assert_eq!((anew.failed_attempts, anew.expose()), (5, Ok(&b"caf\xe9"[..])));
    assert_eq!((&anew.id, anew.accepted_at), (&tried_twice.id, tried_twice.accepted_at));
    assert_eq!(sent["MessageGroupId"], RECEIVER);
    let delay = sent["DelaySeconds"].as_u64().expect("a delay");
    assert!((30..=90).contains(&delay), "{delay}");
    assert_eq!(application.posted().len(), 1);
}

/// Then its receipt counts, which is better than losing it.
#[tokio::test]
async fn what_cannot_be_sent_anew_stays_in_the_queue() {
    let application = with_status(503).await;
    let endpoint = json!({ "url": application.base(), "secret": SECRET });
    let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "AccessDeniedException"),
        _ => answer_for(&endpoint, &json!({}), seen),
    })
    .await;
    let deliver = create_deliver(&aws);
    for _ in 0..2 {
        assert!(handle(&deliver, &delivery(b"{}", 0), 1).await);
    }
    assert_eq!(application.posted().len(), 1);
}

/// It says that it wants nothing any more. What came is kept, in case an operator resumes it.
#[tokio::test]
async fn after_410_the_receiver_is_paused() {
    let application = with_status(410).await;
    let aws = start_aws(application.base(), json!({})).await;
    assert!(!handle(&create_deliver(&aws), &delivery(b"{}", 0), 1).await);
    let pause = &updates_of(&aws, "receivers")[0];
    assert_eq!(pause["ExpressionAttributeValues"][":reason"]["S"], "gone");
    assert_eq!(pause["Key"]["receiver"]["S"], format!("*#{RECEIVER}"));
    assert_eq!(updates_of(&aws, "jobs-table").len(), 1, "it rests");
}

#[tokio::test]
async fn a_receiver_that_fails_for_three_days_is_paused() {
    let application = with_status(500).await;
    let since = (NOW - 3 * 24 * 60 * 60).to_string();
    let fields = json!({ "failing_since": { "N": since } });
    let aws = start_aws(application.base(), fields).await;
    let body = delivery(b"{}", 60).to_json().expect("JSON");
    let probe = crate::record("message", &body, 1, &[("probe", "yes")]);
    assert!(!crate::handle_record(&create_deliver(&aws), probe).await);
    let paused = updates_of(&aws, "receivers")
        .into_iter()
        .any(|update| update["ExpressionAttributeValues"][":reason"]["S"] == "failing");
    assert!(paused);
}

/// Neither this machine, nor a private network, nor the address of a cloud's metadata, nor the
/// stack itself. Only a local stack may post to this machine.
#[tokio::test]
async fn addresses_inside_are_never_posted_to() {
    let application = with_status(200).await;
    for url in [
        application.base(),
        "https://localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.7/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00::1]/",
        "http://example.com/",
        "https://user:secret@example.com/",
        "https://own.execute-api.example.invalid/webhook/a/b",
        "file:///etc/passwd",
        "not a URL",
    ] {
        let aws = start_aws(url, json!({})).await;
        let deliver = create_deliver_near(&aws, "https://api.w-api.app/v1");
        assert!(handle(&deliver, &delivery(b"{}", 60), 3).await, "{url}: it is tried again");
        // No connection was tried: that would be `connection` or `timeout`.
        let noted = &updates_of(&aws, "receivers")[0]["ExpressionAttributeValues"][":failure"]["S"];
        let expected = if url == "not a URL" { "url" } else { "address" };
        assert_eq!(*noted, expected, "{url}");
    }
    assert!(application.posted().is_empty());
}

/// A receiver that never answers costs fifteen seconds.
#[tokio::test]
async fn silence_ends_after_fifteen_seconds() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let aws = start_aws(&url, json!({})).await;
    let deliver = create_deliver(&aws);
    let first = delivery(b"{}", 0);
    // So that the clock is stopped only while the connection is silent.
    let warm = with_status(200).await;
    let other = start_aws(warm.base(), json!({})).await;
    assert!(!handle(&create_deliver(&other), &first, 1).await);
    let began = tokio::time::Instant::now();
    assert!(handle(&deliver, &first, 1).await);
    let took = began.elapsed();
    assert!((15..20).contains(&took.as_secs()), "{took:?}");
    assert!(took < Duration::from_secs(20));
}

/// A receiver that takes three seconds for each request gets four at a time, and what waits for it
/// goes back to the queue: it does not hold the invocation, nor a delivery to another receiver.
#[tokio::test]
async fn a_slow_receiver_holds_no_other() {
    let (slow, slow_url) = start_slow(Duration::from_secs(3)).await;
    let quick = with_status(200).await;
    let quick_url = quick.base().to_owned();
    let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "Query" => {
            let mut items = vec![receiver_item(&json!({})), receiver_item(&json!({}))];
            items[1]["receiver"] = json!({ "S": format!("*#{QUICK}") });
            Answer::json(&json!({ "Items": items, "Count": 2 }))
        }
        _ => {
            let is_quick = seen.text().contains(QUICK);
            let url = if is_quick { &quick_url } else { &slow_url };
            answer_for(&json!({ "url": url, "secret": SECRET }), &json!({}), seen)
        }
    })
    .await;
    let of = |receiver: &str| {
        let mut body: Value =
            serde_json::from_str(&delivery(b"{}", 0).to_json().expect("JSON")).expect("JSON");
        body["receiver"] = json!(receiver);
        body.to_string()
    };
    let ids = (0..9).map(|n| (format!("slow-{n}"), RECEIVER)).chain([("quick".to_owned(), QUICK)]);
    let records: Vec<_> = ids.map(|(id, receiver)| record(&id, &of(receiver), 1, &[])).collect();
    let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let answer = handle_batch(&create_deliver(&aws), event, deadline).await.expect("an answer");
    assert_eq!((slow.load(Ordering::SeqCst), quick.posted().len()), (4, 1));
    assert!(answer.batch_item_failures.is_empty());
    let anew = aws.requests_of("SendMessage");
    assert!(anew.len() == 5 && anew.iter().all(|one| one.text().contains(RECEIVER)));
}

/// What is a minute old does not wait in the queue for a receiver that is busy: it rests, is
/// counted, and ends where everything is erased.
#[tokio::test]
async fn what_waits_for_a_slow_receiver_rests() {
    let (slow, url) = start_slow(Duration::from_secs(3)).await;
    let aws = start_aws(&url, json!({})).await;
    let records: Vec<_> = [0, 0, 0, 0, 59, 60]
        .into_iter()
        .enumerate()
        .map(|(n, age)| {
            let body = delivery(format!("{n}").as_bytes(), age).to_json().expect("JSON");
            record(&format!("m{n}"), &body, 1, &[])
        })
        .collect();
    let event = serde_json::from_value(json!({ "Records": records })).expect("an event");
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let answer = handle_batch(&create_deliver(&aws), event, deadline).await.expect("an answer");
    assert_eq!(slow.load(Ordering::SeqCst), 4);
    assert!(answer.batch_item_failures.is_empty());
    let delay = aws.only_request("SendMessage").json()["DelaySeconds"].as_u64();
    assert!(delay.is_some_and(|seconds| (5..=15).contains(&seconds)), "{delay:?}");
    let rested = updates_of(&aws, "jobs-table");
    assert_eq!(rested.len(), 1);
    assert_eq!(rested[0]["ExpressionAttributeValues"][":due"]["N"], (NOW + 60).to_string());
}

/// An application that answers 200 this long after each request, and how many it got.
async fn start_slow(takes: Duration) -> (Arc<AtomicUsize>, String) {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let got = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&got);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                // This is how slow the application is.
                tokio::time::sleep(takes).await;
                drop(connection.write_all(ANSWER).await);
                drop(connection.read(&mut [0; 4096]).await);
            });
        }
    });
    (got, url)
}

#[tokio::test]
async fn the_log_has_no_url_secret_or_body() {
    let recorder = Recorder::start();
    let mut planted = Vec::new();
    planted.extend(Canary::new(Class::Secret, "signing secret", SECRET));
    planted.extend(Canary::new(Class::Secret, "query", "a-token-of-the-old-url"));
    planted.extend(Canary::new(Class::Secret, "text of a webhook", "an invented sentence"));
    for status in [200, 410, 500] {
        let application = with_status(status).await;
        let url = format!("{}/hooks?token=a-token-of-the-old-url", application.base());
        let aws = start_aws(&url, json!({})).await;
        handle(&create_deliver(&aws), &delivery(b"an invented sentence", 0), 3).await;
    }
    let log = recorder.text();
    let scan = Scan::search_all(planted, [(Sink::Log, log.as_str())]).expect("a search");
    assert!(scan.findings.is_empty(), "{:#?}", scan.findings);
    assert!(log.contains("delivered") && log.contains("retried"), "{log}");
}
