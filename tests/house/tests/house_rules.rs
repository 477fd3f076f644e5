//! The rules of the repository, checked against dependencies, sources, events and the template.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The crates, and the crates of ours that each may import. Tests may import any; no crate
/// imports tests.
const CRATES: [(&str, &[&str]); 12] = [
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
    ("wapi-media", &["media", "wapi", "fetch", "aws", "boot", "parking", "operator", "report"]),
];

/// The targets that Lambda runs.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root folder")
}

fn cargo_metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(repository_root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata, with a lock file that is up to date")
}

fn is_test_package(package: &Package) -> bool {
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

/// The files with this extension below the folders, by path from the root.
fn source_files(folders: &[&str], extension: &str) -> BTreeMap<String, String> {
    let found = files_below(folders.iter().map(|folder| repository_root().join(folder)), extension);
    assert!(!found.is_empty(), "no .{extension} files in {folders:?}");
    found
}

/// The text of each file with this extension among `paths` and below them, by path from the root.
fn files_below(
    paths: impl IntoIterator<Item = PathBuf>,
    extension: &str,
) -> BTreeMap<String, String> {
    let root = repository_root();
    let mut open: Vec<_> = paths.into_iter().collect();
    let mut found = BTreeMap::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = path.read_dir().expect("a folder");
            open.extend(inside.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|end| end == extension) {
            let name = path.strip_prefix(&root).expect("below the root");
            let text = std::fs::read_to_string(&path).expect("text");
            found.insert(name.display().to_string(), text);
        }
    }
    found
}

fn all_sources() -> BTreeMap<String, String> {
    source_files(&["shared", "functions", "cli", "tests", "dev"], "rs")
}

/// The pages: those beside the manifest, and those of folders that have some.
fn pages() -> BTreeMap<String, String> {
    let entries = repository_root().read_dir().expect("the root");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    let at_the_root = names.iter().map(String::as_str);
    let at_the_root = at_the_root.filter(|name| name.ends_with(".md"));
    let places: Vec<_> = at_the_root.chain(["docs", "events", "tests/fuzz"]).collect();
    source_files(&places, "md")
}

/// `path:line` of every line that `is_wrong` says something about, this file left out.
fn find_offences(
    files: &BTreeMap<String, String>,
    is_wrong: impl Fn(&[&str], usize) -> bool,
) -> Vec<String> {
    let this = Path::new(file!()).file_name().expect("a name");
    let mut offences = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !Path::new(path).ends_with(this)) {
        let lines: Vec<_> = text.lines().collect();
        let wrong = (0..lines.len()).filter(|n| is_wrong(&lines, *n));
        offences.extend(wrong.map(|n| format!("{path}:{}: {}", n + 1, lines[n].trim())));
    }
    offences
}

fn assert_none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
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
    let page =
        std::fs::read_to_string(repository_root().join("ARCHITECTURE.md")).expect("the page");
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
    for (function, target) in ["webhook", "download", "watch"]
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

#[test]
fn the_dependency_rules_ban_unwanted_crates() {
    let rules =
        std::fs::read_to_string(repository_root().join(".ci/deny.toml")).expect("the rules");
    for banned in ["openssl-sys", "native-tls", "ring"] {
        assert!(rules.contains(&format!("{{ crate = \"{banned}\", reason")), "{banned}");
    }
    for refused in ["unknown-registry", "unknown-git", "wildcards", "yanked"] {
        assert!(rules.contains(&format!("{refused} = \"deny\"")), "{refused}");
    }
}

/// A tag can be moved to other code, a commit cannot. A workflow that only checks needs no write
/// access.
#[test]
fn actions_are_pinned_and_workflows_read_only() {
    let workflows = source_files(&[".github/workflows"], "yml");
    let mut actions = 0;
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
            assert!(job["permissions"].is_null(), "{path}: {name:?} has its own permissions");
            assert!(job["timeout-minutes"].is_number(), "{path}: {name:?} has no time limit");
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
}

#[test]
fn every_source_file_begins_with_its_purpose() {
    let silent = find_offences(&all_sources(), |lines, n| {
        n == 0 && lines[0].strip_prefix("//! ").is_none_or(|text| text.len() < 10)
    });
    assert_none(&silent, "line 1 is //! and a sentence");
}

/// Longer lines are hard to read beside each other. Only a text that would have to be cut may be
/// longer.
#[test]
fn lines_have_at_most_100_columns() {
    const MAX_COLUMNS: usize = 100;
    let mut sources = all_sources();
    sources.extend(source_files(&["dev", "tests"], "py"));
    let long = find_offences(&sources, |lines, n| {
        let line = lines[n];
        let is_comment = line.trim_start().starts_with("//");
        line.chars().count() > MAX_COLUMNS && (is_comment || !line.contains('"'))
    });
    assert_none(&long, "a line of more than 100 columns");
}

#[test]
fn no_test_is_ignored() {
    let ignored =
        find_offences(&all_sources(), |lines, n| lines[n].trim_start().starts_with("#[ignore"));
    assert_none(&ignored, "an ignored test proves nothing");
}

/// `test = false` avoids compiling crates without unit tests twice; a unit test in such a crate
/// would not run.
#[test]
fn every_unit_test_is_compiled() {
    let metadata = cargo_metadata();
    let mut skipped = 0;
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().expect("a folder");
        for target in package.targets.iter().filter(|one| !one.test) {
            // A library's modules are beside its root, and so are those of a binary without a
            // library.
            let has_library = package.targets.iter().any(|one| one.is_lib());
            let is_alone = target.is_lib() || !has_library;
            let source = if is_alone { folder.join("src") } else { target.src_path.clone() };
            let mut sources = files_below([source.into_std_path_buf()], "rs");
            sources.retain(|path, _| !target.is_lib() || !path.ends_with("src/main.rs"));
            let tests = find_offences(&sources, |lines, n| {
                let line = lines[n].trim_start();
                line.starts_with("#[test]") || line.starts_with("#[tokio::test")
            });
            assert_none(&tests, "a unit test of a target with `test = false`");
            skipped += 1;
        }
    }
    assert!(skipped > 10, "{skipped} targets without unit tests");
}

/// A test may sleep between two checks of something with a time limit, or where a comment
/// directly above gives the reason. It must not sleep and hope.
#[test]
fn no_test_sleeps_without_a_reason() {
    const LOOP_LINES: usize = 20;
    let mut tests = all_sources();
    tests.retain(|path, _| path.split('/').rev().skip(1).any(|folder| folder == "tests"));
    tests.retain(|path, _| !path.starts_with("tests/") || path.matches("tests/").count() > 1);
    let hopes = find_offences(&tests, |lines, n| {
        let is_sleep = ["sleep(", "sleep_until("].iter().any(|call| lines[n].contains(call));
        let before = &lines[n.saturating_sub(LOOP_LINES)..n];
        let has_reason = before.last().is_some_and(|line| line.trim_start().starts_with("//"));
        is_sleep && !has_reason && !before.iter().any(|line| line.contains(".elapsed()"))
    });
    assert_none(&hopes, "a sleep outside a loop with a time limit, without a reason above it");
}

#[test]
fn functions_print_only_through_the_log() {
    let sources = source_files(&["shared", "functions"], "rs");
    let printed = find_offences(&sources, |lines, n| {
        ["println!", "print!", "dbg!"].iter().any(|call| lines[n].contains(call))
    });
    assert_none(&printed, "printed text is not JSON and has no fields");
}

#[test]
fn every_event_is_one_json_object() {
    for (path, text) in source_files(&["events"], "json") {
        let value: serde_json::Value = serde_json::from_str(&text).expect(&path);
        assert!(value.is_object(), "{path}");
    }
}

/// The Brazilian mobile numbers in a line, as people and WhatsApp write them: with `+55` and any
/// separators, or as separate digits with or without the country.
fn mobile_numbers(line: &str) -> BTreeSet<String> {
    let digits_of = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let is_written = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    let written = line.split("+55").skip(1).map(|rest| {
        let end = rest.find(|c| !is_written(c)).unwrap_or(rest.len());
        format!("55{}", digits_of(&rest[..end]))
    });
    let is_of_words = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let alone =
        line.split(|c| !is_of_words(c)).filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let numbers = written.chain(alone.map(str::to_owned));
    numbers
        .filter(|digits| {
            let national =
                digits.strip_prefix("55").filter(|rest| rest.len() >= 10).unwrap_or(digits);
            let has_country = national.len() < digits.len();
            let (area, subscriber) = national.split_at(national.len().min(2));
            match (subscriber.len(), subscriber.bytes().next()) {
                (9, Some(b'9')) => has_country || !area.contains('0'),
                (8, Some(b'6'..=b'9')) => has_country,
                _ => false,
            }
        })
        .collect()
}

/// Whether the number has an area that does not exist or an invented subscriber.
fn is_invented(number: &str) -> bool {
    // No Brazilian number has the area 00.
    number.starts_with("5500")
}

#[test]
fn mobile_numbers_are_found_in_every_spelling() {
    // Composed here, so that no file contains such a number.
    let (area, subscriber) = ("11", "987654321");
    for line in [
        format!("\"id\": \"55{area}{subscriber}@s.whatsapp.net\""),
        format!("call +55 ({area}) {}", subscriber.replacen("76", "7-6", 1)),
        format!("call +55 {area} {subscriber}"),
        format!("\"phone\": \"{area}{subscriber}\""),
        format!("waid=55{area}{}:", &subscriber[1..]),
    ] {
        assert_eq!(mobile_numbers(&line).len(), 1, "{line}");
    }
    let invented = mobile_numbers("TEL;waid=5500900000004:+55 00 90000-0004");
    assert!(invented.len() == 1 && invented.iter().all(|one| is_invented(one)));
    for line in [
        "\"moment\": 1787440259,",
        "\"100000000000001@lid\"",
        "1_787_431_679",
        "/v/t62.7118-24/17528137243806110307_6",
    ] {
        assert!(mobile_numbers(line).is_empty(), "{line}");
    }
}

#[test]
fn events_tests_and_pages_name_no_real_person() {
    let mut all = all_sources();
    for (folder, extension) in [("events", "json"), ("shared", "json")] {
        all.extend(source_files(&[folder], extension));
    }
    all.extend(pages());
    let real = find_offences(&all, |lines, n| {
        mobile_numbers(lines[n]).iter().any(|one| !is_invented(one))
    });
    assert_none(&real, "only numbers of area 00, such as 5500900000001, are certainly invented");
    let named = find_offences(&source_files(&["events"], "json"), |lines, n| {
        let name = lines[n].trim().strip_prefix("\"pushName\": ");
        name.is_some_and(|name| name.trim_end_matches(',') != "\"Contato Exemplo\"")
    });
    assert_none(&named, "a sender with a name other than Contato Exemplo");
}

/// If SQS gave up first, it would park a job without a reason. With full jitter no number of
/// receives is certain: `shared/media/tests/ends.rs` simulates 20,000 jobs with this limit, and
/// this test checks that the template has the same.
#[test]
fn the_queue_outlasts_the_schedule_of_every_job() {
    let template =
        std::fs::read_to_string(repository_root().join("template.yaml")).expect("the template");
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&template).expect("YAML");
    let queue = &template["Resources"]["JobsQueue"]["Properties"];
    let number = |value: &serde_yaml_ng::Value| value.as_u64().expect("a number");
    let most = number(&queue["RedrivePolicy"]["maxReceiveCount"]);
    assert_eq!(most, 140, "MAX_RECEIVES in ends.rs differs");
    let (life, mut elapsed) = (Duration::from_hours(6 * 24), Duration::ZERO);
    let usual = (1_u32..).find(|receive| {
        elapsed += media::schedule::retry_wait(*receive, 0.5, None);
        elapsed > life
    });
    assert!(
        usual.is_some_and(|usual| most * 2 >= u64::from(usual) * 3),
        "{most} receives, and a usual job takes {usual:?}"
    );
    let retention = number(&queue["MessageRetentionPeriod"]);
    assert_eq!(retention, Duration::from_hours(7 * 24).as_secs());
    let crashing = most * number(&queue["VisibilityTimeout"]);
    assert!(crashing < retention, "a job that crashes every time needs {crashing} s to be parked");
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
/// three times.
#[test]
fn functions_share_their_dependencies() {
    /// Few crates depend on it; with the union of features it would compile more crates than it
    /// saves.
    const EXEMPT: &str = "aws_lambda_events";
    let mut first = BTreeMap::new();
    for function in ["webhook", "download", "watch"] {
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
    for function in ["webhook", "download", "watch"] {
        for (package, alone) in
            crate_features(&["--package", function, "--edges", "normal,no-proc-macro"])
        {
            if all[&package].difference(&alone).next().is_some() {
                more.insert(package.split(' ').next().expect("a name").to_owned());
            }
        }
    }
    let page =
        std::fs::read_to_string(repository_root().join("ARCHITECTURE.md")).expect("the page");
    let row = page.lines().find(|line| line.starts_with("| cargo features |"));
    let row = row.expect("a row on features");
    let named = row.split('`').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), more);
}

/// cargo-lambda aborts on panics if the profile does not set it. The variable that makes records
/// panic is for tests only.
#[test]
fn deployed_functions_unwind_without_planned_faults() {
    let manifest =
        std::fs::read_to_string(repository_root().join("Cargo.toml")).expect("the manifest");
    let (_, release) = manifest.split_once("[profile.release]").expect("a profile");
    let release = release.split("\n[").next().expect("the profile");
    assert!(release.contains("\npanic = \"unwind\"\n"), "{release}");
    assert!(release.contains("\noverflow-checks = true\n"), "{release}");
    let template =
        std::fs::read_to_string(repository_root().join("template.yaml")).expect("the template");
    assert!(!template.contains("PANIC_ON_MESSAGE"));
}

/// The classes are defined in one place; docs/failures.md must have their texts, in the same order.
#[test]
fn the_page_has_the_codes_failure_classes() {
    use media::failure::FailureClass;
    let page =
        std::fs::read_to_string(repository_root().join("docs/failures.md")).expect("the page");
    let classes = FailureClass::ALL
        .map(|class| format!("| `{class}` | {} | {} |\n", class.cause(), class.consequence()));
    let remedies = FailureClass::ALL.map(|class| format!("| `{class}` | {} |\n", class.remedy()));
    for table in [classes.concat(), remedies.concat()] {
        assert!(page.contains(&table), "docs/failures.md does not have\n{table}");
    }
    let portuguese = std::fs::read_to_string(repository_root().join("docs/pt-BR/failures.md"))
        .expect("the page");
    for class in FailureClass::ALL {
        let rows = portuguese.matches(&format!("\n| `{class}` | ")).count();
        assert_eq!(rows, 2, "rows of {class} in docs/pt-BR/failures.md");
    }
}
