//! Media that the instance's policy leaves out or refuses.

use serde_json::{Value, json};
use stand_in::{Kind, Spec, WapiScenario};

use crate::{
    queued_job,
    requests::{aws_with_policy, healthy_aws, outcome_updates, written_state},
    run_job, start_servers, success_answer,
};

#[tokio::test]
async fn unwanted_kinds_and_chats_are_not_downloaded() {
    let kinds = json!({ "kinds": { "L": [{ "S": "image" }, { "S": "video" }] } });
    let chats = json!({ "chats": { "L": [{ "S": "person" }] } });
    let not_of_kind = "the tenant does not store media of this kind";
    let not_of_chat = "the tenant does not store media of this sort of chat";
    for (policy, spec, skipped) in [
        (&kinds, Spec::of(Kind::Voice), Some(not_of_kind)),
        (&kinds, Spec::of(Kind::Image).group(), None),
        (&chats, Spec::of(Kind::Image).group(), Some(not_of_chat)),
        (&chats, Spec::of(Kind::Voice), None),
    ] {
        let (aws, origins) = start_servers(aws_with_policy(policy.clone())).await;
        let announced = origins.announce(spec).expect("a media file");
        assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
        let writes = outcome_updates(&aws);
        assert_eq!(writes.len(), 1);
        let state = if skipped.is_some() { "skipped" } else { "stored" };
        assert_eq!(written_state(&writes[0]), (Some(state), true));
        let reason = writes[0].sets.get("reason").map(|one| one["S"].clone());
        assert_eq!(reason, skipped.map(Value::from));
        assert_eq!(origins.requests().is_empty(), skipped.is_some());
        assert_eq!(aws.requests_of("PutObject").is_empty(), skipped.is_some());
    }
}

/// Linked devices get only a shell of a view-once message, without key and path. It cannot be
/// fetched, and no alarm is raised. A message with a key and no path is parked.
#[tokio::test]
async fn a_view_once_shell_is_skipped() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    for (kept, state) in [("", "skipped"), ("media_key", "parked")] {
        let mut job: Value = serde_json::from_str(&queued_job(&announced)).expect("a job");
        let message = job["message"].as_object_mut().expect("a message");
        for name in ["media_key", "direct_path", "url", "file_enc_sha256", "is_encrypted"] {
            if name != kept {
                message.remove(name);
            }
        }
        assert_eq!(run_job(&aws, &origins, job.to_string()).await, success_answer());
        let writes = outcome_updates(&aws);
        let states: Vec<_> = writes.iter().filter_map(|write| written_state(write).0).collect();
        assert_eq!(states.last(), Some(&state), "{kept}");
    }
    assert!(origins.requests().is_empty());
}

#[tokio::test]
async fn a_file_above_the_cap_is_refused() {
    let policy = json!({ "max_bytes": { "N": "50000" } });
    let (aws, origins) = start_servers(aws_with_policy(policy)).await;
    for (size, state) in [(50_000, "stored"), (60_000, "parked")] {
        let announced = origins.announce(Spec::of(Kind::Image).size(size));
        let job = queued_job(&announced.expect("a media file"));
        assert_eq!(run_job(&aws, &origins, job).await, success_answer());
        let states: Vec<_> = outcome_updates(&aws)
            .iter()
            .filter_map(|write| written_state(write).0.map(str::to_owned))
            .collect();
        assert_eq!(states.last().map(String::as_str), Some(state));
    }
    assert_eq!(aws.requests_of("PutObject").len(), 1);
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "refused");
}

/// By the length in the header of the first source that announces one: no byte of the file is read,
/// no other source is asked, and a failure of W-API beside it does not make the job come back.
#[tokio::test]
async fn an_announced_length_above_the_cap_ends_the_job() {
    for (wapi, asks_cdn) in [(WapiScenario::Ok, false), (WapiScenario::fail_500(), true)] {
        let policy = json!({ "max_bytes": { "N": "50000" } });
        let (aws, origins) = start_servers(aws_with_policy(policy)).await;
        let announced = origins.announce(Spec::of(Kind::Image).size(60_000).wapi(wapi));
        let job = queued_job(&announced.expect("a media file"));
        assert_eq!(run_job(&aws, &origins, job).await, success_answer());
        let written = outcome_updates(&aws)[0].sets.clone();
        assert_eq!(written["state"]["S"], "parked");
        assert_eq!(written["class"]["S"], "refused");
        let reason = written["reason"]["S"].as_str().unwrap_or_default();
        assert!(reason.contains("the file is larger than 500"), "{reason}");
        let attempts = written["attempts"]["L"].as_array().expect("a list");
        let received = attempts.iter().map(|one| one["M"]["received_bytes"]["N"].as_str());
        assert!(received.eq(attempts.iter().map(|_| Some("0"))), "{attempts:?}");
        let to_cdn = origins.requests().iter().filter(|one| one.path.starts_with("/v/")).count();
        assert_eq!(to_cdn > 0, asks_cdn);
    }
}
