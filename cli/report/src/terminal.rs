//! The report as text for a terminal: the verdict first, then one table per section.

use comfy_table::{
    Attribute, CellAlignment, Color, ContentArrangement, Table as Drawn, TableStyle,
    presets::{NOTHING, UTF8_FULL_CONDENSED},
};

use crate::{
    lang::Lang,
    model::{Report, Status},
    plain::to_plain_line,
    tables::{self, Cell, CellStyle, Table},
    translate::Translate,
    view::View,
    words::{Headline, Phrase, Sentence},
};

/// The properties of the terminal, which the caller finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Whether to use colours. Every status has a sign and a word as well.
    pub colour: bool,
    /// The characters per line. Tables wrap their cells to it; a command to run is not wrapped.
    pub width: u16,
}

/// The report as text. It ends with a line break, and has no escape sequences unless
/// `terminal.colour` is set.
#[must_use]
pub fn render_text(report: &Report, view: View, terminal: Terminal) -> String {
    let lang = view.lang;
    let hours = tables::hourly_lines(&report.hours, lang);
    let mut parts = vec![
        render_head(report, view, terminal),
        render_section(&tables::steps_table(report, lang), lang, terminal),
        render_section(&hours, lang, terminal),
    ];
    for table in tables::other_tables(report, view) {
        parts.push(render_section(&table, lang, terminal));
    }
    let status = match report.expiring {
        0 => Status::Ok,
        _ => Status::Warn,
    };
    let expiring = Sentence::Expiring.in_language(lang);
    let expiring = format!("{} {expiring}", lang.format_count(report.expiring));
    parts.push(status_line(&expiring, status, terminal));
    parts.join("\n")
}

/// The head: stack, region, instance, time, verdict, root cause and command.
fn render_head(report: &Report, view: View, terminal: Terminal) -> String {
    let lang = view.lang;
    let about = tables::report_facts(report, view).map(|(name, value)| format!("{name}: {value}"));
    let headline =
        status_line(Headline(report.status()).in_language(lang), report.status(), terminal);
    let mut head = format!("{}\n{headline}", wrap_words(&about.join(" · "), terminal));
    if let Some(cause) = &report.root_cause {
        let sentence =
            format!("{}: {}", Phrase::Cause.in_language(lang), to_plain_line(&cause.sentence));
        head.push_str(&wrap_words(&sentence, terminal));
        if let Some(command) = &cause.command {
            let said = Phrase::Command.in_language(lang);
            head.push_str(&format!("{said}:\n    {}\n", to_plain_line(command)));
        }
    }
    head
}

fn render_section(table: &Table, lang: Lang, terminal: Terminal) -> String {
    let title = comfy_table::Cell::new(table.title(lang));
    let mut text = render_line(title.add_attribute(Attribute::Bold), terminal);
    if let Some(note) = table.note {
        text.push_str(&wrap_words(note, terminal));
    }
    if table.rows.is_empty() {
        return text;
    }
    let mut body = new_table(UTF8_FULL_CONDENSED, terminal);
    body.set_content_arrangement(ContentArrangement::Dynamic);
    body.set_header(table.columns.iter().map(|column| column.in_language(lang)));
    body.add_rows(table.rows.iter().map(|row| row.iter().map(to_table_cell)));
    text.push_str(&format!("{body}\n"));
    text
}

/// A line with the sign and the colour of a status.
fn status_line(text: &str, status: Status, terminal: Terminal) -> String {
    let cell = comfy_table::Cell::new(format!("{} {text}", status.glyph()));
    let cell = cell.fg(status_colour(status)).add_attribute(Attribute::Bold);
    render_line(cell, terminal)
}

fn render_line(cell: comfy_table::Cell, terminal: Terminal) -> String {
    let mut table = new_table(NOTHING, terminal);
    table.add_row([cell]);
    format!("{}\n", table.trim_fmt().trim())
}

/// Wraps words to the width of the terminal.
fn wrap_words(words: &str, terminal: Terminal) -> String {
    let mut table = new_table(NOTHING, terminal);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.add_row([words]);
    let lines = table.lines().map(|line| format!("{}\n", line.trim()));
    lines.collect()
}

fn new_table(style: TableStyle, terminal: Terminal) -> Drawn {
    let mut table = Drawn::new();
    table.load_style(style);
    table.set_width(terminal.width);
    match terminal.colour {
        true => table.enforce_styling(),
        false => table.force_no_tty(),
    };
    table
}

fn to_table_cell(cell: &Cell) -> comfy_table::Cell {
    let mut text = match cell.status {
        Some(status) => format!("{} {}", status.glyph(), cell.text),
        None => cell.text.clone(),
    };
    if let Some(below) = &cell.below {
        text.push('\n');
        text.push_str(below);
    }
    let shown = comfy_table::Cell::new(text);
    let shown = match cell.status {
        Some(status) => shown.fg(status_colour(status)),
        None => shown,
    };
    match cell.set {
        CellStyle::Number => shown.set_alignment(CellAlignment::Right),
        CellStyle::Words | CellStyle::Code => shown,
    }
}

fn status_colour(status: Status) -> Color {
    match status {
        Status::Ok => Color::Green,
        Status::Unknown => Color::Grey,
        Status::Warn => Color::Yellow,
        Status::Fail => Color::Red,
    }
}
