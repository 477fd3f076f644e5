//! Fuzz targets: one function for each surface that untrusted input reaches, with what must hold
//! for any input.
//!
//! `make fuzz` lets libFuzzer search for inputs that break a target. `tests/corpora.rs` repeats
//! the inputs it kept on every test run. Both call the same functions.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a target reports what it found by panicking"
)]

pub mod decrypting_stream;
pub mod event_reading;
pub mod object_key;
pub mod sqs_event;
pub mod url_guard;
pub mod wapi_answer;
pub mod webhook_body;

use media::{
    job::{Job, QueuedJob},
    message::{MediaMessage, Secret},
};
use samples::verified_instance;

/// The time of every run, in seconds since 1970.
pub const NOW: i64 = 1_787_431_679;

/// Maximum size of a queue message in bytes: ten must fit one call of SQS, which takes 256 KiB on
/// every endpoint.
const MAX_JOB_BYTES: usize = 25 * 1024;

/// A target: its name, which is also its corpus's name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; each has a corpus and a program in `fuzz_targets`.
pub const TARGETS: [Target; 7] = [
    ("webhook_body", webhook_body::run),
    ("event_reading", event_reading::run),
    ("url_guard", url_guard::run),
    ("decrypting_stream", decrypting_stream::run),
    ("wapi_answer", wapi_answer::run),
    ("sqs_event", sqs_event::run),
    ("object_key", object_key::run),
];

/// Checks what must hold for every media message and for its job.
fn check_message(message: MediaMessage) {
    check_silence(&message);
    let job = verified_instance().create_job(message, NOW);
    let json = job.to_json().expect("a job is JSON");
    assert!(json.len() <= MAX_JOB_BYTES, "{} bytes", json.len());
    assert!(json.chars().all(is_accepted_by_sqs), "SQS refuses this job");
    let read = QueuedJob::parse(&json).expect("what was written can be read");
    assert_eq!(read, job, "the queue changed the job");
    check_job(&job.into_job());
}

/// Checks that the `Debug` output of a message does not depend on anything secret or personal in
/// it.
fn check_silence(message: &MediaMessage) {
    let other = MediaMessage {
        media_key: Some(Secret::new("another key")),
        direct_path: Some(Secret::new("/another/path")),
        url: Some(Secret::new("https://another.whatsapp.net/url")),
        file_name: Some("another name".to_owned()),
        caption: Some("another caption".to_owned()),
        mimetype: Some("another/type".to_owned()),
        ..message.clone()
    };
    assert_eq!(format!("{message:?}"), format!("{other:?}"));
}

/// Checks what must hold for every job, including one that our code did not write.
fn check_job(job: &Job) {
    let until = job.message.recoverable_until();
    let ends = media::schedule::park_deadline(job.accepted_at, until);
    assert!(ends >= job.accepted_at, "a job ends before it begins");
    object_key::check_object(job, &[]);
}

/// Whether SQS accepts the character in a message: those of XML 1.0.
fn is_accepted_by_sqs(c: char) -> bool {
    matches!(c,
        '\u{9}' | '\u{a}' | '\u{d}' | '\u{20}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
