//! The report as one HTML file: no script, nothing fetched from elsewhere, every value escaped.

use std::time::{Duration, SystemTime};

use askama::Template;

use crate::{
    chart::{self, NOT_STORED, STORED},
    lang::{Label, Lang},
    model::{Report, Status},
};

/// The page could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A picture could not be drawn.
    #[error("a chart could not be drawn: {0}")]
    Chart(String),
    /// The template refused.
    #[error("the page could not be written")]
    Page(#[from] askama::Error),
}

/// What the template sees.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    lang: Lang,
    stored: String,
    not_stored: String,
}

impl Page<'_> {
    fn say(&self, label: Label) -> &'static str {
        label.of(self.lang)
    }

    fn lang_tag(&self) -> &'static str {
        match self.lang {
            Lang::En => "en",
            Lang::PtBr => "pt-BR",
        }
    }

    fn word(&self, status: &Status) -> &'static str {
        status.word(self.lang)
    }

    fn verdict(&self) -> Label {
        match self.report.status() {
            Status::Ok | Status::Unknown => Label::Healthy,
            Status::Warn | Status::Fail => Label::Findings,
        }
    }

    fn dash(&self, status: &Option<u16>) -> String {
        status.map_or_else(|| "–".to_owned(), |status| status.to_string())
    }

    fn ms(&self, took: &Option<u64>) -> String {
        took.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"))
    }

    fn time(&self, seconds: &i64) -> String {
        time(*seconds)
    }
}

/// Writes the report as an HTML file.
///
/// # Errors
/// [`RenderError`], which only a fault in this crate brings.
pub fn html(report: &Report, lang: Lang) -> Result<String, RenderError> {
    let page = Page {
        report,
        lang,
        stored: chart::bars(&report.hours, &STORED)?,
        not_stored: chart::bars(&report.hours, &NOT_STORED)?,
    };
    Ok(page.render()?)
}

fn moment(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// A time as people read it, in UTC.
pub(crate) fn time(seconds: i64) -> String {
    let text = humantime::format_rfc3339_seconds(moment(seconds)).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}

/// The hour of a time, in UTC.
pub(crate) fn hour_of(seconds: i64) -> String {
    format!("{:02}h", seconds.div_euclid(3600).rem_euclid(24))
}
