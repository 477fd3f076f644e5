//! The pinned Python tools that `dev/start.py` installs into `.tools/`, one virtual environment
//! for each purpose.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::project::Project;

/// MiniStack, the SAM command line and the linters.
const LOCAL: &str = "local";
/// cargo-lambda and zig, which only `sam build` needs.
const BUILD: &str = "build";

/// The tools, installed in the pinned versions.
#[derive(Debug, Clone)]
pub struct Tools {
    project: Project,
}

impl Tools {
    /// Finds what the local stack needs: MiniStack and the SAM command line.
    ///
    /// # Errors
    /// If they are not installed in the pinned versions. The error says the remedy.
    pub fn find(project: &Project) -> Result<Self> {
        check_installed(project, LOCAL)?;
        Ok(Self { project: project.clone() })
    }

    /// Checks that the tools of `sam build` are installed too.
    ///
    /// # Errors
    /// If cargo-lambda and zig are not installed in the pinned versions. The error says the
    /// remedy.
    pub(crate) fn check_build(&self) -> Result<()> {
        check_installed(&self.project, BUILD)
    }

    /// The project that the tools belong to.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// One of the local stack's programs.
    pub(crate) fn program_path(&self, name: &str) -> PathBuf {
        self.program_folder(LOCAL).join(name)
    }

    /// The folders of all programs, for `PATH`.
    pub(crate) fn program_folders(&self) -> [PathBuf; 2] {
        [self.program_folder(BUILD), self.program_folder(LOCAL)]
    }

    fn program_folder(&self, environment: &str) -> PathBuf {
        self.project.tools().join(environment).join("bin")
    }
}

/// `dev/start.py` writes the SHA-256 of the requirements after all of them are installed.
fn check_installed(project: &Project, name: &str) -> Result<()> {
    let requirements = project.root().join(format!("dev/requirements/{name}.txt"));
    let text = std::fs::read(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    check_stamp(
        &project.tools().join(name).join(".installed"),
        &HEXLOWER.encode(&Sha256::digest(&text)),
    )
}

fn check_stamp(stamp: &Path, pinned: &str) -> Result<()> {
    match std::fs::read_to_string(stamp) {
        Ok(text) if text.trim() == pinned => Ok(()),
        Ok(_) => bail!("the tools are installed in other versions. Remedy: make tools"),
        Err(_) => bail!("the tools are not installed. Remedy: make tools"),
    }
}

#[cfg(test)]
mod tests {
    use super::check_stamp;

    #[test]
    fn other_versions_are_refused_with_a_remedy() {
        let stamp = std::env::temp_dir().join(format!("wapi-media-stamp-{}", std::process::id()));
        let refusal = check_stamp(&stamp, "abc").expect_err("there is none");
        assert!(refusal.to_string().contains("make tools"), "{refusal}");
        std::fs::write(&stamp, "abc\n").expect("a stamp");
        check_stamp(&stamp, "abc").expect("as pinned");
        let refusal = check_stamp(&stamp, "abd").expect_err("another version");
        assert!(refusal.to_string().contains("make tools"), "{refusal}");
        std::fs::remove_file(&stamp).expect("removed");
    }
}
