//! SECURITY.md: its table of template rules is what the checkers are told, and what it names as
//! proof exists.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test and its helpers fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use house::{
    all_sources, parse_template, quoted, read_text, repository_root, row_cells, table_rows,
};
use serde_yaml_ng::Value;

/// The words that may be the name of a rule: with a digit, a dot or an underscore, in upper case.
fn rule_names(text: &str) -> BTreeSet<String> {
    let is_name = |word: &&str| {
        let has_mark = word.contains(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_'));
        has_mark && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.len() > 4
    };
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    text.split(is_end).filter(is_name).map(str::to_owned).collect()
}

/// The texts below every key of this name.
fn below(value: &Value, key: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(fields) => {
            for (name, child) in fields {
                if name.as_str() == Some(key) {
                    found.extend(list_ids(child));
                }
                below(child, key, found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| below(item, key, found)),
        Value::Tagged(tagged) => below(&tagged.value, key, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The ids of a list: texts, or objects with an `id`.
fn list_ids(list: &Value) -> Vec<String> {
    let items = list.as_sequence().map(Vec::as_slice).unwrap_or_default();
    let id = |item: &Value| item.as_str().or_else(|| item.get("id")?.as_str()).map(str::to_owned);
    items.iter().filter_map(id).collect()
}

/// Every rule that a checker is told not to apply, to all resources or to one.
fn accepted_rules() -> BTreeSet<String> {
    let template = parse_template();
    let mut rules = BTreeSet::new();
    for key in ["skip", "rules_to_suppress", "SuppressedRules", "ignore_checks"] {
        below(&template, key, &mut rules);
    }
    let checkov: Value = serde_yaml_ng::from_str(&read_text(".checkov.yaml")).expect("YAML");
    rules.extend(list_ids(&checkov["skip-check"]));
    // The controls of Control Tower that are not run are a list in a comment: `# - ct-s3-pr-9 (…`.
    let script = read_text("tests/house/template-checks/check");
    let controls = script.lines().filter_map(|line| line.trim().strip_prefix("# - ct-"));
    rules.extend(controls.map(|line| {
        let name = line.split([' ', ':']).next().unwrap_or_default();
        format!("CT.{}", name.to_uppercase().replace('-', "."))
    }));
    rules
}

#[test]
fn the_table_of_accepted_rules_is_the_checkers_own() {
    let page = read_text("SECURITY.md");
    let rows: Vec<_> = table_rows(&page, "| rule | where |").into_iter().map(row_cells).collect();
    let (mut accepted, mut all) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let rules = rule_names(row[0]);
        assert!(!rules.is_empty(), "no rule in {row:?}");
        if row[2].starts_with("accepted") || row[2].starts_with("not run") {
            accepted.extend(rules.clone());
        }
        all.extend(rules);
    }
    let told = accepted_rules();
    assert!(told.len() > 25, "{told:?}");
    let missing: Vec<_> = told.difference(&accepted).collect();
    assert!(missing.is_empty(), "accepted without a row in SECURITY.md: {missing:?}");
    // These are of sets that are not run: their rows say what is done instead.
    let is_run = |rule: &&String| {
        ["CKV_", "AwsSolutions-", "WS", "ES", "CT.", "S3_"].iter().any(|set| rule.starts_with(set))
    };
    let stale: Vec<_> = accepted.difference(&told).filter(is_run).collect();
    assert!(stale.is_empty(), "SECURITY.md accepts what no checker is told: {stale:?}");
    assert!(all.len() > accepted.len(), "some are fixed");
}

/// The names of all tests, which are functions with an attribute that ends with `test]` or has
/// arguments, and of the programs that are one file of tests.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, text) in all_sources() {
        let file = path.rsplit_once("/tests/").and_then(|(_, file)| file.strip_suffix(".rs"));
        names.extend(file.filter(|file| !file.contains('/')).map(str::to_owned));
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[") {
                is_test |= line.contains("test]") || line.contains("test(");
            } else if is_test && !line.starts_with("//") {
                let name = line.split_once("fn ").map(|(_, rest)| rest);
                let name = name.and_then(|rest| rest.split(['(', '<']).next());
                names.extend(name.map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}

/// Whether there is such a proof: a test, whose name may be cut by `…`, a fuzz target, a make
/// target, or a file.
fn is_there(proof: &str, tests: &BTreeSet<String>, targets: &BTreeSet<String>) -> bool {
    if let Some(target) = proof.strip_prefix("make ") {
        return targets.contains(target.split(' ').next().unwrap_or_default());
    }
    let name = proof.rsplit("::").next().unwrap_or_default();
    let is_named = |test: &String| match (name.strip_prefix('…'), name.strip_suffix('…')) {
        (Some(end), _) => test.ends_with(end),
        (None, Some(begin)) => test.starts_with(begin),
        (None, None) => test == name,
    };
    let root = repository_root();
    tests.iter().any(is_named)
        || root.join(format!("tests/fuzz/src/{name}.rs")).exists()
        || root.join(proof).exists()
}

#[test]
fn every_proof_that_security_names_exists() {
    let page = read_text("SECURITY.md");
    let rows: Vec<_> = table_rows(&page, "| # | threat |").into_iter().map(row_cells).collect();
    let (tests, makefile) = (test_names(), read_text("Makefile"));
    let targets = makefile.lines().filter_map(|line| line.split_once(':'));
    let targets: BTreeSet<_> = targets.map(|(name, _)| name.to_owned()).collect();
    let mut proofs = BTreeMap::new();
    for row in &rows {
        let named: Vec<_> = quoted(row[3]).map(str::to_owned).collect();
        assert!(!named.is_empty(), "threat {} has no proof", row[0]);
        proofs.extend(named.into_iter().map(|proof| (proof, row[0])));
    }
    assert!(rows.len() >= 30 && proofs.len() > 150, "{} and {}", rows.len(), proofs.len());
    let missing: Vec<_> =
        proofs.iter().filter(|(proof, _)| !is_there(proof, &tests, &targets)).collect();
    assert!(missing.is_empty(), "no such proof: {missing:?}");
}
