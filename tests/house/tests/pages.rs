//! The pages: their links work, their lists are complete, and translations have the same parts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test and its helpers fail by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use house::{parse_template, quoted, read_text, repository_root, row_cells, table_rows};
use media::strategy::Strategy;
use serde_yaml_ng::Value;

/// Maximum number of words in the README; longer ones are not read.
const MAX_README_WORDS: usize = 1850;

/// Originals and their translations.
const TRANSLATIONS: [(&str, &str); 7] = [
    ("README.md", "README.pt-BR.md"),
    ("docs/bucket.md", "docs/pt-BR/bucket.md"),
    ("docs/failures.md", "docs/pt-BR/failures.md"),
    ("docs/lgpd.md", "docs/pt-BR/lgpd.md"),
    ("docs/operating.md", "docs/pt-BR/operating.md"),
    ("docs/receiving.md", "docs/pt-BR/receiving.md"),
    ("docs/webhook-answers.md", "docs/pt-BR/webhook-answers.md"),
];

/// Folders that begin a path in a page.
const FOLDERS: [&str; 10] =
    [".ci", ".github", "cli", "dev", "docs", "events", "examples", "functions", "shared", "tests"];

/// The applications of `examples`. What they install beside their own files has pages, too.
const EXAMPLES: [&str; 5] = ["", "django/", "express/", "fastapi/", "n8n/"];

/// The paths of the pages in this folder and below it.
fn pages_in(folder: &str) -> Vec<String> {
    let entries = repository_root().join(folder).read_dir().expect(folder);
    let mut pages = Vec::new();
    for entry in entries {
        let name = entry.expect("an entry").file_name();
        let path = Path::new(folder).join(name).display().to_string();
        if repository_root().join(&path).is_dir() {
            pages.extend(pages_in(&path));
        } else if path.ends_with(".md") {
            pages.push(path);
        }
    }
    pages
}

/// Every page with its path.
fn all_pages() -> BTreeMap<String, String> {
    let entries = repository_root().read_dir().expect("the root");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    let mut paths: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    for folder in ["dev/bench", "docs", "events", "tests/fuzz"] {
        paths.extend(pages_in(folder));
    }
    paths.extend(EXAMPLES.map(|folder| format!("examples/{folder}README.md")));
    paths.into_iter().map(|path| (path.clone(), read_text(&path))).collect()
}

/// The lines of a page outside its code blocks.
fn prose_lines(page: &str) -> impl Iterator<Item = &str> {
    let mut is_block = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    })
}

/// The anchors that a page's headings have on GitHub.
fn heading_anchors(page: &str) -> BTreeSet<String> {
    let headings = prose_lines(page).filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// A value without CloudFormation's tag, as text.
fn value_text(value: &Value) -> String {
    match value {
        Value::Tagged(tagged) => value_text(&tagged.value),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Sequence(_) | Value::Mapping(_) => String::new(),
    }
}

/// A cell of a table without the marks of code in it.
fn without_quotes(cell: &str) -> String {
    cell.replace('`', "")
}

/// The metrics that an alarm judges.
fn alarm_metrics(alarm: &Value) -> Vec<String> {
    let Some(queries) = alarm["Metrics"].as_sequence() else {
        return vec![value_text(&alarm["MetricName"])];
    };
    let names =
        queries.iter().map(|query| value_text(&query["MetricStat"]["Metric"]["MetricName"]));
    names.filter(|name| !name.is_empty()).collect()
}

/// The resources of this type, by name, with their properties.
fn resources_of_type(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_mapping().expect("resources").iter();
    let of_kind = all.filter(|(_, one)| one["Type"].as_str() == Some(kind));
    let named = of_kind.map(|(name, one)| (value_text(name), one["Properties"].clone()));
    named.collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (pages, mut count) = (all_pages(), 0);
    for (path, page) in &pages {
        for target in prose_lines(page).flat_map(|line| line.split("](").skip(1)) {
            let target = target.split(')').next().expect("an end");
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(path).parent().expect("a folder");
            let file = if file.is_empty() {
                repository_root().join(path)
            } else {
                repository_root().join(folder).join(file)
            };
            assert!(file.exists(), "{path}: {target}");
            if !anchor.is_empty() {
                let linked = std::fs::read_to_string(&file).expect("a page");
                assert!(heading_anchors(&linked).contains(anchor), "{path}: {target}");
            }
        }
    }
    assert!(count > 30, "{count} links");
}

#[test]
fn every_path_in_a_page_exists() {
    let mut count = 0;
    for (path, page) in all_pages() {
        for span in prose_lines(&page).flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let is_path = span.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder))
                && span.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
            if is_path {
                count += 1;
                assert!(repository_root().join(span).exists(), "{path}: {span}");
            }
        }
    }
    assert!(count > 50, "{count} paths");
}

/// Otherwise neither GitHub nor the test of commands finds its beginning and end.
#[test]
fn no_quoted_word_spans_two_lines() {
    for (path, page) in all_pages() {
        for line in prose_lines(&page) {
            assert!(line.matches('`').count() % 2 == 0, "{path}: {line}");
        }
    }
}

#[test]
fn the_readme_is_short() {
    let words = read_text("README.md").split_whitespace().count();
    assert!(words <= MAX_README_WORDS, "{words} words");
}

/// What a translation must contain in the same order as its original, one word for each line.
fn page_structure(page: &str) -> Vec<String> {
    let mut is_block = false;
    let mut parts = Vec::new();
    for line in page.lines() {
        let start = line.trim_start();
        if start.starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            let code = line.split(" #").next().unwrap_or(line).trim();
            parts.push(format!("code: {}", code.split(' ').take(3).collect::<Vec<_>>().join(" ")));
        } else if start.starts_with('#') {
            parts.push(format!("heading {}", start.split(' ').next().unwrap_or_default()));
        } else if start.starts_with('|') {
            parts.push(format!("row of {}", row_cells(start).len()));
        } else if start.starts_with("- ") {
            parts.push("item".to_owned());
        } else if start.starts_with("![") {
            parts.push("picture".to_owned());
        }
    }
    parts
}

#[test]
fn translations_have_the_structure_of_their_originals() {
    for (original, translation) in TRANSLATIONS {
        let (expected, found) =
            (page_structure(&read_text(original)), page_structure(&read_text(translation)));
        assert_eq!(found, expected, "{translation}");
    }
}

#[test]
fn the_page_has_every_metric_of_the_template() {
    let page = read_text("docs/logging.md");
    let alarms = resources_of_type(&parse_template(), "AWS::CloudWatch::Alarm");
    let alarms_on = |metric: &str| {
        let on =
            alarms.iter().filter(|(_, alarm)| alarm_metrics(alarm).iter().any(|m| m == metric));
        on.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let expected: BTreeSet<Vec<String>> =
        resources_of_type(&parse_template(), "AWS::Logs::MetricFilter")
            .into_values()
            .map(|filter| {
                let change = &filter["MetricTransformations"][0];
                let metric = value_text(&change["MetricName"]);
                let alarm = alarms_on(&metric);
                let (log, pattern) =
                    (value_text(&filter["LogGroupName"]), value_text(&filter["FilterPattern"]));
                vec![metric, log, pattern, value_text(&change["MetricValue"]), alarm]
            })
            .collect();
    let listed = table_rows(&page, "| metric | log |");
    let listed = listed
        .into_iter()
        .map(|row| row_cells(row).into_iter().map(without_quotes).collect::<Vec<_>>());
    assert_eq!(listed.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_page_has_every_alarm_of_the_template() {
    let page = read_text("docs/logging.md");
    let alarms = resources_of_type(&parse_template(), "AWS::CloudWatch::Alarm").into_iter();
    let expected: BTreeMap<_, _> =
        alarms.map(|(name, alarm)| (name, alarm_metrics(&alarm).join(", "))).collect();
    let listed = table_rows(&page, "| alarm | metric |").into_iter().map(|row| {
        let cells = row_cells(row);
        assert!(cells.len() == 4 && !cells[3].is_empty(), "{row}");
        (without_quotes(cells[0]), without_quotes(cells[1]))
    });
    assert_eq!(listed.collect::<BTreeMap<_, _>>(), expected);
}

/// The commands between the backticks of a text, in any order.
fn quoted_commands(text: &str) -> BTreeSet<&str> {
    quoted(text)
        .filter(|span| ["wapi-media ", "aws "].iter().any(|begin| span.starts_with(begin)))
        .collect()
}

/// The alarms of a table: the metrics of each, and the commands of what to do.
fn alarm_rows<'p>(page: &'p str, head: &str) -> BTreeMap<&'p str, (&'p str, BTreeSet<&'p str>)> {
    let rows = table_rows(page, head).into_iter().map(row_cells);
    rows.map(|cells| (cells[0], (cells[1], quoted_commands(cells[3])))).collect()
}

/// The alarms' e-mails are in English, so an operator looks up an alarm here: each one, on the same
/// metrics, with the same commands.
#[test]
fn the_portuguese_page_has_every_alarm_with_its_commands() {
    let (page, translation) = (read_text("docs/logging.md"), read_text("docs/pt-BR/logging.md"));
    let expected = alarm_rows(&page, "| alarm | metric |");
    assert_eq!(alarm_rows(&translation, "| alarme | métrica |"), expected);
}

/// CloudWatch refuses a longer description.
#[test]
fn every_alarm_description_fits() {
    for (name, alarm) in resources_of_type(&parse_template(), "AWS::CloudWatch::Alarm") {
        let length = value_text(&alarm["AlarmDescription"]).chars().count();
        assert!(length <= 1024, "{name}: {length} characters");
    }
}

/// A metric by strategy counts once for each strategy, and an alarm once for each of its metrics.
#[test]
fn the_page_of_costs_counts_metrics_and_alarms() {
    let page = read_text("docs/cost.md");
    let filters = resources_of_type(&parse_template(), "AWS::Logs::MetricFilter").into_values();
    let metrics: BTreeMap<_, _> = filters
        .map(|filter| {
            let change = &filter["MetricTransformations"][0];
            let is_by_strategy = change["Dimensions"][0]["Key"].as_str() == Some("strategy");
            let count = if is_by_strategy { Strategy::DEFAULT.len() } else { 1 };
            (value_text(&change["MetricName"]), count)
        })
        .collect();
    let metrics: usize = metrics.values().sum();
    let mut alarms = resources_of_type(&parse_template(), "AWS::CloudWatch::Alarm");
    // Those of the malware scan, which is off by default, have a price of their own on the page.
    alarms.retain(|name, _| !name.starts_with("Malware"));
    let alarms = alarms.into_values();
    let alarms: usize = alarms.map(|alarm| alarm_metrics(&alarm).len()).sum();
    let command = read_text("cli/src/commands/cost.rs");
    for (count, what, cents) in [(metrics, "metrics", 30), (alarms, "metrics of alarms", 10)] {
        let total = count * cents;
        let total = format!("{}.{:02}", total / 100, total % 100);
        let row = format!("| {count} {what} at $0.{cents}");
        let line = page.lines().find(|line| line.starts_with(&row));
        let is_right = line.is_some_and(|line| line.ends_with(&format!(" | {total} |")));
        assert!(is_right, "docs/cost.md: {row} … {total} is not {line:?}");
        let said = format!("{} {total}", what.trim_start_matches("metrics of "));
        assert!(command.contains(&said), "cli/src/commands/cost.rs: no {said:?}");
    }
}

#[test]
fn the_page_lists_every_make_target() {
    let makefile = read_text("Makefile");
    let targets = makefile.lines().filter(|line| line.contains("## ") && !line.starts_with('\t'));
    let targets = targets.filter_map(|line| line.split_once(':'));
    let targets: BTreeSet<_> = targets.map(|(target, _)| format!("make {target}")).collect();
    let page = read_text("CONTRIBUTING.md");
    let listed = table_rows(&page, "| target |")
        .into_iter()
        .map(|row| unquoted(row_cells(row)[0]).to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), targets);
}

#[test]
fn the_readme_lists_every_parameter_with_its_default() {
    let template = parse_template();
    let parameters = template["Parameters"].as_mapping().expect("parameters").iter();
    let expected: BTreeMap<_, _> =
        parameters.map(|(name, one)| (value_text(name), value_text(&one["Default"]))).collect();
    for (page, head, empty) in
        [("README.md", "| parameter |", "empty"), ("README.pt-BR.md", "| parâmetro |", "vazio")]
    {
        let text = read_text(page);
        let listed = table_rows(&text, head).into_iter().map(|row| {
            let cells = row_cells(row);
            let default = unquoted(cells[1]).replace(empty, "");
            (unquoted(cells[0]).to_owned(), default)
        });
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), expected, "{page}");
    }
}

/// The words with an underscore in these sources are exactly the answers to a webhook.
#[test]
fn the_page_has_every_answer_word() {
    let sources = ["functions/webhook/src/answer.rs", "shared/wapi/src/webhook/body.rs"];
    let sources = sources.map(read_text).concat();
    let quoted = |text: &str| -> BTreeSet<String> {
        let words = text.split('"').skip(1).step_by(2);
        let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        words.filter(is_word).map(str::to_owned).collect()
    };
    let mut answered = quoted(&sources);
    answered.retain(|word| word.contains('_'));
    assert!(answered.len() > 5, "{answered:?}");
    for page in ["docs/webhook-answers.md", "docs/pt-BR/webhook-answers.md"] {
        let text = read_text(page);
        let bodies = table_rows(&text, "| status |").into_iter();
        let listed = quoted(&bodies.map(|row| row_cells(row)[1]).collect::<String>());
        let missing: Vec<_> = answered.difference(&listed).collect();
        assert!(missing.is_empty(), "{page} has no row of {missing:?}");
        let mut gone = listed.iter();
        let gone = gone.find(|word| !sources.contains(&format!("\"{word}\"")));
        assert!(gone.is_none(), "{page}: {gone:?} is no answer any more");
    }
}

/// `dev/draw_dashboard.py` draws the pictures from the template.
#[test]
fn the_pictures_have_every_widget_and_metric() {
    let dashboards = resources_of_type(&parse_template(), "AWS::CloudWatch::Dashboard");
    let body = value_text(&dashboards["Dashboard"]["DashboardBody"]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let mut texts = Vec::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        let properties = &widget["properties"];
        texts.push(properties["title"].as_str().expect("a title").to_owned());
        for metric in properties["metrics"].as_array().expect("metrics") {
            let parts = metric.as_array().expect("a metric");
            let options = parts.last().expect("options or a name");
            let name = parts.iter().rev().find_map(serde_json::Value::as_str);
            let default = name.into_iter().chain(options["stat"].as_str()).collect::<Vec<_>>();
            let label = options["label"].as_str().map(str::to_owned);
            // A search finds its metrics by itself.
            if options["expression"].is_null() {
                texts.push(label.unwrap_or_else(|| default.join(" ")));
            }
        }
    }
    assert!(texts.len() > 30, "{texts:?}");
    for path in ["docs/images/dashboard.svg", "docs/images/dashboard.pt-BR.svg"] {
        let picture = read_text(path);
        let missing: Vec<_> =
            texts.iter().filter(|text| !picture.contains(&format!(">{text}</text>"))).collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}: run dev/draw_dashboard.py");
    }
}
