//! The reasons that the code writes are translated in a Portuguese report.

use report::{
    FailureCount, Lang, Terminal, View, render_html, render_json, render_text, translate_alarm,
    translate_reason, translate_state,
};
use time::UtcOffset;

mod samples;

/// The sources of reasons: a file of this project, and the code before each text.
const SOURCES: [(&str, &str); 18] = [
    ("shared/fetch/src/error.rs", "#[error("),
    ("shared/fetch/src/guard.rs", "#[error("),
    ("shared/fetch/src/account.rs", "#[error("),
    ("shared/fetch/src/strategies/cdn.rs", "NotApplicable("),
    ("shared/fetch/src/strategies/wapi.rs", "NotApplicable("),
    ("shared/fetch/src/strategies/wapi_alternate.rs", "NotApplicable("),
    ("shared/wapi/src/download.rs", "#[error("),
    ("shared/media/src/open.rs", "#[error("),
    ("shared/media/src/not_a_job.rs", "#[error("),
    ("shared/media/src/parked.rs", "MOVED_BY_SQS: &str ="),
    ("shared/aws/src/error.rs", "#[error("),
    ("shared/aws/src/bucket.rs", "    #[error("),
    ("shared/aws/src/instances.rs", "#[error("),
    ("functions/download/src/claim.rs", "let reason ="),
    ("functions/download/src/fetch.rs", "let reason ="),
    ("functions/download/src/fetch.rs", "TOO_SLOW: &str ="),
    ("functions/download/src/park.rs", "let reason ="),
    ("cli/src/doctor/trial.rs", "report::translate_reason("),
];

/// The texts between `before` and the next quote in a source file of this project.
fn texts_in(path: &str, before: &str) -> Vec<String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let source = std::fs::read_to_string(format!("{root}/{path}"));
    let source = source.unwrap_or_else(|error| unreachable!("{path}: {error}"));
    let after = source.split(before).skip(1);
    let texts = after.filter_map(|text| text.trim_start().strip_prefix('"'));
    let texts = texts.filter_map(|text| text.split('"').next());
    texts.map(str::to_owned).collect()
}

/// A text with a value in place of each `{…}`.
fn example(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        text += "7";
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    text + rest
}

/// Every reason that the code can write into a record, as an example.
fn known_to_the_code() -> Vec<String> {
    let mut found = Vec::new();
    for (path, before) in SOURCES {
        let texts = texts_in(path, before);
        assert!(!texts.is_empty(), "{path} says nothing after {before}");
        found.extend(texts);
    }
    // Placeholders for other texts, which are in the list themselves.
    let stands_for_others = ["{row}", "not applicable: {0}", "no {0} in time"];
    found.retain(|text| !stands_for_others.contains(&text.as_str()));
    for wait in texts_in("shared/fetch/src/error.rs", "=> ") {
        found.push(format!("no {wait} in time"));
    }
    assert!(found.len() > 50, "{}", found.len());
    let examples = found.into_iter().map(|text| example(&text.replace("{detail}", "")));
    examples.collect()
}

#[test]
fn a_portuguese_report_has_no_english_reason() {
    let english = known_to_the_code();
    let mut report = samples::sick(Lang::PtBr);
    let failure = |text: &String| FailureCount {
        class: "transient".to_owned(),
        count: 1,
        last_reason: translate_reason(&format!("wapi: {text}; cdn: {text}"), Lang::PtBr),
        last_at: report.taken_at,
    };
    report.failures = english.iter().map(failure).collect();
    let view = View { lang: Lang::PtBr, offset: UtcOffset::UTC };
    // Wide enough that no line is wrapped.
    let wide = Terminal { colour: false, width: 10_000 };
    let page = render_html(&report, view).unwrap_or_else(|error| unreachable!("{error}"));
    let page = page.replace("&#39;", "'").replace("&#x27;", "'");
    let json = render_json(&report).unwrap_or_else(|error| unreachable!("{error}"));
    let shown = [page, json, render_text(&report, view, wide)];
    for one in english {
        for shown in &shown {
            assert!(!shown.contains(&one), "not translated: {one}");
        }
    }
}

#[test]
fn no_reason_is_translated_by_half() {
    for english in known_to_the_code() {
        let portuguese = translate_reason(&english, Lang::PtBr);
        let words: Vec<_> = english.split(' ').collect();
        let is_word = |word: &&&str| word.starts_with(|c: char| c.is_ascii_lowercase());
        let runs = words.windows(3);
        for run in runs.filter(|run| run.iter().filter(is_word).count() > 1) {
            let run = run.join(" ");
            assert!(!portuguese.contains(&run), "{run:?} in {portuguese:?}");
        }
    }
}

/// Texts of others, such as W-API's, stay as they are.
#[test]
fn a_reason_is_translated_per_strategy() {
    let english = "wapi: W-API could not download the content; \
        wapi_alternate: not applicable: W-API has no such endpoint; \
        cdn: the connection failed: connection refused";
    let portuguese = "wapi: a W-API não conseguiu baixar o conteúdo; \
        wapi_alternate: não se aplica: a W-API não tem esse endpoint; \
        cdn: a conexão falhou: connection refused";
    assert_eq!(translate_reason(english, Lang::PtBr), portuguese);
    assert_eq!(translate_reason(english, Lang::En), english);
    let late = "no source delivers the file within one run: cdn: the connection failed; wapi: x";
    let tarde =
        "nenhuma origem entrega o arquivo dentro de uma execução: cdn: a conexão falhou; wapi: x";
    assert_eq!(translate_reason(late, Lang::PtBr), tarde);
    for theirs in ["", "Falha ao fazer o download", "{}", "a reason of another version"] {
        assert_eq!(translate_reason(theirs, Lang::PtBr), theirs);
    }
    assert_eq!(translate_state("parked", Lang::PtBr), "estacionada");
    assert_eq!(translate_state("Active", Lang::PtBr), "ativa");
    assert_eq!(translate_state("archived", Lang::PtBr), "archived");
}

/// The description of the alarm whose lines begin here: on its own line, or folded into the next.
fn find_description<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let mut lines = lines.skip_while(|line| !line.contains("AlarmDescription:"));
    let line = lines.next().and_then(|line| line.split_once("AlarmDescription:"));
    let text = line.map(|(_, text)| text.trim()).unwrap_or_default();
    let text = if text == ">-" { lines.next().unwrap_or_default().trim() } else { text };
    text.to_owned()
}

/// The commands between the backticks of a text, sorted.
fn quoted_commands(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_command = |span: &&str| span.starts_with("wapi-media ") || span.starts_with("aws ");
    let mut commands: Vec<_> = spans.filter(is_command).collect();
    commands.sort_unstable();
    commands
}

/// Also the same commands as in English: an operator who reads Portuguese gets no less.
#[test]
fn every_alarm_of_the_template_has_its_words() {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let template = std::fs::read_to_string(template).unwrap_or_default();
    let mut lines = template.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let is_alarm = |next: &&str| next.contains("AWS::CloudWatch::Alarm");
        if lines.peek().is_some_and(is_alarm) {
            let name = format!("stack-{}-1ABC", line.trim().trim_end_matches(':'));
            assert_ne!(translate_alarm(&name, "English", Lang::PtBr), "English", "{name}");
            assert_eq!(translate_alarm(&name, "English", Lang::En), "English");
            let description = find_description(lines.clone());
            let portuguese = translate_alarm(&name, &description, Lang::PtBr);
            let expected = quoted_commands(&description);
            assert!(!expected.is_empty(), "{name}: {description}");
            assert_eq!(quoted_commands(&portuguese), expected, "{name}");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}
