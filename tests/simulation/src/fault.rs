//! What can happen to a call of AWS, and who decides it.

use std::{sync::Arc, time::Duration};

/// One call as the cloud sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls: `download-0`, `webhook-0`, `operator`.
    pub process: String,
    /// How often that process has been started again before.
    pub life: u32,
    /// `sqs:SendMessageBatch`, `s3:PutObject`, `dynamodb:UpdateItem`, …
    pub operation: String,
    /// What it is about: a key, a receipt, an item. The same in every run of the same seed.
    pub subject: String,
    /// Which call of this operation on this subject it is, from 1.
    pub nth_of_subject: u32,
    /// Which call of this operation it is in this world, from 1.
    pub nth_of_operation: u32,
    /// Which call of this life of the process it is, from 1.
    pub nth_of_process: u32,
    /// Since the world began.
    pub at: Duration,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// AWS does nothing and answers this.
    Refused {
        /// HTTP status.
        status: u16,
        /// The code in the body.
        code: &'static str,
    },
    /// AWS does it and answers this all the same.
    DoneRefused {
        /// HTTP status.
        status: u16,
        /// The code in the body.
        code: &'static str,
    },
    /// The connection breaks before AWS has the request.
    Broken,
    /// AWS does it, and the connection breaks before the answer is there.
    DoneBroken,
    /// AWS never gets it, and nothing is heard.
    Silent,
    /// AWS does it, and nothing is heard.
    DoneSilent,
    /// It takes this much longer.
    Slow(Duration),
    /// Of a batch, only every second entry is done.
    Partial,
    /// The process dies before AWS has the request.
    Killed,
    /// AWS does it, and the process dies before the answer is there.
    DoneKilled,
}

/// Decides what happens to each call.
pub type Plan = Arc<dyn Fn(&Call) -> Fault + Send + Sync>;

/// Nothing ever happens.
#[must_use]
pub fn none() -> Plan {
    Arc::new(|_| Fault::None)
}

/// The faults that any call can meet, in the order in which systematic tests go through them.
#[must_use]
pub fn of_any_call(operation: &str) -> Vec<Fault> {
    let (throttled, failed) = if operation.starts_with("s3:") {
        ((503, "SlowDown"), (500, "InternalError"))
    } else if operation.starts_with("dynamodb:") {
        ((400, "ThrottlingException"), (500, "InternalServerError"))
    } else {
        ((400, "ThrottlingException"), (500, "InternalFailure"))
    };
    let refused = |(status, code)| Fault::Refused { status, code };
    let (status, code) = failed;
    vec![
        refused(throttled),
        refused(failed),
        refused((403, "AccessDeniedException")),
        Fault::DoneRefused { status, code },
        Fault::Broken,
        Fault::DoneBroken,
        Fault::Silent,
        Fault::DoneSilent,
        Fault::Slow(Duration::from_secs(25)),
        Fault::Killed,
        Fault::DoneKilled,
    ]
}

/// Those that only this operation can meet.
#[must_use]
pub fn of_operation(operation: &str) -> Vec<Fault> {
    let conflict = Fault::Refused {
        status: 409,
        code: "ConditionalRequestConflict",
    };
    match operation {
        "s3:PutObject" => vec![conflict],
        "s3:CompleteMultipartUpload" => {
            let (status, code) = (200, "InternalError");
            vec![
                conflict,
                Fault::Refused { status, code },
                Fault::DoneRefused { status, code },
            ]
        }
        "sqs:SendMessageBatch" => vec![Fault::Partial],
        _ => Vec::new(),
    }
}
