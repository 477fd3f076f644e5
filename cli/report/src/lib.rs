//! The report of a diagnosis: as text for a terminal, as JSON for programs, as HTML for customers.
//!
//! Pure: the caller fills a [`Report`] and chooses the [`View`]; nothing here calls AWS, W-API, the
//! clock or the terminal. The caller gives evidence, reasons and remedies in the language of the
//! view; titles, headers and explanations are in this crate's catalogue. Text in a report may come
//! from outside (an answer of W-API, a name in a bucket). It is shown as text: it cannot become
//! markup or control a terminal.

mod chart;
mod error;
mod flow;
mod html;
mod json;
mod lang;
mod model;
mod plain;
mod reason;
mod sections;
mod tables;
mod terminal;
mod translate;
mod view;
mod words;

pub use crate::{
    error::RenderError,
    html::render_html,
    json::{SCHEMA, render_json},
    lang::{Lang, UnknownLang},
    model::{
        ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Report, RootCause,
        Setting, Status, Step, StepId, TestRow,
    },
    plain::visible_char,
    reason::{translate_alarm, translate_failure, translate_reason, translate_state},
    terminal::{Terminal, render_text},
    view::View,
};
