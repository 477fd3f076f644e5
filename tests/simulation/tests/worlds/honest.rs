//! The audit can fail: a cloud that lies is detected, whatever it lies about.

use std::time::Duration;

use simulation::{
    accounting::{Account, Fate},
    fault::{Call, Fault},
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

fn audit_world(
    media: Vec<PlannedMedia>,
    faults: impl Fn(&Call) -> Fault + Send + Sync + 'static,
) -> Account {
    run_world(Plan::healthy(media).with_faults(faults)).account
}

/// AWS answers 200 and does nothing.
const LIE: Fault = Fault::Refused { status: 200, code: "Nothing" };

fn at_operation(operation: &'static str) -> impl Fn(&Call) -> Fault {
    move |call| {
        if call.operation == operation { LIE } else { Fault::None }
    }
}

#[test]
fn an_object_s3_did_not_keep_is_lost() {
    let account = audit_world(vec![PlannedMedia::healthy(Kind::Voice, "lost")], |call| {
        let (status, code) = (412, "PreconditionFailed");
        if call.operation == "s3:PutObject" { Fault::Refused { status, code } } else { Fault::None }
    });
    assert_eq!(account.lost.len(), 1, "{account}");
    assert_eq!(account.unexpected.len(), 1, "the record says stored: {account}");
}

/// The parked queue lost the message, and the jobs table its entry.
#[test]
fn a_job_that_nothing_kept_is_lost() {
    let planned = PlannedMedia::healthy(Kind::Image, "by nobody").with_spec(|spec| {
        spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 410 })
    });
    let account = audit_world(vec![planned], |call| {
        let is_parking =
            call.operation == "sqs:SendMessage" && call.process.starts_with("download");
        let is_entry =
            call.operation == "dynamodb:TransactWriteItems" && call.process.starts_with("download");
        if is_parking || is_entry { LIE } else { Fault::None }
    });
    assert_eq!(account.lost.len(), 1, "{account}");
}

/// The jobs table has the job.
#[test]
fn a_job_the_parked_queue_lost_is_found() {
    let planned = PlannedMedia::healthy(Kind::Image, "by nobody").with_fate(Fate::Parked);
    let planned = planned.with_spec(|spec| {
        spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 410 })
    });
    let account = audit_world(vec![planned], |call| {
        let is_parking =
            call.operation == "sqs:SendMessage" && call.process.starts_with("download");
        if is_parking { LIE } else { Fault::None }
    });
    assert_eq!((account.lost.len(), account.parked), (0, 1), "{account}");
    assert!(account.is_clean(), "{account}");
}

#[test]
fn an_unwritten_record_is_reported() {
    let account = audit_world(
        vec![PlannedMedia::healthy(Kind::Voice, "silent")],
        at_operation("dynamodb:UpdateItem"),
    );
    assert_eq!((account.lost.len(), account.unexpected.len()), (0, 1), "{account}");
}

#[test]
fn an_available_file_that_is_parked_is_reported() {
    let down = |call: &Call| match call.operation.as_str() {
        "s3:PutObject" if call.at > Duration::ZERO => {
            Fault::Refused { status: 403, code: "AccessDenied" }
        }
        _ => Fault::None,
    };
    let account = audit_world(vec![PlannedMedia::healthy(Kind::Voice, "never")], down);
    // The message in the queue, and the entry in the table.
    assert_eq!((account.parked, account.unexpected.len()), (1, 2), "{account}");
}
