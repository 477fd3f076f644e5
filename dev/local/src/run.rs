//! Runs other programs: their output goes to a log, whose end is shown if they fail.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// How many of a failed program's last lines are shown.
const MAX_LINES_SHOWN: usize = 40;

/// The variables that cargo sets for the programs it starts. A nested cargo would take them for
/// its own settings and compile everything again.
const OUTER_CARGO_VARIABLES: [&str; 9] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "LD_LIBRARY_PATH",
    "OUT_DIR",
];

/// A command without the variables of the cargo that started this process.
pub(crate) fn build_command(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    for (key, _) in std::env::vars_os() {
        let foreign = key.to_str().is_some_and(|key| {
            key.starts_with("CARGO_PKG_") || OUTER_CARGO_VARIABLES.contains(&key)
        });
        if foreign {
            command.env_remove(key);
        }
    }
    command.kill_on_drop(true);
    command
}

/// `PATH` with these folders in front.
pub(crate) fn path_with(folders: &[PathBuf]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder with a colon in its name cannot be in PATH")
}

/// Runs a program with its output in `log`, and fails with the last lines if it fails.
pub(crate) async fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let out =
        std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context("cannot share the log")?;
    let shown = short_command(command);
    let status = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .status()
        .await
        .with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!(
            "{shown} {}\n{}\n(all of it: {})",
            describe_exit(status),
            last_lines(log),
            log.display()
        );
    }
    Ok(())
}

/// A program's exit code and output.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a program and returns its standard output; `input` is its standard input.
pub(crate) async fn run_captured(command: &mut Command, input: &str) -> Result<String> {
    let shown = short_command(command);
    let CommandOutput { code, out, err } = run_to_end(command, input).await?;
    match code {
        Some(0) => Ok(out),
        Some(code) => bail!("{shown} ended with exit code {code}\n{}", err.trim()),
        None => bail!("{shown} was killed by a signal\n{}", err.trim()),
    }
}

/// Runs a program, whatever its exit code; `input` is its standard input.
pub(crate) async fn run_to_end(command: &mut Command, input: &str) -> Result<CommandOutput> {
    use tokio::io::AsyncWriteExt as _;
    let shown = short_command(command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads no input may have closed it already.
        let written = stdin.write_all(input.as_bytes()).await;
        if !input.is_empty() {
            written.with_context(|| format!("cannot write to {shown}"))?;
        }
    }
    let output =
        child.wait_with_output().await.with_context(|| format!("cannot wait for {shown}"))?;
    let text =
        |bytes| String::from_utf8(bytes).with_context(|| format!("{shown} did not write text"));
    Ok(CommandOutput {
        code: output.status.code(),
        out: text(output.stdout)?,
        err: text(output.stderr)?,
    })
}

/// The last lines of a file, or the reason why they cannot be read.
pub(crate) fn last_lines(log: &Path) -> String {
    match std::fs::read(log) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let from = lines.len().saturating_sub(MAX_LINES_SHOWN);
            lines.get(from..).unwrap_or_default().join("\n")
        }
        Err(error) => format!("({}: {error})", log.display()),
    }
}

/// The program's name and its first two arguments, enough to recognise it; never all of them.
fn short_command(command: &Command) -> String {
    let command = command.as_std();
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = command.get_args().take(2);
    std::iter::once(name)
        .chain(words)
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn describe_exit(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was killed by a signal ({status})"),
    }
}
