//! Reads the repository for the tests in `tests/`: the rules of the repository, the template and
//! the pages. They need no stack.

#![allow(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_yaml_ng::Value;

/// The repository's folder.
pub fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root folder")
}

/// The text of a file, by its path from the root.
pub fn read_text(path: &str) -> String {
    std::fs::read_to_string(repository_root().join(path)).expect(path)
}

/// The template of the stack.
pub fn parse_template() -> Value {
    serde_yaml_ng::from_str(&read_text("template.yaml")).expect("YAML")
}

/// The files with this extension below the folders, by path from the root.
pub fn source_files(folders: &[&str], extension: &str) -> BTreeMap<String, String> {
    let found = files_below(folders.iter().map(|folder| repository_root().join(folder)), extension);
    assert!(!found.is_empty(), "no .{extension} files in {folders:?}");
    found
}

/// The text of each file with this extension among `paths` and below them, by path from the root.
pub fn files_below(
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

/// All Rust files of the repository, by path from the root.
pub fn all_sources() -> BTreeMap<String, String> {
    source_files(&["shared", "functions", "cli", "tests", "dev"], "rs")
}

/// The rows of the page's table whose heading row begins with `head`, without its two head lines.
pub fn table_rows<'p>(page: &'p str, head: &str) -> Vec<&'p str> {
    let lines = page.lines().skip_while(|line| !line.starts_with(head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = rows.collect();
    assert!(!rows.is_empty(), "no table {head}");
    rows
}

/// The cells of a row.
pub fn row_cells(row: &str) -> Vec<&str> {
    let cells = row.trim().trim_start_matches('|').trim_end_matches('|').split(" | ");
    cells.map(|cell| cell.trim().trim_matches('|').trim()).collect()
}

/// What stands between backquotes.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
