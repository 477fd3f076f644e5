//! The local stack that `make up` leaves running, found again by the next command.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::ministack::{self, Settings};
use crate::tools::Tools;
use crate::{Project, run};

/// Writing its state to disk takes a moment; longer than this it hangs.
const ENDS_WITHIN: Duration = Duration::from_secs(20);
/// How often it is asked whether it still runs.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A MiniStack that outlives the command that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process id.
    pub process: u32,
    /// Its port.
    pub port: u16,
}

impl Running {
    /// Starts one on this port, with what the last one held.
    ///
    /// # Errors
    /// If the port is taken or it does not answer in time.
    pub async fn start(tools: &Tools, port: u16) -> Result<Self> {
        let settings = Settings {
            port: Some(port),
            folder: folder(tools.project()),
            keeps_state: true,
            enforces_policies: false,
            environment: Vec::new(),
        };
        let (process, endpoint) = ministack::start_detached(tools, &settings).await?;
        let running = Self {
            process,
            port: endpoint.port(),
        };
        let record = serde_json::to_string(&running).context("a record that is not JSON")?;
        std::fs::write(record_path(tools.project()), record).context("cannot write the record")?;
        Ok(running)
    }

    /// The one that was started last, if it still runs.
    ///
    /// # Errors
    /// If its record cannot be understood.
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

    /// The one that was started last, or the remedy.
    ///
    /// # Errors
    /// If none runs.
    pub async fn expect(project: &Project) -> Result<Self> {
        match Self::find(project).await? {
            Some(running) => Ok(running),
            None => bail!(
                "no local stack is running. Remedy: make up (an empty one) or make demo (one with files in it)"
            ),
        }
    }

    /// How it is reached.
    pub fn endpoint(self) -> Endpoint {
        Endpoint::on(self.port)
    }

    /// Asks it to end, by its process id, and waits until it has.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(self) -> Result<()> {
        let begun = Instant::now();
        self.signal("TERM").await?;
        while self.is_ministack().await {
            if begun.elapsed() > ENDS_WITHIN {
                bail!("MiniStack (process {}) does not end", self.process);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Whether the process runs and is a MiniStack: ids are used again.
    async fn is_ministack(self) -> bool {
        let id = self.process.to_string();
        let mut ps = run::program("ps");
        let said = run::captured(ps.args(["-o", "stat=", "-o", "command=", "-p", &id]), "").await;
        // A process that has ended is still listed, as Z, until whoever started it has looked.
        said.is_ok_and(|line| line.contains("ministack") && !line.trim_start().starts_with('Z'))
    }

    async fn signal(self, name: &str) -> Result<()> {
        let mut kill = run::program("kill");
        kill.args([format!("-{name}"), self.process.to_string()]);
        run::captured(&mut kill, "").await.map(drop)
    }
}

/// Forgets everything that the local stack held. It must not be running.
///
/// # Errors
/// If its folder cannot be removed.
pub fn forget(project: &Project) -> Result<()> {
    match std::fs::remove_dir_all(folder(project)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot remove the local stack's state")
        }
        _ => Ok(()),
    }
}

fn folder(project: &Project) -> PathBuf {
    project.local().join("stack")
}

fn record_path(project: &Project) -> PathBuf {
    folder(project).join("running.json")
}
