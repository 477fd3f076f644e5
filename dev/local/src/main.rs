//! The commands behind the Makefile: up, deploy, demo, chaos, ls, logs, down.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use local::demo::STACK_NAME;
use local::{
    Deployment, Project, RunningStack, Screen, Stack, Tools, chaos, delete_state, demo, tree,
};

/// The interval at which `logs --follow` reads new lines.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// The whole product on this machine, without Docker or an account.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the local AWS with the state it had when it was last stopped.
    Up {
        /// The port of 127.0.0.1 that it answers on.
        #[arg(long, env = "LOCAL_PORT", default_value_t = 4566)]
        port: u16,
    },
    /// Builds template.yaml and deploys it to the local AWS.
    Deploy {
        /// W-API's base URL; by default the real one.
        #[arg(long, env = "WAPI_BASE_URL")]
        wapi_base_url: Option<String>,
        /// The CDN's base URLs, separated by commas; by default the real ones.
        #[arg(long, env = "CDN_BASE_URLS")]
        cdn_base_urls: Option<String>,
    },
    /// Deploys to an empty local AWS, posts every webhook of events/, and compares the stored files
    /// with what was sent.
    Demo {
        /// The port of 127.0.0.1 that the local AWS answers on.
        #[arg(long, env = "LOCAL_PORT", default_value_t = 4566)]
        port: u16,
    },
    /// Posts webhooks to its own empty local AWS while functions are killed and origins are cut
    /// off, and accounts for every media file.
    Chaos {
        /// The number of media messages.
        #[arg(long, env = "CHAOS_COUNT", default_value_t = 2_000)]
        count: usize,
    },
    /// Shows the bucket's files.
    Ls,
    /// Shows the functions' log lines.
    Logs {
        /// Keeps running and shows new lines.
        #[arg(long, short)]
        follow: bool,
    },
    /// Stops the local AWS.
    Down {
        /// Also deletes its state.
        #[arg(long)]
        forget: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::stdout();
    let ended = tokio::select! {
        ended = run_command(Arguments::parse().command, &screen) => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen.say(format!("\nerror: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run_command(command: Command, screen: &Screen) -> Result<()> {
    let project = Project::find()?;
    match command {
        Command::Up { port } => start_stack(&project, port, screen).await,
        Command::Deploy { wapi_base_url, cdn_base_urls } => {
            let mut deployment = Deployment::with_name(STACK_NAME)?;
            for (name, value) in [("WapiBaseUrl", wapi_base_url), ("CdnBaseUrls", cdn_base_urls)] {
                if let Some(value) = value {
                    deployment = deployment.with_parameter(name, value);
                }
            }
            deploy_stack(&project, &deployment, screen).await
        }
        Command::Demo { port } => demo::run_demo(&project, port, screen).await,
        Command::Chaos { count } => chaos::run_chaos(&project, count, screen).await,
        Command::Ls => list_files(&project, screen).await,
        Command::Logs { follow } => show_logs(&project, follow, screen).await,
        Command::Down { forget } => stop_stack(&project, forget, screen).await,
    }
}

async fn start_stack(project: &Project, port: u16, screen: &Screen) -> Result<()> {
    let tools = Tools::find(project)?;
    let running = match RunningStack::find(project).await? {
        Some(running) => running,
        None => {
            let step = screen.step("Starting the local AWS (MiniStack)");
            let running = RunningStack::start(&tools, port).await?;
            step.done("");
            running
        }
    };
    let (url, process) = (running.endpoint().url(), running.process);
    screen.say(format!(
        "The local AWS answers on {url} (process {process}). Next: make deploy-local"
    ));
    Ok(())
}

async fn deploy_stack(project: &Project, deployment: &Deployment, screen: &Screen) -> Result<()> {
    let running = RunningStack::find_or_remedy(project).await?;
    let tools = Tools::find(project)?;
    let stack = Stack::deploy(&tools, running.endpoint(), deployment, screen).await?;
    screen.say(format!(
        "Webhooks arrive at {}/webhook/{{instanceId}}/{{secret}}. \
         Next, a tenant and an instance (its token is asked for):\n",
        stack.webhook_base()
    ));
    for (name, value) in stack.command_environment() {
        screen.say(format!("  export {name}='{value}'"));
    }
    screen.say("  cargo run -q --bin wapi-media -- tenant add acme");
    screen.say("  cargo run -q --bin wapi-media -- instance add LITE-AAAAAA-BBBBBB --tenant acme");
    Ok(())
}

async fn list_files(project: &Project, screen: &Screen) -> Result<()> {
    let stack = find_deployed(project).await?;
    let keys = stack.bucket().list_keys().await?;
    let drawn = tree::draw_tree(&stack.outputs().media_bucket, keys.iter().map(String::as_str));
    screen.say(drawn);
    Ok(())
}

async fn show_logs(project: &Project, follow: bool, screen: &Screen) -> Result<()> {
    let stack = find_deployed(project).await?;
    let groups = [&stack.outputs().webhook_logs, &stack.outputs().download_logs];
    let mut shown = [0, 0];
    loop {
        for (group, shown) in groups.iter().zip(&mut shown) {
            let lines = stack.log_lines(group).await?;
            for line in lines.iter().skip(*shown) {
                screen.say(line);
            }
            *shown = lines.len();
        }
        if !follow {
            return Ok(());
        }
        tokio::time::sleep(FOLLOW_INTERVAL).await;
    }
}

async fn stop_stack(project: &Project, forgets: bool, screen: &Screen) -> Result<()> {
    match RunningStack::find(project).await? {
        Some(running) => {
            let step = screen.step("Stopping the local AWS");
            running.stop().await?;
            step.done("");
        }
        None => screen.say("No local stack is running."),
    }
    if forgets {
        delete_state(project)?;
    }
    Ok(())
}

async fn find_deployed(project: &Project) -> Result<Stack> {
    let running = RunningStack::find_or_remedy(project).await?;
    let tools = Tools::find(project)?;
    Stack::find(&tools, running.endpoint(), STACK_NAME).await
}
