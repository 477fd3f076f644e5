//! `make chaos`: webhooks arrive while functions are killed and origins are cut off; then every
//! media file is accounted for.
//!
//! A black-box test: it sees what an operator sees (answers of the API, objects, queues, records)
//! and nothing else.

mod disturbance;
mod drain;
mod evidence;
mod haste;
mod plan;
mod post;
mod processes;
mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accounting::{Account, AnnouncedMedia, Identity, SenderAnswer};
use anyhow::{Context, Result, bail};
use stand_in::StandIn;

use self::disturbance::Disturbance;
use self::plan::PlannedMessage;
use self::post::{Answers, Webhook};
use self::processes::Functions;
use self::report::Report;
use crate::{Deployment, MiniStack, Project, Screen, Settings, Stack, Tools};

/// The stack's name, and the name of its folder under `.local/`.
const NAME: &str = "chaos";
/// How long the disturbance goes on after the last webhook, while jobs are fetched and stored.
const GO_ON_FOR: Duration = Duration::from_mins(1);

/// The announced media messages, ready to be posted.
struct Announcement {
    media: Vec<AnnouncedMedia>,
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
}

/// Runs it with `count` media messages, on its own MiniStack, which stops afterwards.
///
/// # Errors
/// If anything cannot be started, a job is left at the end, or the audit has a complaint.
pub async fn run_chaos(project: &Project, count: usize, screen: &Screen) -> Result<()> {
    let tools = Tools::find(project)?;
    let folder = project.local_folder(&format!("{NAME}-{}", std::process::id()))?;
    let step = screen.step("Starting an empty local AWS (MiniStack)");
    let ministack = MiniStack::start(&tools, &Settings::in_folder(&folder)).await?;
    step.done(ministack.endpoint().url());
    let (origins, relays) = StandIn::start_behind_relays().await?;
    let deployment =
        Deployment::with_name(NAME)?.from_origins(origins.wapi_base(), origins.cdn_bases());
    let stack = Stack::deploy(&tools, ministack.endpoint(), &deployment, screen).await?;
    haste::shorten_waits(&stack).await?;
    let urls = register_instances(&stack, &origins, screen).await?;
    let announcement = announce_all(&origins, &urls, count, screen)?;
    let disturbance = Disturbance::new(Functions::new(&ministack)?, relays);
    let report = run_disturbed(&stack, announcement, disturbance, screen).await?;
    origins.shutdown().await;
    let concluded = report.conclude(screen);
    if concluded.is_ok() {
        ministack.stop()?;
        std::fs::remove_dir_all(&folder).context("the folder of this run")?;
    }
    concluded
}

/// Registers every instance on both sides, and returns the webhook URLs by instance.
async fn register_instances(
    stack: &Stack,
    origins: &StandIn,
    screen: &Screen,
) -> Result<HashMap<String, String>> {
    let compiling = screen.step("Compiling the command wapi-media");
    stack.build_wapi_media().await?;
    compiling.done("");
    let instances = plan::all_instances();
    let step = screen.step("Registering instances (wapi-media instance add)");
    let mut urls = HashMap::new();
    for instance in &instances {
        step.detail(&instance.instance);
        origins.register_instance(&instance.instance, &instance.token);
        let url = stack.add_instance(instance).await?;
        urls.insert(instance.instance.clone(), url);
    }
    step.done(urls.len());
    Ok(urls)
}

fn announce_all(
    origins: &StandIn,
    urls: &HashMap<String, String>,
    count: usize,
    screen: &Screen,
) -> Result<Announcement> {
    let step = screen.step("Generating media files");
    let (mut media, mut webhooks) = (Vec::new(), Vec::new());
    for PlannedMessage { tenant, spec, fate } in plan::plan_messages(count)? {
        let one = origins.announce(spec)?;
        let url = urls.get(&one.instance).context("an instance's URL")?;
        webhooks.push(Webhook { url: url.clone(), body: one.webhook.to_string().into_bytes() });
        media.push(AnnouncedMedia {
            identity: Identity::new(one.instance, one.message_id)
                .with_content(&one.chat, &one.sha256_hex),
            tenant: tenant.to_owned(),
            other_tenant: None,
            sha256: one.sha256_hex,
            told: SenderAnswer::Unsure,
            fate,
        });
    }
    step.done(media.len());
    Ok(Announcement { media, webhooks: Arc::new(webhooks), order: plan::posting_order(count) })
}

/// Posts under disturbance, waits until no job is left, and audits what is found.
async fn run_disturbed(
    stack: &Stack,
    announcement: Announcement,
    mut disturbance: Disturbance,
    screen: &Screen,
) -> Result<Report> {
    let Announcement { mut media, webhooks, order } = announcement;
    let begun = Instant::now();
    let posts = order.len();
    let answers = post_disturbed(webhooks, order, &mut disturbance, screen).await?;
    let done = disturbance.restore_origins()?;
    let step = screen.step("Waiting until no job is left");
    let left = drain::wait_until_empty(stack, &step).await?;
    let took = begun.elapsed();
    step.done(format!("{left} left"));
    for (one, told) in media.iter_mut().zip(sender_answers(&answers)) {
        one.told = told;
    }
    let step = screen.step("Reading every object, record and queue");
    let download = &stack.outputs().download_function;
    let killed = done.kills.get(download).copied().unwrap_or_default();
    let found = evidence::gather_evidence(stack, killed).await?;
    let log = stack.log_lines(&stack.outputs().download_logs).await?;
    step.done(format!("{} objects", found.evidence.objects.len()));
    Ok(Report {
        account: Account::new(&media, &found.evidence),
        webhooks: posts,
        repeated: plan::count_repeated(media.len()),
        answers: answers.status_counts,
        done,
        parked: report::count_by_class(&found.evidence.parked),
        outcomes: report::count_outcomes(&log),
        left,
        uploads_left_to_the_rule: found.uploads_left_to_the_rule,
        took,
    })
}

async fn post_disturbed(
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
    disturbance: &mut Disturbance,
    screen: &Screen,
) -> Result<Answers> {
    let step = screen.step(format!(
        "Posting {} webhooks while functions are killed and origins are cut",
        order.len()
    ));
    let posting = async {
        let answers = post::post_all(webhooks, order, &step).await;
        step.detail("all posted; killing and cutting goes on");
        tokio::time::sleep(GO_ON_FOR).await;
        answers
    };
    let answers = tokio::select! {
        answers = posting => answers?,
        stopped = disturbance.run_until_dropped() => {
            stopped?;
            bail!("the disturbance ended early");
        }
    };
    step.done("");
    Ok(answers)
}

/// The answers in the order of the media messages' numbers.
fn sender_answers(answers: &Answers) -> impl Iterator<Item = SenderAnswer> {
    answers.sender_answers.values().copied()
}
