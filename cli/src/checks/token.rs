//! Checks with W-API that a token is right, before it is stored.

use anyhow::Context;
use fetch::account::AccountError;
use media::{ids::InstanceId, message::Secret};

use crate::{
    screen,
    session::{Session, as_instance},
};

/// Fails if W-API refuses the token. If W-API does not answer, prints a warning and accepts it.
pub(crate) async fn accept_token(
    instance: &InstanceId,
    token: &Secret,
    session: &Session,
) -> anyhow::Result<()> {
    let asked = session.wapi()?.fetch_status(as_instance(instance, token)).await;
    match asked {
        Ok(status) if status.connected => {}
        Ok(_) => {
            screen::print_error(&format!(
                "warning: W-API accepts the token, but {instance} is not connected to WhatsApp"
            ));
        }
        Err(error) if error.is_unauthorized() => {
            return Err(error)
                .context(format!("W-API refuses the token for {instance}; nothing was changed"));
        }
        Err(
            error @ (AccountError::Refused { .. }
            | AccountError::NoAnswer { .. }
            | AccountError::Unreadable { .. }),
        ) => {
            screen::print_error(&format!("warning: the token could not be checked: {error}"));
        }
    }
    Ok(())
}
