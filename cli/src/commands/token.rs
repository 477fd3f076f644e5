//! `wapi-media token`: changes the token with which W-API is asked.

use clap::{Args, Subcommand};
use media::ids::InstanceId;
use serde_json::json;

use crate::{checks::token::accept_token, exit::Exit, screen, session::Session};

/// What can be done with tokens.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Gives an instance another W-API token. W-API is asked whether it is right before it is
    /// stored.
    ///
    /// The token is read from standard input, or asked for on a terminal. The download function
    /// uses it within five minutes, or at once when W-API refuses the old one.
    #[command(after_help = "Example:\n  wapi-media token rotate LITE-AAAAAA-BBBBBB < token.txt")]
    Rotate(RotateToken),
}

/// An instance's new token.
#[derive(Args)]
pub(crate) struct RotateToken {
    /// The instance's id.
    instance: InstanceId,
    /// Store it although W-API refuses it.
    #[arg(long)]
    unchecked: bool,
}

/// Runs one verb.
pub(crate) async fn run_token(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    let Verb::Rotate(RotateToken { instance: id, unchecked }) = verb;
    let instance = session.find_instance(&id).await?;
    if !session.flags.may_change(&format!("give {id} another token"))? {
        return Ok(Exit::Ok);
    }
    let token = screen::read_token(id.as_str())?;
    if !unchecked {
        accept_token(&id, &token, session).await?;
    }
    session.register()?.set_token(&instance, &token).await?;
    let text = format!("Instance {id} has the new token.");
    session.flags.print(&json!({ "instance": id, "rotated": true }), text)?;
    Ok(Exit::Ok)
}
