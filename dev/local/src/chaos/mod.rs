//! `make chaos`: webhooks arrive while functions are killed and origins are cut; then every media is accounted for.
//!
//! A black-box proof: it sees what an operator sees (answers of the API, objects, queues, records) and nothing of the
//! product's inside.

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

use accounting::{Account, Announced, Identity, Told};
use anyhow::{Context, Result, bail};
use stand_in::StandIn;

use self::disturbance::Disturbance;
use self::plan::Planned;
use self::post::{Answers, Webhook};
use self::processes::Functions;
use self::report::Report;
use crate::{Deployment, MiniStack, Project, Screen, Settings, Stack, Tools};

/// The stack's name, and that of its folder under `.local/`.
const NAME: &str = "chaos";
/// The disturbance outlasts the last webhook by this: jobs are fetched and stored meanwhile.
const GO_ON_FOR: Duration = Duration::from_mins(1);

/// What is announced, ready to be posted.
struct Announcement {
    media: Vec<Announced>,
    webhooks: Arc<Vec<Webhook>>,
    order: Vec<usize>,
}

/// Runs it with this many media, on a MiniStack of its own that ends with it.
///
/// # Errors
/// If anything cannot be started, a job is left in the end, or one promise was broken.
pub async fn run(project: &Project, count: usize, screen: &Screen) -> Result<()> {
    let tools = Tools::find(project)?;
    let folder = project.local_folder(&format!("{NAME}-{}", std::process::id()))?;
    let step = screen.step("Starting an empty local AWS (MiniStack)");
    let ministack = MiniStack::start(&tools, &Settings::in_folder(&folder)).await?;
    step.done(ministack.endpoint().url());
    let (origins, relays) = StandIn::start_behind_relays().await?;
    let deployment =
        Deployment::named(NAME)?.from_origins(origins.wapi_base(), origins.cdn_bases());
    let stack = Stack::deploy(&tools, ministack.endpoint(), &deployment, screen).await?;
    haste::shorten_waits(&stack).await?;
    let urls = register(&stack, &origins, screen).await?;
    let announcement = announce(&origins, &urls, count, screen)?;
    let disturbance = Disturbance::new(Functions::of(&ministack)?, relays);
    let report = prove(&stack, announcement, disturbance, screen).await?;
    origins.shutdown().await;
    let concluded = report.conclude(screen);
    if concluded.is_ok() {
        ministack.stop()?;
        std::fs::remove_dir_all(&folder).context("the folder of this run")?;
    }
    concluded
}

/// Registers every instance on both sides, and gives the URLs by instance.
async fn register(
    stack: &Stack,
    origins: &StandIn,
    screen: &Screen,
) -> Result<HashMap<String, String>> {
    let compiling = screen.step("Compiling the command wapi-media");
    stack.build_wapi_media().await?;
    compiling.done("");
    let instances = plan::instances();
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

fn announce(
    origins: &StandIn,
    urls: &HashMap<String, String>,
    count: usize,
    screen: &Screen,
) -> Result<Announcement> {
    let step = screen.step("Making media");
    let (mut media, mut webhooks) = (Vec::new(), Vec::new());
    for Planned { tenant, spec, fate } in plan::media(count)? {
        let one = origins.announce(spec)?;
        let url = urls.get(&one.instance).context("an instance's URL")?;
        webhooks.push(Webhook {
            url: url.clone(),
            body: one.webhook.to_string().into_bytes(),
        });
        media.push(Announced {
            identity: Identity::new(one.instance, one.message_id)
                .holding(&one.chat, &one.sha256_hex),
            tenant: tenant.to_owned(),
            sha256: one.sha256_hex,
            told: Told::Unsure,
            fate,
        });
    }
    step.done(media.len());
    Ok(Announcement {
        media,
        webhooks: Arc::new(webhooks),
        order: plan::order(count),
    })
}

/// Posts under disturbance, lets it come to rest, and looks at what there is.
async fn prove(
    stack: &Stack,
    announcement: Announcement,
    mut disturbance: Disturbance,
    screen: &Screen,
) -> Result<Report> {
    let Announcement {
        mut media,
        webhooks,
        order,
    } = announcement;
    let begun = Instant::now();
    let posts = order.len();
    let answers = post(webhooks, order, &mut disturbance, screen).await?;
    let done = disturbance.end()?;
    let step = screen.step("Waiting until no job is left");
    let left = drain::until_empty(stack, &step).await?;
    let took = begun.elapsed();
    step.done(format!("{left} left"));
    for (one, told) in media.iter_mut().zip(told(&answers)) {
        one.told = told;
    }
    let step = screen.step("Reading every object, record and queue");
    let download = &stack.outputs().download_function;
    let killed = done.kills.get(download).copied().unwrap_or_default();
    let found = evidence::gather(stack, killed).await?;
    let log = stack.log_lines(&stack.outputs().download_logs).await?;
    step.done(format!("{} objects", found.evidence.objects.len()));
    Ok(Report {
        account: Account::of(&media, &found.evidence),
        webhooks: posts,
        repeated: plan::repeated(media.len()),
        answers: answers.counted,
        done,
        parked: report::by_class(&found.evidence.parked),
        outcomes: report::outcomes(&log),
        left,
        uploads_left_to_the_rule: found.uploads_left_to_the_rule,
        took,
    })
}

async fn post(
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
        let answers = post::all(webhooks, order, &step).await;
        step.detail("all posted; killing and cutting goes on");
        tokio::time::sleep(GO_ON_FOR).await;
        answers
    };
    let answers = tokio::select! {
        answers = posting => answers?,
        stopped = disturbance.go_on() => {
            stopped?;
            bail!("the disturbance ended by itself");
        }
    };
    step.done("");
    Ok(answers)
}

/// In the order of the media's numbers.
fn told(answers: &Answers) -> impl Iterator<Item = Told> {
    answers.told.values().copied()
}
