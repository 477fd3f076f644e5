//! The functions that are deployed to a local stack: compiled by cargo with everything else, or by `sam build`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tools::Tools;
use crate::{lock, project, run, sam};

/// The lock that a build holds alone and deployments hold together, because they read what it writes.
pub(crate) const LOCK: &str = "build";

/// The functions' names: those of their folders, packages and binaries.
const FUNCTIONS: [&str; 3] = ["webhook", "download", "watch"];

/// Who compiles the functions, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Build {
    /// cargo, in the dev profile and for this machine, sharing every dependency with the tests: seconds after
    /// an edit. ARCHITECTURE.md lists what differs from [`Build::Sam`].
    #[default]
    Dev,
    /// `sam build`, as for AWS: the artefact that users deploy, for this machine's processor.
    Sam,
}

impl Build {
    /// Compiles what has changed, and returns the template to deploy, with each function's `bootstrap` where
    /// its `CodeUri` points.
    ///
    /// # Errors
    /// If something does not compile.
    pub async fn run(self, tools: &Tools) -> Result<PathBuf> {
        let _alone = lock::alone(tools.project(), LOCK).await?;
        match self {
            Self::Dev => build_with_cargo(tools).await,
            Self::Sam => build_with_sam(tools).await,
        }
    }
}

/// Compiles binaries of this workspace with the features of all of it, so that they share their dependencies
/// with the tests.
pub(crate) async fn build_binaries(tools: &Tools, names: &[&str]) -> Result<()> {
    let project = tools.project();
    let log = format!("cargo-build-{}.log", names.join("-"));
    let log = project.local_folder("logs")?.join(log);
    let mut cargo = run::program("cargo");
    cargo
        .current_dir(project.root())
        .args(["build", "--locked", "--workspace"]);
    for name in names {
        cargo.args(["--bin", name]);
    }
    run::logged(&mut cargo, &log).await
}

/// The template itself, in a folder where `functions/*/` hold nothing but the compiled functions.
async fn build_with_cargo(tools: &Tools) -> Result<PathBuf> {
    build_binaries(tools, &FUNCTIONS).await?;
    let project = tools.project();
    let folder = project.local_folder("build")?;
    for name in FUNCTIONS {
        let compiled = project.binary(name);
        let function = project.local_folder(&format!("build/functions/{name}"))?;
        link(&compiled, &function.join("bootstrap"))?;
    }
    let template = folder.join("template.yaml");
    copy(&project.template(), &template)?;
    Ok(template)
}

/// A second name of the same file: 150 MB are not copied after each build.
fn link(from: &Path, to: &Path) -> Result<()> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", to.display()));
        }
        _ => {}
    }
    std::fs::hard_link(from, to).or_else(|_| copy(from, to))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

async fn build_with_sam(tools: &Tools) -> Result<PathBuf> {
    tools.check_build()?;
    let project = tools.project();
    let log = project.local_folder("logs")?.join("sam-build.log");
    let architecture = format!("Architecture={}", project::architecture()?);
    let mut sam = sam::command(tools)?;
    sam.args(["build", "--config-env", "local", "--parameter-overrides"])
        .arg(architecture);
    run::logged(&mut sam, &log).await?;
    Ok(project.root().join(".aws-sam/build/template.yaml"))
}
