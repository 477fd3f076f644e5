//! Source files and tests: their first line, their width, and what they must not do.

use house::{all_sources, files_below, source_files};

use crate::{assert_none, crates::cargo_metadata, find_offences};

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
    sources.extend(source_files(&["dev", "examples/testing", "tests"], "py"));
    let long = find_offences(&sources, |lines, n| {
        let line = lines[n];
        let is_comment = line.trim_start().starts_with("//");
        line.chars().count() > MAX_COLUMNS && (is_comment || !line.contains('"'))
    });
    assert_none(&long, "a line of more than 100 columns");
}

#[test]
fn files_have_at_most_450_lines() {
    const MAX_LINES: usize = 450;
    let long = find_offences(&all_sources(), |_, n| n == MAX_LINES);
    assert_none(&long, "a file of more than 450 lines; its next line is");
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
