//! The report as one HTML page in one file, without scripts and external resources.
//!
//! Askama escapes every value of the template, except the style sheet, which is a file of this
//! crate, and the charts, whose labels are numbers and hours. As a second defence, the page's
//! Content-Security-Policy forbids the browser to load or run anything.

use askama::Template;

use crate::{
    chart::{self, Chart},
    error::RenderError,
    flow::{self, Drawing},
    lang::Lang,
    model::{Hour, Report, Status},
    plain::to_plain_line,
    sections::{Column, Explanation, Section},
    tables::{self, Cell, CellStyle, DASH, Table, saturating_sum},
    translate::Translate,
    view::View,
    words::{Headline, Phrase, Sentence},
};

/// The values of the page. The template takes fixed words from the catalogue.
#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    lang: Lang,
    stack: String,
    about: [(&'static str, String); 4],
    status: Status,
    cause: Option<String>,
    command: Option<String>,
    tiles: Vec<Tile>,
    drawings: [Drawing; 2],
    steps: Table,
    charts: Vec<Chart>,
    hours: Table,
    others: Vec<Table>,
}

/// A large number in the head of the page.
struct Tile {
    number: String,
    said: &'static str,
    status: Status,
}

/// The report as a complete HTML document: no external resource and no script, for light and dark
/// screens, phones and paper. Everything the report holds appears as text, whatever it contains.
///
/// # Errors
/// [`RenderError`]; no report is known that causes it.
pub fn render_html(report: &Report, view: View) -> Result<String, RenderError> {
    let cause = report.root_cause.as_ref();
    let command = cause.and_then(|cause| cause.command.as_deref());
    let page = Page {
        lang: view.lang,
        stack: to_plain_line(&report.stack),
        about: tables::report_facts(report, view),
        status: report.status(),
        cause: cause.map(|cause| to_plain_line(&cause.sentence)),
        command: command.map(to_plain_line),
        tiles: head_tiles(report, view.lang),
        drawings: flow::draw_both(report, view.lang),
        steps: tables::steps_table(report, view.lang),
        charts: chart::draw_charts(&report.hours, view)?,
        hours: tables::hours_table(&report.hours, view),
        others: tables::other_tables(report, view),
    };
    Ok(page.render()?)
}

/// The large numbers. Those of the last 24 hours only if they could be read.
fn head_tiles(report: &Report, lang: Lang) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let mut tile = |number, said, status| {
        tiles.push(Tile { number, said, status });
    };
    if !report.hours.is_empty() {
        let of = |count: fn(&Hour) -> u64| saturating_sum(report.hours.iter().map(count));
        let (stored, cdn) = (of(Hour::stored), of(|hour| hour.cdn));
        let unstored = of(|hour| hour.retrying.saturating_add(hour.parked));
        let (is_stored, of_cdn) = (Phrase::StoredIn24h, Phrase::ShareOfCdn);
        tile(lang.format_count(stored), is_stored.in_language(lang), Status::Ok);
        tile(format_percent(cdn, stored), of_cdn.in_language(lang), Status::Ok);
        let said = Phrase::NotStoredIn24h.in_language(lang);
        tile(lang.format_count(unstored), said, warn_above_zero(unstored));
    }
    tile(
        lang.format_count(report.expiring),
        Sentence::Expiring.in_language(lang),
        warn_above_zero(report.expiring),
    );
    tiles
}

fn warn_above_zero(count: u64) -> Status {
    match count {
        0 => Status::Ok,
        _ => Status::Warn,
    }
}

fn format_percent(part: u64, whole: u64) -> String {
    let hundredfold = u128::from(part) * 100;
    match hundredfold.checked_div(u128::from(whole)) {
        Some(percent) => format!("{percent} %"),
        None => DASH.to_owned(),
    }
}

/// Methods for the template.
impl Page {
    fn phrase_text(&self, phrase: Phrase) -> &'static str {
        phrase.in_language(self.lang)
    }

    fn headline_text(&self) -> &'static str {
        Headline(self.status).in_language(self.lang)
    }

    fn flow_explained(&self) -> &'static str {
        Sentence::Flow.in_language(self.lang)
    }

    fn hours_title(&self) -> &'static str {
        Section::Hours.in_language(self.lang)
    }

    fn hours_explained(&self) -> &'static str {
        Explanation(Section::Hours).in_language(self.lang)
    }

    fn no_hours(&self) -> &'static str {
        Sentence::NoHours.in_language(self.lang)
    }
}

/// Methods for the template.
impl Status {
    fn css_class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Methods for the template.
impl Table {
    fn css_class(&self) -> &'static str {
        match self.section {
            Section::Steps => "steps",
            Section::Hours => "hours",
            Section::Endpoints => "endpoints",
            Section::Controlled => "controlled",
            Section::Instances => "instances",
            Section::Folders => "folders",
            Section::Failures => "failures",
            Section::Settings => "settings",
        }
    }

    /// The headers, and the CSS class of each column.
    fn column_headers(&self, lang: Lang) -> Vec<(&'static str, &'static str)> {
        let mut cells = self.rows.iter().flatten();
        let of = |column: Column| {
            let class = cells.next().map_or("words", Cell::css_class);
            (column.in_language(lang), class)
        };
        self.columns.iter().copied().map(of).collect()
    }
}

/// Methods for the template.
impl Cell {
    fn css_class(&self) -> &'static str {
        match self.set {
            CellStyle::Words => "words",
            CellStyle::Code => "code",
            CellStyle::Number => "number",
        }
    }

    fn is_code(&self) -> bool {
        self.set == CellStyle::Code && !self.text.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.below.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_no_number() {
        assert_eq!(format_percent(0, 0), DASH);
        assert_eq!(format_percent(1, 3), "33 %");
        assert_eq!(format_percent(u64::MAX, u64::MAX), "100 %");
    }
}
