//! The API's answers, through API Gateway as W-API receives them.

use serde_json::{Value, json};
use stand_in::{Kind, Spec};

use crate::{Account, on_the_stack};

/// The URL with another last segment.
fn with_secret(account: &Account, secret: &str) -> String {
    let (front, _) = account.url.rsplit_once('/').expect("a secret");
    format!("{front}/{secret}")
}

#[test]
fn wrong_secrets_and_unknown_instances_get_401() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let unknown = account.url.replace(&account.id, "LITE-NOBODY-BBBBBB");
        let impossible = account.url.replace(&account.id, "..");
        let announced = world.announce_media(&account, Spec::of(Kind::Image));
        for url in [with_secret(&account, "wrong"), unknown, impossible] {
            let answer =
                world.stack().post_json(&url, &announced.webhook).await.expect("an answer");
            if answer.status == 404 {
                // `..` does not reach the function: the path is normalised on the way.
                continue;
            }
            assert_eq!(
                (answer.status, answer.body),
                (401, json!({ "error": "unauthorized" })),
                "{url}"
            );
        }
        assert_eq!(world.instance_keys(&account).await, Vec::<String>::new());
    });
}

/// Large ones are read.
#[test]
fn bodies_that_hold_nothing_get_400() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let post = async |body: Vec<u8>| {
            world.stack().post_bytes(&account.url, body).await.expect("an answer")
        };
        for body in ["", "[]", "null", "\"text\""] {
            let answer = post(body.as_bytes().to_vec()).await;
            assert_eq!(
                (answer.status, &answer.body["error"]),
                (400, &json!("bad_body")),
                "{body:?}"
            );
        }
        let large = format!("{{\"event\":\"{}\"}}", "x".repeat(1_100_000));
        let large = post(large.into_bytes()).await;
        assert_eq!((large.status, &large.body["ignored"]), (200, &json!("unknown_event")));
    });
}

#[test]
fn a_webhook_of_another_instance_is_refused() {
    on_the_stack(async |world| {
        let (one, other) = (world.new_account().await, world.new_account().await);
        let announced = world.announce_media(&other, Spec::of(Kind::Image));
        let answer = world.post_webhook(&one, &announced.webhook).await;
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!("instance_mismatch")));
    });
}

#[test]
fn events_without_media_are_ignored_with_a_reason() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let body = |event: Value, content: Value| {
            json!({
                "event": event, "instanceId": account.id, "msgContent": content
            })
        };
        for (webhook, reason) in [
            (
                body(json!("webhookReceived"), json!({ "conversation": "Mensagem de teste" })),
                "no_media",
            ),
            (body(json!("webhookReceived"), json!({})), "no_media"),
            (body(json!("webhookStatus"), json!(null)), "not_a_message"),
            (body(json!("webhookDisconnected"), json!(null)), "not_a_message"),
            (body(json!("webhookOfTomorrow"), json!({})), "unknown_event"),
            (json!({ "instanceId": account.id }), "no_event"),
            (json!({}), "no_event"),
        ] {
            let answer = world.post_webhook(&account, &webhook).await;
            assert_eq!(
                (answer.status, answer.body),
                (200, json!({ "ignored": reason })),
                "{webhook}"
            );
        }
    });
}

#[test]
fn logs_have_no_secret_and_no_personal_data() {
    on_the_stack(async |world| {
        let account = world.new_account().await;
        let spec = Spec::of(Kind::Document)
            .caption("legenda-canario")
            .file_name("nome-canario.pdf")
            .chat("5500900000077");
        let announced = world.announce_media(&account, spec);
        world.post_announced(&account, &announced).await;
        world.wait_until_stored(&announced).await;
        let refused = world
            .stack()
            .post_json(&with_secret(&account, "segredo-canario"), &announced.webhook)
            .await;
        assert_eq!(refused.expect("an answer").status, 401);
        let outputs = world.stack().outputs();
        let (_, secret) = account.url.rsplit_once('/').expect("a secret");
        let path = announced.direct_path.split('?').next().unwrap_or_default();
        let token = crate::token_of(&account.id);
        let canaries = [
            secret,
            &token,
            &announced.media_key,
            path,
            "canario",
            "5500900000077",
            "Contato Exemplo",
        ];
        let mut lines = 0;
        for group in [&outputs.webhook_logs, &outputs.download_logs] {
            for line in world.stack().log_lines(group).await.expect("the log") {
                lines += 1;
                for canary in canaries {
                    assert!(!line.contains(canary), "{canary} in {line}");
                }
            }
        }
        assert!(lines >= 2, "a function did not log");
    });
}
