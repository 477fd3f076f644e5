//! Searches a recorded folder, shows what was searched, and fails if a canary was found or
//! nothing was recorded.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use redaction::{Class, Scan, Sink};

/// Maximum number of findings shown.
const SHOWN: usize = 40;

/// Searches what was recorded for secrets and people.
#[derive(Parser)]
struct Arguments {
    /// The folder that `REDACTION` named.
    folder: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the result of a command")]
fn main() -> Result<ExitCode> {
    let scan = Scan::of_folder(&Arguments::parse().folder)?;
    println!("{}", build_table(&scan));
    for finding in scan.findings.iter().take(SHOWN) {
        let (canary, sink) = (&finding.canary, finding.sink.as_str());
        println!("{:?} in {sink}: field {}\n    {}", canary.class, canary.field, finding.line);
    }
    let gaps = scan.find_gaps();
    for gap in &gaps {
        println!("This search proves nothing: {gap}.");
    }
    let (found, of) = (scan.findings.len(), scan.planted.values().sum::<usize>());
    println!("{found} hits for {of} planted secrets, people, chats and names of files.");
    Ok(if found == 0 && gaps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build_table(scan: &Scan) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["searched", "lines", "secrets", "people", "chats and names of files"]);
    for sink in Sink::ALL {
        let hits = |class: Class| {
            let found =
                scan.findings.iter().filter(|one| one.sink == sink && one.canary.class == class);
            match sink.may_hold(class) {
                true => "may be there".to_owned(),
                false => found.count().to_string(),
            }
        };
        let lines = scan.lines.get(&sink).copied().unwrap_or_default().to_string();
        table.add_row([
            sink.as_str().to_owned(),
            lines,
            hits(Class::Secret),
            hits(Class::Person),
            hits(Class::Filed),
        ]);
    }
    table
}
