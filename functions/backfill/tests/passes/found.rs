//! What is sent again, and what is left alone.

use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, Kind, ManagementScenario, Spec};

use crate::{DAY, HOUR, MINUTE, NOW, World};

#[tokio::test]
async fn a_media_message_without_a_record_is_queued() {
    let world = World::start().await;
    let lost = world.announce("lost", 2 * HOUR);
    world.run().await;
    let jobs = world.sent_jobs();
    assert_eq!(jobs.len(), 1);
    let job = &jobs[0];
    assert_eq!(job.message.message_id.as_str(), lost.message_id);
    assert_eq!((job.tenant.as_str(), job.instance.as_str()), ("acme", DEFAULT_INSTANCE));
    // Its life begins now, and its moment is the sender's.
    assert_eq!((job.accepted_at, job.message.moment), (NOW, lost.moment));
    assert_eq!(world.mark()["until"]["N"], (NOW - 10 * MINUTE).to_string());
    assert_eq!(world.origins.violations(), Vec::<String>::new());
}

/// The job that the webhook function would have queued names the same media message: the record and
/// the object of both are the same.
#[tokio::test]
async fn a_found_message_has_the_identity_of_its_webhook() {
    let world = World::start().await;
    let lost = world.announce("lost", 2 * HOUR);
    world.run().await;
    let verified = samples::verify_instance("acme", DEFAULT_INSTANCE);
    let body = lost.webhook.to_string();
    let body = wapi::webhook::WebhookBody::parse(body.as_bytes()).expect("a webhook");
    let posted = body.announcement(&verified).expect("its instance").media.remove(0);
    let found = &world.sent_jobs()[0].message;
    assert_eq!(found.identity().to_key_part(), posted.identity().to_key_part());
}

/// Its job is probably still in the queue, and has no record yet. The next pass looks at it.
#[tokio::test]
async fn what_is_young_waits_for_the_next_pass() {
    let world = World::start().await;
    let young = world.announce("young", 9 * MINUTE);
    world.run().await;
    assert_eq!(world.sent_ids(), Vec::<String>::new());
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.sent_ids(), [young.message_id]);
}

#[tokio::test]
async fn what_has_a_record_is_left_alone() {
    let world = World::start().await;
    let old = (NOW - 20 * HOUR).to_string();
    let states = [
        json!({ "state": { "S": "stored" } }),
        json!({ "state": { "S": "erased" } }),
        json!({ "state": { "S": "skipped" } }),
        json!({ "state": { "S": "parked" }, "class": { "S": "expired" } }),
        json!({ "state": { "S": "retrying" }, "class": { "S": "transient" },
            "updated_at": { "N": old } }),
        // A run has begun it, and may still be at it.
        json!({ "state": { "S": "retrying" }, "updated_at": { "N": (NOW - 2 * HOUR).to_string() } }),
        json!({ "state": { "S": "of a newer version" }, "updated_at": { "N": old } }),
    ];
    for (n, state) in states.into_iter().enumerate() {
        let announced = world.announce(&format!("known {n}"), 21 * HOUR);
        world.set_record(&announced, state);
    }
    world.run().await;
    assert_eq!(world.sent_ids(), Vec::<String>::new());
}

/// The function died in the first run, and the queue's message was lost.
#[tokio::test]
async fn an_abandoned_first_run_is_queued_again() {
    let world = World::start().await;
    let abandoned = world.announce("abandoned", 20 * HOUR);
    let updated_at = (NOW - 3 * HOUR - 1).to_string();
    world.set_record(
        &abandoned,
        json!({ "state": { "S": "retrying" }, "updated_at": { "N": updated_at } }),
    );
    world.run().await;
    assert_eq!(world.sent_ids(), [abandoned.message_id]);
}

#[tokio::test]
async fn the_first_pass_reads_a_day_back() {
    let world = World::start().await;
    world.announce("too old", DAY + HOUR);
    let lost = world.announce("lost", DAY - HOUR);
    world.run().await;
    assert_eq!(world.sent_ids(), [lost.message_id]);
}

/// W-API may log a webhook late.
#[tokio::test]
async fn a_later_pass_reads_back_beyond_the_mark() {
    let world = World::start().await;
    let until = NOW - HOUR;
    world.set_mark(json!({
        "until": { "N": until.to_string() }, "tenant": { "S": "acme" },
        "looked_back_at": { "N": until.to_string() },
    }));
    world.announce("read before", HOUR + 31 * MINUTE);
    let late = world.announce("logged late", HOUR + 29 * MINUTE);
    world.run().await;
    assert_eq!(world.sent_ids(), [late.message_id]);
}

/// Its first run never ended, which is certain only when the passes of each hour are past it.
#[tokio::test]
async fn a_pass_looks_back_once_a_day() {
    let world = World::start().await;
    world.run_at(NOW - 20 * HOUR).await;
    let abandoned = world.announce("abandoned", 20 * HOUR);
    let begun_at = (NOW - 20 * HOUR).to_string();
    world.set_record(
        &abandoned,
        json!({ "state": { "S": "retrying" }, "updated_at": { "N": begun_at } }),
    );
    for hours in 1..24 {
        world.run_at(NOW - 20 * HOUR + hours * HOUR).await;
        assert_eq!(world.sent_ids(), Vec::<String>::new(), "after {hours} hours");
    }
    for hours in 24..28 {
        world.run_at(NOW - 20 * HOUR + hours * HOUR).await;
        assert_eq!(world.sent_ids().join(" "), abandoned.message_id, "after {hours} hours");
    }
}

/// The instance was registered here yesterday; what came before may be a former tenant's.
#[tokio::test]
async fn a_look_back_ends_at_the_registration() {
    let world = World::start().await;
    world.announce("of the former", 20 * HOUR);
    let own = world.announce("of the new", 18 * HOUR);
    world.set_mark(json!({
        "until": { "N": (NOW - HOUR).to_string() }, "tenant": { "S": "acme" },
    }));
    world.change_instance(&json!({ "created_at": { "N": (NOW - 19 * HOUR).to_string() } }));
    world.run().await;
    assert_eq!(world.sent_ids(), [own.message_id]);
    assert_eq!(world.mark()["looked_back_at"]["N"], NOW.to_string());
}

/// After a reconnection, W-API sends old messages in new webhooks.
#[tokio::test]
async fn an_old_message_in_a_new_webhook_is_found() {
    let world = World::start().await;
    let spec = Spec::of(Kind::Image).seed("history").moment(NOW - 9 * DAY);
    let history = world.announce_spec(spec, 2 * HOUR);
    world.run().await;
    assert_eq!(world.sent_ids(), [history.message_id]);
}

/// A paused instance's webhooks are refused on purpose.
#[tokio::test]
async fn what_came_during_a_pause_is_not_queued() {
    let world = World::start().await;
    world.announce("during the pause", 5 * HOUR);
    let after = world.announce("after the pause", 3 * HOUR);
    world.change_instance(&json!({ "resumed_at": { "N": (NOW - 4 * HOUR).to_string() } }));
    world.run().await;
    assert_eq!(world.sent_ids(), [after.message_id]);
}

/// The log was not read between its webhook and the pause.
#[tokio::test]
async fn what_came_before_a_pause_is_queued() {
    let world = World::start().await;
    world.announce("before the pause before", 8 * HOUR);
    let before = world.announce("before the pause", 6 * HOUR);
    world.announce("during the pause", 5 * HOUR);
    let after = world.announce("after the pause", 3 * HOUR);
    let at = |hours: i64| json!({ "N": (NOW - hours * HOUR).to_string() });
    world.change_instance(&json!({
        "earlier_pause_ended_at": at(7), "resumed_at": at(4),
        "pause_began_at": { "N": (NOW - 6 * HOUR + 60).to_string() },
    }));
    world.run().await;
    let mut sent = world.sent_ids();
    sent.sort();
    let mut expected = [before.message_id, after.message_id];
    expected.sort();
    assert_eq!(sent, expected);
}

/// Another tenant had the instance when the log was last read: its messages are not the next one's.
#[tokio::test]
async fn a_former_tenants_messages_are_not_queued() {
    let world = World::start().await;
    world.announce("of the former", 5 * HOUR);
    let own = world.announce("of the new", 3 * HOUR);
    world.set_mark(json!({
        "until": { "N": (NOW - 6 * HOUR).to_string() }, "tenant": { "S": "former" },
    }));
    world.change_instance(&json!({ "created_at": { "N": (NOW - 4 * HOUR).to_string() } }));
    // Nor in the pass after one that failed.
    world.origins.set_management(Some(ManagementScenario::Status(503)));
    world.run().await;
    world.origins.set_management(None);
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.sent_ids(), [own.message_id]);
}

/// A webhook of which something cannot be read is kept once, however often the log shows it.
#[tokio::test]
async fn a_webhook_that_is_not_understood_is_kept_once() {
    let world = World::start().await;
    let body = json!({
        "event": "webhookReceived", "instanceId": DEFAULT_INSTANCE, "messageId": "3EB0RIDDLE",
        "moment": NOW - 2 * HOUR, "chat": { "id": "5500900000002" },
        "msgContent": { "riddle": { "mediaKey": "RkFLRQ==", "directPath": "/v/t62.7118-24/RIDDLE" } },
    });
    world.origins.log_webhook(DEFAULT_INSTANCE, &body, Some(crate::to_ms(NOW - 2 * HOUR)));
    world.run().await;
    // The next pass reads the same entry again.
    let mut mark = world.mark();
    mark.as_object_mut().expect("a mark").remove("until");
    world.set_mark(mark);
    world.run_at(NOW + HOUR).await;
    let unread = world.sent_unread();
    assert_eq!(unread.len(), 1);
    let summary = unread[0].summary();
    assert_eq!((summary.why.as_str(), summary.accepted_at), ("not_understood", NOW - 2 * HOUR));
    let kept: Value = serde_json::from_slice(unread[0].expose()).expect("JSON");
    assert_eq!(kept["messageid"], "3EB0RIDDLE");
    assert_eq!(world.sent_jobs(), []);
}

/// One bad entry does not stop the others, and a webhook of another instance makes no job.
#[tokio::test]
async fn a_bad_entry_does_not_block_the_others() {
    let world = World::start().await;
    let first = world.announce("before", 3 * HOUR);
    for body in [json!("{\"broken"), json!({ "id": 7 }), json!([[[]]])] {
        world.origins.log_webhook(DEFAULT_INSTANCE, &body, Some(crate::to_ms(NOW - 2 * HOUR)));
    }
    let foreign = world.announce_spec(
        Spec::of(Kind::Image).seed("foreign").instance("LITE-OTHERS-000001").moment(NOW - HOUR),
        HOUR,
    );
    world.origins.log_webhook(DEFAULT_INSTANCE, &foreign.webhook, Some(crate::to_ms(NOW - HOUR)));
    let last = world.announce("after", HOUR);
    world.run().await;
    assert_eq!(world.sent_ids(), [last.message_id, first.message_id]);
    assert!(world.mark()["until"]["N"].is_string());
}
