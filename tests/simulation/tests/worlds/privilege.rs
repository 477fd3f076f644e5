//! The functions' roles, compared with what the functions do: nothing missing, nothing extra.

use std::{
    collections::BTreeSet,
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_yaml_ng::Value;
use simulation::{
    Outcome, ResourceAccess,
    accounting::Fate,
    fault::{self, Fault},
    plan::{CUSTOMERS, ChatOrder, OutsideEvent, Plan, PlannedMedia},
    receivers::{ReceiverPlan, run_receivers},
    run_world, seed,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// Maximum number of worlds run until every right of a role was used once.
const MAX_SEEDS: u64 = 300;

/// An IAM action and the part of the stack that it is allowed on.
type Right = (String, String);

/// What the webhook function does at its start, to open a connection. No world starts a process
/// that way.
const AT_START: [(&str, &str); 1] = [("sqs:GetQueueAttributes", "JobsQueue")];

/// What needs a receiver of webhooks, a webhook about the connection, or a large one, a hold on an
/// instance of which an unread webhook is dropped, an order about what waits for a receiver, or a
/// record with links whose time is over: tests at wire level do it. To list a bucket is to be told
/// that an object is missing.
const ELSEWHERE: [(&str, &str, &str); 12] = [
    ("webhook", "dynamodb:UpdateItem", "MarksTable"),
    ("webhook", "s3:PutObject", "DeliveriesBucket/*"),
    ("webhook", "sqs:SendMessage", "DeliveriesQueue"),
    ("download", "dynamodb:Query", "OrdersTable"),
    ("watch", "dynamodb:Query", "OrdersTable"),
    ("watch", "dynamodb:Query", "JobsTable"),
    ("watch", "sqs:SendMessage", "DeliveriesQueue"),
    ("watch", "dynamodb:UpdateItem", "ReceiversTable"),
    ("deliver", "s3:GetObject", "DeliveriesBucket/*"),
    ("deliver", "s3:ListBucket", "DeliveriesBucket"),
    ("deliver", "dynamodb:BatchGetItem", "OrdersTable"),
    ("events", "dynamodb:DeleteItem", "LinksTable"),
];

/// What Lambda itself does with a function's role, to poll its queue or stream, or to tell of what
/// it gave up.
const TRIGGER_ACTIONS: [&str; 8] = [
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sns:Publish",
];

fn right(action: &str, part: &str) -> Right {
    (action.to_owned(), part.to_owned())
}

/// The permission that a call needs, as AWS documents it.
fn needed_right(reached: &ResourceAccess) -> Right {
    let action = match reached.operation.as_str() {
        "s3:CreateMultipartUpload" | "s3:UploadPart" | "s3:CompleteMultipartUpload" => {
            "s3:PutObject"
        }
        "sqs:SendMessageBatch" => "sqs:SendMessage",
        "sqs:ChangeMessageVisibilityBatch" => "sqs:ChangeMessageVisibility",
        same => same,
    };
    let is_of_s3 = action.starts_with("s3:");
    let part = match reached.part.as_str() {
        "instances" => "InstancesTable",
        "media" if is_of_s3 => "MediaBucket/*",
        "media" => "MediaTable",
        "people" => "PeopleTable",
        "counters" => "CountersTable",
        "jobs-table" => "JobsTable",
        "orders" => "OrdersTable",
        "receivers" => "ReceiversTable",
        "jobs-table/index/by_due" => "JobsTable/index/by_due",
        "jobs-table/index/by_class" => "JobsTable/index/by_class",
        "tenants" => "TenantsTable",
        "links" => "LinksTable",
        "deliveries" => "DeliveriesQueue",
        "jobs" => "JobsQueue",
        "parked" => "ParkedQueue",
        "kms" => "TokenKey",
        other => panic!("{other} is not a part of the stack"),
    };
    right(action, part)
}

/// The value below a tag such as `!If`.
fn untagged(value: &Value) -> &Value {
    if let Value::Tagged(tagged) = value {
        return &tagged.value;
    }
    value
}

fn string_list(value: &Value) -> Vec<String> {
    let value = untagged(value);
    let Some(items) = value.as_sequence() else {
        return vec![value.as_str().expect("a text").to_owned()];
    };
    items.iter().flat_map(string_list).collect()
}

/// What a policy of the template allows, without logs and without the customer's own key.
fn allowed_rights(policy: &str) -> BTreeSet<Right> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = std::fs::read_to_string(path).expect("the template");
    let template: Value = serde_yaml_ng::from_str(&template).expect("YAML");
    let document = &template["Resources"][policy]["Properties"]["PolicyDocument"];
    let statements = document["Statement"].as_sequence().expect("statements");
    let always = statements.iter().filter(|one| !matches!(one, Value::Tagged(_)));
    let mut rights = BTreeSet::new();
    for statement in always.filter(|one| one["Sid"].as_str() != Some("WriteLogs")) {
        for resource in string_list(&statement["Resource"]) {
            let part = resource.replace("${", "").replace('}', "").replace(".Arn", "");
            rights.extend(
                string_list(&statement["Action"]).iter().map(|action| right(action, &part)),
            );
        }
    }
    assert!(!rights.is_empty(), "{policy}");
    rights
}

/// A media file that no source has, and a parked queue that refuses the download function's
/// messages: SQS itself parks the job in the end, and only the watch function can record it.
fn parked_by_the_queue() -> Outcome {
    let nobody_has_it = PlannedMedia::healthy(Kind::Image, "by nobody")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_fate(Fate::Parked);
    let outcome = run_world(Plan::healthy(vec![nobody_has_it]).with_faults(|call| {
        let (status, code) = (403, "AccessDeniedException");
        if call.operation == "sqs:SendMessage" && call.process.starts_with("download") {
            Fault::Refused { status, code }
        } else {
            Fault::None
        }
    }));
    let account = &outcome.account;
    let (accepted, parked, lost) = (account.accepted, account.parked, account.lost.len());
    assert_eq!((accepted, parked, lost), (1, 1, 0), "{account}");
    outcome
}

/// A file of two parts whose upload S3 refuses to complete at first, so that it is aborted.
fn aborted_upload() -> Outcome {
    let of_two_parts = PlannedMedia::healthy(Kind::Document, "of two parts")
        .with_spec(|spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000));
    let plan = Plan::healthy(vec![of_two_parts]).with_faults(|call| {
        let (status, code) = (403, "AccessDenied");
        let is_here = call.operation == "s3:CompleteMultipartUpload" && call.nth_of_operation == 1;
        if is_here { Fault::Refused { status, code } } else { Fault::None }
    });
    let outcome = run_world(plan);
    assert_eq!(outcome.account.stored, 1, "{}", outcome.account);
    outcome
}

/// A picture that the account sends to a chat that is known by LID only.
fn sent_to_a_lid() -> Outcome {
    let sent = PlannedMedia::healthy(Kind::Image, "to a lid")
        .with_spec(|spec| spec.chat("200000000000002@lid").from_me());
    let outcome = run_world(Plan::healthy(vec![sent]));
    assert_eq!(outcome.account.stored, 1, "{}", outcome.account);
    outcome
}

/// A run that died after it announced W-API's file, and one whose answer to the CDN's file was
/// lost: it reads the object's tags to learn whose object is there.
fn stored_by_one_of_two_runs() -> Outcome {
    let wapi = WapiScenario::FailTimes {
        times: 1,
        first: Box::new(WapiScenario::Ok),
        then: Box::new(WapiScenario::CallStatus { status: 503 }),
    };
    let planned =
        PlannedMedia::healthy(Kind::Document, "by two runs").with_spec(|spec| spec.wapi(wapi));
    let plan = Plan::healthy(vec![planned]).with_faults(|call| match call.nth_of_operation {
        1 if call.operation == "s3:PutObject" => Fault::Killed,
        2 if call.operation == "s3:PutObject" => Fault::DoneBroken,
        _ => Fault::None,
    });
    let outcome = run_world(plan);
    assert_eq!(outcome.account.stored, 1, "{}", outcome.account);
    outcome
}

/// Media messages that were ordered to be erased: one that is retried, and one that is parked.
fn ordered_to_be_erased() -> Outcome {
    let chat = "5500988880000";
    let of_person = |name: &str| {
        let planned = PlannedMedia::healthy(Kind::Image, name).with_fate(Fate::Erased);
        planned.with_spec(|spec| spec.chat(chat).sender(chat))
    };
    let retried = of_person("retried").with_spec(|spec| {
        spec.wapi(WapiScenario::CallStatus { status: 503 }).cdn(CdnScenario::Status { code: 503 })
    });
    let parked = of_person("parked").with_spec(|spec| {
        let moment = spec.moment - 15 * 24 * 60 * 60;
        let spec = spec.moment(moment).wapi(WapiScenario::NotFound404);
        spec.cdn(CdnScenario::Gone { status: 404 })
    });
    // Of somebody else, whose number and hidden id come together: before such a pair is written,
    // the orders are asked for.
    let sender = serde_json::json!({ "id": "5500977770000", "senderLid": "700000000000007@lid" });
    let named = PlannedMedia::healthy(Kind::Image, "with a pair")
        .with_spec(|spec| spec.chat("5500977770000").sender("5500977770000"))
        .with_changed_field("/sender", sender)
        .announced_at(Duration::from_mins(10));
    let mut plan = Plan::healthy(vec![retried, parked, named]);
    let erasure = ChatOrder { customer: CUSTOMERS[0], chat, from_now_on: false };
    plan.outside_events = vec![(Duration::from_mins(5), OutsideEvent::Ordered(erasure))];
    let outcome = run_world(plan);
    assert!(outcome.account.is_clean(), "{}", outcome.account);
    outcome
}

/// The rights of a function's role that its runs in a world must use, each of them.
fn expected_rights(who: &str, policy: &str) -> BTreeSet<Right> {
    let mut rights = allowed_rights(policy);
    for (_, action, part) in ELSEWHERE.iter().filter(|one| one.0 == who) {
        assert!(rights.remove(&right(action, part)), "{action} on {part} is denied to {who}");
    }
    rights
}

fn used_rights(reached: &BTreeSet<ResourceAccess>, who: &str) -> BTreeSet<Right> {
    reached.iter().filter(|one| one.who == who).map(needed_right).collect()
}

/// Applications that work, fail for an hour, and want nothing any more; and a receiver of events
/// whose queue refuses them at first.
#[test]
fn the_roles_of_deliveries_and_events_allow_exactly_what_is_done() {
    let hour = Duration::from_hours(1);
    let mut reached = run_receivers(ReceiverPlan {
        seed: 5,
        faults: fault::no_faults(),
        applications: vec![
            Arc::new(|_, _| 200),
            Arc::new(move |now, _| if now < hour { 503 } else { 200 }),
            Arc::new(|_, _| 410),
        ],
        webhooks: (20, Duration::from_mins(5)),
        has_connections: false,
        max_time: Duration::from_hours(4),
    })
    .reached;
    let mut plan = Plan::healthy(vec![PlannedMedia::healthy(Kind::Image, "announced")]);
    plan.has_receivers = true;
    reached.extend(
        run_world(plan.with_faults(|call| {
            let (status, code) = (400, "AccessDeniedException");
            let is_early = call.at < Duration::from_mins(10);
            let is_send = call.operation == "sqs:SendMessage" && call.process == "events-0";
            if is_send && is_early { Fault::Refused { status, code } } else { Fault::None }
        }))
        .reached,
    );
    for (who, policy) in [("deliver", "DeliverPolicy"), ("events", "EventsPolicy")] {
        let mut expected = expected_rights(who, policy);
        expected.retain(|(action, _)| !TRIGGER_ACTIONS.contains(&action.as_str()));
        assert_eq!(used_rights(&reached, who), expected, "{who}: done, and allowed");
    }
}

#[test]
fn each_role_allows_exactly_what_its_function_does() {
    let mut done = parked_by_the_queue().reached;
    done.extend(aborted_upload().reached);
    done.extend(stored_by_one_of_two_runs().reached);
    done.extend(sent_to_a_lid().reached);
    done.extend(ordered_to_be_erased().reached);
    let roles =
        [("webhook", "WebhookPolicy"), ("download", "DownloadPolicy"), ("watch", "WatchPolicy")];
    let expected = roles.map(|(who, policy)| {
        let mut rights = expected_rights(who, policy);
        if who == "webhook" {
            for (action, part) in AT_START {
                assert!(rights.remove(&right(action, part)), "{action} is denied at the start");
            }
        }
        if who == "download" {
            rights.retain(|(action, part)| {
                part != "JobsQueue" || !TRIGGER_ACTIONS.contains(&action.as_str())
            });
        }
        (who, rights)
    });
    let next = AtomicU64::new(1);
    let done = Mutex::new(std::mem::take(&mut done));
    let is_all = || {
        let done = done.lock().expect("no world panicked");
        let mut roles = expected.iter();
        roles.all(|(who, rights)| used_rights(&done, who) == *rights)
    };
    // Runs as many worlds at once as there are processors, each in its own thread.
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while !is_all() {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n > MAX_SEEDS {
                        break;
                    }
                    let mut plan = seed::build_plan(n);
                    // Later days use no other rights.
                    plan.min_time = Duration::ZERO;
                    plan.has_receivers = false;
                    plan.backfills.retain(|at| *at < Duration::from_hours(24));
                    let reached = run_world(plan).reached;
                    done.lock().expect("no world panicked").extend(reached);
                }
            });
        }
    });
    let done = done.into_inner().expect("no world panicked");
    println!("{} worlds were lived through", next.into_inner() - 1);
    for (who, rights) in expected {
        assert_eq!(used_rights(&done, who), rights, "{who}: done, and allowed");
    }
}
