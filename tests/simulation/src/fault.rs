//! The faults of an AWS call, and the plan that selects them.

use std::{sync::Arc, time::Duration};

/// One call as the cloud sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The caller: `download-0`, `webhook-0`, `operator`.
    pub process: String,
    /// How many times that process was restarted before.
    pub life: u32,
    /// `sqs:SendMessageBatch`, `s3:PutObject`, `dynamodb:UpdateItem`, …
    pub operation: String,
    /// What it concerns: a key, a receipt, an item. The same in every run of the same seed.
    pub subject: String,
    /// The number of this call among those of its operation and subject, from 1.
    pub nth_of_subject: u32,
    /// The number of this call among those of its operation in this world, from 1.
    pub nth_of_operation: u32,
    /// The number of this call in this life of the process, from 1.
    pub nth_of_process: u32,
    /// The time since the world began.
    pub at: Duration,
    /// How long this life of the process had not called the service. A process that was frozen for
    /// some minutes finds its pooled connections dead.
    pub idle: Duration,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// The call succeeds.
    #[default]
    None,
    /// AWS does nothing and answers with this error.
    Refused {
        /// HTTP status of the error.
        status: u16,
        /// The code in the body.
        code: &'static str,
    },
    /// AWS executes the call but answers with this error.
    DoneRefused {
        /// HTTP status of the error.
        status: u16,
        /// The code in the body.
        code: &'static str,
    },
    /// The connection breaks before AWS receives the request.
    Broken,
    /// AWS executes the call, and the connection breaks before the answer arrives.
    DoneBroken,
    /// AWS does not receive the request, and no answer comes.
    Silent,
    /// AWS executes the call, and no answer comes.
    DoneSilent,
    /// The call takes this much longer.
    Slow(Duration),
    /// Only every second entry of a batch is executed.
    Partial,
    /// The process dies before AWS receives the request.
    Killed,
    /// AWS executes the call, and the process dies before the answer arrives.
    DoneKilled,
}

/// After this time without a call, AWS or a device on the way may have closed a connection.
pub const MAX_IDLE: Duration = Duration::from_mins(5);

/// Selects what happens to each call.
pub type Plan = Arc<dyn Fn(&Call) -> Fault + Send + Sync>;

/// Selects which invocations stall, and when, in time since they began: they get no processor any
/// more. An invocation has the name of its slot and its number there, from 1.
pub type Stalls = Arc<dyn Fn(&str, u32) -> Option<Duration> + Send + Sync>;

/// A plan without faults.
#[must_use]
pub fn no_faults() -> Plan {
    Arc::new(|_| Fault::None)
}

/// The faults that any call can have, in the order in which systematic tests use them.
#[must_use]
pub fn common_faults(operation: &str) -> Vec<Fault> {
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

/// The faults that only this operation can have.
#[must_use]
pub fn operation_faults(operation: &str) -> Vec<Fault> {
    let conflict = Fault::Refused { status: 409, code: "ConditionalRequestConflict" };
    match operation {
        "s3:PutObject" => vec![conflict],
        "s3:CompleteMultipartUpload" => {
            let (status, code) = (200, "InternalError");
            vec![conflict, Fault::Refused { status, code }, Fault::DoneRefused { status, code }]
        }
        "sqs:SendMessageBatch" => vec![Fault::Partial],
        _ => Vec::new(),
    }
}
