//! The proof can fail: a cloud that lies is found out, whatever it lies about.

use std::time::Duration;

use simulation::{
    accounting::Account,
    fault::{Call, Fault},
    live,
    plan::{Medium, Plan},
};
use stand_in::{CdnScenario, Kind, WapiScenario};

fn account(media: Vec<Medium>, faults: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Account {
    live(Plan::healthy(media).with_faults(faults)).account
}

/// 200, and nothing done.
const LIE: Fault = Fault::Refused {
    status: 200,
    code: "Nothing",
};

fn at(operation: &'static str) -> impl Fn(&Call) -> Fault {
    move |call| {
        if call.operation == operation {
            LIE
        } else {
            Fault::None
        }
    }
}

#[test]
fn a_media_that_s3_only_says_it_has_is_lost() {
    let account = account(vec![Medium::healthy(Kind::Voice, "lost")], |call| {
        let (status, code) = (412, "PreconditionFailed");
        if call.operation == "s3:PutObject" {
            Fault::Refused { status, code }
        } else {
            Fault::None
        }
    });
    assert_eq!(account.lost.len(), 1, "{account}");
    assert_eq!(
        account.unexpected.len(),
        1,
        "the record says stored: {account}"
    );
}

#[test]
fn a_job_that_is_only_said_to_be_parked_is_lost() {
    let medium = Medium::healthy(Kind::Image, "by nobody").with(|spec| {
        spec.wapi(WapiScenario::NotFound404)
            .cdn(CdnScenario::Gone { status: 410 })
    });
    let account = account(vec![medium], at("sqs:SendMessage"));
    assert_eq!(account.lost.len(), 1, "{account}");
}

#[test]
fn a_record_that_is_only_said_to_be_written_is_missed() {
    let account = account(
        vec![Medium::healthy(Kind::Voice, "silent")],
        at("dynamodb:UpdateItem"),
    );
    assert_eq!(
        (account.lost.len(), account.unexpected.len()),
        (0, 1),
        "{account}"
    );
}

#[test]
fn healthy_media_that_end_parked_are_told() {
    let down = |call: &Call| match call.operation.as_str() {
        "s3:PutObject" if call.at > Duration::ZERO => Fault::Refused {
            status: 403,
            code: "AccessDenied",
        },
        _ => Fault::None,
    };
    let account = account(vec![Medium::healthy(Kind::Voice, "never")], down);
    assert_eq!(
        (account.parked, account.unexpected.len()),
        (1, 1),
        "{account}"
    );
}
