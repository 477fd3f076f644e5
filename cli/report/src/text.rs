//! The report for a terminal.

use comfy_table::{Cell, Color, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    html::time,
    lang::{Label, Lang},
    model::{Report, Status},
};

/// Writes the report as text; with colours for a terminal that shows them. The words say the same without.
#[must_use]
pub fn text(report: &Report, lang: Lang, colour: bool) -> String {
    let page = Page { lang, colour };
    let mut out = String::new();
    page.verdict(report, &mut out);
    page.flow(report, &mut out);
    page.endpoints(report, &mut out);
    page.controlled(report, &mut out);
    page.instances(report, &mut out);
    page.folders(report, &mut out);
    page.failures(report, &mut out);
    page.settings(report, &mut out);
    out.truncate(out.trim_end().len());
    out
}

struct Page {
    lang: Lang,
    colour: bool,
}

impl Page {
    fn say(&self, label: Label) -> &'static str {
        label.of(self.lang)
    }

    fn table<const N: usize>(&self, header: [Label; N]) -> Table {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        let words = header.map(|label| self.say(label).to_owned());
        table.set_header(std::iter::once(String::new()).chain(words));
        table
    }

    fn status(&self, status: Status) -> Cell {
        let cell = Cell::new(status.word(self.lang));
        let colour = match status {
            Status::Ok => Color::Green,
            Status::Unknown => Color::Grey,
            Status::Warn => Color::Yellow,
            Status::Fail => Color::Red,
        };
        if self.colour { cell.fg(colour) } else { cell }
    }

    fn row<const N: usize>(&self, table: &mut Table, status: Status, cells: [String; N]) {
        let cells = cells.into_iter().map(Cell::new);
        table.add_row(std::iter::once(self.status(status)).chain(cells));
    }

    /// A table under its title; nothing if it is empty.
    fn section(&self, out: &mut String, title: Label, table: &Table) {
        if !table.is_empty() {
            out.push_str(&format!("{}\n{table}\n\n", self.say(title)));
        }
    }

    fn verdict(&self, report: &Report, out: &mut String) {
        let verdict = match report.status() {
            Status::Ok | Status::Unknown => Label::Healthy,
            Status::Warn | Status::Fail => Label::Findings,
        };
        let mut lines = vec![self.say(verdict).to_owned()];
        if let Some(cause) = &report.root_cause {
            lines.push(format!(
                "{}: {}",
                self.say(Label::RootCause),
                cause.sentence
            ));
            let command = cause.command.as_ref();
            lines.extend(command.map(|command| format!("  → {command}")));
        }
        if report.expiring > 0 {
            lines.push(format!(
                "{}: {}",
                self.say(Label::Expiring),
                report.expiring
            ));
        }
        out.push_str(&lines.join("\n"));
        out.push_str("\n\n");
    }

    fn flow(&self, report: &Report, out: &mut String) {
        let mut table = self.table([Label::Step, Label::Evidence, Label::WhatToDo]);
        for (n, step) in (1..).zip(&report.steps) {
            let name = format!("{n} {}", step.id.name(self.lang));
            let remedy = step.remedy.clone().unwrap_or_default();
            self.row(
                &mut table,
                step.status,
                [name, step.evidence.clone(), remedy],
            );
        }
        self.section(out, Label::Flow, &table);
    }

    fn endpoints(&self, report: &Report, out: &mut String) {
        let mut table = self.table([Label::Call, Label::Answer, Label::Time, Label::Note]);
        for one in &report.endpoints {
            let call = format!("{} {}", one.method, one.path);
            let answer = or_dash(one.http_status);
            let took = one
                .latency_ms
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
            self.row(
                &mut table,
                one.status,
                [call, answer, took, one.note.clone()],
            );
        }
        self.section(out, Label::Endpoints, &table);
    }

    fn controlled(&self, report: &Report, out: &mut String) {
        let Some(test) = &report.controlled else {
            return;
        };
        let header = [
            Label::Strategy,
            Label::Message,
            Label::Answer,
            Label::Time,
            Label::Bytes,
            Label::Note,
        ];
        let mut table = self.table(header);
        for row in &test.rows {
            let cells = [
                row.strategy.clone(),
                row.message_id.clone(),
                or_dash(row.http_status),
                format!("{} ms", row.latency_ms),
                row.bytes.to_string(),
                row.note.clone(),
            ];
            self.row(&mut table, row.status, cells);
        }
        self.section(out, Label::Controlled, &table);
        if test.synthetic_keys {
            out.push_str(&format!("{}\n\n", self.say(Label::Synthetic)));
        }
    }

    fn instances(&self, report: &Report, out: &mut String) {
        let header = [
            Label::Tenant,
            Label::Instance,
            Label::Check,
            Label::Evidence,
        ];
        let mut table = self.table(header);
        for one in &report.instances {
            for check in &one.checks {
                let cells = [
                    one.tenant.clone(),
                    one.instance.clone(),
                    check.name.clone(),
                    check.value.clone(),
                ];
                self.row(&mut table, check.status, cells);
            }
        }
        self.section(out, Label::Instances, &table);
    }

    fn folders(&self, report: &Report, out: &mut String) {
        let header = [
            Label::Tenant,
            Label::Instance,
            Label::Kind,
            Label::Files,
            Label::Records,
        ];
        let mut table = self.table(header);
        for one in &report.folders {
            let cells = [
                one.tenant.clone(),
                one.instance.clone(),
                one.kind.clone(),
                one.objects.to_string(),
                one.records.to_string(),
            ];
            self.row(&mut table, one.status, cells);
        }
        self.section(out, Label::Folders, &table);
    }

    fn failures(&self, report: &Report, out: &mut String) {
        let header = [Label::Class, Label::Count, Label::LastReason, Label::When];
        let mut table = self.table(header);
        for one in &report.failures {
            let cells = [
                one.class.clone(),
                one.count.to_string(),
                one.last_reason.clone(),
                time(one.last_at),
            ];
            self.row(&mut table, Status::Warn, cells);
        }
        self.section(out, Label::Failures, &table);
    }

    fn settings(&self, report: &Report, out: &mut String) {
        let mut table = self.table([Label::Check, Label::Value, Label::WhatToDo]);
        for one in &report.settings {
            let remedy = one.remedy.clone().unwrap_or_default();
            let cells = [one.name.clone(), one.value.clone(), remedy];
            self.row(&mut table, one.status, cells);
        }
        self.section(out, Label::Settings, &table);
    }
}

fn or_dash(number: Option<u16>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
