//! `make bench-memory`: the download function's peak memory while it stores 1 MiB, 100 MiB and
//! 1 GiB.
//!
//! The release binary runs as Lambda runs it, against a runtime API and an AWS in this process
//! that count bytes and keep none. Each size has a new process; the peak is the kernel's own
//! (`VmHWM`).

mod cloud;
mod runtime_api;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use comfy_table::{Table, presets};
use local::{Build, Project, Tools};
use runtime_api::RuntimeApi;
use samples::{queued_job, verified_instance};
use scripted_aws::Aws;
use stand_in::{AnnouncedMedia, CdnScenario, Format, Kind, Spec, StandIn, WapiScenario};
use tokio::process::{Child, Command};
use wapi::webhook::WebhookBody;

const MIB: u64 = 1024 * 1024;
const SIZES: [u64; 3] = [MIB, 100 * MIB, 1024 * MIB];
/// Maximum ratio of the last size's peak to the first's.
const MAX_GROWTH: f64 = 1.15;
/// Maximum peak of any size, in MiB.
const MAX_PEAK_MIB: f64 = 64.0;
/// A GiB takes seconds; after this time, something hangs.
const MAX_RUN_TIME: Duration = Duration::from_secs(300);

/// One run of the function.
struct Measurement {
    way: &'static str,
    size_bytes: u64,
    peak_mib: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let bootstrap = build_function().await?;
    let origins = StandIn::start().await?;
    let mut measured = Vec::new();
    for (way, wapi) in [("cdn", WapiScenario::fail_500()), ("wapi", WapiScenario::Ok)] {
        for size_bytes in SIZES {
            let spec = Spec::of(Kind::Document).format(Format::Random).size(size_bytes);
            let announced = origins.announce(spec.wapi(wapi.clone()).cdn(CdnScenario::Ok))?;
            let peak_mib = measure_run(&bootstrap, &origins, &announced).await?;
            measured.push(Measurement { way, size_bytes, peak_mib });
        }
    }
    report_results(&measured)
}

/// Builds the release binary as for deployment.
async fn build_function() -> Result<PathBuf> {
    let project = Project::find()?;
    Build::Sam.compile(&Tools::find(&project)?).await?;
    Ok(project.root().join(".aws-sam/build/DownloadFunction/bootstrap"))
}

/// Stores one media file with a new process, and returns its peak resident memory in MiB.
async fn measure_run(
    bootstrap: &Path,
    origins: &StandIn,
    announced: &AnnouncedMedia,
) -> Result<f64> {
    let aws = cloud::start_aws().await;
    let runtime = RuntimeApi::start(queue_message(announced)?).await?;
    let mut function = start_function(bootstrap, origins, (&aws, &runtime))?;
    let answer = tokio::time::timeout(MAX_RUN_TIME, runtime.wait_for_answer())
        .await
        .context("the function does not answer")??;
    let peak_mib = peak_mib(&function)?;
    function.kill().await?;
    ensure!(answer == r#"{"batchItemFailures":[]}"#, "the function answered {answer}");
    let stored_bytes = cloud::stored_bytes(&aws);
    ensure!(stored_bytes == announced.size, "{stored_bytes} bytes were stored");
    Ok(peak_mib)
}

fn start_function(
    bootstrap: &Path,
    origins: &StandIn,
    (aws, runtime): (&Aws, &RuntimeApi),
) -> Result<Child> {
    let settings = [
        ("AWS_LAMBDA_RUNTIME_API", runtime.address()),
        ("AWS_LAMBDA_FUNCTION_NAME", "download".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "invented".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "invented".to_owned()),
        ("AWS_ENDPOINT_URL", aws.endpoint().to_owned()),
        ("INSTANCES_TABLE", cloud::INSTANCES_TABLE.to_owned()),
        ("MEDIA_TABLE", "media".to_owned()),
        ("JOBS_TABLE", "jobs-table".to_owned()),
        ("COUNTERS_TABLE", "counters".to_owned()),
        ("MEDIA_BUCKET", "bucket".to_owned()),
        ("JOBS_QUEUE_URL", format!("{}/jobs", aws.endpoint())),
        ("PARKED_QUEUE_URL", format!("{}/parked", aws.endpoint())),
        ("WAPI_BASE_URL", origins.wapi_base()),
        ("CDN_BASE_URLS", origins.cdn_bases()),
        ("UTC_OFFSET", "-03:00".to_owned()),
        ("MULTIPART_CHECKSUM", "full-object".to_owned()),
    ];
    let mut command = Command::new(bootstrap);
    command
        .env_clear()
        .envs(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command.spawn().with_context(|| format!("{} does not start", bootstrap.display()))
}

/// The queue's message for an announced media message, built by the product's own code.
fn queue_message(announced: &AnnouncedMedia) -> Result<String> {
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes())?;
    let message =
        body.announcement(&verified_instance())?.media.pop().context("one media message")?;
    Ok(queued_job(message, boot::clock::now()).to_json()?)
}

fn peak_mib(function: &Child) -> Result<f64> {
    let id = function.id().context("the function has ended")?;
    let status =
        std::fs::read_to_string(format!("/proc/{id}/status")).context("this needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

fn report_results(measured: &[Measurement]) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "strategy",
        "file",
        "peak memory",
        "of 1 MiB's",
    ]);
    let mut worst: f64 = 0.0;
    for one in measured {
        let first = measured
            .iter()
            .find(|other| other.way == one.way)
            .map_or(one.peak_mib, |other| other.peak_mib);
        let growth = one.peak_mib / first;
        worst = worst.max(growth);
        table.add_row([
            one.way.to_owned(),
            format!("{} MiB", one.size_bytes / MIB),
            format!("{:.1} MiB", one.peak_mib),
            format!("{growth:.2} ×"),
        ]);
    }
    writeln!(std::io::stdout(), "{table}")?;
    let peak = measured.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
    if worst > MAX_GROWTH || peak > MAX_PEAK_MIB {
        bail!(
            "memory must stay under {MAX_PEAK_MIB} MiB and grow at most {MAX_GROWTH} ×; \
             it is {peak:.1} MiB and {worst:.2} ×"
        );
    }
    Ok(())
}
