//! The paths of this project, and the machine's architecture.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The project's root folder.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project that this crate was compiled in.
    ///
    /// # Errors
    /// If that folder is gone.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root
            .canonicalize()
            .with_context(|| format!("the project's folder {} is gone", root.display()))?;
        Ok(Self { root })
    }

    /// The root folder, with `template.yaml` in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the recorded webhooks.
    pub fn events(&self) -> PathBuf {
        self.root.join("events")
    }

    /// The template that users deploy.
    pub fn template(&self) -> PathBuf {
        self.root.join("template.yaml")
    }

    /// A binary of this workspace, as cargo compiles it for local work.
    pub fn binary(&self, name: &str) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        self.root.join(target).join("debug").join(name)
    }

    /// The Python tools, ignored by git.
    pub fn tools(&self) -> PathBuf {
        self.root.join(".tools")
    }

    /// The local stack's files (state, logs, locks), ignored by git.
    pub fn local(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// A folder under [`Project::local`], created if it does not exist.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn local_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.local().join(name);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }
}

/// This machine's processor, as the template's parameter `Architecture` names it.
///
/// # Errors
/// If Lambda has no such processor.
pub fn lambda_architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x86_64"),
        "aarch64" => Ok("arm64"),
        other => bail!("Lambda runs on x86_64 and arm64; this machine is {other}"),
    }
}
