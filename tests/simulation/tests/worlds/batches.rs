//! Several jobs at once, as of a carousel, under every fault. The webhooks of the other worlds
//! announce one media message each and so send no batches.

use std::{collections::BTreeSet, sync::Arc};

use aws::{clients::Clients, queues::JobsQueue};
use media::{ids::TenantId, job::QueuedJob};
use serde_json::json;
use simulation::{
    chance::Chance,
    clockwork,
    cloud::{Cloud, queue::Settings, sqs::QUEUE_URL_BASE},
    fault::{self, Call, Fault},
    wire::{ENDPOINT, Process, Wire},
};

const OPERATION: &str = "sqs:SendMessageBatch";

fn jobs() -> Vec<QueuedJob> {
    let job = |n: u32| {
        let message = json!({
            "message_id": format!("3EB0A{n}"), "chat": "5500900000002", "direction": "in",
            "moment": 1_787_000_000, "kind": "image",
        });
        let job = json!({
            "version": "1", "tenant": "acme", "instance": "LITE-AAAAAA-BBBBBB",
            "accepted_at": 1_787_000_000, "message": message,
        });
        QueuedJob::parse(&job.to_string()).expect("a job")
    };
    (0..5).map(job).collect()
}

/// Sends the jobs with this fault at the first batch. Returns whether they were accepted, and what
/// is in the queue: the body and the group of each message.
fn send_with(fault: Fault) -> (bool, Vec<(String, Option<String>)>) {
    clockwork::run_in_virtual_time(async move {
        let plan: fault::Plan = Arc::new(move |call: &Call| {
            let is_here = call.operation == OPERATION && call.nth_of_operation == 1;
            if is_here { fault } else { Fault::None }
        });
        let cloud = Cloud::start(Chance::from_seed(0), plan, 0).expect("a cloud");
        cloud.lock_sqs().create_queue("jobs", Settings::default());
        let wire = Wire::http_client(&cloud, &Process::new("webhook", 0));
        let clients = Clients::with_http_client(wire, ENDPOINT, webhook::MAX_CALL_TIME);
        let queue = JobsQueue::new(&clients, format!("{QUEUE_URL_BASE}jobs"));
        let tenant = TenantId::parse("acme").expect("a tenant");
        let is_accepted = queue.send(&tenant, &jobs()).await.is_ok();
        let sqs = cloud.lock_sqs();
        let messages = sqs.queue("jobs").expect("the queue").messages();
        (is_accepted, messages.map(|sent| (sent.body.clone(), sent.group.clone())).collect())
    })
}

#[test]
fn accepted_batches_are_whole_under_every_fault() {
    let bodies: BTreeSet<_> = jobs().iter().map(|job| job.to_json().expect("JSON")).collect();
    let mut faults = fault::common_faults(OPERATION);
    faults.retain(|fault| !matches!(fault, Fault::Killed | Fault::DoneKilled));
    let own = fault::operation_faults(OPERATION);
    assert!(own.contains(&Fault::Partial), "some entries of a batch fail");
    for fault in faults.into_iter().chain(own) {
        let (is_accepted, sent) = send_with(fault);
        let is_final = matches!(fault, Fault::Refused { status: 403, .. });
        assert_eq!(is_accepted, !is_final, "{fault:?}: one fault is overcome");
        if is_accepted {
            let there: BTreeSet<_> = sent.iter().map(|(body, _)| body.clone()).collect();
            assert_eq!(there, bodies, "{fault:?}");
        }
        assert!(sent.iter().all(|(_, group)| group.as_deref() == Some("acme")), "{fault:?}");
        if fault == Fault::Partial {
            assert_eq!(sent.len(), bodies.len(), "no accepted entry is sent again");
        }
    }
}
