//! Writes a sample page, to be looked at: `cargo run -p report --example sample -- sick pt-BR
//! page.html`.

use std::{io, process::ExitCode};

use report::{Lang, View, render_html};
use time::UtcOffset;

#[path = "../tests/samples/mod.rs"]
mod samples;

/// Takes `healthy` or `sick`, a language's tag, and the file to write.
fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [which, lang, file] = words.as_slice() else {
        return told("say: healthy or sick, en or pt-BR, and the file to write");
    };
    let Ok(lang) = lang.parse::<Lang>() else {
        return told("the language is en or pt-BR");
    };
    let report = match which.as_str() {
        "healthy" => samples::healthy(lang),
        "sick" => samples::sick(lang),
        _ => return told("the sample is healthy or sick"),
    };
    // The time of São Paulo.
    let offset = UtcOffset::from_hms(-3, 0, 0).unwrap_or(UtcOffset::UTC);
    let page = render_html(&report, View { lang, offset }).map_err(io::Error::other);
    match page.and_then(|page| std::fs::write(file, page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told(&error.to_string()),
    }
}

fn told(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::FAILURE
}
