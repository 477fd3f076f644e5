//! The rules of the house, held against the dependencies, the sources, the events and the template.

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

/// The rooms, and which of ours each may import. Tests may import any; nothing imports tests.
const ROOMS: [(&str, &[&str]); 12] = [
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
    (
        "wapi-media",
        &[
            "media", "wapi", "fetch", "aws", "boot", "parking", "operator", "report",
        ],
    ),
];

/// What Lambda runs on.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the root folder")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--locked".to_owned()])
        .exec()
        .expect("cargo metadata, with a lock file that is up to date")
}

fn is_of_tests(package: &Package) -> bool {
    let folders = ["tests", "dev"].map(|folder| root().join(folder));
    folders
        .iter()
        .any(|folder| package.manifest_path.starts_with(folder))
}

/// The name and version of every crate that is compiled into `package`, itself included. Build scripts and
/// tests are not. Asked of `cargo tree`, because `cargo metadata` also lists what is only weakly wanted.
fn compiled_into(package: &str, target: &str) -> BTreeSet<(String, String)> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--package", package, "--target", target])
        .output()
        .expect("cargo tree");
    let text = String::from_utf8(tree.stdout).expect("text");
    let words = text.lines().map(str::split_whitespace);
    let crates =
        words.filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.to_owned())));
    let crates: BTreeSet<_> = crates.collect();
    assert!(
        crates.iter().any(|(name, _)| name == package),
        "{package} was listed"
    );
    crates
}

/// The files with this extension below the folders, by path from the root.
fn files(folders: &[&str], extension: &str) -> BTreeMap<String, String> {
    let found = files_below(folders.iter().map(|folder| root().join(folder)), extension);
    assert!(!found.is_empty(), "no .{extension} files in {folders:?}");
    found
}

/// The text of each file with this extension among `paths` and below them, by its path below the root.
fn files_below(
    paths: impl IntoIterator<Item = PathBuf>,
    extension: &str,
) -> BTreeMap<String, String> {
    let root = root();
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

fn sources() -> BTreeMap<String, String> {
    files(&["shared", "functions", "cli", "tests", "dev"], "rs")
}

/// The pages: those beside the manifest, and those of folders that have some.
fn pages() -> BTreeMap<String, String> {
    let entries = root().read_dir().expect("the root");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    let at_the_root = names.iter().map(String::as_str);
    let at_the_root = at_the_root.filter(|name| name.ends_with(".md"));
    let places: Vec<_> = at_the_root
        .chain(["docs", "events", "tests/fuzz"])
        .collect();
    files(&places, "md")
}

/// `path:line` of every line that `is_wrong` says something about, this file left out.
fn offences(
    files: &BTreeMap<String, String>,
    is_wrong: impl Fn(&[&str], usize) -> bool,
) -> Vec<String> {
    let this = Path::new(file!()).file_name().expect("a name");
    let mut offences = Vec::new();
    for (path, text) in files
        .iter()
        .filter(|(path, _)| !Path::new(path).ends_with(this))
    {
        let lines: Vec<_> = text.lines().collect();
        let wrong = (0..lines.len()).filter(|n| is_wrong(&lines, *n));
        offences.extend(wrong.map(|n| format!("{path}:{}: {}", n + 1, lines[n].trim())));
    }
    offences
}

fn none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}

#[test]
fn each_room_imports_only_the_rooms_it_may() {
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let ours: BTreeSet<_> = members.iter().map(|one| one.name.as_str()).collect();
    let rooms: HashMap<_, _> = ROOMS.into_iter().collect();
    for package in members.iter().filter(|one| !is_of_tests(one)) {
        let name = package.name.as_str();
        let allowed = rooms.get(name).copied();
        let allowed =
            allowed.unwrap_or_else(|| unreachable!("{name} is not in the table of rooms"));
        let imports = package.dependencies.iter();
        let imports = imports.filter(|one| one.kind != DependencyKind::Development);
        for import in imports.filter(|one| ours.contains(one.name.as_str())) {
            assert!(
                allowed.contains(&import.name.as_str()),
                "{name} imports {}",
                import.name
            );
        }
    }
    for (room, _) in ROOMS {
        assert!(ours.contains(room), "there is no {room}");
    }
}

/// A room that is left out would say nothing below `warn`, and metrics are counted from lines of `info`.
#[test]
fn every_room_of_a_function_may_speak_in_its_log() {
    let packages = metadata();
    let root = root();
    let members = packages.workspace_packages().into_iter().filter(|one| {
        ["shared", "functions"]
            .iter()
            .any(|folder| one.manifest_path.starts_with(root.join(folder)))
    });
    let mut rooms: BTreeSet<_> = members.map(|one| one.name.to_string()).collect();
    assert!(
        rooms.remove("operator"),
        "no function has the operator's room"
    );
    assert_eq!(rooms, boot::telemetry::OURS.map(str::to_owned).into());
}

#[test]
fn the_architecture_page_and_this_test_have_the_same_table() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    for (room, imports) in &ROOMS[..7] {
        let imports: Vec<_> = imports.iter().map(|one| format!("`{one}`")).collect();
        let imports = if imports.is_empty() {
            "nothing".to_owned()
        } else {
            imports.join(", ")
        };
        let row = format!("| `{room}` | {imports} |");
        assert!(page.contains(&row), "ARCHITECTURE.md has no row {row:?}");
    }
}

#[test]
fn the_pure_rooms_have_no_runtime_no_http_and_no_aws() {
    for room in ["media", "wapi", "report"] {
        let crates = compiled_into(room, TARGETS[0])
            .into_iter()
            .map(|(name, _)| name);
        let impure = crates.filter(|name| {
            ["tokio", "reqwest", "hyper", "mio", "socket2"].contains(&name.as_str())
                || ["aws-sdk-", "aws-config", "aws-smithy-"]
                    .iter()
                    .any(|start| name.starts_with(start))
        });
        assert_eq!(impure.collect::<Vec<_>>(), Vec::<String>::new(), "{room}");
    }
}

/// A file of 8 MiB can make `cfb` take a GiB for its tables, and `infer` asks it by default.
#[test]
fn the_functions_read_no_ole_tables() {
    for room in ["media", "download"] {
        let crates = compiled_into(room, TARGETS[0]);
        assert!(crates.iter().all(|(name, _)| name != "cfb"), "{room}");
    }
}

#[test]
fn only_two_rooms_name_the_aws_sdk() {
    let mut sources = files(&["shared", "functions", "cli"], "rs");
    let rooms = ["shared/aws/src/", "shared/operator/src/"];
    sources.retain(|path, _| !rooms.iter().any(|room| path.starts_with(room)));
    let named = offences(&sources, |lines, n| {
        // In quotes it is the name of a log target, not a type.
        lines[n].replace("\"aws_sdk_", "").contains("aws_sdk_")
    });
    none(
        &named,
        "an aws_sdk_* type outside shared/aws and shared/operator",
    );
    for package in metadata().workspace_packages() {
        let mut dependencies = package.dependencies.iter();
        let has_sdk = dependencies.any(|one| one.name.starts_with("aws-sdk-"));
        let may = ["aws", "operator"].contains(&package.name.as_str()) || is_of_tests(package);
        assert!(may || !has_sdk, "{} depends on an AWS SDK", package.name);
    }
}

#[test]
fn the_functions_have_one_tls_stack_and_one_cryptographic_library() {
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
        let others: Vec<_> = crates
            .iter()
            .filter(|(name, _)| OTHERS.contains(&name.as_str()))
            .collect();
        assert!(others.is_empty(), "{function} for {target} has {others:?}");
        for once in ["rustls", "aws-lc-rs", "aws-lc-sys"] {
            let versions = crates.iter().filter(|(name, _)| name == once).count();
            assert_eq!(versions, 1, "versions of {once} in {function} for {target}");
        }
    }
}

#[test]
fn the_dependency_rules_ban_what_the_functions_must_not_have() {
    let rules = std::fs::read_to_string(root().join(".ci/deny.toml")).expect("the rules");
    for banned in ["openssl-sys", "native-tls", "ring"] {
        assert!(
            rules.contains(&format!("{{ crate = \"{banned}\", reason")),
            "{banned}"
        );
    }
    for refused in ["unknown-registry", "unknown-git", "wildcards", "yanked"] {
        assert!(
            rules.contains(&format!("{refused} = \"deny\"")),
            "{refused}"
        );
    }
}

/// A tag can be moved to other code, a commit cannot; and what only checks needs no right to change anything.
#[test]
fn every_action_is_pinned_and_no_workflow_may_write() {
    let workflows = files(&[".github/workflows"], "yml");
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
            assert!(
                job["permissions"].is_null(),
                "{path}: {name:?} has rights of its own"
            );
            assert!(
                job["timeout-minutes"].is_number(),
                "{path}: {name:?} may run for ever"
            );
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
fn every_source_file_says_on_its_first_line_what_it_is() {
    let silent = offences(&sources(), |lines, n| {
        n == 0
            && lines[0]
                .strip_prefix("//! ")
                .is_none_or(|text| text.len() < 10)
    });
    none(&silent, "line 1 is //! and a sentence");
}

#[test]
fn no_test_is_ignored() {
    let ignored = offences(&sources(), |lines, n| {
        lines[n].trim_start().starts_with("#[ignore")
    });
    none(&ignored, "a test that is not run proves nothing");
}

/// `test = false` spares a second compilation of crates without unit tests; a unit test there would not run.
#[test]
fn every_unit_test_is_compiled() {
    let metadata = metadata();
    let mut skipped = 0;
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().expect("a folder");
        for target in package.targets.iter().filter(|one| !one.test) {
            // A library's modules lie beside its root, and so do those of a binary without a library.
            let has_library = package.targets.iter().any(|one| one.is_lib());
            let is_alone = target.is_lib() || !has_library;
            let source = if is_alone {
                folder.join("src")
            } else {
                target.src_path.clone()
            };
            let mut sources = files_below([source.into_std_path_buf()], "rs");
            sources.retain(|path, _| !target.is_lib() || !path.ends_with("src/main.rs"));
            let tests = offences(&sources, |lines, n| {
                let line = lines[n].trim_start();
                line.starts_with("#[test]") || line.starts_with("#[tokio::test")
            });
            none(&tests, "a unit test of a target with `test = false`");
            skipped += 1;
        }
    }
    assert!(skipped > 10, "{skipped} targets without unit tests");
}

/// Between two looks at something that has a time limit a test may sleep; or where a comment right above
/// says why. It never sleeps and hopes.
#[test]
fn no_test_sleeps_and_hopes() {
    const LOOP_LINES: usize = 20;
    let mut tests = sources();
    tests.retain(|path, _| {
        path.split('/')
            .rev()
            .skip(1)
            .any(|folder| folder == "tests")
    });
    tests.retain(|path, _| !path.starts_with("tests/") || path.matches("tests/").count() > 1);
    let hopes = offences(&tests, |lines, n| {
        let is_sleep = ["sleep(", "sleep_until("]
            .iter()
            .any(|call| lines[n].contains(call));
        let before = &lines[n.saturating_sub(LOOP_LINES)..n];
        let has_reason = before
            .last()
            .is_some_and(|line| line.trim_start().starts_with("//"));
        is_sleep && !has_reason && !before.iter().any(|line| line.contains(".elapsed()"))
    });
    none(
        &hopes,
        "a sleep outside a loop with a time limit, without a reason above it",
    );
}

#[test]
fn the_functions_speak_only_through_the_log() {
    let sources = files(&["shared", "functions"], "rs");
    let printed = offences(&sources, |lines, n| {
        ["println!", "print!", "dbg!"]
            .iter()
            .any(|call| lines[n].contains(call))
    });
    none(&printed, "what is printed is not JSON and has no fields");
}

#[test]
fn every_event_is_one_json_object() {
    for (path, text) in files(&["events"], "json") {
        let value: serde_json::Value = serde_json::from_str(&text).expect(&path);
        assert!(value.is_object(), "{path}");
    }
}

/// The numbers that a line holds as people and WhatsApp write Brazilian mobile numbers: with `+55` and
/// whatever stands between the digits, or as digits that stand alone, with or without the country.
fn mobile_numbers(line: &str) -> BTreeSet<String> {
    let digits_of = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let is_written = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.');
    let written = line.split("+55").skip(1).map(|rest| {
        let end = rest.find(|c| !is_written(c)).unwrap_or(rest.len());
        format!("55{}", digits_of(&rest[..end]))
    });
    let is_of_words = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let alone = line
        .split(|c| !is_of_words(c))
        .filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
    let numbers = written.chain(alone.map(str::to_owned));
    numbers
        .filter(|digits| {
            let national = digits
                .strip_prefix("55")
                .filter(|rest| rest.len() >= 10)
                .unwrap_or(digits);
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

/// An area that does not exist, and a subscriber that nobody is.
fn is_invented(number: &str) -> bool {
    // No Brazilian number has the area 00.
    number.starts_with("5500")
}

#[test]
fn mobile_numbers_are_recognised_however_they_are_written() {
    // Put together here, so that no such number stands in a file.
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
fn nobody_real_is_in_the_events_the_tests_or_the_pages() {
    let mut all = sources();
    for (folder, extension) in [("events", "json"), ("shared", "json")] {
        all.extend(files(&[folder], extension));
    }
    all.extend(pages());
    let real = offences(&all, |lines, n| {
        mobile_numbers(lines[n]).iter().any(|one| !is_invented(one))
    });
    none(
        &real,
        "only numbers of area 00, such as 5500900000001, are invented for certain",
    );
    let named = offences(&files(&["events"], "json"), |lines, n| {
        let name = lines[n].trim().strip_prefix("\"pushName\": ");
        name.is_some_and(|name| name.trim_end_matches(',') != "\"Contato Exemplo\"")
    });
    none(&named, "a sender of another name than Contato Exemplo");
}

/// If SQS gave up first it would park a job without a reason. With full jitter no number of receives is
/// certain: `shared/media/tests/ends.rs` lives 20,000 lives with this one, and this holds the template to it.
#[test]
fn the_queue_parks_no_job_before_its_schedule_does_and_every_job_before_it_forgets_it() {
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("the template");
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&template).expect("YAML");
    let queue = &template["Resources"]["JobsQueue"]["Properties"];
    let number = |value: &serde_yaml_ng::Value| value.as_u64().expect("a number");
    let most = number(&queue["RedrivePolicy"]["maxReceiveCount"]);
    assert_eq!(most, 140, "MOST_RECEIVES in ends.rs is another");
    let (life, mut elapsed) = (Duration::from_hours(6 * 24), Duration::ZERO);
    let usual = (1_u32..).find(|receive| {
        elapsed += media::schedule::retry_wait(*receive, 0.5, None);
        elapsed > life
    });
    assert!(
        usual.is_some_and(|usual| most * 2 >= u64::from(usual) * 3),
        "{most} receives, and a usual life takes {usual:?}"
    );
    let retention = number(&queue["MessageRetentionPeriod"]);
    assert_eq!(retention, Duration::from_hours(7 * 24).as_secs());
    let crashing = most * number(&queue["VisibilityTimeout"]);
    assert!(
        crashing < retention,
        "a job that crashes every time needs {crashing} s to be parked"
    );
}

/// The features that each crate is compiled with, of what this selection is made of.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}",
        ])
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

/// Or the functions that the whole-path tests deploy would be compiled with all their dependencies once more.
#[test]
fn tests_and_programs_share_their_dependencies() {
    let programs = features(&["--workspace", "--edges", "normal,build"]);
    let tests = features(&["--workspace", "--edges", "normal,build,dev"]);
    for (package, features) in programs {
        assert_eq!(tests[&package], features, "{package}: tests have others");
    }
}

/// Or `sam build`, which compiles each function by itself, would compile the AWS SDK three times.
#[test]
fn the_functions_share_their_dependencies() {
    /// Small, and little depends on it; with the features of both it would need more crates than it spares.
    const EXEMPT: &str = "aws_lambda_events";
    let mut first = BTreeMap::new();
    for function in ["webhook", "download", "watch"] {
        for (package, features) in features(&["--package", function, "--edges", "normal,build"]) {
            if !package.starts_with(EXEMPT) {
                let (owner, known) = first
                    .entry(package.clone())
                    .or_insert_with(|| (function, features.clone()));
                assert_eq!(*known, features, "{package}: {owner} and {function}");
            }
        }
    }
}

/// What is deployed is compiled function by function, and what is tested as a whole: some crates have more
/// features then. ARCHITECTURE.md names them, so that nobody is surprised.
#[test]
fn the_page_names_crates_with_more_features_in_tests() {
    let all = features(&["--workspace", "--edges", "normal,no-proc-macro"]);
    let mut more = BTreeSet::new();
    for function in ["webhook", "download", "watch"] {
        for (package, alone) in
            features(&["--package", function, "--edges", "normal,no-proc-macro"])
        {
            if all[&package].difference(&alone).next().is_some() {
                more.insert(package.split(' ').next().expect("a name").to_owned());
            }
        }
    }
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page");
    let row = page
        .lines()
        .find(|line| line.starts_with("| cargo features |"));
    let row = row.expect("a row on features");
    let named = row.split('`').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(named.collect::<BTreeSet<_>>(), more);
}

/// cargo-lambda aborts on panics where the profile says nothing; and what makes records panic is for tests alone.
#[test]
fn the_deployed_functions_unwind_and_no_fault_is_planned() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let (_, release) = manifest.split_once("[profile.release]").expect("a profile");
    let release = release.split("\n[").next().expect("the profile");
    assert!(release.contains("\npanic = \"unwind\"\n"), "{release}");
    assert!(release.contains("\noverflow-checks = true\n"), "{release}");
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("the template");
    assert!(!template.contains("PANIC_ON_MESSAGE"));
}

/// The classes are decided in one place; docs/failures.md shows that place's own words, in its order.
#[test]
fn the_page_has_the_classes_and_the_runbook_of_the_code() {
    use media::failure::FailureClass;
    let page = std::fs::read_to_string(root().join("docs/failures.md")).expect("the page");
    let classes = FailureClass::ALL.map(|class| {
        format!(
            "| `{class}` | {} | {} |\n",
            class.cause(),
            class.consequence()
        )
    });
    let remedies = FailureClass::ALL.map(|class| format!("| `{class}` | {} |\n", class.remedy()));
    for table in [classes.concat(), remedies.concat()] {
        assert!(
            page.contains(&table),
            "docs/failures.md does not have\n{table}"
        );
    }
    let portuguese =
        std::fs::read_to_string(root().join("docs/pt-BR/failures.md")).expect("the page");
    for class in FailureClass::ALL {
        let rows = portuguese.matches(&format!("\n| `{class}` | ")).count();
        assert_eq!(rows, 2, "rows of {class} in docs/pt-BR/failures.md");
    }
}
