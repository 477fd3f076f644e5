//! `wapi-media`: the operator's command. Parses the arguments and runs one noun of `commands/`.

#![warn(clippy::print_stderr)]

mod audit;
mod checks;
mod commands;
mod doctor;
mod ends;
mod examination;
mod exit;
mod holds;
mod interrupt;
mod odd_records;
mod owners;
mod person;
mod policy;
mod private_file;
mod random;
mod say;
mod screen;
mod session;
#[cfg(test)]
mod tests;
mod version;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    commands::{
        audit as audit_noun, backfill, cost, hold, iam, instance, media, parked, people, receiver,
        replay, stats, tail, tenant, token, webhook,
    },
    exit::Exit,
    session::{Flags, Session},
};

/// Operates a stack that stores the media files announced by W-API's webhooks.
///
/// The stack is found by its name in the AWS account and region that the AWS CLI would use.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 something needs attention, 2 wrong usage, 3 AWS failed, \
        4 W-API failed."
)]
struct Command {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Adds, lists, changes and removes tenants: customers, each with a folder and rules.
    #[command(subcommand)]
    Tenant(tenant::Verb),
    /// Registers, checks, pauses and removes instances: WhatsApp accounts connected to W-API.
    #[command(subcommand)]
    Instance(instance::Verb),
    /// Replaces the W-API token of an instance.
    #[command(subcommand)]
    Token(token::Verb),
    /// Registers, shows and verifies the webhook URLs that W-API sends events to.
    #[command(subcommand)]
    Webhook(webhook::Verb),
    /// Passes webhooks on to applications of tenants, signed.
    #[command(subcommand)]
    Receiver(receiver::Verb),
    /// Finds, downloads, exports and erases media files and their records.
    #[command(subcommand)]
    Media(media::Verb),
    /// Adds, lists and releases holds, which keep media from being erased.
    #[command(subcommand)]
    Hold(hold::Verb),
    /// Lists, redrives and drops parked jobs: jobs that failed and wait for an operator.
    #[command(subcommand)]
    Parked(parked::Verb),
    /// Shows which LID belongs to which phone number, as webhooks said.
    #[command(subcommand)]
    People(people::Verb),
    /// Shows who looked at, handed out, changed or erased what, and when.
    #[command(subcommand)]
    Audit(audit_noun::Verb),
    /// Posts webhooks again: from a file, from standard input, or one message of W-API's log.
    Replay(replay::Replay),
    /// Posts again the webhooks of W-API's log whose media files are not stored.
    Backfill(backfill::Backfill),
    /// Counts announced, stored, skipped and parked media per tenant and day.
    Stats(stats::Stats),
    /// Estimates the cost of a month from the recorded media and a table of prices.
    Cost(cost::Cost),
    /// Shows the functions' log lines as they arrive.
    Tail(tail::Tail),
    /// Prints an IAM policy for people who watch or operate this stack.
    Iam(iam::Iam),
    /// Checks the whole flow, from WhatsApp to the bucket, and names the root cause of a
    /// failure.
    Doctor(commands::doctor::Doctor),
    /// Prints a shell's completion script.
    Completion {
        /// The shell.
        shell: Shell,
    },
}

impl Noun {
    /// Whether the verb changes or erases something of the stack, or posts webhooks. Only verbs
    /// that are known to read are excepted. (`parked list` and `show` write records of jobs that
    /// SQS parked.)
    fn changes_stack(&self) -> bool {
        match self {
            Self::Tenant(verb) => !matches!(verb, tenant::Verb::List | tenant::Verb::Show(_)),
            Self::Instance(verb) => !matches!(
                verb,
                instance::Verb::List { .. } | instance::Verb::Show(_) | instance::Verb::Check(_)
            ),
            Self::Receiver(verb) => !matches!(
                verb,
                receiver::Verb::List { .. }
                    | receiver::Verb::Show(_)
                    | receiver::Verb::Test(_)
                    | receiver::Verb::Deliveries { .. }
            ),
            Self::Webhook(verb) => !matches!(verb, webhook::Verb::Show(_)),
            Self::Media(verb) => !matches!(
                verb,
                media::Verb::Find(_)
                    | media::Verb::Show(_)
                    | media::Verb::Ls { .. }
                    | media::Verb::Presign { .. }
                    | media::Verb::Download { .. }
                    | media::Verb::Export(_)
                    | media::Verb::Verify(_)
                    | media::Verb::Orders { .. }
                    | media::Verb::Scans(_)
                    | media::Verb::Audit(_)
            ),
            Self::Hold(verb) => !matches!(verb, hold::Verb::List { .. }),
            Self::Token(_) | Self::Parked(_) | Self::Replay(_) | Self::Backfill(_) => true,
            Self::People(_)
            | Self::Audit(_)
            | Self::Stats(_)
            | Self::Cost(_)
            | Self::Tail(_)
            | Self::Iam(_)
            | Self::Doctor(_)
            | Self::Completion { .. } => false,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return refuse_arguments(&error),
    };
    match run_command(command).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            screen::print_error(&format!("error: {error:#}"));
            Exit::from_error(&error).into()
        }
    }
}

/// Prints the help, or why the arguments are refused. They may contain a message id, which its
/// sender chose: if it would steer the terminal, the text is printed without colours.
fn refuse_arguments(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if screen::replace_control(&text) == text {
        error.exit();
    }
    screen::print_error(text.trim_end());
    Exit::Usage.into()
}

async fn run_command(Command { flags, noun }: Command) -> anyhow::Result<Exit> {
    if let Noun::Completion { shell } = noun {
        let mut out = std::io::stdout().lock();
        clap_complete::generate(shell, &mut Command::command(), "wapi-media", &mut out);
        return Ok(Exit::Ok);
    }
    let session = Session::open(flags).await?;
    version::check_version(session.stack.version(), noun.changes_stack())?;
    match noun {
        Noun::Tenant(verb) => tenant::run_tenant(verb, &session).await,
        Noun::Instance(verb) => instance::run_instance(verb, &session).await,
        Noun::Token(verb) => token::run_token(verb, &session).await,
        Noun::Webhook(verb) => webhook::run_webhook(verb, &session).await,
        Noun::Receiver(verb) => receiver::run_receiver(verb, &session).await,
        Noun::Parked(verb) => parked::run_parked(verb, &session).await,
        Noun::Hold(verb) => hold::run_hold(verb, &session).await,
        Noun::Media(verb) => media::run_media(verb, &session).await,
        Noun::People(verb) => people::run_people(verb, &session).await,
        Noun::Audit(verb) => audit_noun::run_audit(verb, &session).await,
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
