//! What the doctor asks of W-API by itself, and what only if the operator wants it.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use aws::instances::Instance;
use clap::Parser;
use media::strategy::Strategy;
use operator::{Operator, stack::Stack};
use report::Lang;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;

use crate::{
    doctor::{
        examined::ExaminedInstance,
        past::Past,
        steps::{audit_copies::audit_copies_setting, triggers::trigger_settings},
        trial::Trial,
    },
    examination::{Consent, Examination},
    odd_records::OddRecords,
    session::{Flags, Session},
};

const OWN: &str = "LITE-AAAAAA-000001";
const OTHER: &str = "LITE-BBBBBB-000002";

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
}

fn instance(id: &str, tenant: &str) -> Instance {
    let record = json!({
        "instance": id, "tenant": tenant, "secret_hashes": ["0".repeat(64)],
        "sealed_token": "c2VhbGVk", "created_at": 0,
    });
    serde_json::from_value(record).expect("a record")
}

/// AWS, and W-API at the same address.
fn answer(request: &RecordedRequest) -> Answer {
    match (request.operation(), request.path.ends_with("/status-instance")) {
        ("Decrypt", _) => {
            Answer::json(&json!({ "KeyId": "key", "Plaintext": "aW52ZW50ZWQtdG9rZW4=" }))
        }
        ("Query", _) => Answer::json(&json!({ "Items": [], "Count": 0 })),
        ("something else", true) => Answer::json(&json!({ "connected": true })),
        ("something else", false) => Answer::new(404, json!({ "message": "no" }).to_string()),
        _ => Answer::json(&json!({})),
    }
}

/// A stack in this AWS, as far as the doctor asks for it here.
fn open_session(aws: &Aws) -> Session {
    let parts = |parts: &[(&str, &str)]| {
        parts.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
    };
    let outputs = parts(&[
        ("InstancesTable", "instances"),
        ("MediaTable", "media"),
        ("JobsTable", "jobs"),
        ("OrdersTable", "orders"),
        ("ReceiversTable", "receivers"),
        ("JobsQueueUrl", "http://127.0.0.1/jobs"),
        ("ParkedQueueUrl", "http://127.0.0.1/parked"),
        ("WebhookBaseUrl", "https://hooks.example.invalid"),
        ("DeliverFunction", "stack-deliver"),
        ("EventsFunction", "stack-events"),
        ("AuditBucket", "audit-copies"),
    ]);
    let bases = [("WapiBaseUrl", aws.endpoint()), ("CdnBaseUrls", aws.endpoint())];
    Session {
        flags: Arguments::try_parse_from(["doctor"]).expect("arguments").flags,
        operator: Operator::with_clients(aws.clients.clone(), aws.endpoint()),
        stack: Stack::from_parts("stack", outputs, parts(&bases)),
    }
}

/// Examines one of two tenants' instances. The requests to W-API.
async fn asked_of_wapi(consent: Consent) -> Vec<RecordedRequest> {
    let aws = Aws::start(answer).await;
    let session = open_session(&aws);
    let examination = Examination { consent, ..Examination::new(&session, Lang::En) };
    let all = [instance(OWN, "acme"), instance(OTHER, "other")];
    let examined = ExaminedInstance::examine(&all[0], &all, examination).await.expect("checks");
    assert!(examined.token.is_some());
    Box::pin(Trial::run_for(Some(&examined), examination)).await.expect("a trial");
    let is_of_wapi = |one: &RecordedRequest| {
        one.header("authorization").is_some_and(|word| word.starts_with("Bearer "))
    };
    aws.requests().into_iter().filter(is_of_wapi).collect()
}

/// A token is its tenant's secret, and a pairing code opens an account.
#[tokio::test]
async fn by_itself_it_sends_a_token_for_its_instance_only() {
    let asked = asked_of_wapi(Consent::default()).await;
    assert!(asked.len() > 4, "{asked:?}");
    for one in &asked {
        assert_eq!(one.query.get("instanceId").map(String::as_str), Some(OWN), "{}", one.path);
        assert!(!one.path.contains("qr-code"), "{}", one.path);
    }
}

#[tokio::test]
async fn it_does_so_if_the_operator_asks() {
    let asked = asked_of_wapi(Consent { cross_tenant: true, pairing_code: true }).await;
    let of_other = asked.iter().filter(|one| one.query["instanceId"] == OTHER);
    assert_eq!(of_other.count(), 1);
    assert!(asked.iter().any(|one| one.path.ends_with("/qr-code")));
}

/// However many records an instance has: 600 on each page, and always one more page.
#[tokio::test]
async fn the_last_day_is_read_as_a_bounded_sample() {
    let aws = Aws::start(|request| {
        if !request.text().contains("by_instance") {
            return answer(request);
        }
        let record = |n: usize| {
            json!({ "instance": { "S": OWN }, "message_id": { "S": format!("3EB0{n}") },
                "state": { "S": "stored" }, "strategy": { "S": "wapi" } })
        };
        let items: Vec<_> = (0..600).map(record).collect();
        Answer::json(&json!({ "Items": items, "LastEvaluatedKey": record(0) }))
    })
    .await;
    let session = open_session(&aws);
    let examination = Examination::new(&session, Lang::En);
    let all = [instance(OWN, "acme")];
    let examined = ExaminedInstance::examine(&all[0], &all, examination).await.expect("checks");
    let before = aws.requests().len();
    let past = Past::read_records(&[examined], OddRecords::default(), examination).await;
    assert_eq!(past.expect("records").share_of(Strategy::Wapi), (1_000, 1_000));
    let of_index = aws.requests().into_iter().skip(before);
    let of_index = of_index.filter(|one| one.text().contains("by_instance"));
    assert_eq!(of_index.count(), 2);
}

/// A trigger that is disabled, or is not there, is named with what to do.
#[tokio::test]
async fn disabled_triggers_of_events_are_named() {
    let trigger = |id: &str, source: &str, state: &str| {
        let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{source}/stream/2026");
        json!({ "UUID": id, "EventSourceArn": arn, "State": state })
    };
    let aws = Aws::start(move |request| {
        let function = request.query.get("FunctionName").map(String::as_str);
        if function == Some("stack-deliver") {
            return Answer::json(&json!({ "EventSourceMappings": [] }));
        }
        let all = [trigger("one", "media", "Enabled"), trigger("two", "marks", "Disabled")];
        Answer::json(&json!({ "EventSourceMappings": all }))
    })
    .await;
    let session = open_session(&aws);
    let settings = trigger_settings(Examination::new(&session, Lang::En)).await;
    let shown = settings.into_iter().map(|one| (one.name, one.value, one.status, one.remedy));
    let fail = report::Status::Fail;
    let enable = "aws lambda update-event-source-mapping --enabled --uuid two";
    let expected = [
        ("triggers of the deliver function", "0", fail, Some("sam deploy")),
        ("trigger of the events function: media", "Enabled", report::Status::Ok, None),
        ("trigger of the events function: marks", "Disabled", fail, Some(enable)),
    ];
    let expected = expected.map(|(name, value, status, remedy)| {
        (name.to_owned(), value.to_owned(), status, remedy.map(str::to_owned))
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

/// A bucket that keeps nothing is named with what to do; the doctor does not need to know it.
#[tokio::test]
async fn an_audit_bucket_that_locks_nothing_is_named() {
    const LOCK: &str = "<ObjectLockConfiguration><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>\
        <Days>365</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let denied = || Answer::s3_error(403, "AccessDenied");
    let unlocked = || Answer::s3_error(404, "ObjectLockConfigurationNotFoundError");
    let answers: [(fn() -> Answer, _, _); 3] = [
        (|| Answer::new(200, LOCK), report::Status::Ok, false),
        (unlocked, report::Status::Fail, true),
        (denied, report::Status::Unknown, false),
    ];
    for (answer, status, has_remedy) in answers {
        let aws = Aws::start(move |_| answer()).await;
        let session = open_session(&aws);
        let setting = audit_copies_setting(Examination::new(&session, Lang::En)).await;
        let setting = setting.expect("the stack has such a bucket");
        assert_eq!((setting.status, setting.remedy.is_some()), (status, has_remedy));
        let names_bucket = |remedy: String| remedy.contains("--bucket audit-copies ");
        assert!(setting.remedy.is_none_or(names_bucket));
    }
}
