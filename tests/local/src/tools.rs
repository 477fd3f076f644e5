//! The Python tools, pinned in `tests/tools/` and installed into `.tools/`, one virtual environment each.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::project::Project;
use crate::run;
use crate::screen::Screen;

/// The oldest Python that all of them run on.
const PYTHON_AT_LEAST: (u32, u32) = (3, 10);

/// Each environment (their dependencies exclude each other) and what it is for.
const ENVIRONMENTS: [(&str, &str); 4] = [
    ("stack", "the local AWS stack, about 110 MB"),
    ("sam", "the SAM command line, about 340 MB"),
    ("lambda", "cargo-lambda and zig, about 470 MB"),
    ("lint", "the template linters, about 100 MB"),
];

/// What only `make check-template` needs.
const CHECKS: (&str, &str) = ("checks", "checkov and Node.js, about 600 MB");

/// The installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    project: Project,
}

impl Tools {
    /// Installs what is missing or pinned differently; does nothing when all is as pinned. Several processes may call
    /// it at once.
    ///
    /// # Errors
    /// If cargo, Python or its venv module is missing, or a package cannot be installed. The text says the remedy.
    pub async fn install(project: &Project, screen: &Screen) -> Result<Self> {
        Self::install_all(project, screen, &ENVIRONMENTS).await
    }

    /// As [`Self::install`], and what `make check-template` needs besides.
    ///
    /// # Errors
    /// As [`Self::install`].
    pub async fn install_with_checks(project: &Project, screen: &Screen) -> Result<Self> {
        Self::install(project, screen).await?;
        Self::install_all(project, screen, &[CHECKS]).await
    }

    async fn install_all(
        project: &Project,
        screen: &Screen,
        environments: &[(&str, &str)],
    ) -> Result<Self> {
        check_cargo().await?;
        let _alone = crate::lock::alone(project, "tools").await?;
        for (name, purpose) in environments {
            let environment = Environment::of(project, name)?;
            if environment.is_as_pinned() {
                continue;
            }
            let step = screen.step(format!("Installing {purpose}"));
            environment.install(project).await?;
            step.done("");
        }
        Ok(Self {
            project: project.clone(),
        })
    }

    /// The project that they are of.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// One of the programs: environment, then name.
    pub(crate) fn program(&self, environment: &str, name: &str) -> PathBuf {
        self.bin(environment).join(name)
    }

    /// The folder of an environment's programs.
    pub(crate) fn bin(&self, environment: &str) -> PathBuf {
        self.project.tools().join(environment).join("bin")
    }
}

struct Environment {
    folder: PathBuf,
    requirements: PathBuf,
    /// SHA-256 of the requirements, lower-case hex.
    pinned: String,
}

impl Environment {
    fn of(project: &Project, name: &str) -> Result<Self> {
        let requirements = project.root().join(format!("tests/tools/{name}.txt"));
        let text = std::fs::read(&requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        Ok(Self {
            folder: project.tools().join(name),
            requirements,
            pinned: HEXLOWER.encode(&Sha256::digest(&text)),
        })
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join(".installed")
    }

    fn is_as_pinned(&self) -> bool {
        std::fs::read_to_string(self.stamp()).is_ok_and(|stamp| stamp.trim() == self.pinned)
    }

    async fn install(&self, project: &Project) -> Result<()> {
        let name = self
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let log = project
            .local_folder("logs")?
            .join(format!("install-{name}.log"));
        if !works(&self.folder.join("bin/python3")).await {
            self.make(&log).await?;
        }
        let mut pip = run::program(self.folder.join("bin/python3"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            // The files name everything, so that nothing is installed that is not pinned.
            "--no-deps",
        ])
        .arg("--requirement")
        .arg(&self.requirements);
        run::logged(&mut pip, &log).await.context(
            "a tool could not be installed. Is the Python package index reachable from here?",
        )?;
        std::fs::write(self.stamp(), &self.pinned)
            .with_context(|| format!("cannot write {}", self.stamp().display()))
    }

    async fn make(&self, log: &Path) -> Result<()> {
        let python = find_python().await?;
        let mut venv = run::program(python);
        venv.args(["-m", "venv", "--clear"]).arg(&self.folder);
        run::logged(&mut venv, log)
            .await
            .context("Python could not make a virtual environment")
    }
}

async fn works(python: &Path) -> bool {
    let mut command = run::program(python);
    command.args(["-c", "import pip"]);
    run::captured(&mut command, "").await.is_ok()
}

async fn check_cargo() -> Result<()> {
    let mut cargo = run::program("cargo");
    if run::captured(cargo.arg("--version"), "").await.is_err() {
        bail!(
            "cargo is missing. Remedy: install Rust 1.95 or later from https://rustup.rs and open a new shell."
        );
    }
    Ok(())
}

/// `$PYTHON` or `python3`, if it is good enough.
async fn find_python() -> Result<std::ffi::OsString> {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let name = python.to_string_lossy().into_owned();
    let version = run::captured(
        run::program(&python).args(["-c", "import sys; print(*sys.version_info[:2])"]),
        "",
    )
    .await
    .with_context(|| format!("{name} is missing. Remedy: install Python 3.10 or later (Debian: apt install python3 python3-venv), or name one with PYTHON=…"))?;
    check_version(&name, &version)?;
    run::captured(
        run::program(&python).args(["-c", "import venv, ensurepip"]),
        "",
    )
    .await
    .with_context(|| format!("{name} has no venv module. Remedy: apt install python3-venv (Debian, Ubuntu), or name another Python with PYTHON=…"))?;
    Ok(python)
}

fn check_version(name: &str, said: &str) -> Result<()> {
    let mut numbers = said.split_whitespace().map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        bail!("{name} did not say its version but {said:?}");
    };
    if (major, minor) < PYTHON_AT_LEAST {
        let (least_major, least_minor) = PYTHON_AT_LEAST;
        bail!(
            "{name} is Python {major}.{minor}. Remedy: install Python {least_major}.{least_minor} or later, or name one with PYTHON=…"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn an_old_python_is_refused_with_the_remedy() {
        let refusal = check_version("python3", "3 9\n").expect_err("3.9 is too old");
        assert!(refusal.to_string().contains("PYTHON=…"), "{refusal}");
    }

    #[test]
    fn a_later_python_is_taken() {
        check_version("python3", "3 10\n").expect("3.10 is enough");
        check_version("python3", "4 0\n").expect("4.0 is enough");
    }
}
