//! The functions for a local stack: compiled by cargo with the rest of the workspace, or by `sam
//! build`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tools::Tools;
use crate::{lock, project, run, sam};

/// The lock that a build holds exclusively and deployments share, because they read what it
/// writes.
pub(crate) const LOCK: &str = "build";

/// The functions' names, which are also the names of their folders, packages and binaries.
const FUNCTIONS: [&str; 7] =
    ["webhook", "download", "watch", "backfill", "deliver", "links", "events"];

/// How the functions are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Build {
    /// cargo, in the dev profile and for this machine, sharing every dependency with the tests:
    /// seconds after an edit. ARCHITECTURE.md lists the differences from [`Build::Sam`].
    #[default]
    Dev,
    /// `sam build`, as for AWS: the artefact that users deploy, for this machine's processor.
    Sam,
}

impl Build {
    /// Compiles the functions and returns the template to deploy, whose `CodeUri` folders hold
    /// each function's `bootstrap`.
    ///
    /// # Errors
    /// If a function does not compile.
    pub async fn compile(self, tools: &Tools) -> Result<PathBuf> {
        let _alone = lock::lock_exclusively(tools.project(), LOCK).await?;
        match self {
            Self::Dev => build_with_cargo(tools).await,
            Self::Sam => build_with_sam(tools).await,
        }
    }
}

/// Compiles binaries with the features of the whole workspace, so that they share their
/// dependencies with the tests.
pub(crate) async fn build_binaries(tools: &Tools, names: &[&str]) -> Result<()> {
    let project = tools.project();
    let log = format!("cargo-build-{}.log", names.join("-"));
    let log = project.local_folder("logs")?.join(log);
    let mut cargo = run::build_command("cargo");
    cargo.current_dir(project.root()).args(["build", "--locked", "--workspace"]);
    for name in names {
        cargo.args(["--bin", name]);
    }
    run::run_logged(&mut cargo, &log).await
}

/// Copies the template into a folder where `functions/*/` hold only the compiled functions.
async fn build_with_cargo(tools: &Tools) -> Result<PathBuf> {
    build_binaries(tools, &FUNCTIONS).await?;
    let project = tools.project();
    let folder = project.local_folder("build")?;
    for name in FUNCTIONS {
        let compiled = project.binary(name);
        let function = project.local_folder(&format!("build/functions/{name}"))?;
        link_file(&compiled, &function.join("bootstrap"))?;
    }
    let template = folder.join("template.yaml");
    copy_file(&project.template(), &template)?;
    Ok(template)
}

/// Links instead of copying 150 MB after each build.
fn link_file(from: &Path, to: &Path) -> Result<()> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", to.display()));
        }
        _ => {}
    }
    std::fs::hard_link(from, to).or_else(|_| copy_file(from, to))
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

async fn build_with_sam(tools: &Tools) -> Result<PathBuf> {
    tools.check_build()?;
    let project = tools.project();
    let log = project.local_folder("logs")?.join("sam-build.log");
    let architecture = format!("Architecture={}", project::lambda_architecture()?);
    let mut sam = sam::sam_command(tools)?;
    sam.args(["build", "--config-env", "local", "--parameter-overrides"]).arg(architecture);
    run::run_logged(&mut sam, &log).await?;
    Ok(project.root().join(".aws-sam/build/template.yaml"))
}
