//! Coverage marks: situations that matter, and whether a world came into them. A thousand seeds
//! that never meet one of them prove nothing about it.

/// A situation.
pub struct Mark {
    /// What happened.
    pub name: &'static str,
    /// Texts that one line of a world's trace must contain.
    words: &'static [&'static str],
}

const fn mark(name: &'static str, words: &'static [&'static str]) -> Mark {
    Mark { name, words }
}

/// Every situation that a thousand seeds must meet.
pub const MARKS: &[Mark] = &[
    mark("a process was killed", &["died: killed"]),
    mark("an invocation ran out of time", &["died: out of time"]),
    mark("the door answered 503", &["post of", "Answered(503)"]),
    mark("the door kept a job that SQS did not take", &["webhook-", "UpdateItem jobs-table/"]),
    mark("a commit found an object", &["s3:PutObject", ": 412"]),
    mark("a commit met another at the same time", &["s3:PutObject", ": 409"]),
    mark("the tags of a found object were read", &["s3:GetObjectTagging"]),
    mark("an upload was aborted", &["s3:AbortMultipartUpload"]),
    mark("record and entry were written in one transaction", &["download-", "TransactWriteItems"]),
    mark("a transaction was refused", &["download-", "TransactWriteItems", ": 400"]),
    mark("a job was parked in the queue", &["download-", "sqs:SendMessage ", ": 200"]),
    mark(
        "an entry was deleted because its job was settled",
        &["download-", "DeleteItem jobs-table/"],
    ),
    mark("a wait was in the queue", &["sqs:ChangeMessageVisibility", ": 200"]),
    mark("a due job was sent by the watch function", &["watch-", "sqs:SendMessage ", ": 200"]),
    mark("a due job was not sent", &["watch-", "sqs:SendMessage ", "Refused"]),
    mark("the look wrote what SQS parked itself", &["watch-", "TransactWriteItems"]),
    mark(
        "the look deleted a message that is not parked any more",
        &["watch-", "sqs:DeleteMessage"],
    ),
    mark("the queues lost their messages", &["QueuesPurged"]),
    mark("the parked queue forgot its messages", &["ParkedExpired"]),
    mark("SQS moved all parked messages", &["ParkedMoved"]),
    mark("an operator redrove a job", &["operator", "TransactWriteItems media/"]),
    mark("the back-fill found what never arrived", &["backfill-", "sqs:SendMessage", ": 200"]),
    mark("an event was sent", &["events-", "sqs:SendMessage ", ": 200"]),
    mark("the events function died", &["events-0 died"]),
    mark("a new token was written", &["TokenWritten"]),
    mark("too many messages were in flight", &["too many messages are in flight"]),
    mark("a late read missed a write", &[" was late"]),
    mark("API Gateway refused a webhook", &["post of", "API Gateway refused"]),
    mark("API Gateway replaced an answer", &["post of", "API Gateway replaced"]),
    mark("a process started cold", &["started cold"]),
    mark("a connection was dead after a pause", &[" after a pause "]),
    mark("a chat was erased", &["erased EraseScope", "Chat(", ": 0 left"]),
    mark("a message was erased", &["erased EraseScope", "Message(", ": 0 left"]),
    mark("erasing met a run", &["erased EraseScope", "pass 2"]),
    mark("parked jobs were dropped", &["dropped ", "of ", "parked jobs"]),
    mark("a webhook secret was rotated", &["SecretRotated"]),
    mark("an instance was paused", &["Paused(Customer"]),
    mark("an instance moved to another tenant", &["Added(Customer"]),
    mark("a tenant's rules changed", &["KindExcluded"]),
    mark("W-API's log was replayed", &["Replayed"]),
    mark("a record of an earlier version was met", &["the previous version left a record"]),
    mark("a job of an earlier version was met", &["the previous version left a job"]),
    mark("a parked job of an earlier version was met", &["the previous version left a parked job"]),
    mark("an unread body of an earlier version was met", &["left an unread body"]),
    mark("15 days passed", &[" 15 days have passed"]),
    mark("31 days passed", &[" 31 days have passed"]),
    mark(
        "the marks of erased media files were forgotten",
        &["the time to live of", "items of media "],
    ),
];

/// Which of [`MARKS`] a trace has reached, by position.
#[must_use]
pub fn reached_marks(trace: &[String]) -> Vec<usize> {
    let is_reached = |mark: &Mark| {
        let has_words = |line: &String| mark.words.iter().all(|word| line.contains(word));
        trace.iter().any(has_words)
    };
    let marks = MARKS.iter().enumerate();
    marks.filter(|(_, mark)| is_reached(mark)).map(|(n, _)| n).collect()
}
