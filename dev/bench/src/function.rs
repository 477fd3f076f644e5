//! A function's process, started as Lambda starts it, with the time, processor and memory it took.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::{
    cgroup::{Cgroup, MB_PER_CORE},
    peers::Program,
    runtime_api::RuntimeApi,
};

/// After this time, something hangs.
const MAX_TIME: Duration = Duration::from_mins(5);

/// What a step took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// A running function. Its process ends when it is dropped; [`Self::stop`] also waits for that.
pub(crate) struct Function {
    child: Child,
    api: RuntimeApi,
    cgroup: Option<Cgroup>,
    started: Instant,
    memory_mb: Option<u32>,
    log: PathBuf,
}

impl Function {
    /// Starts a process. It has a whole processor until [`Self::set_memory`].
    pub(crate) async fn start(program: &Program) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let cgroup = Cgroup::make(&format!("wapi-bench-{}-{number}", std::process::id()));
        let api = RuntimeApi::start().await?;
        let mut command = match &cgroup {
            None => Command::new(&program.path),
            Some(cgroup) => join_first(cgroup, program),
        };
        let log = fs::File::create(&program.log).context("the log of a function")?;
        command
            .args(&program.arguments)
            .current_dir(&program.folder)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn();
        let child = child.with_context(|| format!("{} does not start", program.path.display()))?;
        let log = program.log.clone();
        Ok(Self { child, api, cgroup, started, memory_mb: None, log })
    }

    /// Waits until init is over, and returns what it took.
    pub(crate) async fn wait_for_init(&mut self) -> Result<Taken> {
        let ready = tokio::select! {
            ready = tokio::time::timeout(MAX_TIME, self.api.wait_until_ready()) => ready,
            ended = self.child.wait() => bail!("ended in init: {ended:?}; {}", self.last_lines()),
        };
        let wall = ready.context("init hangs")?? - self.started;
        Ok(Taken { wall, cpu: self.cpu_time()? })
    }

    /// Limits the processor as Lambda does for this much memory, or, where that is impossible,
    /// lengthens the times that [`Self::invoke`] returns.
    pub(crate) fn set_memory(&mut self, memory_mb: u32) {
        self.memory_mb = Some(memory_mb);
        if let Some(cgroup) = &self.cgroup
            && cgroup.set_memory(memory_mb)
        {
            self.memory_mb = None;
        }
    }

    /// Gives the function an invocation, and returns its answer and what it took.
    pub(crate) async fn invoke(&mut self, event: String) -> Result<(String, Taken)> {
        let before = self.cpu_time()?;
        let answered = tokio::select! {
            answered = tokio::time::timeout(MAX_TIME, self.api.invoke(event)) => answered,
            ended = self.child.wait() => bail!("ended: {ended:?}; {}", self.last_lines()),
        };
        let (answer, mut wall) = match answered.context("an invocation hangs")? {
            Ok(answered) => answered,
            Err(failure) => bail!("{failure:#}; {}", self.last_lines()),
        };
        let cpu = self.cpu_time()?.saturating_sub(before);
        if let Some(memory_mb) = self.memory_mb {
            // Without a quota, the processor's share of the time is as much longer.
            let factor = (MB_PER_CORE / f64::from(memory_mb)).max(1.0) - 1.0;
            wall += cpu.mul_f64(factor);
        }
        Ok((answer, Taken { wall, cpu }))
    }

    /// The processor time so far: of the group, or of the process's threads that still run.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        if let Some(time) = self.cgroup.as_ref().and_then(Cgroup::cpu_time) {
            return Ok(time);
        }
        let id = self.child.id().context("the function has ended")?;
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{id}/task")).context("this needs Linux")? {
            let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The process's peak memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let id = self.child.id().context("the function has ended")?;
        let status =
            fs::read_to_string(format!("/proc/{id}/status")).context("this needs Linux")?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Asks the process to end, so that a tool around it can still write, and waits for that.
    pub(crate) async fn end_gently(mut self) -> Result<()> {
        let id = self.child.id().context("the function has ended")?;
        let asked = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        anyhow::ensure!(asked.success(), "the process cannot be ended: {asked}");
        tokio::time::timeout(MAX_TIME, self.child.wait()).await.context("it does not end")??;
        Ok(())
    }

    /// Ends the process and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    fn last_lines(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// A shell that joins the group and then becomes the program.
fn join_first(cgroup: &Cgroup, program: &Program) -> Command {
    let joins = cgroup.members().into_iter().map(|file| format!("echo $$ >{}; ", file.display()));
    let script = joins.collect::<String>() + "exec \"$0\" \"$@\"";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).arg(&program.path);
    command
}

/// Whether this machine can limit a function's processor.
pub(crate) fn has_quota() -> bool {
    Cgroup::make(&format!("wapi-bench-{}-probe", std::process::id())).is_some()
}
