//! The crates: who imports whom, and what is compiled into each.

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use house::{read_text, repository_root, source_files};

use crate::{assert_none, find_offences};

/// The crates, and the crates of ours that each may import. Tests may import any; no crate
/// imports tests.
const CRATES: [(&str, &[&str]); 16] = [
    ("media", &[]),
    ("wapi", &["media"]),
    ("fetch", &["media", "wapi"]),
    ("aws", &["media"]),
    ("boot", &[]),
    ("report", &["media"]),
    ("parking", &["media", "aws"]),
    ("operator", &["media", "aws"]),
    ("webhook", &["media", "wapi", "aws", "boot"]),
    ("download", &["media", "wapi", "fetch", "aws", "boot"]),
    ("watch", &["media", "aws", "boot", "parking"]),
    ("backfill", &["media", "wapi", "fetch", "aws", "boot"]),
    ("deliver", &["media", "wapi", "fetch", "aws", "boot"]),
    ("events", &["media", "aws", "boot"]),
    ("links", &["media", "aws", "boot"]),
    ("wapi-media", &["media", "wapi", "fetch", "aws", "boot", "parking", "operator", "report"]),
];

/// The targets that Lambda runs.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

pub(crate) fn cargo_metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(repository_root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata, with a lock file that is up to date")
}

pub(crate) fn is_test_package(package: &Package) -> bool {
    let folders = ["tests", "dev"].map(|folder| repository_root().join(folder));
    folders.iter().any(|folder| package.manifest_path.starts_with(folder))
}

/// The name and version of every crate compiled into `package`, itself included, without build
/// scripts and tests. Read from `cargo tree`, because `cargo metadata` also lists weak optional
/// dependencies.
fn compiled_into(package: &str, target: &str) -> BTreeSet<(String, String)> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(repository_root())
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package, "--target", target])
        .output()
        .expect("cargo tree");
    let text = String::from_utf8(tree.stdout).expect("text");
    let words = text.lines().map(str::split_whitespace);
    let crates =
        words.filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.to_owned())));
    let crates: BTreeSet<_> = crates.collect();
    assert!(crates.iter().any(|(name, _)| name == package), "{package} was listed");
    crates
}

#[test]
fn each_crate_imports_only_its_allowed_crates() {
    let metadata = cargo_metadata();
    let members = metadata.workspace_packages();
    let ours: BTreeSet<_> = members.iter().map(|one| one.name.as_str()).collect();
    let rooms: HashMap<_, _> = CRATES.into_iter().collect();
    for package in members.iter().filter(|one| !is_test_package(one)) {
        let name = package.name.as_str();
        let allowed = rooms.get(name).copied();
        let allowed =
            allowed.unwrap_or_else(|| unreachable!("{name} is not in the table of crates"));
        let imports = package.dependencies.iter();
        let imports = imports.filter(|one| one.kind != DependencyKind::Development);
        for import in imports.filter(|one| ours.contains(one.name.as_str())) {
            assert!(allowed.contains(&import.name.as_str()), "{name} imports {}", import.name);
        }
    }
    for (room, _) in CRATES {
        assert!(ours.contains(room), "there is no crate {room}");
    }
}

/// A missing crate would log nothing below `warn`, and metrics are counted from `info` lines.
#[test]
fn every_crate_of_a_function_can_log() {
    let packages = cargo_metadata();
    let root = repository_root();
    let members = packages.workspace_packages().into_iter().filter(|one| {
        ["shared", "functions"]
            .iter()
            .any(|folder| one.manifest_path.starts_with(root.join(folder)))
    });
    let mut rooms: BTreeSet<_> = members.map(|one| one.name.to_string()).collect();
    assert!(rooms.remove("operator"), "a function has the operator's crate");
    assert_eq!(rooms, boot::telemetry::OURS.map(str::to_owned).into());
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = read_text("ARCHITECTURE.md");
    for (room, imports) in &CRATES[..7] {
        let imports: Vec<_> = imports.iter().map(|one| format!("`{one}`")).collect();
        let imports = if imports.is_empty() { "nothing".to_owned() } else { imports.join(", ") };
        let row = format!("| `{room}` | {imports} |");
        assert!(page.contains(&row), "ARCHITECTURE.md has no row {row:?}");
    }
}

#[test]
fn pure_crates_have_no_runtime_http_or_aws() {
    for room in ["media", "wapi", "report"] {
        let crates = compiled_into(room, TARGETS[0]).into_iter().map(|(name, _)| name);
        let impure = crates.filter(|name| {
            ["tokio", "reqwest", "hyper", "mio", "socket2"].contains(&name.as_str())
                || ["aws-sdk-", "aws-config", "aws-smithy-"]
                    .iter()
                    .any(|start| name.starts_with(start))
        });
        assert_eq!(impure.collect::<Vec<_>>(), Vec::<String>::new(), "{room}");
    }
}

/// Reading its tables, `cfb` can allocate a GiB for a file of 8 MiB, and `infer` calls it by
/// default.
#[test]
fn functions_read_no_ole_tables() {
    for room in ["media", "download"] {
        let crates = compiled_into(room, TARGETS[0]);
        assert!(crates.iter().all(|(name, _)| name != "cfb"), "{room}");
    }
}

#[test]
fn only_two_crates_use_the_aws_sdk() {
    let mut sources = source_files(&["shared", "functions", "cli"], "rs");
    let rooms = ["shared/aws/src/", "shared/operator/src/"];
    sources.retain(|path, _| !rooms.iter().any(|room| path.starts_with(room)));
    let named = find_offences(&sources, |lines, n| {
        // In quotes it is the name of a log target, not a type.
        lines[n].replace("\"aws_sdk_", "").contains("aws_sdk_")
    });
    assert_none(&named, "an aws_sdk_* type outside shared/aws and shared/operator");
    for package in cargo_metadata().workspace_packages() {
        let mut dependencies = package.dependencies.iter();
        let has_sdk = dependencies.any(|one| one.name.starts_with("aws-sdk-"));
        let may = ["aws", "operator"].contains(&package.name.as_str()) || is_test_package(package);
        assert!(may || !has_sdk, "{} depends on an AWS SDK", package.name);
    }
}

#[test]
fn functions_have_one_tls_and_crypto_library() {
    const OTHERS: [&str; 8] = [
        "ring",
        "openssl",
        "openssl-sys",
        "native-tls",
        "boring",
        "rustls-graviola",
        "s2n-tls",
        "hyper-tls",
    ];
    for (function, target) in
        ["webhook", "download", "watch", "backfill", "deliver", "links", "events"]
            .into_iter()
            .flat_map(|one| TARGETS.map(|target| (one, target)))
    {
        let crates = compiled_into(function, target);
        let others: Vec<_> =
            crates.iter().filter(|(name, _)| OTHERS.contains(&name.as_str())).collect();
        assert!(others.is_empty(), "{function} for {target} has {others:?}");
        for once in ["rustls", "aws-lc-rs", "aws-lc-sys"] {
            let versions = crates.iter().filter(|(name, _)| name == once).count();
            assert_eq!(versions, 1, "versions of {once} in {function} for {target}");
        }
    }
}
