//! The report of a diagnosis: what was found, and how it is shown in a terminal, to a program and
//! to a customer.
//!
//! Pure: whoever looks at the stack fills a [`Report`] and chooses the [`View`]; nothing here asks
//! AWS, W-API, the clock or the terminal. Evidence, reasons and remedies are the caller's, in the
//! language of the view; titles, headers and explanations are in the catalogue of this crate.
//! Whatever text a report holds may come from outside (an answer of W-API, a name in a bucket): it
//! is shown as text, and can neither become markup nor steer a terminal.

mod chart;
mod error;
mod flow;
mod html;
mod json;
mod lang;
mod model;
mod plain;
mod reason;
mod tables;
mod terminal;
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
