//! Jobs that cannot be stored: parked with a reason, never lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stand_in::{CdnScenario, Encryption, Field, Kind, Spec, WapiScenario};

use crate::{MAX_WAIT, World, on_the_stack};

/// The attributes of a parked message whose body contains `text`.
///
/// All tests share the queue, and one receive returns ten of its messages at most: it is read
/// without receiving any.
pub(crate) async fn parked_attributes(world: &World, text: &str) -> Value {
    let stack = world.stack();
    let begun = Instant::now();
    while begun.elapsed() < MAX_WAIT {
        let looked = stack.endpoint().look_into_queue(&stack.outputs().parked_queue_url).await;
        let messages = looked.expect("an answer").expect("a queue");
        let found = messages
            .iter()
            .find(|one| one["Body"].as_str().is_some_and(|body| body.contains(text)));
        if let Some(message) = found {
            return message["MessageAttributes"].clone();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no message with {text:?} was parked");
}

pub(crate) async fn send_raw(world: &World, body: &str) {
    let asked = json!({ "QueueUrl": world.stack().outputs().jobs_queue_url, "MessageBody": body });
    world
        .stack()
        .endpoint()
        .call_json("sqs", "AmazonSQS.SendMessage", &asked)
        .await
        .expect("SQS takes it");
}

#[test]
fn a_file_gone_everywhere_parks_as_expired() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec = Spec::of(Kind::Image)
            .wapi(WapiScenario::NotFound404)
            .cdn(CdnScenario::Gone { status: 404 });
        let announced = world.announce_media(&account, spec);
        world.post_announced(&account, &announced).await;
        let record = world.wait_for_state(&announced, "parked").await;
        assert_eq!(record.text("class"), Some("expired"));
        let reason = record.text("reason").expect("a reason");
        assert!(
            reason.contains("wapi: ") && reason.contains("cdn: WhatsApp's copy is gone"),
            "{reason}"
        );
        assert!(record.number("recoverable_until").is_some());
        let attributes = parked_attributes(world, &announced.message_id).await;
        assert_eq!(attributes["class"]["StringValue"], "expired");
        assert_eq!(attributes["reason"]["StringValue"], reason);
        assert_eq!(world.instance_keys(&account).await, Vec::<String>::new());
    });
}

#[test]
fn an_undecryptable_file_parks_as_corrupt() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec = Spec::of(Kind::Image).wapi(WapiScenario::BadRequest400).seal(Encryption::BadMac);
        let announced = world.announce_media(&account, spec);
        world.post_announced(&account, &announced).await;
        assert_eq!(world.wait_for_state(&announced, "parked").await.text("class"), Some("corrupt"));
        assert_eq!(world.instance_keys(&account).await, Vec::<String>::new());
    });
}

#[test]
fn a_message_without_a_path_is_parked() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let announced = world.announce_media(
            &account,
            Spec::of(Kind::Image).omit(Field::DirectPath).omit(Field::Url),
        );
        world.post_announced(&account, &announced).await;
        assert_eq!(world.wait_for_state(&announced, "parked").await.text("class"), Some("corrupt"));
    });
}

#[test]
fn a_wrong_token_keeps_the_job_waiting() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        world.origins.register_instance(&account.id, "a-token-that-was-changed-at-w-api");
        let announced = world
            .announce_media(&account, Spec::of(Kind::Image).cdn(CdnScenario::Gone { status: 410 }));
        world.post_announced(&account, &announced).await;
        assert_eq!(
            world.wait_for_state(&announced, "retrying").await.text("class"),
            Some("instance")
        );
    });
}

#[test]
fn poison_is_parked_and_delays_no_job() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        for body in ["not json", r#"{"version":"2","note":"from the future"}"#] {
            send_raw(world, body).await;
        }
        world.store_all(&account, vec![Spec::of(Kind::Image)], "wapi", "sha256").await;
        for text in ["not json", "from the future"] {
            assert_eq!(
                parked_attributes(world, text).await["class"]["StringValue"],
                "poison",
                "{text}"
            );
        }
    });
}

#[test]
fn a_job_of_an_unknown_instance_is_parked() {
    on_the_stack(async |world| {
        let body = json!({
            "version": "1", "tenant": "acme", "instance": "LITE-NOBODY-AAAAAA", "accepted_at": 0,
            "message": {
                "message_id": "3EB0NOBODY", "chat": "5500900000002", "direction": "in",
                "moment": 0, "kind": "image"
            },
        });
        send_raw(world, &body.to_string()).await;
        assert_eq!(parked_attributes(world, "3EB0NOBODY").await["class"]["StringValue"], "poison");
    });
}
