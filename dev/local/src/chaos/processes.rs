//! The processes of the functions that one MiniStack started, found by their parent and program,
//! and killed by their id.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::ministack::MiniStack;
use crate::run;

/// The kernel's folder with one folder per process.
const PROC: &str = "/proc";
/// The name of a function's program in Lambda.
const PROGRAM: &str = "bootstrap";
/// The variable that holds a function's name.
const NAME: &[u8] = b"AWS_LAMBDA_FUNCTION_NAME=";
/// Maximum number of generations between a function and MiniStack's own parent; there are fewer.
const MAX_GENERATIONS: usize = 6;

/// Finds the functions of a MiniStack.
#[derive(Debug, Clone)]
pub(crate) struct Functions {
    ancestor: u32,
    folder: PathBuf,
}

/// A running process of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    process: u32,
    /// The name it was deployed with.
    pub(crate) name: String,
}

impl Functions {
    /// The functions of this MiniStack only.
    ///
    /// # Errors
    /// If the machine has no `/proc`, or MiniStack's folder is gone.
    pub(crate) fn new(ministack: &MiniStack) -> Result<Self> {
        if !Path::new(PROC).join("self/exe").exists() {
            bail!(
                "killing functions needs {PROC}, which only Linux has. \
                 Remedy: run it in a Linux machine"
            );
        }
        let folder = ministack.temporary_folder();
        let folder =
            folder.canonicalize().with_context(|| format!("{} is gone", folder.display()))?;
        Ok(Self { ancestor: ministack.process_id(), folder })
    }

    /// The functions that run now.
    ///
    /// # Errors
    /// If the processes cannot be listed.
    pub(crate) fn list_running(&self) -> Result<Vec<Function>> {
        let mut running = Vec::new();
        for entry in std::fs::read_dir(PROC).context("the processes cannot be listed")? {
            let name = entry.context("the processes cannot be listed")?.file_name();
            let process = name.to_str().and_then(|name| name.parse().ok());
            // A process that ends meanwhile is not a function.
            if let Some(process) = process.filter(|process| self.is_function(*process)) {
                let name = name_of(process).unwrap_or_default();
                running.push(Function { process, name });
            }
        }
        running.sort_unstable_by_key(|one| one.process);
        Ok(running)
    }

    /// Kills the process if it is still the same function. It gets no chance to clean up.
    ///
    /// # Errors
    /// If the program `kill` does not exist.
    pub(crate) async fn kill_process(&self, function: &Function) -> Result<bool> {
        if !self.is_function(function.process) {
            return Ok(false);
        }
        let mut kill = run::build_command("kill");
        kill.args(["-KILL", &function.process.to_string()]);
        let killed = kill.output().await.context("cannot start kill")?;
        Ok(killed.status.success())
    }

    /// Whether its program is in the folder where this MiniStack unpacks functions, and this
    /// MiniStack started it.
    fn is_function(&self, process: u32) -> bool {
        let program = std::fs::read_link(Path::new(PROC).join(process.to_string()).join("exe"));
        let is_function = program.is_ok_and(|program| {
            program.starts_with(&self.folder) && program.file_name() == Some(PROGRAM.as_ref())
        });
        is_function && self.is_descendant(process)
    }

    fn is_descendant(&self, process: u32) -> bool {
        std::iter::successors(Some(process), |one| parent_of(*one))
            .skip(1)
            .take(MAX_GENERATIONS)
            .any(|one| one == self.ancestor)
    }
}

/// The fourth word of `stat`. The second is a name in parentheses, which may contain anything.
fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(Path::new(PROC).join(process.to_string()).join("stat"));
    let stat = stat.ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn name_of(process: u32) -> Option<String> {
    let environment = Path::new(PROC).join(process.to_string()).join("environ");
    let environment = std::fs::read(environment).ok()?;
    let name =
        environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(NAME))?;
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Functions, name_of, parent_of};

    #[test]
    fn foreign_processes_are_not_found() {
        let functions = Functions { ancestor: std::process::id(), folder: std::env::temp_dir() };
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let found = functions.list_running();
        let (father, is_ours) = (parent_of(child.id()), functions.is_function(child.id()));
        child.kill().expect("our own child");
        child.wait().expect("its end");
        assert_eq!(found.expect("a list"), Vec::new());
        assert_eq!(father, Some(std::process::id()));
        assert!(!is_ours, "its program is not a function");
        assert_eq!(name_of(std::process::id()), None);
    }
}
