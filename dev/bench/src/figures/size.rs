//! The size of what is uploaded to Lambda.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    bench::Bench,
    build::run,
    peers::{Peer, Role},
    results::{Figure, Unit},
};

/// Writes a zip file as SAM does: deflated, at zlib's default level.
const ZIP: &str = "
import pathlib, sys, zipfile
target, root, *names = sys.argv[1:]
root = pathlib.Path(root)
with zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED) as archive:
    for name in names:
        files = sorted((root / name).rglob('*')) if (root / name).is_dir() else [root / name]
        for file in files:
            if file.is_file() and '__pycache__' not in file.parts:
                archive.write(file, file.relative_to(root))
";
/// What Python's functions need that Lambda's Python does not bring.
const PYTHON_PACKAGES: [&str; 7] =
    ["requests", "cryptography", "cffi", "pycparser", "certifi", "charset_normalizer", "idna"];

/// Measures the archives of all peers.
pub(crate) fn measure_sizes(bench: &mut Bench) -> Result<()> {
    for role in Role::BOTH {
        let name = format!("zip, {}", role.name());
        let mut figure = Figure::new("size", name, Unit::Megabytes);
        for peer in bench.peers.clone() {
            figure.add(peer, zip_size(bench, peer, role)?);
        }
        bench.figures.push(figure);
    }
    Ok(())
}

/// The size of a peer's archive, in 10⁶ bytes.
fn zip_size(bench: &Bench, peer: Peer, role: Role) -> Result<f64> {
    let built = &bench.built;
    let bootstrap = built.bootstrap(peer, role);
    let mut sources: Vec<(PathBuf, Vec<String>)> = Vec::new();
    match peer {
        Peer::Product | Peer::Unprimed => {
            let folder = bootstrap.parent().context("the function's folder")?;
            sources.push((folder.to_owned(), vec!["bootstrap".to_owned()]));
        }
        Peer::Node => sources.push((built.bundles.clone(), vec![format!("{}.mjs", role.name())])),
        Peer::Python => {
            let own = ["instances.py", "media_file.py", "webhook.py", "download.py"];
            let own = own.map(str::to_owned).to_vec();
            sources.push((built.peers.join("python"), own));
            if role == Role::Download {
                let packages = PYTHON_PACKAGES.map(str::to_owned).to_vec();
                sources.push((built.packages.clone(), packages));
            }
        }
    }
    let mut bytes = 0;
    for (folder, names) in sources {
        let target = built.bundles.join("archive.zip");
        let mut python = Command::new(built.tools.join("bin/python3"));
        run(python.args(["-c", ZIP]).args([&target, &folder]).args(names))?;
        bytes += fs::metadata(&target)?.len();
        fs::remove_file(&target)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few million bytes")]
    let megabytes = bytes as f64 / 1e6;
    Ok(megabytes)
}
