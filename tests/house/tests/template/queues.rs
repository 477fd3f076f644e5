//! Queues and triggers: how long a job is hidden, kept and retried.

use house::parse_template;

use crate::{resource_properties, resources_of_type, string_list};

#[test]
fn a_job_is_hidden_for_six_function_timeouts() {
    let template = parse_template();
    let hidden = resource_properties(&template, "JobsQueue")["VisibilityTimeout"].as_u64();
    let timeout = resource_properties(&template, "DownloadFunction")["Timeout"].as_u64();
    let (hidden, timeout) = (hidden.expect("seconds"), timeout.expect("seconds"));
    assert!(hidden >= 6 * timeout, "{hidden} < 6 × {timeout}");
}

#[test]
fn a_failed_job_does_not_retry_its_batch() {
    let template = parse_template();
    for (function, event) in [("DownloadFunction", "Jobs"), ("DeliverFunction", "Deliveries")] {
        let trigger = &resource_properties(&template, function)["Events"][event]["Properties"];
        assert_eq!(string_list(&trigger["FunctionResponseTypes"]), ["ReportBatchItemFailures"]);
    }
}

/// A delivery is tried for three days, and waits at most for ten minutes in the queue.
#[test]
fn a_delivery_stays_for_as_long_as_it_is_tried() {
    let template = parse_template();
    let queue = resource_properties(&template, "DeliveriesQueue");
    let number = |name: &str| queue[name].as_u64().expect(name);
    let timeout = resource_properties(&template, "DeliverFunction")["Timeout"].as_u64();
    assert!(number("VisibilityTimeout") >= 6 * timeout.expect("seconds"));
    assert_eq!(number("MessageRetentionPeriod") / 86_400, 4);
    let largest = media::delivery::MAX_INLINE_BYTES.div_ceil(3) * 4 + 4 * 1024;
    assert!(largest < 256 * 1024, "four requests to SQS");
    assert!(number("MaximumMessageSize") >= largest as u64);
    let table = resource_properties(&template, "JobsTable");
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"].as_str(), Some("forget_at"));
}

/// Reserved concurrency below the number of functions that poll would waste receives.
#[test]
fn downloads_are_limited_only_at_the_trigger() {
    let template = parse_template();
    let download = resource_properties(&template, "DownloadFunction");
    let scaling = &download["Events"]["Jobs"]["Properties"]["ScalingConfig"];
    assert_eq!(string_list(&scaling["MaximumConcurrency"]), ["MaximumConcurrency"]);
    for (name, function) in resources_of_type(&template, "AWS::Serverless::Function") {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        assert_eq!(reserved.is_null(), name != "WebhookFunction", "{name}");
    }
}

/// Downloads must not take the executions that webhooks need. A new account has ten executions, of
/// which none can be reserved, so the stack reserves none unless it is told to.
#[test]
fn webhooks_can_have_executions_of_their_own() {
    let template = parse_template();
    let parameter = &template["Parameters"]["WebhookReservedConcurrency"];
    assert_eq!((parameter["Default"].as_u64(), parameter["MinValue"].as_u64()), (Some(0), Some(0)));
    let webhook = resource_properties(&template, "WebhookFunction");
    let reserved = &webhook["ReservedConcurrentExecutions"];
    assert_eq!(
        string_list(reserved),
        ["ReservesWebhookConcurrency", "WebhookReservedConcurrency", "AWS::NoValue"]
    );
    let condition = string_list(&template["Conditions"]["ReservesWebhookConcurrency"][0]);
    assert_eq!(condition, ["WebhookReservedConcurrency", "0"], "the condition is that they differ");
}

#[test]
fn jobs_rest_seven_days_and_parked_ones_fourteen() {
    let template = parse_template();
    let days = |queue: &str| {
        let seconds = resource_properties(&template, queue)["MessageRetentionPeriod"].as_u64();
        seconds.expect("seconds") / 86_400
    };
    assert_eq!((days("JobsQueue"), days("ParkedQueue")), (7, 14));
}

/// A queue that takes less refuses unread bodies that the webhook function has not refused.
#[test]
fn both_queues_take_what_the_largest_unread_body_needs() {
    let template = parse_template();
    let needed = media::unread::MAX_BODY_BYTES.div_ceil(3) * 4 + 8 * 1024;
    for queue in ["JobsQueue", "ParkedQueue"] {
        let most = resource_properties(&template, queue)["MaximumMessageSize"].as_u64();
        assert_eq!(most, Some(1024 * 1024), "{queue}");
        assert!(most.is_some_and(|most| most >= needed as u64), "{needed}");
    }
}

#[test]
fn only_the_jobs_queue_redrives_to_parked() {
    let template = parse_template();
    let redrive = &resource_properties(&template, "JobsQueue")["RedrivePolicy"];
    assert_eq!(string_list(&redrive["deadLetterTargetArn"]), ["ParkedQueue.Arn"]);
    assert_eq!(redrive["maxReceiveCount"].as_u64(), Some(140));
    let allow = &resource_properties(&template, "ParkedQueue")["RedriveAllowPolicy"];
    assert_eq!(allow["redrivePermission"].as_str(), Some("byQueue"));
    let jobs = string_list(&resource_properties(&template, "JobsQueue")["QueueName"]).remove(0);
    let sources = string_list(&allow["sourceQueueArns"]);
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources[0].ends_with(&format!(":{jobs}")), "{sources:?} is not {jobs}");
}
