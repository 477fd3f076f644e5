//! The rules of the repository, checked against dependencies, sources, events and the template.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod builds;
mod crates;
mod imports;
mod people;
mod promises;
mod sources;

use std::collections::BTreeMap;

/// These files name what they forbid.
const THIS_FOLDER: &str = "tests/house/tests/house_rules/";

/// `path:line` of every line that `is_wrong` says something about, these files left out.
fn find_offences(
    files: &BTreeMap<String, String>,
    is_wrong: impl Fn(&[&str], usize) -> bool,
) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.starts_with(THIS_FOLDER)) {
        let lines: Vec<_> = text.lines().collect();
        let wrong = (0..lines.len()).filter(|n| is_wrong(&lines, *n));
        offences.extend(wrong.map(|n| format!("{path}:{}: {}", n + 1, lines[n].trim())));
    }
    offences
}

fn assert_none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}:\n{}", offences.join("\n"));
}
