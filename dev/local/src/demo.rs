//! `make demo`: the whole path, with W-API failing for half of the media files.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stand_in::events::{self, Entry};
use stand_in::{
    AppAnswer, Application, CdnScenario, DEFAULT_INSTANCE, DEFAULT_TOKEN, Event, MessageShape,
    StandIn, WapiScenario,
};

use crate::compare::{Comparison, ExpectedFile};
use crate::demo_receiver::DemoReceiver;
use crate::{
    Deployment, InstanceSettings, Project, RunningStack, Screen, Stack, Tools, delete_state,
    register, tree,
};

/// The name of the local stack in every command of the Makefile.
pub const STACK_NAME: &str = "local";
/// The tenant that the demo's files belong to.
const TENANT: &str = "acme";
/// Storing all files takes about a minute on two cores; after this time, something is wrong.
const MAX_STORING_TIME: Duration = Duration::from_secs(300);
/// The interval at which the bucket is read.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the demo on this port and leaves the stack running.
///
/// # Errors
/// If anything cannot be started, or a byte in the bucket differs from what was sent.
pub async fn run_demo(project: &Project, port: u16, screen: &Screen) -> Result<()> {
    let tools = Tools::find(project)?;
    let running = fresh_stack(&tools, port, screen).await?;
    let (origins, events) = start_origins(project, screen).await?;
    let deployment =
        Deployment::with_name(STACK_NAME)?.from_origins(origins.wapi_base(), origins.cdn_bases());
    let stack = Stack::deploy(&tools, running.endpoint(), &deployment, screen).await?;
    let url = register_instance(&stack, screen).await?;
    let application = Application::start(|_| AppAnswer::status(204)).await?;
    let hooks = format!("{}/hooks", application.base());
    let secret = register::add_receiver(&stack, TENANT, &hooks).await?;
    post_all(&stack, &url, &events, screen).await?;
    let expected = expected_files(&events);
    wait_until_stored(&stack, expected.len(), screen).await?;
    let comparison = compare_files(&stack, &expected, screen).await?;
    let receiver = DemoReceiver { application, secret };
    let missed = receiver.wait_for_webhooks(&events, screen).await?;
    let unheard = receiver.wait_for_files(&stack, &expected, screen).await?;
    origins.shutdown().await;
    if missed > 0 || unheard > 0 {
        bail!(
            "the receiver did not get {missed} webhooks, and could not open {unheard} files. See \
             make logs."
        );
    }
    report_result(&comparison, &expected, screen)
}

async fn fresh_stack(tools: &Tools, port: u16, screen: &Screen) -> Result<RunningStack> {
    if let Some(running) = RunningStack::find(tools.project()).await? {
        let step = screen.step("Stopping the previous local stack");
        running.stop().await?;
        step.done("");
    }
    delete_state(tools.project())?;
    let step = screen.step("Starting an empty local AWS (MiniStack)");
    let running = RunningStack::start(tools, port).await?;
    step.done(running.endpoint().url());
    Ok(running)
}

/// The stand-ins. W-API's download endpoint fails for every other media file, in all its known
/// shapes.
async fn start_origins(project: &Project, screen: &Screen) -> Result<(StandIn, Vec<Event>)> {
    let step = screen.step("Starting the stand-ins for W-API and WhatsApp's CDN");
    let origins = StandIn::start().await?;
    let failing = failing_half()?;
    let events = origins.load_events(&project.events(), |stem| {
        let wapi = failing.get(stem).cloned().unwrap_or_default();
        (wapi, CdnScenario::Ok)
    })?;
    let media = events.iter().filter(|event| event.announced.is_some());
    let (media, failing) = (media.count(), failing.len());
    step.done(format!("{media} media, W-API answers 500 for {failing} of them"));
    Ok((origins, events))
}

fn failing_half() -> Result<HashMap<String, WapiScenario>> {
    let shapes = [MessageShape::Nested, MessageShape::Text, MessageShape::Array];
    let media = events::catalogue()?
        .into_iter()
        .filter(|(_, entry)| matches!(entry, Entry::Media(_)))
        .map(|(stem, _)| stem);
    let failing = media
        .step_by(2)
        .zip(shapes.into_iter().cycle())
        .map(|(stem, message)| (stem, WapiScenario::Fail500 { message }))
        .collect();
    Ok(failing)
}

/// Registers through the library of `wapi-media` and not the command, whose compilation would
/// delay the first file by minutes.
async fn register_instance(stack: &Stack, screen: &Screen) -> Result<String> {
    let step = screen.step("Registering an instance");
    let instance = InstanceSettings::new(TENANT, DEFAULT_INSTANCE, DEFAULT_TOKEN);
    let url = register::register_directly(stack, &instance).await?;
    step.done(format!("{DEFAULT_INSTANCE} of tenant {TENANT}"));
    Ok(url)
}

async fn post_all(stack: &Stack, url: &str, events: &[Event], screen: &Screen) -> Result<()> {
    let step = screen.step(format!("Posting {} webhooks to the local API Gateway", events.len()));
    for event in events {
        step.detail(&event.stem);
        let answer = stack.post_json(url, &event.webhook).await?;
        if answer.status != 200 {
            let (status, body) = (answer.status, answer.body);
            bail!("event {} was answered {status}: {body}", event.stem);
        }
    }
    step.done("each answered 200");
    Ok(())
}

fn expected_files(events: &[Event]) -> Vec<ExpectedFile> {
    let media = events.iter().filter_map(|event| {
        let announced = event.announced.as_ref()?;
        Some(ExpectedFile {
            event: event.stem.clone(),
            message_id: announced.message_id.clone(),
            size_bytes: announced.size,
            sha256_hex: announced.sha256_hex.clone(),
        })
    });
    media.collect()
}

/// Waits until the bucket has that many files and no job is left, or until nothing more can come.
async fn wait_until_stored(stack: &Stack, count: usize, screen: &Screen) -> Result<()> {
    let step = screen.step("Waiting for the files");
    let begun = Instant::now();
    let queues = stack.outputs();
    loop {
        let stored = stack.bucket().list_keys().await?.len();
        let jobs = stack.queue_length(&queues.jobs_queue_url).await?;
        step.detail(format!("{stored} of {count} stored, {jobs} jobs in the queue"));
        if jobs == 0 && stored >= count {
            step.done(format!("{stored} stored"));
            return Ok(());
        }
        let parked = stack.queue_length(&queues.parked_queue_url).await?;
        let over = jobs == 0 && parked > 0;
        if over || begun.elapsed() > MAX_STORING_TIME {
            screen.say(format!("{stored} of {count} stored, {jobs} jobs left, {parked} parked"));
            // The comparison reports which are missing and why.
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn compare_files(
    stack: &Stack,
    expected: &[ExpectedFile],
    screen: &Screen,
) -> Result<Comparison> {
    let step = screen.step("Downloading every file and comparing it with what was sent");
    let bucket = stack.bucket();
    let stored = bucket.read_all().await?;
    let records = stack.media_records().await.context("the media table")?;
    let comparison = Comparison::compare(expected, &stored, &records);
    step.done(format!("{} files", stored.len()));
    let keys = stored.iter().map(|file| file.key.as_str());
    screen.say(format!("\n{}", tree::draw_tree(&stack.outputs().media_bucket, keys)));
    screen.say(format!("\n{}\n", comparison.render_table()));
    Ok(comparison)
}

fn report_result(
    comparison: &Comparison,
    expected: &[ExpectedFile],
    screen: &Screen,
) -> Result<()> {
    if !comparison.faults.is_empty() {
        let faults = comparison.faults.join("\n  ");
        bail!("the stored files differ from those that were sent:\n  {faults}\nSee make logs.");
    }
    screen.say(format!(
        "All {} files are in the bucket, byte for byte. \
         The stack keeps running: make ls, make logs, make down.",
        expected.len()
    ));
    Ok(())
}
