//! The local stack that `make up` leaves running, for the next command to find.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::ministack::{self, Settings};
use crate::tools::Tools;
use crate::{Project, run};

/// Saving its state takes a moment; after this time, it hangs.
const MAX_STOP_TIME: Duration = Duration::from_secs(20);
/// The interval at which the process is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A MiniStack that outlives the command that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningStack {
    /// The process id of MiniStack.
    pub process: u32,
    /// The port on 127.0.0.1.
    pub port: u16,
}

impl RunningStack {
    /// Starts a MiniStack on this port with the saved state.
    ///
    /// # Errors
    /// If the port is taken or it does not answer in time.
    pub async fn start(tools: &Tools, port: u16) -> Result<Self> {
        let settings = Settings {
            port: Some(port),
            folder: state_folder(tools.project()),
            keeps_state: true,
            enforces_policies: false,
            environment: Vec::new(),
        };
        let (process, endpoint) = ministack::start_detached(tools, &settings).await?;
        let running = Self { process, port: endpoint.port() };
        let record = serde_json::to_string(&running).context("a record that is not JSON")?;
        std::fs::write(record_path(tools.project()), record).context("cannot write the record")?;
        Ok(running)
    }

    /// The MiniStack that was started last, if it still runs.
    ///
    /// # Errors
    /// If its record is invalid.
    pub async fn find(project: &Project) -> Result<Option<Self>> {
        let record = match std::fs::read_to_string(record_path(project)) {
            Ok(record) => record,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("cannot read the local stack's record"),
        };
        let running: Self = serde_json::from_str(&record)
            .with_context(|| format!("{} is broken; remove it", record_path(project).display()))?;
        Ok(running.is_ministack().await.then_some(running))
    }

    /// The MiniStack that was started last, or an error with the remedy.
    ///
    /// # Errors
    /// If none is running.
    pub async fn find_or_remedy(project: &Project) -> Result<Self> {
        match Self::find(project).await? {
            Some(running) => Ok(running),
            None => bail!(
                "no local stack is running. \
                 Remedy: make up (an empty one) or make demo (one with files in it)"
            ),
        }
    }

    /// The address it answers on.
    pub fn endpoint(self) -> Endpoint {
        Endpoint::at_port(self.port)
    }

    /// Signals the process by its id, and waits until it has ended.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(self) -> Result<()> {
        let begun = Instant::now();
        self.send_signal("TERM").await?;
        while self.is_ministack().await {
            if begun.elapsed() > MAX_STOP_TIME {
                bail!("MiniStack (process {}) does not end", self.process);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Whether the process runs and is a MiniStack: ids are reused.
    async fn is_ministack(self) -> bool {
        let id = self.process.to_string();
        let mut ps = run::build_command("ps");
        let said =
            run::run_captured(ps.args(["-o", "stat=", "-o", "command=", "-p", &id]), "").await;
        // A process that has ended is listed as Z until its parent reads its status.
        said.is_ok_and(|line| line.contains("ministack") && !line.trim_start().starts_with('Z'))
    }

    async fn send_signal(self, name: &str) -> Result<()> {
        let mut kill = run::build_command("kill");
        kill.args([format!("-{name}"), self.process.to_string()]);
        run::run_captured(&mut kill, "").await.map(drop)
    }
}

/// Deletes the local stack's state. It must not be running.
///
/// # Errors
/// If its folder cannot be removed.
pub fn delete_state(project: &Project) -> Result<()> {
    match std::fs::remove_dir_all(state_folder(project)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot remove the local stack's state")
        }
        _ => Ok(()),
    }
}

fn state_folder(project: &Project) -> PathBuf {
    project.local().join("stack")
}

fn record_path(project: &Project) -> PathBuf {
    state_folder(project).join("running.json")
}
