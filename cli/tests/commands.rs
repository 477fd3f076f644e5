//! Every command shown in a page, a stack output, an alarm, a help text or an error parses.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test and its helpers fail by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Values for a placeholder such as `{id}` in a source's text. One of them must be accepted.
const SUBSTITUTES: [&str; 4] = ["LITE-AAAAAA-BBBBBB", "acme", "7", "--tenant=acme"];

/// The subcommands of the SAM CLI that the pages may show.
const SAM: [&str; 4] = ["build", "delete", "deploy", "validate"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).expect("text")
}

/// Runs the command without a region, so that it fails right after parsing its arguments.
fn run(arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wapi-media"))
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .output()
        .expect("the command runs")
}

/// What a command is shown for, and so what it may lack. Nothing else of it may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purpose {
    /// A comment of a source that names it: any argument.
    Name,
    /// Part of a sentence: what it works on (an instance, a message), but no required option.
    Sentence,
    /// To be copied and run: nothing.
    Run,
}

/// A command that was found, and where.
#[derive(Debug, Clone)]
struct Shown {
    place: String,
    words: Vec<String>,
    purpose: Purpose,
}

/// The error of a `wapi-media` command, if it does not parse.
fn fault(words: &[String], purpose: Purpose) -> Option<String> {
    let output = run(&words[1..]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // Its arguments were parsed if it complains about the region.
    if output.status.success() || said.contains("AWS_REGION") {
        return None;
    }
    let lacks = ["required arguments were not provided", "a value is required for"];
    let is_incomplete = lacks.iter().any(|one| said.contains(one)) || !said.contains("error:");
    // Who runs the command as it is shown gets its usage instead.
    let lacks_option = said.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("--") || line.starts_with("<--")
    });
    let may_lack = match purpose {
        Purpose::Name => true,
        Purpose::Sentence => !lacks_option,
        Purpose::Run => false,
    };
    (!(may_lack && is_incomplete)).then_some(said)
}

/// Splits a line at whitespace, except inside quotes.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words of each command in a shell line.
fn shell_commands(line: &str) -> Vec<Vec<String>> {
    let line = match line.find(" #") {
        Some(comment) => &line[..comment],
        None => line,
    };
    let (mut commands, mut words, mut skips_next) = (Vec::new(), Vec::new(), false);
    for word in shell_words(line) {
        let is_redirection = word.starts_with('>') || word.starts_with('<');
        let is_setting = words.is_empty() && word.contains('=') && !word.starts_with('-');
        if word == "&&" || word == "|" {
            commands.push(std::mem::take(&mut words));
        } else if skips_next {
            skips_next = false;
        } else if is_redirection {
            skips_next = word.len() == 1;
        } else if !is_setting && !word.contains('…') {
            words.push(word.trim_end_matches(';').to_owned());
        }
    }
    commands.push(words);
    commands
}

/// The text between backticks.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The commands in the shell blocks and between the backticks of a text.
fn commands_of_text(place: &str, text: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut is_block = false;
    for (n, line) in text.lines().enumerate() {
        let place = format!("{place}:{}", n + 1);
        let mut add = |text: &str, purpose| {
            shown.extend(shell_commands(text).into_iter().map(|words| Shown {
                place: place.clone(),
                words,
                purpose,
            }));
        };
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            add(line, Purpose::Run);
        } else {
            spans(line).for_each(|span| add(span, Purpose::Sentence));
        }
    }
    shown
}

/// The files below a folder, or the file itself, if their names end with `end`.
fn files(place: &str, end: &str) -> Vec<String> {
    let path = root().join(place);
    if !path.is_dir() {
        return place.ends_with(end).then(|| place.to_owned()).into_iter().collect();
    }
    let entries = path.read_dir().expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let places = names.map(|name| format!("{place}/{}", name.to_string_lossy()));
    places.flat_map(|place| files(&place, end)).collect()
}

/// All pages, and the template, which has outputs and alarms.
fn pages() -> Vec<String> {
    let entries = root().read_dir().expect("the root");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut pages: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    pages.retain(|name| name.ends_with(".md"));
    for folder in ["docs", "events", "tests/fuzz"] {
        pages.extend(files(folder, ".md"));
    }
    pages.push("template.yaml".to_owned());
    pages
}

fn shown_in_pages() -> Vec<Shown> {
    let texts = pages().into_iter().map(|page| (read(&page), page));
    texts.flat_map(|(text, page)| commands_of_text(&page, &text)).collect()
}

/// The words of the command itself, of each noun and of each verb.
fn all_commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while next < all.len() {
        let words = all[next].clone();
        for name in subcommands(&help(&words)) {
            let mut longer = words.clone();
            longer.push(name);
            all.push(longer);
        }
        next += 1;
    }
    all
}

fn help(words: &[String]) -> String {
    let mut arguments = words.to_vec();
    arguments.push("--help".to_owned());
    let output = run(&arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn subcommands(help: &str) -> Vec<String> {
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The commands in the sources' errors, remedies and comments.
fn shown_in_sources() -> Vec<Shown> {
    let mut shown = Vec::new();
    for path in ["cli", "shared", "functions"].map(|folder| files(folder, ".rs")) {
        for path in path.into_iter().filter(|path| !path.ends_with("commands.rs")) {
            for (n, line) in joined_lines(&read(&path)) {
                let line = line.as_str();
                let is_comment = line.trim_start().starts_with("//");
                let texts: Vec<_> = if is_comment {
                    spans(line).collect()
                } else {
                    line.match_indices("wapi-media ").map(|(start, _)| &line[start..]).collect()
                };
                shown.extend(texts.into_iter().map(|text| Shown {
                    place: format!("{path}:{}", n + 1),
                    words: hint(text),
                    purpose: if is_comment { Purpose::Name } else { Purpose::Sentence },
                }));
            }
        }
    }
    shown
}

/// The lines of a source with their numbers, counted from 0. A literal that goes on in the next
/// line is one line.
fn joined_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (n, line) in text.lines().enumerate() {
        let is_literal = line.ends_with('\\');
        let line = line.trim_end_matches('\\');
        match lines.last_mut() {
            Some((_, last)) if goes_on => last.push_str(line.trim_start()),
            _ => lines.push((n, line.to_owned())),
        }
        goes_on = is_literal;
    }
    lines
}

/// The commands of the alarms' texts, in English and in Portuguese, and of the tables of alarms.
fn shown_in_alarms() -> Vec<Shown> {
    let mut shown = Vec::new();
    let translations = "cli/report/src/reason/alarms.rs";
    let pages = ["docs/logging.md", "docs/pt-BR/logging.md", "template.yaml", translations];
    for page in pages {
        let lines = joined_lines(&read(page)).into_iter();
        let is_of_alarm = |line: &str| line.contains("Alarm` | `") || !page.ends_with(".md");
        for (n, line) in lines.filter(|(_, line)| is_of_alarm(line)) {
            shown.extend(spans(&line.replace("\\\"", "\"")).map(|span| Shown {
                place: format!("{page}:{}", n + 1),
                words: shell_commands(span).remove(0),
                purpose: Purpose::Run,
            }));
        }
    }
    shown
}

/// The words of a command at the beginning of a text, up to the end of its sentence or literal.
fn hint(text: &str) -> Vec<String> {
    let ends = ["\"", "`", ";", ". ", ", ", ")", "\\", "\u{2026}"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let text = &text[..end.unwrap_or(text.len())];
    shell_commands(text.trim_end_matches('.')).remove(0)
}

/// The error of a command, if no value of its placeholders is accepted.
fn fault_of_hint(words: &[String], purpose: Purpose) -> Option<String> {
    let is_placeholder = |word: &String| word.starts_with('{');
    let filled = SUBSTITUTES.into_iter().map(|one| {
        let words = words.iter().map(|word| match is_placeholder(word) {
            true => one.to_owned(),
            false => word.clone(),
        });
        words.collect::<Vec<_>>()
    });
    let count = if words.iter().any(is_placeholder) { SUBSTITUTES.len() } else { 1 };
    let mut faults = filled.take(count).map(|words| fault(&words, purpose));
    let first = faults.next().flatten()?;
    faults.all(|fault| fault.is_some()).then_some(first)
}

/// Fails with the place, the command and the error of each wrong command; and if there are none.
fn assert_all(program: &str, shown: Vec<Shown>, fault: impl Fn(&Shown) -> Option<String>) {
    let shown = shown.into_iter().filter(|one| {
        let mut words = one.words.iter();
        words.next().is_some_and(|word| word == program) && words.next().is_some()
    });
    let (mut count, mut known) = (0, BTreeMap::new());
    let faults = shown.filter_map(|one| {
        count += 1;
        let key = (one.words.clone(), one.purpose);
        let wrong = known.entry(key).or_insert_with(|| fault(&one)).clone()?;
        Some(format!("{}: {}\n{wrong}", one.place, one.words.join(" ")))
    });
    let faults: Vec<_> = faults.collect();
    assert!(count > 0, "no command of {program} was found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_command_in_a_page_parses() {
    assert_all("wapi-media", shown_in_pages(), |one| fault(&one.words, one.purpose));
}

#[test]
fn every_example_in_a_help_text_parses() {
    let examples = all_commands().into_iter().flat_map(|words| {
        let help = help(&words);
        let lines = help.lines().map(|line| line.trim().to_owned());
        let lines: Vec<_> = lines.filter(|line| line.starts_with("wapi-media ")).collect();
        lines.into_iter().map(move |line| Shown {
            place: format!("help of {}", words.join(" ")),
            words: shell_commands(&line).remove(0),
            purpose: Purpose::Run,
        })
    });
    assert_all("wapi-media", examples.collect(), |one| fault(&one.words, one.purpose));
}

#[test]
fn every_command_in_a_message_parses() {
    assert_all("wapi-media", shown_in_sources(), |one| fault_of_hint(&one.words, one.purpose));
}

/// A person who got the e-mail at night copies them as they are.
#[test]
fn every_command_of_an_alarm_is_complete() {
    let shown = shown_in_alarms();
    let places = ["docs/logging.md", "docs/pt-BR/logging.md", "template.yaml", "alarms.rs"];
    for place in places {
        let count = shown.iter().filter(|one| one.place.contains(place));
        assert!(count.count() > 30, "{place}");
    }
    assert_all("wapi-media", shown, |one| fault(&one.words, one.purpose));
}

/// Without backticks, neither a reader nor this test can tell where a command ends.
#[test]
fn outputs_and_alarms_quote_their_commands() {
    for (n, line) in read("template.yaml").lines().enumerate() {
        let outside = line.split('`').step_by(2);
        let bare = outside.filter(|_| !line.trim_start().starts_with('#')).any(|text| {
            text.match_indices("wapi-media ").any(|(start, name)| {
                text[start + name.len()..].starts_with(|c: char| c.is_ascii_lowercase())
            })
        });
        assert!(!bare, "template.yaml:{}: {}", n + 1, line.trim());
    }
}

#[test]
fn the_page_lists_every_noun_and_verb() {
    let page = read("docs/operating.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| command |"));
    let mut listed = BTreeSet::new();
    for row in rows.skip(2).take_while(|line| line.starts_with('|')) {
        let cell = row.split('|').nth(1).expect("a first cell");
        let mut noun = None;
        for span in spans(cell) {
            let words: Vec<_> = span.split(' ').collect();
            match (words.as_slice(), noun) {
                ([first, verb], _) => {
                    noun = Some(*first);
                    listed.insert(format!("{first} {verb}"));
                }
                ([verb], Some(noun)) => _ = listed.insert(format!("{noun} {verb}")),
                ([alone], None) => _ = listed.insert((*alone).to_owned()),
                (other, _) => unreachable!("{other:?}"),
            }
        }
    }
    let all = all_commands();
    let is_last = |words: &Vec<String>| {
        let longer = |other: &Vec<String>| other.len() > words.len() && other.starts_with(words);
        !words.is_empty() && !all.iter().any(longer)
    };
    let lasts = all.iter().filter(|words| is_last(words));
    let lasts: BTreeSet<_> = lasts.map(|words| words.join(" ")).collect();
    assert_eq!(listed, lasts);
}

#[test]
fn every_make_target_that_is_shown_is_one() {
    let makefile = read("Makefile");
    let targets: BTreeSet<_> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .collect();
    let mut shown = shown_in_pages();
    for place in ["dev", "tests/simulation/src"] {
        for path in [files(place, ".py"), files(place, ".rs")].concat() {
            for (n, line) in read(&path).lines().enumerate() {
                let hints =
                    ["Remedy: ", "Next: "].into_iter().filter_map(|word| line.split_once(word));
                shown.extend(hints.map(|(_, text)| Shown {
                    place: format!("{path}:{}", n + 1),
                    words: hint(text.split(" (").next().unwrap_or(text)),
                    purpose: Purpose::Sentence,
                }));
            }
        }
    }
    assert_all("make", shown, |one| {
        let goals = one.words[1..].iter().filter(|word| !word.contains('='));
        let goals = goals.map(|word| word.trim_end_matches(','));
        let wrong: Vec<_> = goals.filter(|goal| !targets.contains(goal)).collect();
        (!wrong.is_empty()).then(|| format!("the Makefile has no {wrong:?}"))
    });
}

#[test]
fn every_sam_command_names_what_there_is() {
    let (template, config) = (read("template.yaml"), read("samconfig.toml"));
    assert_all("sam", shown_in_pages(), |one| {
        if !SAM.contains(&one.words[1].as_str()) {
            return Some(format!("none of {SAM:?}"));
        }
        let environment =
            one.words.windows(2).find(|pair| pair[0] == "--config-env").map(|pair| &pair[1]);
        if environment.is_some_and(|name| !config.contains(&format!("\n[{name}.deploy."))) {
            return Some("samconfig.toml has no such environment".to_owned());
        }
        let mut settings = one.words.iter().filter_map(|word| word.split_once('='));
        settings
            .find(|(name, _)| !template.contains(&format!("\n  {name}:\n    Type: ")))
            .map(|(name, _)| format!("template.yaml has no parameter {name}"))
    });
}
