//! The doctor's report: what was found, and how it is shown, as text and as one HTML file, in two languages.
//!
//! Pure: whoever examines fills a [`Report`] in; nothing here asks anyone anything.

mod chart;
mod html;
mod lang;
mod model;
mod text;

pub use crate::{
    html::{RenderError, html},
    lang::{Lang, UnknownLang},
    model::{
        ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Report, RootCause,
        Setting, Status, Step, StepId, TestRow,
    },
    text::text,
};
