//! A text in the language of the report.

/// Formats the first literal if the language is English, the second if it is Portuguese.
macro_rules! say {
    ($lang:expr, $en:literal, $pt:literal $(,)?) => {
        match $lang {
            report::Lang::En => format!($en),
            report::Lang::PtBr => format!($pt),
        }
    };
}
pub(crate) use say;
