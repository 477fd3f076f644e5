//! The errors of rendering a report.

use plotters::drawing::DrawingAreaErrorKind;

/// A report that could not be rendered. The report itself is not at fault: no value of it is
/// refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The page's template failed.
    #[error("the page could not be written")]
    Page(#[from] askama::Error),
    /// A chart of the page failed.
    #[error("a chart could not be drawn")]
    Chart(#[from] DrawingAreaErrorKind<std::io::Error>),
    /// The JSON failed.
    #[error("the report could not be written as JSON")]
    Json(#[from] serde_json::Error),
}
