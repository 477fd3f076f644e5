//! Ends work that has begun files when the person at the terminal, or the system, asks for it.

use anyhow::Context;

/// The work was interrupted. Its unfinished files were removed.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: what was not finished was removed")]
pub(crate) struct Interrupted;

/// Does the work, unless it is interrupted by Ctrl-C, the end of the terminal or `kill`: then the
/// work is dropped, which removes its unfinished files, and the error is [`Interrupted`].
pub(crate) async fn until_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        asked = wait_for_signal() => {
            asked?;
            Err(Interrupted.into())
        }
        done = work => done,
    }
}

#[cfg(unix)]
async fn wait_for_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| signal(kind).context("the command cannot listen for signals");
    let mut hangup = listen(SignalKind::hangup())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn wait_for_signal() -> anyhow::Result<()> {
    tokio::signal::ctrl_c().await.context("the command cannot listen for signals")
}
