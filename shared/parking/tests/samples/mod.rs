//! A parked message as SQS returns it, and the parked queue of a scripted AWS.

use aws::{
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    queues::{JobsQueue, ParkedQueue},
};
use parking::Parking;
use scripted_aws::Aws;
use serde_json::{Value, json};

/// A parked message. Without a class, it is one that SQS moved by itself.
pub(crate) fn message(n: usize, body: &str, class: Option<&str>) -> Value {
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let ticket = class.map(|class| json!({ "class": text(class), "reason": text("a reason") }));
    json!({ "MessageId": format!("id-{n}"), "ReceiptHandle": format!("receipt-{n}"), "Body": body,
        "MessageAttributes": ticket.unwrap_or_else(|| json!({})),
        "Attributes": { "SentTimestamp": "1787000000000" } })
}

/// The parked queue of this AWS.
pub(crate) fn parking(aws: &Aws) -> Parking {
    let url = |name: &str| format!("https://sqs.example.invalid/{name}");
    Parking::new(
        ParkedQueue::new(&aws.clients, url("parked")),
        JobsQueue::new(&aws.clients, url("jobs")),
        Ledger::new(
            &aws.clients,
            LedgerTables { media: "media".to_owned(), jobs: "jobs-table".to_owned() },
        ),
        Instances::new(&aws.clients, "instances".to_owned()),
    )
}
