//! Renders two invented diagnoses as text, JSON and HTML, in both languages.

use report::{Lang, Report, Status, StepId, Terminal, View, render_html, render_json, render_text};
use time::UtcOffset;

mod samples;

/// What an attacker may write into a text that the report shows.
const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{1b}[2J\u{202e}&amp;";

const PLAIN: Terminal = Terminal { colour: false, width: 110 };

fn view(lang: Lang) -> View {
    let offset = UtcOffset::from_hms(-3, 0, 0).unwrap_or(UtcOffset::UTC);
    View { lang, offset }
}

fn page(report: &Report, lang: Lang) -> String {
    render_html(report, view(lang)).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The HTML pages of all samples in all languages.
fn pages() -> Vec<String> {
    let pages = Lang::ALL
        .map(|lang| [page(&samples::healthy(lang), lang), page(&samples::sick(lang), lang)]);
    pages.into_iter().flatten().collect()
}

/// A report in which every text from outside is hostile.
fn hostile() -> Report {
    let mut report = samples::sick(Lang::En);
    let bad = || HOSTILE.to_owned();
    (report.stack, report.region, report.instance) = (bad(), bad(), Some(bad()));
    if let Some(cause) = &mut report.root_cause {
        (cause.sentence, cause.command) = (bad(), Some(bad()));
    }
    for step in &mut report.steps {
        (step.evidence, step.remedy) = (bad(), Some(bad()));
    }
    for one in &mut report.endpoints {
        (one.method, one.path, one.note) = (bad(), bad(), bad());
    }
    let checks = |all: &mut Vec<report::Setting>| {
        for one in all {
            (one.name, one.value) = (bad(), bad());
            (one.expected, one.remedy) = (Some(bad()), Some(bad()));
        }
    };
    for one in &mut report.instances {
        (one.tenant, one.instance) = (bad(), bad());
        checks(&mut one.checks);
    }
    for one in &mut report.folders {
        (one.tenant, one.instance, one.kind) = (bad(), bad(), bad());
    }
    for one in &mut report.failures {
        (one.class, one.last_reason) = (bad(), bad());
    }
    for row in report.controlled.iter_mut().flat_map(|test| &mut test.rows) {
        (row.message_id, row.note) = (bad(), bad());
    }
    checks(&mut report.settings);
    report
}

/// An empty report.
fn empty() -> Report {
    Report {
        stack: String::new(),
        region: String::new(),
        taken_at: 0,
        instance: None,
        root_cause: None,
        steps: Vec::new(),
        endpoints: Vec::new(),
        instances: Vec::new(),
        folders: Vec::new(),
        failures: Vec::new(),
        controlled: None,
        settings: Vec::new(),
        expiring: 0,
        hours: Vec::new(),
    }
}

#[test]
fn a_healthy_report_in_a_terminal() {
    insta::assert_snapshot!(render_text(&samples::healthy(Lang::En), view(Lang::En), PLAIN));
}

#[test]
fn a_sick_report_in_a_terminal() {
    insta::assert_snapshot!(render_text(&samples::sick(Lang::En), view(Lang::En), PLAIN));
}

#[test]
fn a_healthy_report_in_a_terminal_in_portuguese() {
    let report = samples::healthy(Lang::PtBr);
    insta::assert_snapshot!(render_text(&report, view(Lang::PtBr), PLAIN));
}

#[test]
fn a_sick_report_in_a_terminal_in_portuguese() {
    let report = samples::sick(Lang::PtBr);
    insta::assert_snapshot!(render_text(&report, view(Lang::PtBr), PLAIN));
}

#[test]
fn a_sick_report_as_json() {
    insta::assert_snapshot!(render_json(&samples::sick(Lang::En)).expect("JSON"));
}

/// It does not depend on the language.
#[test]
fn the_json_has_version_and_verdict() {
    let report = samples::sick(Lang::En);
    let value = serde_json::to_value(&report).expect("JSON");
    assert_eq!(value["schema"], report::SCHEMA);
    assert_eq!(value["status"], "fail");
    assert_eq!(value["steps"][5]["id"], "wapi_download");
    assert_eq!(value["controlled"]["rows"][2]["strategy"], "cdn");
}

#[test]
fn the_verdict_is_that_of_the_worst_check() {
    assert_eq!(samples::healthy(Lang::En).status(), Status::Ok);
    assert_eq!(samples::sick(Lang::En).status(), Status::Fail);
    assert_eq!(empty().status(), Status::Unknown);
    let mut report = samples::healthy(Lang::En);
    report.settings[0].status = Status::Warn;
    assert_eq!(report.status(), Status::Warn);
}

#[test]
fn colours_need_a_terminal_with_colours() {
    let report = samples::sick(Lang::En);
    assert!(!render_text(&report, view(Lang::En), PLAIN).contains('\u{1b}'));
    let colour = Terminal { colour: true, ..PLAIN };
    assert!(render_text(&report, view(Lang::En), colour).contains("\u{1b}["));
}

/// A command to run is not wrapped.
#[test]
fn tables_fit_the_terminal() {
    for width in [60, 80, 110, 200] {
        let terminal = Terminal { width, ..PLAIN };
        let report = samples::sick(Lang::En);
        let shown = render_text(&report, view(Lang::En), terminal);
        let command = report.root_cause.and_then(|cause| cause.command).expect("one");
        assert!(shown.lines().any(|line| line.trim() == command));
        for line in shown.lines().filter(|line| line.trim() != command) {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
        }
    }
}

#[test]
fn nothing_from_outside_steers_a_terminal() {
    let shown = render_text(&hostile(), view(Lang::En), PLAIN);
    assert!(shown.contains("<script>"), "it is shown as it is");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let page = page(&hostile(), Lang::En);
    assert!(page.contains("&#60;script&#62;alert(1)"), "shown as text");
    for tag in ["<script", "<img", "</script", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(tag), "{tag:?}");
    }
    // Breaking out of an attribute would leave an odd number of quotes.
    for tag in page.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        let is_closed = tag.matches('"').count().is_multiple_of(2);
        assert!(is_closed, "<{tag}>");
    }
    assert!(page.contains("&#38;amp;"), "an entity is text too");
}

#[test]
fn the_page_needs_nothing_but_itself() {
    for page in pages() {
        for reference in [
            "<script",
            "<link",
            "<img",
            "<iframe",
            "<object",
            "<embed",
            "<base",
            "<form",
            "src=",
            "href=",
            "url(",
            "@import",
            "javascript:",
            "http-equiv=\"refresh",
            " on",
        ] {
            let found = page.split('<').filter(|tag| {
                let tag = tag.split('>').next().unwrap_or_default();
                format!("<{tag}").contains(reference)
            });
            let found: Vec<_> = found.collect();
            assert!(found.is_empty(), "{reference}: {found:?}");
        }
        assert!(!page.contains("url("));
        assert!(!page.contains("@import"));
        assert!(page.contains("default-src 'none'"));
        // The only URL is SVG's namespace.
        let addresses = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!addresses.contains("http://"));
        assert!(!addresses.contains("https://"));
    }
}

#[test]
fn every_tag_of_the_page_is_closed_in_order() {
    const VOID: [&str; 1] = ["meta"];
    for page in pages() {
        let mut open = Vec::new();
        let body = page.split_once("<!DOCTYPE html>").expect("a doctype").1;
        for tag in body.split('<').skip(1) {
            let inside = tag.split('>').next().expect("an end");
            let name = inside.trim_end_matches('/');
            let name = name.split_whitespace().next().expect("a name");
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed)),
                None if inside.ends_with('/') || VOID.contains(&name) => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

/// And with the command to run.
#[test]
fn the_page_begins_with_verdict_and_cause() {
    let report = samples::sick(Lang::En);
    let page = page(&report, Lang::En);
    let place = |what: &str| page.find(what).unwrap_or_else(|| unreachable!("no {what}"));
    let verdict = place("<h1>Something does not work");
    let cause = place("download endpoint answers 500");
    let command = place("<pre><code>wapi-media doctor --instance LITE-AAAAAA-BBBBBB");
    let flow = place("<svg class=\"flow wide\"");
    assert!(verdict < cause && cause < command && command < flow);
}

#[test]
fn the_drawing_names_every_steps_status() {
    let page = page(&samples::sick(Lang::PtBr), Lang::PtBr);
    for shape in ["wide", "tall"] {
        let start = page.find(&format!("<svg class=\"flow {shape}\"")).expect(shape);
        let drawing = page[start..].split("</svg>").next().expect("its end");
        assert_eq!(drawing.matches("<g class=\"node").count(), StepId::ALL.len());
        for badge in ["✓ ok", "? não verificado", "! atenção", "✗ falha"] {
            assert!(drawing.contains(badge), "{shape}: {badge}");
        }
    }
}

#[test]
fn an_unchecked_step_is_drawn_as_unknown() {
    let mut report = samples::healthy(Lang::En);
    report.steps.retain(|step| step.id != StepId::Cdn);
    let page = page(&report, Lang::En);
    assert!(page.contains("WhatsApp&#39;s CDN: not checked"));
    assert!(render_text(&report, view(Lang::En), PLAIN).contains("was not checked"));
}

#[test]
fn charts_and_table_have_the_same_numbers() {
    let page = page(&samples::sick(Lang::En), Lang::En);
    assert_eq!(page.matches("<figure class=\"chart\">").count(), 3);
    for key in ["wapi", "wapi_alternate", "cdn", "waiting to retry", "parked"] {
        assert!(page.contains(&format!("</i>{key} <b>")), "{key}");
    }
    let hours = page.split("<table class=\"hours\">").nth(1).expect("a table");
    let rows = hours.split("</table>").next().expect("its end");
    assert_eq!(rows.matches("<tr>").count(), 25);
}

#[test]
fn uncounted_webhooks_are_not_shown() {
    let mut report = samples::healthy(Lang::En);
    for hour in &mut report.hours {
        hour.webhooks = None;
    }
    let page = page(&report, Lang::En);
    assert_eq!(page.matches("<figure class=\"chart\">").count(), 2);
    assert!(!render_text(&report, view(Lang::En), PLAIN).contains("webhooks ┆"));
}

#[test]
fn both_languages_say_everything_in_their_own_words() {
    let only = [
        ("Everything works", "Tudo funciona"),
        ("Step by step", "Passo a passo"),
        ("The path of a media file", "O caminho de uma mídia"),
        ("The last 24 hours", "As últimas 24 horas"),
        ("Strategies side by side", "Estratégias lado a lado"),
        ("Bucket and records", "Bucket e registros"),
        ("Media not stored", "Mídias não guardadas"),
        ("waiting to retry", "aguardando nova tentativa"),
        ("Should be", "Deveria estar"),
    ];
    for (english, portuguese) in only {
        for lang in Lang::ALL {
            let (own, other) = match lang {
                Lang::En => (english, portuguese),
                Lang::PtBr => (portuguese, english),
            };
            let report = samples::healthy(lang);
            let page = page(&report, lang);
            assert!(page.contains(own) && !page.contains(other), "{own}");
            assert!(page.contains(&format!("<html lang=\"{}\">", lang.tag())));
        }
    }
    let (english, portuguese) =
        (page(&samples::sick(Lang::En), Lang::En), page(&samples::sick(Lang::PtBr), Lang::PtBr));
    let shape = |page: &str| page.matches('<').count();
    assert_eq!(shape(&english), shape(&portuguese), "the same page");
}

#[test]
fn a_report_of_nothing_is_still_a_report() {
    for lang in Lang::ALL {
        assert!(page(&empty(), lang).contains("</html>"));
        assert!(render_text(&empty(), view(lang), PLAIN).ends_with('\n'));
        assert!(render_json(&empty()).is_ok());
    }
}

#[test]
fn numbers_of_any_size_are_drawn() {
    let mut report = samples::sick(Lang::En);
    for hour in &mut report.hours {
        (hour.at, hour.wapi, hour.cdn) = (i64::MAX, u64::MAX, u64::MAX);
        (hour.retrying, hour.parked, hour.webhooks) = (u64::MAX, 1, Some(u64::MAX));
    }
    report.taken_at = i64::MIN;
    assert!(page(&report, Lang::En).contains("</html>"));
    assert!(render_text(&report, view(Lang::En), PLAIN).ends_with('\n'));
}
