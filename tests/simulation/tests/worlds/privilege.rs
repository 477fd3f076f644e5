//! The functions' roles against what the functions were seen to do: nothing missing, nothing extra.

use std::{
    collections::BTreeSet,
    num::NonZero,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde_yaml_ng::Value;
use simulation::{
    Outcome, Reached,
    accounting::Fate,
    fault::Fault,
    live,
    plan::{Medium, Plan},
    seed,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// Worlds that are lived through until everything that a role allows was done once.
const MOST_SEEDS: u64 = 300;

/// An IAM action and the part of the stack that it is allowed on.
type Right = (String, String);

/// What Lambda does with the download function's role, to feed it: the function itself never asks.
const OF_THE_TRIGGER: [&str; 3] = [
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

fn right(action: &str, part: &str) -> Right {
    (action.to_owned(), part.to_owned())
}

/// The permission that a call needs, as AWS documents it.
fn needed(reached: &Reached) -> Right {
    let action = match reached.operation.as_str() {
        "s3:CreateMultipartUpload" | "s3:UploadPart" | "s3:CompleteMultipartUpload" => {
            "s3:PutObject"
        }
        "sqs:SendMessageBatch" => "sqs:SendMessage",
        same => same,
    };
    let is_of_s3 = action.starts_with("s3:");
    let part = match reached.part.as_str() {
        "instances" => "InstancesTable",
        "media" if is_of_s3 => "MediaBucket/*",
        "media" => "MediaTable",
        "media/index/by_state" => "MediaTable/index/by_state",
        "jobs" => "JobsQueue",
        "parked" => "ParkedQueue",
        "kms" => "TokenKey",
        other => panic!("{other} is no part of the stack"),
    };
    right(action, part)
}

/// Anything below a tag such as `!If`.
fn plain(value: &Value) -> &Value {
    if let Value::Tagged(tagged) = value {
        return &tagged.value;
    }
    value
}

fn list(value: &Value) -> Vec<String> {
    let value = plain(value);
    let Some(items) = value.as_sequence() else {
        return vec![value.as_str().expect("a text").to_owned()];
    };
    items.iter().flat_map(list).collect()
}

/// What a policy of the template allows, without logs, and without the customer's own key.
fn allowed(policy: &str) -> BTreeSet<Right> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = std::fs::read_to_string(path).expect("the template");
    let template: Value = serde_yaml_ng::from_str(&template).expect("YAML");
    let document = &template["Resources"][policy]["Properties"]["PolicyDocument"];
    let statements = document["Statement"].as_sequence().expect("statements");
    let always = statements
        .iter()
        .filter(|one| !matches!(one, Value::Tagged(_)));
    let mut rights = BTreeSet::new();
    for statement in always.filter(|one| one["Sid"].as_str() != Some("WriteLogs")) {
        for resource in list(&statement["Resource"]) {
            let part = resource
                .replace("${", "")
                .replace('}', "")
                .replace(".Arn", "");
            rights.extend(
                list(&statement["Action"])
                    .iter()
                    .map(|action| right(action, &part)),
            );
        }
    }
    assert!(!rights.is_empty(), "{policy}");
    rights
}

/// A medium that nobody has, and a parked queue that takes nothing from the download function: in the end
/// SQS parks the job by itself, and only the hourly look can write down that it did.
fn parked_by_the_queue() -> Outcome {
    let nobody_has_it = Medium::healthy(Kind::Image, "by nobody")
        .with(|spec| {
            spec.wapi(WapiScenario::NotFound404)
                .cdn(CdnScenario::Gone { status: 404 })
        })
        .ending(Fate::Parked);
    let outcome = live(Plan::healthy(vec![nobody_has_it]).with_faults(|call| {
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
    let of_two_parts = Medium::healthy(Kind::Document, "of two parts")
        .with(|spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000));
    let plan = Plan::healthy(vec![of_two_parts]).with_faults(|call| {
        let (status, code) = (403, "AccessDenied");
        let is_here = call.operation == "s3:CompleteMultipartUpload" && call.nth_of_operation == 1;
        if is_here {
            Fault::Refused { status, code }
        } else {
            Fault::None
        }
    });
    let outcome = live(plan);
    assert_eq!(outcome.account.stored, 1, "{}", outcome.account);
    outcome
}

#[test]
fn each_role_allows_what_its_function_does_and_nothing_else() {
    let mut done = parked_by_the_queue().reached;
    done.extend(aborted_upload().reached);
    let by = |done: &BTreeSet<Reached>, who: &str| -> BTreeSet<Right> {
        let its = done.iter().filter(|one| one.who == who);
        its.map(needed).collect()
    };
    let roles = [
        ("webhook", "WebhookPolicy"),
        ("download", "DownloadPolicy"),
        ("watch", "WatchPolicy"),
    ];
    let expected = roles.map(|(who, policy)| {
        let mut rights = allowed(policy);
        if who == "download" {
            rights.retain(|(action, part)| {
                part != "JobsQueue" || !OF_THE_TRIGGER.contains(&action.as_str())
            });
        }
        (who, rights)
    });
    let next = AtomicU64::new(1);
    let done = Mutex::new(std::mem::take(&mut done));
    let is_all = || {
        let done = done.lock().expect("no world panicked");
        let mut roles = expected.iter();
        roles.all(|(who, rights)| by(&done, who) == *rights)
    };
    // As many worlds at once as there are processors: each lives in a thread.
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while !is_all() {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n > MOST_SEEDS {
                        break;
                    }
                    let reached = live(seed::plan(n)).reached;
                    done.lock().expect("no world panicked").extend(reached);
                }
            });
        }
    });
    let done = done.into_inner().expect("no world panicked");
    println!("{} worlds were lived through", next.into_inner() - 1);
    for (who, rights) in expected {
        assert_eq!(by(&done, who), rights, "{who}: done, and allowed");
    }
}
