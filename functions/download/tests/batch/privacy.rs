//! Nothing that is written about a job has a secret or a name in it.

use redaction::{Canary, Class, Recorder, Scan, Sink};
use scripted_aws::{Answer, Aws, RecordedRequest};
use stand_in::{CdnScenario, DEFAULT_TOKEN, Kind, Spec, StandIn, WapiScenario};

use crate::{
    PLENTY, create_worker, queued_job, requests::healthy_aws, run_batch, sqs_event, start_servers,
};

/// Runs one media file of each kind, whose webhooks have every field, and a body that is no job.
/// Returns the canaries in them.
async fn run_media_with_canaries(
    aws: &Aws,
    origins: &StandIn,
    change: fn(Spec) -> Spec,
) -> Vec<Canary> {
    let worker = create_worker(aws, origins, boot::clock::now);
    worker.connect().await;
    let mut planted = Vec::new();
    for kind in [Kind::Image, Kind::Voice, Kind::Document, Kind::Sticker] {
        let spec = Spec::of(kind)
            .chat("5500900000077")
            .caption("legenda de canário")
            .file_name("Nome de Canário.pdf");
        let announced = origins.announce(change(spec)).expect("a media file");
        planted.extend(Canary::collect_all(&announced.webhook));
        run_batch(&worker, sqs_event(&[queued_job(&announced)]), PLENTY).await;
        run_batch(&worker, sqs_event(&[announced.webhook.to_string()]), PLENTY).await;
    }
    planted
}

/// Neither logs nor records nor tickets, whatever becomes of the job.
#[tokio::test]
async fn nothing_written_has_secrets_or_names() {
    let recorder = Recorder::start();
    let token = Canary::new(Class::Secret, "token", DEFAULT_TOKEN);
    let mut planted: Vec<_> = token.into_iter().collect();
    let mut written = Vec::new();
    let changes: [fn(Spec) -> Spec; 5] = [
        |spec| spec,
        |spec| spec.wapi(WapiScenario::fail_500()),
        |spec| spec.wapi(WapiScenario::LinkNeedsToken),
        |spec| spec.wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 }),
        |spec| spec.wapi(WapiScenario::BadRequest400).cdn(CdnScenario::Gone { status: 410 }),
    ];
    for failing in ["nothing", "GetItem", "Decrypt", "UpdateItem", "PutObject", "SendMessage"] {
        let script = move |seen: &RecordedRequest| match seen.operation() {
            name if name == failing => Answer::json_error(400, "AccessDeniedException"),
            _ => healthy_aws(seen),
        };
        for change in changes {
            let (aws, origins) = start_servers(script).await;
            planted.extend(Box::pin(run_media_with_canaries(&aws, &origins, change)).await);
            let records = aws.requests_of("UpdateItem").into_iter();
            written.extend(records.map(|seen| (Sink::Record, seen.text().to_owned())));
            let tickets = aws.requests_of("SendMessage").into_iter();
            written.extend(
                tickets.map(|seen| (Sink::Ticket, seen.json()["MessageAttributes"].to_string())),
            );
        }
    }
    written.push((Sink::Log, recorder.text()));
    let texts = written.iter().map(|(sink, text)| (*sink, text.as_str()));
    let scan = Scan::search_all(planted, texts).expect("a search");
    assert!(scan.findings.is_empty(), "{:#?}", scan.findings);
    for (sink, least) in [(Sink::Log, 200), (Sink::Record, 200), (Sink::Ticket, 100)] {
        let lines = scan.lines.get(&sink).copied().unwrap_or_default();
        assert!(lines >= least, "{lines} lines of {sink:?}");
    }
    assert!(scan.quiet_lines > 0, "the log is at TRACE");
}
