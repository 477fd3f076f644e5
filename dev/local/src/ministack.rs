//! One MiniStack process, started and stopped by its process id.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::endpoint::Endpoint;
use crate::run;
use crate::tools::Tools;

/// It answers after about 1.5 seconds; a loaded machine takes longer.
const MAX_START_TIME: Duration = Duration::from_secs(90);
/// The interval at which its health is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Runs a program until standard input closes, which the kernel does when this process ends, in
/// whatever way. It then asks the program to stop, and kills it ten seconds later.
const TETHER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
( cat <&3 >/dev/null; kill -TERM $program; sleep 10; kill -KILL $program ) 2>/dev/null &
wait $program
"#;

/// The settings of a MiniStack.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port; `None` chooses a free one.
    pub port: Option<u16>,
    /// The folder of its log, its state and its temporary files.
    pub folder: PathBuf,
    /// Whether its state is kept for the next start.
    pub keeps_state: bool,
    /// Whether it enforces the roles' policies, as AWS does.
    pub enforces_policies: bool,
    /// More environment variables, which the functions inherit: for deliberate faults.
    pub environment: Vec<(&'static str, String)>,
}

impl Settings {
    /// A free port, no kept state, policies not enforced.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            port: None,
            folder: folder.into(),
            keeps_state: false,
            enforces_policies: false,
            environment: Vec::new(),
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("ministack.log")
    }
}

/// A running MiniStack, which stops when this value is dropped or the process ends.
#[derive(Debug)]
pub struct MiniStack {
    endpoint: Endpoint,
    tether: Child,
    /// The folder where it unpacks the functions, about 30 MB per run.
    temporary: PathBuf,
}

impl MiniStack {
    /// Starts a MiniStack and waits until it answers.
    ///
    /// # Errors
    /// If the port is taken or it does not answer in time.
    pub async fn start(tools: &Tools, settings: &Settings) -> Result<Self> {
        let port = prepare_start(settings)?;
        let mut tethered = std::process::Command::new("sh");
        tethered.args(["-c", TETHER, "sh"]).arg(tools.program_path("ministack"));
        let tether = spawn_process(tethered, Stdio::piped(), port, settings)?;
        let mut ministack = Self {
            endpoint: Endpoint::at_port(port),
            tether,
            temporary: settings.folder.join("tmp"),
        };
        wait_until_up(&mut ministack.tether, ministack.endpoint, settings).await?;
        Ok(ministack)
    }

    /// The address it answers on.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The process that started it and stops it: an ancestor of everything it starts.
    pub(crate) fn process_id(&self) -> u32 {
        self.tether.id()
    }

    /// The folder where it unpacks functions.
    pub(crate) fn temporary_folder(&self) -> &Path {
        &self.temporary
    }

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// If the process cannot be waited for, or its temporary files cannot be removed.
    pub fn stop(mut self) -> Result<()> {
        self.end_process().context("cannot stop MiniStack")
    }

    fn end_process(&mut self) -> std::io::Result<()> {
        drop(self.tether.stdin.take());
        self.tether.wait()?;
        match std::fs::remove_dir_all(&self.temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        // No caller is left for an error; git ignores a folder that cannot be removed.
        self.end_process().ok();
    }
}

/// Starts a MiniStack that outlives this process, waits until it answers, and returns its process
/// id.
///
/// # Errors
/// If the port is taken or it does not answer in time.
pub(crate) async fn start_detached(tools: &Tools, settings: &Settings) -> Result<(u32, Endpoint)> {
    use std::os::unix::process::CommandExt as _;
    let port = prepare_start(settings)?;
    let mut command = std::process::Command::new(tools.program_path("ministack"));
    command.process_group(0);
    let mut child = spawn_process(command, Stdio::null(), port, settings)?;
    let endpoint = Endpoint::at_port(port);
    let up = wait_until_up(&mut child, endpoint, settings).await;
    if up.is_err() {
        child.kill().ok();
        child.wait().ok();
    }
    up.map(|()| (child.id(), endpoint))
}

/// Checks that the port is free, or returns the remedy, and creates the folders.
fn prepare_start(settings: &Settings) -> Result<u16> {
    let port = free_port(settings.port)?;
    for name in ["state", "objects", "tmp"] {
        let folder = settings.folder.join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(port)
}

fn free_port(wanted: Option<u16>) -> Result<u16> {
    let wanted = wanted.unwrap_or(0);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(listener) => Ok(listener.local_addr().context("a listener without address")?.port()),
        Err(error) => bail!(
            "port {wanted} is taken ({error}). \
             Remedy: stop the process on that port (make down, if it is ours), \
             or choose another port: LOCAL_PORT=4567 make …"
        ),
    }
}

fn spawn_process(
    mut command: std::process::Command,
    stdin: Stdio,
    port: u16,
    settings: &Settings,
) -> Result<Child> {
    let log = std::fs::File::create(settings.log_path()).context("cannot write MiniStack's log")?;
    let same_log = log.try_clone().context("cannot share MiniStack's log")?;
    command
        .env_clear()
        .envs(ministack_environment(port, settings))
        .stdin(stdin)
        .stdout(log)
        .stderr(same_log)
        .spawn()
        .context("cannot start MiniStack")
}

/// Its whole environment. The functions inherit it, so nothing of the user's environment gets in.
fn ministack_environment(
    port: u16,
    settings: &Settings,
) -> Vec<(&'static str, std::ffi::OsString)> {
    let flag = |on: bool| std::ffi::OsString::from(if on { "1" } else { "0" });
    let folder = |name: &str| settings.folder.join(name).into_os_string();
    let mut all = vec![
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", folder("tmp")),
        ("TMPDIR", folder("tmp")),
        ("GATEWAY_PORT", port.to_string().into()),
        ("BIND_HOST", "127.0.0.1".into()),
        // Its own host name in URLs; an address would break the bucket's host-style ones.
        ("MINISTACK_HOST", "localhost".into()),
        ("PERSIST_STATE", flag(settings.keeps_state)),
        ("S3_PERSIST", flag(settings.keeps_state)),
        ("STATE_DIR", folder("state")),
        ("S3_DATA_DIR", folder("objects")),
        ("SFTP_ENABLED", flag(false)),
        ("IOT_MTLS_ENABLED", flag(false)),
        ("AUTH", settings.enforces_policies.to_string().into()),
    ];
    let ours = Endpoint::at_port(port).aws_environment();
    let ours = ours.into_iter().chain(settings.environment.clone());
    all.extend(ours.map(|(key, value)| (key, value.into())));
    all
}

async fn wait_until_up(child: &mut Child, endpoint: Endpoint, settings: &Settings) -> Result<()> {
    let begun = Instant::now();
    while !endpoint.is_up().await {
        let ended = child.try_wait().context("cannot check the MiniStack process")?;
        if ended.is_some() || begun.elapsed() > MAX_START_TIME {
            bail!("MiniStack did not start:\n{}", log_tail(&settings.log_path()));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

fn log_tail(log: &Path) -> String {
    run::last_lines(log)
}
