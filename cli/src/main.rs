//! `wapi-media`: the operator's command. One file per noun.

mod checks;
mod commands;
mod doctor;
mod examination;
mod exit;
mod odd_records;
mod policy;
mod random;
mod say;
mod screen;
mod session;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    commands::{
        backfill, cost, iam, instance, media, parked, replay, stats, tail, tenant, token, webhook,
    },
    exit::Exit,
    session::{Flags, Session},
};

/// Operates a stack that stores the media of W-API's webhooks.
///
/// The stack is found by its name in the AWS account and region that the AWS CLI would use.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 something needs a person, 2 wrong usage, 3 AWS failed, 4 W-API failed."
)]
struct Command {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Customers, each with a folder and rules of its own.
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// WhatsApp accounts connected to W-API, each belonging to one tenant.
    #[command(subcommand)]
    Instance(instance::Verb),
    /// The tokens with which W-API is asked.
    #[command(subcommand)]
    Token(token::Verb),
    /// Where W-API sends its events.
    #[command(subcommand)]
    Webhook(webhook::Verb),
    /// Stored files and the records of all media.
    #[command(subcommand)]
    Media(media::Verb),
    /// Jobs that wait for a person, each with its reason.
    #[command(subcommand)]
    Parked(parked::Verb),
    /// Posts webhooks again: from a file, from standard input, or a message from W-API's own log.
    Replay(replay::Replay),
    /// Posts again what W-API's own log of webhooks holds and is not stored.
    Backfill(backfill::Backfill),
    /// Counts what became of the media of each tenant, day by day.
    Stats(stats::Stats),
    /// Reckons what a month costs, from what was stored and a table of prices.
    Cost(cost::Cost),
    /// Shows the functions' log lines as they come.
    Tail(tail::Tail),
    /// Prints the IAM policy of those who watch or run this stack.
    Iam(iam::Iam),
    /// Examines the whole flow, from WhatsApp to the bucket, and names the root cause of what is
    /// wrong.
    Doctor(commands::doctor::Doctor),
    /// Prints the completions of a shell.
    Completion {
        /// Which shell.
        shell: Shell,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = Command::parse();
    match run_command(command).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::from_error(&error).into()
        }
    }
}

async fn run_command(Command { flags, noun }: Command) -> anyhow::Result<Exit> {
    if let Noun::Completion { shell } = noun {
        let mut out = std::io::stdout().lock();
        clap_complete::generate(shell, &mut Command::command(), "wapi-media", &mut out);
        return Ok(Exit::Ok);
    }
    let session = Session::open(flags).await?;
    match noun {
        Noun::Tenant(verb) => tenant::run_tenant(verb, &session).await,
        Noun::Instance(verb) => instance::run_instance(verb, &session).await,
        Noun::Token(verb) => token::run_token(verb, &session).await,
        Noun::Webhook(verb) => webhook::run_webhook(verb, &session).await,
        Noun::Parked(verb) => parked::run_redrive(verb, &session).await,
        Noun::Media(verb) => media::run_media(verb, &session).await,
        Noun::Replay(one) => replay::run_replay(one, &session).await,
        Noun::Backfill(backfill) => backfill::run_backfill(backfill, &session).await,
        Noun::Stats(stats) => stats::run_stats(stats, &session).await,
        Noun::Cost(cost) => cost::run_cost(cost, &session).await,
        Noun::Tail(tail) => tail::run_tail(tail, &session).await,
        Noun::Iam(iam) => iam::run_iam(iam, &session).await,
        Noun::Doctor(doctor) => commands::doctor::run_doctor(doctor, &session).await,
        Noun::Completion { .. } => Ok(Exit::Ok),
    }
}
