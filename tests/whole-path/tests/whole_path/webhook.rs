//! What the API answers, through API Gateway as W-API would meet it.

use serde_json::{Value, json};
use stand_in::{Kind, Spec};

use crate::{Account, on_the_stack};

/// The same URL with another last segment.
fn with_secret(account: &Account, secret: &str) -> String {
    let (front, _) = account.url.rsplit_once('/').expect("a secret");
    format!("{front}/{secret}")
}

#[test]
fn a_wrong_secret_and_an_unknown_instance_get_the_same_401() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let unknown = account.url.replace(&account.id, "LITE-NOBODY-BBBBBB");
        let impossible = account.url.replace(&account.id, "..");
        let announced = world.announce(&account, Spec::of(Kind::Image));
        for url in [with_secret(&account, "wrong"), unknown, impossible] {
            let answer = world
                .stack()
                .post(&url, &announced.webhook)
                .await
                .expect("an answer");
            if answer.status == 404 {
                // `..` never reaches the function: the path is normalised on the way.
                continue;
            }
            assert_eq!(
                (answer.status, answer.body),
                (401, json!({ "error": "unauthorized" })),
                "{url}"
            );
        }
        assert_eq!(world.keys(&account).await, Vec::<String>::new());
    });
}

#[test]
fn bodies_that_hold_nothing_get_400_and_large_ones_are_read() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let post = async |body: Vec<u8>| {
            world
                .stack()
                .post_bytes(&account.url, body)
                .await
                .expect("an answer")
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
        assert_eq!(
            (large.status, &large.body["ignored"]),
            (200, &json!("unknown_event"))
        );
    });
}

#[test]
fn a_webhook_of_another_instance_is_refused() {
    on_the_stack(async |world| {
        let (one, other) = (world.account().await, world.account().await);
        let announced = world.announce(&other, Spec::of(Kind::Image));
        let answer = world.post(&one, &announced.webhook).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (400, &json!("instance_mismatch"))
        );
    });
}

#[test]
fn events_without_media_are_accepted_and_ignored_with_a_reason() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let body = |event: Value, content: Value| json!({ "event": event, "instanceId": account.id, "msgContent": content });
        for (webhook, reason) in [
            (
                body(
                    json!("webhookReceived"),
                    json!({ "conversation": "Mensagem de teste" }),
                ),
                "no_media",
            ),
            (body(json!("webhookReceived"), json!({})), "no_media"),
            (body(json!("webhookStatus"), json!(null)), "not_a_message"),
            (
                body(json!("webhookDisconnected"), json!(null)),
                "not_a_message",
            ),
            (body(json!("webhookOfTomorrow"), json!({})), "unknown_event"),
            (json!({ "instanceId": account.id }), "no_event"),
            (json!({}), "no_event"),
        ] {
            let answer = world.post(&account, &webhook).await;
            assert_eq!(
                (answer.status, answer.body),
                (200, json!({ "ignored": reason })),
                "{webhook}"
            );
        }
    });
}

#[test]
fn the_logs_hold_no_secret_and_nothing_personal() {
    on_the_stack(async |world| {
        let account = world.account().await;
        let spec = Spec::of(Kind::Document)
            .caption("legenda-canario")
            .file_name("nome-canario.pdf")
            .chat("5500900000077");
        let announced = world.announce(&account, spec);
        world.send(&account, &announced).await;
        world.stored(&announced).await;
        let refused = world
            .stack()
            .post(
                &with_secret(&account, "segredo-canario"),
                &announced.webhook,
            )
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
        assert!(lines >= 2, "both functions have logged");
    });
}
