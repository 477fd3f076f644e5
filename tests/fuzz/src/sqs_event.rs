//! The download function's trigger: an SQS event whose bodies anyone may have written.

use aws_lambda_events::sqs::SqsEvent;
use media::{
    job::{QueueBody, QueuedJob},
    unread::UnreadBody,
};

use crate::{check_job, check_silence};

/// Reads the bytes as an event, and as the body of one record.
pub fn run(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice::<SqsEvent>(data) {
        for record in &event.records {
            check_body(record.body.as_deref().unwrap_or_default());
        }
    }
    if let Ok(body) = std::str::from_utf8(data) {
        check_body(body);
    }
}

/// Checks a body: a job, an unread body, or neither, which will be parked.
fn check_body(body: &str) {
    if let Ok(QueueBody::Unread(unread)) = QueueBody::parse(body) {
        let json = unread.to_json().expect("an unread body is JSON");
        assert_eq!(UnreadBody::parse(&json), Ok(unread));
        return;
    }
    let Ok(job) = QueuedJob::parse(body) else {
        return;
    };
    let json = job.to_json().expect("a job is JSON");
    assert_eq!(QueuedJob::parse(&json).expect("it is read again"), job);
    let job = job.into_job();
    check_silence(&job.message);
    check_job(&job);
}
