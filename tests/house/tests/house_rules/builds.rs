//! How it is built: features, profiles, dependency rules and workflows.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use house::{read_text, repository_root, source_files};

#[test]
fn the_dependency_rules_ban_unwanted_crates() {
    let rules = read_text(".ci/deny.toml");
    for banned in ["openssl-sys", "native-tls", "ring"] {
        assert!(rules.contains(&format!("{{ crate = \"{banned}\", reason")), "{banned}");
    }
    for refused in ["unknown-registry", "unknown-git", "wildcards", "yanked"] {
        assert!(rules.contains(&format!("{refused} = \"deny\"")), "{refused}");
    }
}

/// Names and values of a job's permissions.
type Rights = &'static [(&'static str, &'static str)];

/// A tag can be moved to other code, a commit cannot. A workflow that only checks needs no write
/// access. One job may write issues and one may sign; they must not run code of the repository.
#[test]
fn actions_are_pinned_and_workflows_read_only() {
    const WRITING_JOBS: [(&str, &str, Rights); 2] = [
        (".github/workflows/nightly.yml", "report", &[("contents", "read"), ("issues", "write")]),
        (
            ".github/workflows/release.yml",
            "provenance",
            &[("contents", "read"), ("id-token", "write"), ("attestations", "write")],
        ),
    ];
    let workflows = source_files(&[".github/workflows"], "yml");
    let (mut actions, mut writing_jobs) = (0, 0);
    for (path, text) in &workflows {
        let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).expect(path);
        let rights = workflow["permissions"].as_mapping().expect(path);
        let may_only_read = rights.len() == 1 && rights["contents"].as_str() == Some("read");
        assert!(may_only_read, "{path}: {rights:?}");
        assert!(
            !text.contains("pull_request_target") && !text.contains("${{ github.event"),
            "{path}"
        );
        for (name, job) in workflow["jobs"].as_mapping().expect(path) {
            assert!(job["timeout-minutes"].is_number(), "{path}: {name:?} has no time limit");
            let is_it = |job: &&(&str, &str, _)| job.0 == path && name.as_str() == Some(job.1);
            if let Some((_, _, rights)) = WRITING_JOBS.iter().find(is_it) {
                assert_runs_no_code(job, rights);
                writing_jobs += 1;
            } else {
                assert!(job["permissions"].is_null(), "{path}: {name:?} has its own permissions");
            }
        }
        let uses = text
            .lines()
            .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "));
        for action in uses {
            actions += 1;
            let (commit, version) = action.split_once(" # v").expect(action);
            let (_, commit) = commit.split_once('@').expect(action);
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{path}: {action}");
        }
    }
    assert!(actions >= 5, "{actions} actions");
    assert_eq!(writing_jobs, WRITING_JOBS.len());
}

/// Otherwise whoever may upload to an index can add a wheel to a version that is pinned here, and
/// it builds what is deployed.
#[test]
fn tools_are_installed_by_hash() {
    let files = source_files(&["dev/requirements"], "txt");
    assert_eq!(files.len(), 4);
    for (path, text) in &files {
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines[..2], ["--require-hashes", "--only-binary=:all:"], "{path}");
        let joined = lines[2..].join("\n").replace("\\\n", "");
        assert!(joined.lines().count() > 0, "{path}");
        for package in joined.lines() {
            let mut words = package.split_whitespace();
            assert!(words.next().is_some_and(|name| name.contains("==")), "{path}: {package}");
            let hashes: Vec<_> = words.map(|word| word.strip_prefix("--hash=sha256:")).collect();
            let is_hash = |hash: &Option<&str>| hash.is_some_and(|hash| hash.len() == 64);
            assert!(!hashes.is_empty() && hashes.iter().all(is_hash), "{path}: {package}");
        }
    }
    let start = read_text("dev/start.py");
    assert!(start.contains("\"--require-hashes\", \"--only-binary=:all:\""));
    for installer in ["tests/house/template-checks/check", "dev/bench/src/build.rs"] {
        let locked = read_text(installer) + &start;
        assert!(locked.contains("ci") && !locked.contains("npm install"), "{installer}");
    }
    let proposals = read_text(".github/dependabot.yml");
    for kind in ["cargo", "github-actions", "pip", "npm"] {
        assert!(proposals.contains(&format!("package-ecosystem: {kind}\n")), "{kind}");
    }
}

/// A job that opens issues or signs: it has these rights alone, and no copy of the repository.
fn assert_runs_no_code(job: &serde_yaml_ng::Value, allowed: Rights) {
    let rights = job["permissions"].as_mapping().expect("the permissions of the job");
    let rights: Vec<_> =
        rights.iter().filter_map(|(name, right)| Some((name.as_str()?, right.as_str()?))).collect();
    assert_eq!(rights, allowed);
    for step in job["steps"].as_sequence().expect("steps") {
        let action = step["uses"].as_str().unwrap_or_default();
        assert!(!action.starts_with("actions/checkout@"), "{step:?}");
        let commands = step["run"].as_str().unwrap_or_default();
        assert!(!commands.contains("git clone") && !commands.contains("${{"), "{step:?}");
    }
}

/// The features that each crate is compiled with for this selection of packages.
fn crate_features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(repository_root())
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"])
        .args(selection)
        .output()
        .expect("cargo tree");
    let text = String::from_utf8(tree.stdout).expect("text");
    let mut all = BTreeMap::<String, BTreeSet<String>>::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (package, features) = line.split_once('|').expect("a package and its features");
        let words: Vec<_> = package.split_whitespace().take(2).collect();
        let features = features.trim_end_matches(" (*)").split(',');
        let of_package = all.entry(words.join(" ")).or_default();
        of_package.extend(features.filter(|one| !one.is_empty()).map(str::to_owned));
    }
    assert!(all.len() > 50, "{selection:?}: {all:?}");
    all
}

/// Otherwise the functions that the whole-path tests deploy would need all dependencies compiled
/// once more.
#[test]
fn tests_and_programs_share_their_dependencies() {
    let programs = crate_features(&["--workspace", "--edges", "normal,build"]);
    let tests = crate_features(&["--workspace", "--edges", "normal,build,dev"]);
    for (package, features) in programs {
        assert_eq!(tests[&package], features, "{package}: tests have others");
    }
}

/// Otherwise `sam build`, which compiles each function separately, would compile the AWS SDK
/// four times.
#[test]
fn functions_share_their_dependencies() {
    /// Few crates depend on it; with the union of features it would compile more crates than it
    /// saves.
    const EXEMPT: &str = "aws_lambda_events";
    let mut first = BTreeMap::new();
    for function in ["webhook", "download", "watch", "backfill", "deliver", "links", "events"] {
        for (package, features) in
            crate_features(&["--package", function, "--edges", "normal,build"])
        {
            if !package.starts_with(EXEMPT) {
                let (owner, known) =
                    first.entry(package.clone()).or_insert_with(|| (function, features.clone()));
                assert_eq!(*known, features, "{package}: {owner} and {function}");
            }
        }
    }
}

/// `sam build` compiles the functions one by one, the tests compile the whole workspace, and so
/// some crates have more features in tests. ARCHITECTURE.md must name them.
#[test]
fn the_page_names_crates_with_more_features() {
    let all = crate_features(&["--workspace", "--edges", "normal,no-proc-macro"]);
    let mut more = BTreeSet::new();
    for function in ["webhook", "download", "watch", "backfill", "deliver", "links", "events"] {
        for (package, alone) in
            crate_features(&["--package", function, "--edges", "normal,no-proc-macro"])
        {
            if all[&package].difference(&alone).next().is_some() {
                more.insert(package.split(' ').next().expect("a name").to_owned());
            }
        }
    }
    let page = read_text("ARCHITECTURE.md");
    let row = page.lines().find(|line| line.starts_with("| cargo features |"));
    let row = row.expect("a row on features");
    let named = row.split('`').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), more);
}

/// cargo-lambda aborts on panics if the profile does not set it. The variable that makes records
/// panic is for tests only.
#[test]
fn deployed_functions_unwind_without_planned_faults() {
    let manifest = read_text("Cargo.toml");
    let (_, release) = manifest.split_once("[profile.release]").expect("a profile");
    let release = release.split("\n[").next().expect("the profile");
    assert!(release.contains("\npanic = \"unwind\"\n"), "{release}");
    assert!(release.contains("\noverflow-checks = true\n"), "{release}");
    let template = read_text("template.yaml");
    assert!(!template.contains("PANIC_ON_MESSAGE"));
}
