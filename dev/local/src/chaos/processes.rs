//! The functions' processes that one MiniStack started, found by descent and by their program, and killed by their id.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::ministack::MiniStack;
use crate::run;

/// The system's folder with one folder per process.
const PROC: &str = "/proc";
/// What Lambda calls a function's program.
const PROGRAM: &str = "bootstrap";
/// The variable in which a function finds its name.
const NAME: &[u8] = b"AWS_LAMBDA_FUNCTION_NAME=";
/// A function is the child of MiniStack, which is the child of what ends it with us: more generations than there are.
const GENERATIONS: usize = 6;

/// Where a MiniStack's functions are to be found.
#[derive(Debug, Clone)]
pub(crate) struct Functions {
    ancestor: u32,
    folder: PathBuf,
}

/// A function that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    process: u32,
    /// As it was deployed.
    pub(crate) name: String,
}

impl Functions {
    /// Those of this MiniStack and of no other.
    ///
    /// # Errors
    /// If the machine has no `/proc`, or MiniStack's folder is gone.
    pub(crate) fn of(ministack: &MiniStack) -> Result<Self> {
        if !Path::new(PROC).join("self/exe").exists() {
            bail!(
                "killing functions needs {PROC}, which only Linux has. Remedy: run it in a Linux machine"
            );
        }
        let folder = ministack.temporary();
        let folder = folder
            .canonicalize()
            .with_context(|| format!("{} is gone", folder.display()))?;
        Ok(Self {
            ancestor: ministack.process(),
            folder,
        })
    }

    /// Those that run now.
    ///
    /// # Errors
    /// If the processes cannot be listed.
    pub(crate) fn running(&self) -> Result<Vec<Function>> {
        let mut running = Vec::new();
        for entry in std::fs::read_dir(PROC).context("the processes cannot be listed")? {
            let name = entry.context("the processes cannot be listed")?.file_name();
            let process = name.to_str().and_then(|name| name.parse().ok());
            // One that ends while it is looked at is none.
            if let Some(process) = process.filter(|process| self.is_ours(*process)) {
                let name = name_of(process).unwrap_or_default();
                running.push(Function { process, name });
            }
        }
        running.sort_unstable_by_key(|one| one.process);
        Ok(running)
    }

    /// Kills it if it still is what it was. It gets no chance to end anything.
    ///
    /// # Errors
    /// If there is no program `kill`.
    pub(crate) async fn kill(&self, function: &Function) -> Result<bool> {
        if !self.is_ours(function.process) {
            return Ok(false);
        }
        let mut kill = run::program("kill");
        kill.args(["-KILL", &function.process.to_string()]);
        let killed = kill.output().await.context("cannot start kill")?;
        Ok(killed.status.success())
    }

    /// Whether its program lies where this MiniStack unpacks functions, and this MiniStack started it.
    fn is_ours(&self, process: u32) -> bool {
        let program = std::fs::read_link(Path::new(PROC).join(process.to_string()).join("exe"));
        let is_function = program.is_ok_and(|program| {
            program.starts_with(&self.folder) && program.file_name() == Some(PROGRAM.as_ref())
        });
        is_function && self.is_descendant(process)
    }

    fn is_descendant(&self, process: u32) -> bool {
        std::iter::successors(Some(process), |one| parent(*one))
            .skip(1)
            .take(GENERATIONS)
            .any(|one| one == self.ancestor)
    }
}

/// The fourth word of `stat`; the second is a name in brackets, in which anything may stand.
fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(Path::new(PROC).join(process.to_string()).join("stat"));
    let stat = stat.ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn name_of(process: u32) -> Option<String> {
    let environment = Path::new(PROC).join(process.to_string()).join("environ");
    let environment = std::fs::read(environment).ok()?;
    let name = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(NAME))?;
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Functions, name_of, parent};

    #[test]
    fn a_process_that_is_no_function_of_this_ministack_is_never_found() {
        let functions = Functions {
            ancestor: std::process::id(),
            folder: std::env::temp_dir(),
        };
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("a child");
        let found = functions.running();
        let (father, is_ours) = (parent(child.id()), functions.is_ours(child.id()));
        child.kill().expect("our own child");
        child.wait().expect("its end");
        assert_eq!(found.expect("a list"), Vec::new());
        assert_eq!(father, Some(std::process::id()));
        assert!(!is_ours, "its program is another");
        assert_eq!(name_of(std::process::id()), None);
    }
}
