//! Writes a sample of the report's page, to be looked at: `cargo run -p report --example sample -- FILE [pt-BR]`.

#![allow(clippy::expect_used, reason = "an example ends by panicking")]

#[path = "../tests/samples/mod.rs"]
mod samples;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a file's name");
    let lang = arguments.next().unwrap_or_else(|| "en".to_owned());
    let lang = lang.parse().expect("a language");
    let page = report::html(&samples::sick(), lang).expect("a page");
    std::fs::write(file, page).expect("the file is written");
}
