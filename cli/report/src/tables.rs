//! The tables of the report. Terminal and HTML page show the same ones.

use media::{failure::FailureClass, strategy::Strategy};

use crate::{
    lang::Lang,
    model::{
        ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Report, Setting,
        Status, Step, StepId, TestRow,
    },
    plain::to_plain_line,
    sections::{Column, Explanation, Section},
    translate::Translate,
    view::View,
    words::{Phrase, Sentence},
};

/// The text of an unknown value.
pub(crate) const DASH: &str = "–";
/// The prefix of a remedy.
const ARROW: &str = "→ ";
/// The bars of an hourly line, the lowest first. Zero is a dot.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One table, ready to be shown.
#[derive(Debug)]
pub(crate) struct Table {
    /// The section, which has the title and the explanation.
    pub(crate) section: Section,
    /// A note above the table.
    pub(crate) note: Option<&'static str>,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows, each with one cell per column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One cell of a table.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// The text.
    pub(crate) text: String,
    /// A second line, shown smaller.
    pub(crate) below: Option<String>,
    /// The status, shown as sign and colour.
    pub(crate) status: Option<Status>,
    /// The style of the text.
    pub(crate) set: CellStyle,
}

/// The style of a cell's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CellStyle {
    /// Words.
    #[default]
    Words,
    /// Code: ids, paths, values.
    Code,
    /// Numbers, aligned to the right.
    Number,
}

impl Cell {
    fn words(text: &str) -> Self {
        Self { text: to_plain_line(text), ..Self::default() }
    }

    fn code(text: &str) -> Self {
        Self { set: CellStyle::Code, ..Self::words(text) }
    }

    fn number(text: String) -> Self {
        Self { text, set: CellStyle::Number, ..Self::default() }
    }

    fn status_word(status: Status, lang: Lang) -> Self {
        Self::words(status.in_language(lang)).with_status(status)
    }

    fn with_status(self, status: Status) -> Self {
        Self { status: Some(status), ..self }
    }

    fn with_below(self, text: &str) -> Self {
        let text = to_plain_line(text);
        Self { below: (!text.is_empty()).then_some(text), ..self }
    }

    fn with_remedy(self, remedy: Option<&String>) -> Self {
        Self { below: remedy.map(|remedy| format!("{ARROW}{}", to_plain_line(remedy))), ..self }
    }
}

impl Table {
    fn new(section: Section, columns: impl Into<Vec<Column>>) -> Self {
        Self { section, note: None, columns: columns.into(), rows: Vec::new() }
    }

    fn with_rows<T>(self, all: &[T], row: impl Fn(&T) -> Vec<Cell>) -> Self {
        Self { rows: all.iter().map(row).collect(), ..self }
    }

    /// The title above the table.
    pub(crate) fn title(&self, lang: Lang) -> &'static str {
        self.section.in_language(lang)
    }

    /// What the table shows, in one sentence.
    pub(crate) fn explained(&self, lang: Lang) -> &'static str {
        Explanation(self.section).in_language(lang)
    }
}

/// The names and values in the head of the report: stack, region, instance and time.
pub(crate) fn report_facts(report: &Report, view: View) -> [(&'static str, String); 4] {
    let every = || Phrase::EveryInstance.in_language(view.lang).to_owned();
    let instance = report.instance.as_deref().map_or_else(every, to_plain_line);
    let taken = format!("{} {}", view.format_time(report.taken_at), view.format_offset());
    let about = [
        (Phrase::Stack, to_plain_line(&report.stack)),
        (Phrase::Region, to_plain_line(&report.region)),
        (Phrase::Instance, instance),
        (Phrase::TakenAt, taken),
    ];
    about.map(|(name, value)| (name.in_language(view.lang), value))
}

/// The nine steps. One that the report does not have is shown as not checked.
pub(crate) fn steps_table(report: &Report, lang: Lang) -> Table {
    let columns = [Column::Status, Column::Step, Column::Evidence];
    Table::new(Section::Steps, columns).with_rows(&StepId::ALL, |id| {
        let name = format!("{}. {}", id.number(), id.in_language(lang));
        let (status, evidence) = match find_step(report, *id) {
            Some(step) => {
                let evidence = Cell::words(&step.evidence);
                (step.status, evidence.with_remedy(step.remedy.as_ref()))
            }
            None => {
                let evidence = Cell::words(Phrase::NotChecked.in_language(lang));
                (Status::Unknown, evidence)
            }
        };
        vec![Cell::status_word(status, lang), Cell::words(&name), evidence]
    })
}

/// A step of the report.
pub(crate) fn find_step(report: &Report, id: StepId) -> Option<&Step> {
    report.steps.iter().find(|step| step.id == id)
}

/// The other tables, without the empty ones.
pub(crate) fn other_tables(report: &Report, view: View) -> Vec<Table> {
    let controlled = report.controlled.as_ref();
    let tables = [
        Some(endpoints_table(&report.endpoints, view.lang)),
        controlled.map(|test| controlled_table(test, view.lang)),
        Some(instances_table(&report.instances, view)),
        Some(folders_table(&report.folders, view.lang)),
        Some(failures_table(&report.failures, view)),
        Some(settings_table(&report.settings, view.lang)),
    ];
    let said = |table: &Table| table.note.is_some() || !table.rows.is_empty();
    tables.into_iter().flatten().filter(said).collect()
}

fn endpoints_table(all: &[Endpoint], lang: Lang) -> Table {
    let columns = [Column::Status, Column::Endpoint, Column::Http, Column::Latency, Column::Note];
    Table::new(Section::Endpoints, columns).with_rows(all, |one| {
        vec![
            Cell::status_word(one.status, lang),
            Cell::code(&format!("{} {}", one.method, one.path)),
            Cell::number(or_dash(one.http_status.map(|status| status.to_string()))),
            Cell::number(or_dash(one.latency_ms.map(|ms| lang.format_latency(ms)))),
            Cell::words(&one.note),
        ]
    })
}

/// One row per message, one column per strategy, in the order in which they are tried.
fn controlled_table(test: &ControlledTest, lang: Lang) -> Table {
    let mut messages: Vec<&str> = Vec::new();
    for row in &test.rows {
        if !messages.contains(&row.message_id.as_str()) {
            messages.push(&row.message_id);
        }
    }
    let mut columns = vec![Column::Message];
    columns.extend(Strategy::DEFAULT.map(Column::Strategy));
    let note = match test.synthetic_keys {
        true => Sentence::SyntheticKeys,
        false => Sentence::RealKeys,
    };
    let mut table = Table::new(Section::Controlled, columns);
    table.note = Some(note.in_language(lang));
    table.with_rows(&messages, |message| {
        let of = |strategy| {
            let is_it = |row: &&TestRow| row.message_id == *message && row.strategy == strategy;
            match test.rows.iter().find(is_it) {
                Some(row) => attempt_cell(row, lang),
                None => Cell::words(Phrase::NotTried.in_language(lang)),
            }
        };
        let mut cells = vec![Cell::code(message)];
        cells.extend(Strategy::DEFAULT.map(of));
        cells
    })
}

fn attempt_cell(row: &TestRow, lang: Lang) -> Cell {
    let facts = [
        row.http_status.map(|status| status.to_string()),
        (row.bytes > 0).then(|| lang.format_size(row.bytes)),
        Some(lang.format_latency(row.latency_ms)),
    ];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    Cell::words(&facts.join(" · ")).with_status(row.status).with_below(&row.note)
}

/// One row per instance with its status and last webhook, then one row per check.
fn instances_table(all: &[InstanceCheck], view: View) -> Table {
    let lang = view.lang;
    let columns = [Column::Instance, Column::Status, Column::Check, Column::Evidence];
    let mut table = Table::new(Section::Instances, columns);
    for one in all {
        let last_webhook = match one.last_webhook_at {
            Some(at) => {
                format!("{} {}", Phrase::LastWebhook.in_language(lang), view.format_time(at))
            }
            None => Phrase::NoWebhook.in_language(lang).to_owned(),
        };
        table.rows.push(vec![
            Cell::code(&one.instance).with_below(&one.tenant),
            Cell::status_word(one.status, lang),
            Cell::default(),
            Cell::words(&last_webhook),
        ]);
        table.rows.extend(one.checks.iter().map(|check| {
            vec![
                Cell::default(),
                Cell::status_word(check.status, lang),
                Cell::words(&check.name),
                Cell::words(&check.value).with_remedy(check.remedy.as_ref()),
            ]
        }));
    }
    table
}

fn folders_table(all: &[Folder], lang: Lang) -> Table {
    let columns = [
        Column::Status,
        Column::Tenant,
        Column::Instance,
        Column::Kind,
        Column::Objects,
        Column::Records,
    ];
    Table::new(Section::Folders, columns).with_rows(all, |one| {
        vec![
            Cell::status_word(one.status, lang),
            Cell::code(&one.tenant),
            Cell::code(&one.instance),
            Cell::code(&one.kind),
            Cell::number(lang.format_count(one.objects)),
            Cell::number(lang.format_count(one.records)),
        ]
    })
}

fn failures_table(all: &[FailureCount], view: View) -> Table {
    let lang = view.lang;
    let columns = [Column::Class, Column::Count, Column::LastReason, Column::LastAt];
    let mut table = Table::new(Section::Failures, columns);
    table.note = all.is_empty().then(|| Phrase::NoFailures.in_language(lang));
    table.with_rows(all, |one| {
        let known = one.class.parse::<FailureClass>();
        let meaning = known.map_or("", |class| class.in_language(lang));
        vec![
            Cell::code(&one.class).with_below(meaning),
            Cell::number(lang.format_count(one.count)),
            Cell::words(&one.last_reason),
            Cell::words(&view.format_time(one.last_at)),
        ]
    })
}

fn settings_table(all: &[Setting], lang: Lang) -> Table {
    let columns = [Column::Status, Column::Setting, Column::Value, Column::Expected];
    Table::new(Section::Settings, columns).with_rows(all, |one| {
        vec![
            Cell::status_word(one.status, lang),
            Cell::words(&one.name).with_remedy(one.remedy.as_ref()),
            Cell::words(&one.value),
            Cell::words(one.expected.as_deref().unwrap_or_default()),
        ]
    })
}

/// A column of hourly counts, and how to read its value from an hour.
pub(crate) type CountColumn = (Column, fn(&Hour) -> u64);

/// The column that counts what a strategy stored.
pub(crate) fn stored_by(strategy: Strategy) -> CountColumn {
    let count: fn(&Hour) -> u64 = match strategy {
        Strategy::Wapi => |hour| hour.stored_by(Strategy::Wapi),
        Strategy::WapiAlternate => |hour| hour.stored_by(Strategy::WapiAlternate),
        Strategy::Cdn => |hour| hour.stored_by(Strategy::Cdn),
    };
    (Column::Strategy(strategy), count)
}

/// The columns that are always shown besides those of the strategies.
const COUNTED: [CountColumn; 2] =
    [(Column::Retrying, |hour| hour.retrying), (Column::Parked, |hour| hour.parked)];
/// The column of webhooks, shown only if they were counted.
const RECEIVED: CountColumn = (Column::Webhooks, |hour| hour.webhooks.unwrap_or_default());

/// Whether webhooks were counted in any of these hours.
pub(crate) fn knows_webhooks(hours: &[Hour]) -> bool {
    hours.iter().any(|hour| hour.webhooks.is_some())
}

fn count_columns(hours: &[Hour]) -> Vec<CountColumn> {
    let received = knows_webhooks(hours).then_some(RECEIVED);
    Strategy::DEFAULT.map(stored_by).into_iter().chain(COUNTED).chain(received).collect()
}

/// The numbers of the charts: one row per hour.
pub(crate) fn hours_table(all: &[Hour], view: View) -> Table {
    let counted = count_columns(all);
    let columns = counted.iter().map(|(column, _)| *column);
    let columns: Vec<_> = [Column::Hour].into_iter().chain(columns).collect();
    Table::new(Section::Hours, columns).with_rows(all, |hour| {
        let counts = counted.iter().map(|(_, count)| count(hour));
        let counts = counts.map(|count| Cell::number(view.lang.format_count(count)));
        let hour = Cell::words(&view.format_time(hour.at));
        [hour].into_iter().chain(counts).collect()
    })
}

/// The hours for a terminal: one row per count, drawn as bars scaled to its highest hour.
pub(crate) fn hourly_lines(all: &[Hour], lang: Lang) -> Table {
    let columns = [Column::Counted, Column::Total, Column::PerHour];
    let mut table = Table::new(Section::Hours, columns);
    if all.is_empty() {
        table.note = Some(Sentence::NoHours.in_language(lang));
        return table;
    }
    table.with_rows(&count_columns(all), |(column, count)| {
        let counts: Vec<_> = all.iter().map(count).collect();
        vec![
            Cell::words(column.in_language(lang)),
            Cell::number(lang.format_count(saturating_sum(counts.iter().copied()))),
            Cell::words(&draw_bars(&counts)),
        ]
    })
}

/// A sum that stops at the largest number instead of overflowing.
pub(crate) fn saturating_sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

fn draw_bars(counts: &[u64]) -> String {
    let highest = counts.iter().copied().max().unwrap_or_default();
    let bar = |count: &u64| {
        let steps = u128::from(*count) * BARS.len() as u128;
        let step = steps.div_ceil(u128::from(highest.max(1)));
        let place = usize::try_from(step).ok().and_then(|n| n.checked_sub(1));
        place.and_then(|n| BARS.get(n)).copied().unwrap_or('·')
    };
    counts.iter().map(bar).collect()
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| DASH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zero is a dot.
    #[test]
    fn bars_are_scaled_to_the_highest_hour() {
        assert_eq!(draw_bars(&[0, 1, 4, 8]), "·▁▄█");
        assert_eq!(draw_bars(&[0, 0]), "··");
        assert_eq!(draw_bars(&[u64::MAX, 1]), "█▁");
    }
}
