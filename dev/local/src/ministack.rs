//! One MiniStack process, started and ended by its process id.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::endpoint::Endpoint;
use crate::run;
use crate::tools::Tools;

/// It answers after about 1.5 seconds; a loaded machine takes longer.
const STARTS_WITHIN: Duration = Duration::from_secs(90);
/// How often it is asked whether it answers.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Runs a program until standard input closes, which the system does when we end, however we end. Then it asks the
/// program to end, and makes it end ten seconds later.
const TETHER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
( cat <&3 >/dev/null; kill -TERM $program; sleep 10; kill -KILL $program ) 2>/dev/null &
wait $program
"#;

/// How a MiniStack is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port, or a free one.
    pub port: Option<u16>,
    /// Where its log, its state and its temporary files go.
    pub folder: PathBuf,
    /// Whether a stop keeps what it holds for the next start.
    pub keeps_state: bool,
    /// Whether it enforces the roles' policies, as AWS does.
    pub enforces_policies: bool,
    /// More variables of its environment, which the functions inherit: for faults on purpose.
    pub environment: Vec<(&'static str, String)>,
}

impl Settings {
    /// A free port, nothing kept, policies not enforced.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            port: None,
            folder: folder.into(),
            keeps_state: false,
            enforces_policies: false,
            environment: Vec::new(),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("ministack.log")
    }
}

/// A running MiniStack that ends with this value, and with this process at the latest.
#[derive(Debug)]
pub struct MiniStack {
    endpoint: Endpoint,
    tether: Child,
    /// Where it unpacks the functions, about 30 MB a run.
    temporary: PathBuf,
}

impl MiniStack {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// If the port is taken or it does not answer in time.
    pub async fn start(tools: &Tools, settings: &Settings) -> Result<Self> {
        let port = prepare(settings)?;
        let mut tethered = std::process::Command::new("sh");
        tethered
            .args(["-c", TETHER, "sh"])
            .arg(tools.program("ministack"));
        let tether = spawn(tethered, Stdio::piped(), port, settings)?;
        let mut ministack = Self {
            endpoint: Endpoint::on(port),
            tether,
            temporary: settings.folder.join("tmp"),
        };
        wait_until_up(&mut ministack.tether, ministack.endpoint, settings).await?;
        Ok(ministack)
    }

    /// How it is reached.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The process that started it and ends it: an ancestor of everything it starts.
    pub(crate) fn process(&self) -> u32 {
        self.tether.id()
    }

    /// Where it unpacks functions.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Ends it and waits until it has ended.
    ///
    /// # Errors
    /// If the process cannot be waited for, or its temporary files cannot be removed.
    pub fn stop(mut self) -> Result<()> {
        self.end().context("ending MiniStack")
    }

    fn end(&mut self) -> std::io::Result<()> {
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
        // Nobody is left to tell: what cannot be waited for has ended, and what cannot be removed is ignored by git.
        self.end().ok();
    }
}

/// Starts one that outlives this process, waits until it answers, and returns its process id.
///
/// # Errors
/// If the port is taken or it does not answer in time.
pub(crate) async fn start_detached(tools: &Tools, settings: &Settings) -> Result<(u32, Endpoint)> {
    use std::os::unix::process::CommandExt as _;
    let port = prepare(settings)?;
    let mut command = std::process::Command::new(tools.program("ministack"));
    command.process_group(0);
    let mut child = spawn(command, Stdio::null(), port, settings)?;
    let endpoint = Endpoint::on(port);
    let up = wait_until_up(&mut child, endpoint, settings).await;
    if up.is_err() {
        child.kill().ok();
        child.wait().ok();
    }
    up.map(|()| (child.id(), endpoint))
}

/// Finds the port free or says the remedy, and makes the folders.
fn prepare(settings: &Settings) -> Result<u16> {
    let port = free_port(settings.port)?;
    for name in ["state", "objects", "tmp"] {
        let folder = settings.folder.join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    Ok(port)
}

fn free_port(wanted: Option<u16>) -> Result<u16> {
    let wanted = wanted.unwrap_or(0);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(listener) => Ok(listener
            .local_addr()
            .context("a listener without address")?
            .port()),
        Err(error) => bail!(
            "port {wanted} is taken ({error}). Remedy: end what listens there (make down, if it is ours), or choose another port: LOCAL_PORT=4567 make …"
        ),
    }
}

fn spawn(
    mut command: std::process::Command,
    stdin: Stdio,
    port: u16,
    settings: &Settings,
) -> Result<Child> {
    let log = std::fs::File::create(settings.log()).context("cannot write MiniStack's log")?;
    let same_log = log.try_clone().context("cannot share MiniStack's log")?;
    command
        .env_clear()
        .envs(environment(port, settings))
        .stdin(stdin)
        .stdout(log)
        .stderr(same_log)
        .spawn()
        .context("cannot start MiniStack")
}

/// All of its environment. The functions inherit it, so that nothing of the person's own gets in.
fn environment(port: u16, settings: &Settings) -> Vec<(&'static str, std::ffi::OsString)> {
    let flag = |on: bool| std::ffi::OsString::from(if on { "1" } else { "0" });
    let folder = |name: &str| settings.folder.join(name).into_os_string();
    let mut all = vec![
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", folder("tmp")),
        ("TMPDIR", folder("tmp")),
        ("GATEWAY_PORT", port.to_string().into()),
        ("BIND_HOST", "127.0.0.1".into()),
        // Its own name in URLs: an address would break the bucket's host-style ones.
        ("MINISTACK_HOST", "localhost".into()),
        ("PERSIST_STATE", flag(settings.keeps_state)),
        ("S3_PERSIST", flag(settings.keeps_state)),
        ("STATE_DIR", folder("state")),
        ("S3_DATA_DIR", folder("objects")),
        ("SFTP_ENABLED", flag(false)),
        ("IOT_MTLS_ENABLED", flag(false)),
        ("AUTH", settings.enforces_policies.to_string().into()),
    ];
    let ours = Endpoint::on(port).environment();
    let ours = ours.into_iter().chain(settings.environment.clone());
    all.extend(ours.map(|(key, value)| (key, value.into())));
    all
}

async fn wait_until_up(child: &mut Child, endpoint: Endpoint, settings: &Settings) -> Result<()> {
    let begun = Instant::now();
    while !endpoint.is_up().await {
        let ended = child.try_wait().context("cannot ask after MiniStack")?;
        if ended.is_some() || begun.elapsed() > STARTS_WITHIN {
            bail!("MiniStack did not start:\n{}", said(&settings.log()));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

fn said(log: &Path) -> String {
    run::tail(log)
}
