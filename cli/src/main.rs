//! `wapi-media`: the operator's command. One file per noun.

mod instance;
mod parked;

use clap::{Parser, Subcommand};

/// Operates a stack that stores the media of W-API's webhooks.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// WhatsApp accounts connected to W-API, each belonging to one tenant.
    #[command(subcommand)]
    Instance(instance::Verb),
    /// Jobs that wait for a person, each with its reason.
    #[command(subcommand)]
    Parked(parked::Verb),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Command::parse().noun {
        Noun::Instance(verb) => instance::run(verb).await,
        Noun::Parked(verb) => parked::run(verb).await,
    }
}
