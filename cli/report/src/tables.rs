//! The report as tables of words: the same ones for the terminal and for the page.

use media::{failure::FailureClass, strategy::Strategy};

use crate::{
    lang::Lang,
    model::{
        ControlledTest, Endpoint, FailureCount, Folder, Hour, InstanceCheck, Report, Setting,
        Status, Step, StepId, TestRow,
    },
    plain::plain,
    view::View,
    words::{Column, Explanation, Phrase, Section, Sentence, Translate},
};

/// Where nothing is known.
pub(crate) const DASH: &str = "–";
/// What a remedy begins with.
const ARROW: &str = "→ ";
/// The bars of an hourly line, the lowest first. Nothing at all is a dot.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One table, ready to be shown.
#[derive(Debug)]
pub(crate) struct Table {
    /// What it is about.
    pub(crate) section: Section,
    /// What a reader must know to read it rightly.
    pub(crate) note: Option<&'static str>,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows, each with one cell per column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One cell of a table.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// What it says.
    pub(crate) text: String,
    /// What it says below that, in small.
    pub(crate) below: Option<String>,
    /// How what it says is to be taken.
    pub(crate) status: Option<Status>,
    /// How it is set.
    pub(crate) set: Set,
}

/// How a cell's text is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Set {
    /// As words.
    #[default]
    Words,
    /// As code: ids, paths, values.
    Code,
    /// As numbers: to the right.
    Number,
}

impl Cell {
    fn words(text: &str) -> Self {
        Self { text: plain(text), ..Self::default() }
    }

    fn code(text: &str) -> Self {
        Self { set: Set::Code, ..Self::words(text) }
    }

    fn number(text: String) -> Self {
        Self { text, set: Set::Number, ..Self::default() }
    }

    fn status(status: Status, lang: Lang) -> Self {
        Self::words(status.said(lang)).of(status)
    }

    fn of(self, status: Status) -> Self {
        Self { status: Some(status), ..self }
    }

    fn below(self, text: &str) -> Self {
        let text = plain(text);
        Self { below: (!text.is_empty()).then_some(text), ..self }
    }

    fn remedied(self, remedy: Option<&String>) -> Self {
        Self { below: remedy.map(|remedy| format!("{ARROW}{}", plain(remedy))), ..self }
    }
}

impl Table {
    fn new(section: Section, columns: impl Into<Vec<Column>>) -> Self {
        Self { section, note: None, columns: columns.into(), rows: Vec::new() }
    }

    fn with<T>(self, all: &[T], row: impl Fn(&T) -> Vec<Cell>) -> Self {
        Self { rows: all.iter().map(row).collect(), ..self }
    }

    /// What stands above the table.
    pub(crate) fn title(&self, lang: Lang) -> &'static str {
        self.section.said(lang)
    }

    /// What it shows, in a sentence.
    pub(crate) fn explained(&self, lang: Lang) -> &'static str {
        Explanation(self.section).said(lang)
    }
}

/// What is looked at, where and when: names and values.
pub(crate) fn about(report: &Report, view: View) -> [(&'static str, String); 4] {
    let every = || Phrase::EveryInstance.said(view.lang).to_owned();
    let instance = report.instance.as_deref().map_or_else(every, plain);
    let taken = format!("{} {}", view.time(report.taken_at), view.zone());
    let about = [
        (Phrase::Stack, plain(&report.stack)),
        (Phrase::Region, plain(&report.region)),
        (Phrase::Instance, instance),
        (Phrase::TakenAt, taken),
    ];
    about.map(|(name, value)| (name.said(view.lang), value))
}

/// The nine steps; one that the report does not have is there too, as not looked at.
pub(crate) fn steps(report: &Report, lang: Lang) -> Table {
    let columns = [Column::Status, Column::Step, Column::Evidence];
    Table::new(Section::Steps, columns).with(&StepId::ALL, |id| {
        let name = format!("{}. {}", id.number(), id.said(lang));
        let (status, evidence) = match step(report, *id) {
            Some(step) => {
                let evidence = Cell::words(&step.evidence);
                (step.status, evidence.remedied(step.remedy.as_ref()))
            }
            None => {
                let evidence = Cell::words(Phrase::NotChecked.said(lang));
                (Status::Unknown, evidence)
            }
        };
        vec![Cell::status(status, lang), Cell::words(&name), evidence]
    })
}

/// What the report has of a step.
pub(crate) fn step(report: &Report, id: StepId) -> Option<&Step> {
    report.steps.iter().find(|step| step.id == id)
}

/// Every other table that has something to say, in the order of reading.
pub(crate) fn others(report: &Report, view: View) -> Vec<Table> {
    let controlled = report.controlled.as_ref();
    let tables = [
        Some(endpoints(&report.endpoints, view.lang)),
        controlled.map(|test| side_by_side(test, view.lang)),
        Some(instances(&report.instances, view)),
        Some(folders(&report.folders, view.lang)),
        Some(failures(&report.failures, view)),
        Some(settings(&report.settings, view.lang)),
    ];
    let said = |table: &Table| table.note.is_some() || !table.rows.is_empty();
    tables.into_iter().flatten().filter(said).collect()
}

fn endpoints(all: &[Endpoint], lang: Lang) -> Table {
    let columns = [Column::Status, Column::Endpoint, Column::Http, Column::Latency, Column::Note];
    Table::new(Section::Endpoints, columns).with(all, |one| {
        vec![
            Cell::status(one.status, lang),
            Cell::code(&format!("{} {}", one.method, one.path)),
            Cell::number(or_dash(one.http_status.map(|status| status.to_string()))),
            Cell::number(or_dash(one.latency_ms.map(|ms| lang.latency(ms)))),
            Cell::words(&one.note),
        ]
    })
}

/// One row per message, one column per strategy, in the order they are tried in.
fn side_by_side(test: &ControlledTest, lang: Lang) -> Table {
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
    table.note = Some(note.said(lang));
    table.with(&messages, |message| {
        let of = |strategy| {
            let is_it = |row: &&TestRow| row.message_id == *message && row.strategy == strategy;
            match test.rows.iter().find(is_it) {
                Some(row) => tried(row, lang),
                None => Cell::words(Phrase::NotTried.said(lang)),
            }
        };
        let mut cells = vec![Cell::code(message)];
        cells.extend(Strategy::DEFAULT.map(of));
        cells
    })
}

fn tried(row: &TestRow, lang: Lang) -> Cell {
    let facts = [
        row.http_status.map(|status| status.to_string()),
        (row.bytes > 0).then(|| lang.size(row.bytes)),
        Some(lang.latency(row.latency_ms)),
    ];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    Cell::words(&facts.join(" · ")).of(row.status).below(&row.note)
}

/// One row per check, below one for the instance itself, which has its status and its last webhook.
fn instances(all: &[InstanceCheck], view: View) -> Table {
    let lang = view.lang;
    let columns = [Column::Instance, Column::Status, Column::Check, Column::Evidence];
    let mut table = Table::new(Section::Instances, columns);
    for one in all {
        let last_webhook = match one.last_webhook_at {
            Some(at) => format!("{} {}", Phrase::LastWebhook.said(lang), view.time(at)),
            None => Phrase::NoWebhook.said(lang).to_owned(),
        };
        table.rows.push(vec![
            Cell::code(&one.instance).below(&one.tenant),
            Cell::status(one.status, lang),
            Cell::default(),
            Cell::words(&last_webhook),
        ]);
        table.rows.extend(one.checks.iter().map(|check| {
            vec![
                Cell::default(),
                Cell::status(check.status, lang),
                Cell::words(&check.name),
                Cell::words(&check.value).remedied(check.remedy.as_ref()),
            ]
        }));
    }
    table
}

fn folders(all: &[Folder], lang: Lang) -> Table {
    let columns = [
        Column::Status,
        Column::Tenant,
        Column::Instance,
        Column::Kind,
        Column::Objects,
        Column::Records,
    ];
    Table::new(Section::Folders, columns).with(all, |one| {
        vec![
            Cell::status(one.status, lang),
            Cell::code(&one.tenant),
            Cell::code(&one.instance),
            Cell::code(&one.kind),
            Cell::number(lang.number(one.objects)),
            Cell::number(lang.number(one.records)),
        ]
    })
}

fn failures(all: &[FailureCount], view: View) -> Table {
    let lang = view.lang;
    let columns = [Column::Class, Column::Count, Column::LastReason, Column::LastAt];
    let mut table = Table::new(Section::Failures, columns);
    table.note = all.is_empty().then(|| Phrase::NoFailures.said(lang));
    table.with(all, |one| {
        let known = one.class.parse::<FailureClass>();
        let meaning = known.map_or("", |class| class.said(lang));
        vec![
            Cell::code(&one.class).below(meaning),
            Cell::number(lang.number(one.count)),
            Cell::words(&one.last_reason),
            Cell::words(&view.time(one.last_at)),
        ]
    })
}

fn settings(all: &[Setting], lang: Lang) -> Table {
    let columns = [Column::Status, Column::Setting, Column::Value, Column::Expected];
    Table::new(Section::Settings, columns).with(all, |one| {
        vec![
            Cell::status(one.status, lang),
            Cell::words(&one.name).remedied(one.remedy.as_ref()),
            Cell::words(&one.value),
            Cell::words(one.expected.as_deref().unwrap_or_default()),
        ]
    })
}

/// One thing that is counted hour by hour, and how to read it.
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

/// What is always counted besides the stored files, in the order of the columns.
const COUNTED: [CountColumn; 2] =
    [(Column::Retrying, |hour| hour.retrying), (Column::Parked, |hour| hour.parked)];
/// The same of the webhooks, where they are known.
const RECEIVED: CountColumn = (Column::Webhooks, |hour| hour.webhooks.unwrap_or_default());

/// Whether the webhooks of these hours were counted.
pub(crate) fn knows_webhooks(hours: &[Hour]) -> bool {
    hours.iter().any(|hour| hour.webhooks.is_some())
}

fn counted(hours: &[Hour]) -> Vec<CountColumn> {
    let received = knows_webhooks(hours).then_some(RECEIVED);
    Strategy::DEFAULT.map(stored_by).into_iter().chain(COUNTED).chain(received).collect()
}

/// The hours as rows, for whoever wants the numbers behind the charts.
pub(crate) fn hours(all: &[Hour], view: View) -> Table {
    let counted = counted(all);
    let columns = counted.iter().map(|(column, _)| *column);
    let columns: Vec<_> = [Column::Hour].into_iter().chain(columns).collect();
    Table::new(Section::Hours, columns).with(all, |hour| {
        let counts = counted.iter().map(|(_, count)| count(hour));
        let counts = counts.map(|count| Cell::number(view.lang.number(count)));
        let hour = Cell::words(&view.time(hour.at));
        [hour].into_iter().chain(counts).collect()
    })
}

/// The hours as lines, for a terminal: one row per thing counted, drawn in bars as high as its
/// highest hour.
pub(crate) fn hourly_lines(all: &[Hour], lang: Lang) -> Table {
    let columns = [Column::Counted, Column::Total, Column::PerHour];
    let mut table = Table::new(Section::Hours, columns);
    if all.is_empty() {
        table.note = Some(Sentence::NoHours.said(lang));
        return table;
    }
    table.with(&counted(all), |(column, count)| {
        let counts: Vec<_> = all.iter().map(count).collect();
        vec![
            Cell::words(column.said(lang)),
            Cell::number(lang.number(sum(counts.iter().copied()))),
            Cell::words(&bars(&counts)),
        ]
    })
}

/// A sum that stops at the largest number instead of overflowing.
pub(crate) fn sum(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

fn bars(counts: &[u64]) -> String {
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

    #[test]
    fn bars_reach_their_top_at_the_highest_hour_and_nothing_is_a_dot() {
        assert_eq!(bars(&[0, 1, 4, 8]), "·▁▄█");
        assert_eq!(bars(&[0, 0]), "··");
        assert_eq!(bars(&[u64::MAX, 1]), "█▁");
    }
}
