//! `wapi-media token`: replaces the W-API token of an instance.

use clap::{Args, Subcommand};
use media::ids::InstanceId;
use serde_json::json;

use crate::{audit::AuditScope, checks::token::accept_token, exit::Exit, screen, session::Session};

/// The verbs of `wapi-media token`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Replaces an instance's W-API token, after checking the new one with W-API.
    ///
    /// The token is read from standard input, or from a prompt on a terminal. The download function
    /// uses it within five minutes, or at once when W-API refuses the old one.
    #[command(after_help = "Example:\n  wapi-media token rotate LITE-AAAAAA-BBBBBB < token.txt")]
    Rotate(RotateToken),
}

/// The instance whose token to replace.
#[derive(Args)]
pub(crate) struct RotateToken {
    /// The instance's id.
    instance: InstanceId,
    /// Do not check the token with W-API.
    #[arg(long)]
    unchecked: bool,
}

/// Runs a verb of `wapi-media token`.
pub(crate) async fn run_token(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    let Verb::Rotate(RotateToken { instance: id, unchecked }) = verb;
    let instance = session.find_instance(&id).await?;
    if !session.flags.may_change(&format!("replace the token of {id}"))? {
        return Ok(Exit::Ok);
    }
    let token = screen::read_token(id.as_str())?;
    if !unchecked {
        accept_token(&id, &token, session).await?;
    }
    let (register, scope) = (session.register()?, AuditScope::new("token rotate", "token"));
    let scope = scope.of_tenant(&instance.tenant).of_instance(&id);
    session.audit(scope, register.set_token(&instance, &token)).await??;
    let text = format!("Instance {id} has the new token.");
    session.flags.print(&json!({ "instance": id, "rotated": true }), text)?;
    Ok(Exit::Ok)
}
