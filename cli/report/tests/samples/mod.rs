//! Two reports with invented values: a stack that is well, and one whose W-API fails.

#![allow(dead_code, reason = "each of those that include it uses what it needs")]

use report::{
    ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Report, RootCause,
    Setting, Status, Step, StepId, TestRow,
};

const NOW: i64 = 1_787_500_000;
const STEPS: [(StepId, &str); 9] = [
    (StepId::Connection, "2 of 2 instances"),
    (StepId::Hooks, "2 of 2 instances"),
    (
        StepId::Api,
        "the API answers in 104 ms; the webhook function is Active",
    ),
    (
        StepId::JobsQueue,
        "0 jobs wait, 3 are worked on or spaced out",
    ),
    (
        StepId::DownloadFunction,
        "the function is Active, its trigger Enabled",
    ),
    (
        StepId::WapiDownload,
        "a real medium came in 812 ms; 311 of 340 media stored in 24 h came this way",
    ),
    (
        StepId::Cdn,
        "a real medium came in 240 ms; 29 of 340 media stored in 24 h came this way",
    ),
    (StepId::Bucket, "1204 files in 4 folders"),
    (StepId::Records, "0 media are parked, 3 are retried"),
];

fn setting(name: &str, status: Status, value: &str) -> Setting {
    Setting {
        name: name.to_owned(),
        status,
        value: value.to_owned(),
        remedy: None,
    }
}

fn endpoint(method: &str, path: &str, http_status: u16, status: Status, note: &str) -> Endpoint {
    Endpoint {
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        http_status: Some(http_status),
        latency_ms: Some(118),
        note: note.to_owned(),
    }
}

fn row(strategy: &str, status: Status, http_status: u16, note: &str) -> TestRow {
    TestRow {
        message_id: "3EB0AAAAAAAAAAAAAAAA".to_owned(),
        strategy: strategy.to_owned(),
        status,
        http_status: Some(http_status),
        latency_ms: 640,
        bytes: if status == Status::Ok { 183_204 } else { 0 },
        note: note.to_owned(),
    }
}

fn endpoints() -> Vec<Endpoint> {
    vec![
        endpoint("GET", "instance/status-instance", 200, Status::Ok, ""),
        endpoint("GET", "instance/qr-code", 200, Status::Ok, ""),
        endpoint(
            "POST",
            "message/send-text",
            400,
            Status::Ok,
            "asked without its fields: nothing was sent",
        ),
        endpoint("POST", "message/download-media", 200, Status::Ok, ""),
    ]
}

fn instance() -> InstanceCheck {
    InstanceCheck {
        tenant: "acme".to_owned(),
        instance: "LITE-AAAAAA-BBBBBB".to_owned(),
        status: Status::Ok,
        checks: vec![
            setting(
                "connection",
                Status::Ok,
                "W-API accepts the token and is connected to WhatsApp",
            ),
            setting("hook received", Status::Ok, "here"),
        ],
    }
}

/// A stack that is well.
pub(crate) fn healthy() -> Report {
    let step = |(id, evidence): (StepId, &str)| Step {
        id,
        status: Status::Ok,
        evidence: evidence.to_owned(),
        remedy: None,
    };
    let hour = |n: u8| Hour {
        at: NOW / 3600 * 3600 - 3600 * i64::from(23 - n),
        wapi: u64::from(n % 7) * 3 + 4,
        wapi_alternate: 0,
        cdn: u64::from(n % 3),
        retrying: 0,
        parked: 0,
    };
    Report {
        stack: "wapi-media".to_owned(),
        region: "sa-east-1".to_owned(),
        taken_at: NOW,
        instance: None,
        root_cause: None,
        steps: STEPS.map(step).to_vec(),
        endpoints: endpoints(),
        instances: vec![instance()],
        folders: vec![Folder {
            tenant: "acme".to_owned(),
            instance: "LITE-AAAAAA-BBBBBB".to_owned(),
            kind: "image".to_owned(),
            objects: 801,
            records: 801,
            status: Status::Ok,
        }],
        failures: Vec::new(),
        controlled: Some(ControlledTest {
            synthetic_keys: false,
            rows: vec![
                row("wapi", Status::Ok, 200, ""),
                row("cdn", Status::Ok, 200, ""),
            ],
        }),
        settings: vec![setting("jobs queue: VisibilityTimeout", Status::Ok, "3630")],
        expiring: 0,
        hours: (0..24).map(hour).collect(),
    }
}

/// One whose W-API answers every download with 500, so that the CDN carries the load.
pub(crate) fn sick() -> Report {
    const FAILURE: &str =
        "W-API could not download the content – Falha ao fazer o download do conteúdo.";
    let mut report = healthy();
    report.root_cause = Some(RootCause {
        sentence: "W-API's download endpoint fails (500: Falha ao fazer o download do conteúdo.); meanwhile \
                   WhatsApp's CDN carries the load (cdn)."
            .to_owned(),
        command: Some("wapi-media doctor --bundle evidence.json".to_owned()),
    });
    for step in &mut report.steps {
        if step.id == StepId::WapiDownload {
            step.status = Status::Fail;
            step.evidence = format!("{FAILURE}; 3 of 340 media stored in 24 h came this way");
        }
        if step.id == StepId::Records {
            step.status = Status::Warn;
            step.evidence = "4 media are parked, 9 are retried".to_owned();
            step.remedy = Some("wapi-media parked list".to_owned());
        }
    }
    report.endpoints.pop();
    report.endpoints.push(endpoint(
        "POST",
        "message/download-media",
        500,
        Status::Fail,
        FAILURE,
    ));
    report.controlled = Some(ControlledTest {
        synthetic_keys: false,
        rows: vec![
            row("wapi", Status::Fail, 500, FAILURE),
            row(
                "wapi_alternate",
                Status::Unknown,
                404,
                "W-API knows no such path or instance",
            ),
            row("cdn", Status::Ok, 200, ""),
        ],
    });
    report.failures = vec![FailureCount {
        class: "transient".to_owned(),
        count: 13,
        last_reason: format!("wapi: <script>alert(1)</script> {FAILURE}"),
        last_at: NOW - 300,
    }];
    report.expiring = 2;
    for (n, hour) in (0_u64..).zip(&mut report.hours) {
        if n > 14 {
            (hour.cdn, hour.wapi) = (hour.wapi + hour.cdn, 0);
            (hour.retrying, hour.parked) = (n % 4, u64::from(n == 20) * 2);
        }
    }
    report
}
