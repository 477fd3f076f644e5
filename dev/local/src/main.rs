//! The commands behind the Makefile: up, deploy, demo, chaos, ls, logs, down.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use local::demo::STACK_NAME;
use local::{Deployment, Project, Running, Screen, Stack, Tools, chaos, demo, forget, tree};

/// How often `logs --follow` looks for new lines.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// The whole product on this machine, without Docker or an account.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the local AWS, with what it held when it was last ended.
    Up {
        /// The port of 127.0.0.1 that it answers on.
        #[arg(long, env = "LOCAL_PORT", default_value_t = 4566)]
        port: u16,
    },
    /// Builds template.yaml and deploys it to the local AWS.
    Deploy {
        /// Where W-API is; the real one if not given.
        #[arg(long, env = "WAPI_BASE_URL")]
        wapi_base_url: Option<String>,
        /// Where WhatsApp's CDN is, separated by commas; the real one if not given.
        #[arg(long, env = "CDN_BASE_URLS")]
        cdn_base_urls: Option<String>,
    },
    /// Deploys to an empty local AWS, posts every webhook of events/, and compares what was stored with what was sent.
    Demo {
        /// The port of 127.0.0.1 that the local AWS answers on.
        #[arg(long, env = "LOCAL_PORT", default_value_t = 4566)]
        port: u16,
    },
    /// Posts webhooks to an empty local AWS of its own while functions are killed and origins are cut, and accounts for
    /// every media.
    Chaos {
        /// How many media are announced.
        #[arg(long, env = "CHAOS_COUNT", default_value_t = 2_000)]
        count: usize,
    },
    /// Shows the bucket's files.
    Ls,
    /// Shows the functions' log lines.
    Logs {
        /// Goes on with new lines as they come.
        #[arg(long, short)]
        follow: bool,
    },
    /// Ends the local AWS.
    Down {
        /// Also forgets what it held.
        #[arg(long)]
        forget: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::stdout();
    let ended = tokio::select! {
        ended = carry_out(Arguments::parse().command, &screen) => ended,
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

async fn carry_out(command: Command, screen: &Screen) -> Result<()> {
    let project = Project::here()?;
    match command {
        Command::Up { port } => up(&project, port, screen).await,
        Command::Deploy {
            wapi_base_url,
            cdn_base_urls,
        } => {
            let mut deployment = Deployment::named(STACK_NAME)?;
            for (name, value) in [
                ("WapiBaseUrl", wapi_base_url),
                ("CdnBaseUrls", cdn_base_urls),
            ] {
                if let Some(value) = value {
                    deployment = deployment.with(name, value);
                }
            }
            deploy(&project, &deployment, screen).await
        }
        Command::Demo { port } => demo::run(&project, port, screen).await,
        Command::Chaos { count } => chaos::run(&project, count, screen).await,
        Command::Ls => ls(&project, screen).await,
        Command::Logs { follow } => logs(&project, follow, screen).await,
        Command::Down { forget } => down(&project, forget, screen).await,
    }
}

async fn up(project: &Project, port: u16, screen: &Screen) -> Result<()> {
    let tools = Tools::find(project)?;
    let running = match Running::find(project).await? {
        Some(running) => running,
        None => {
            let step = screen.step("Starting the local AWS (MiniStack)");
            let running = Running::start(&tools, port).await?;
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

async fn deploy(project: &Project, deployment: &Deployment, screen: &Screen) -> Result<()> {
    let running = Running::expect(project).await?;
    let tools = Tools::find(project)?;
    let stack = Stack::deploy(&tools, running.endpoint(), deployment, screen).await?;
    screen.say(format!(
        "Webhooks arrive at {}/webhook/{{instanceId}}/{{secret}}. Next, a tenant and an instance (its token is asked for):\n",
        stack.webhook_base()
    ));
    for (name, value) in stack.environment() {
        screen.say(format!("  export {name}='{value}'"));
    }
    screen.say("  cargo run -q --bin wapi-media -- tenant add acme");
    screen.say("  cargo run -q --bin wapi-media -- instance add LITE-AAAAAA-BBBBBB --tenant acme");
    Ok(())
}

async fn ls(project: &Project, screen: &Screen) -> Result<()> {
    let stack = deployed(project).await?;
    let keys = stack.bucket().keys().await?;
    let drawn = tree::draw(
        &stack.outputs().media_bucket,
        keys.iter().map(String::as_str),
    );
    screen.say(drawn);
    Ok(())
}

async fn logs(project: &Project, follow: bool, screen: &Screen) -> Result<()> {
    let stack = deployed(project).await?;
    let groups = [
        &stack.outputs().webhook_logs,
        &stack.outputs().download_logs,
    ];
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
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}

async fn down(project: &Project, forgets: bool, screen: &Screen) -> Result<()> {
    match Running::find(project).await? {
        Some(running) => {
            let step = screen.step("Ending the local AWS");
            running.stop().await?;
            step.done("");
        }
        None => screen.say("No local stack is running."),
    }
    if forgets {
        forget(project)?;
    }
    Ok(())
}

async fn deployed(project: &Project) -> Result<Stack> {
    let running = Running::expect(project).await?;
    let tools = Tools::find(project)?;
    Stack::find(&tools, running.endpoint(), STACK_NAME).await
}
