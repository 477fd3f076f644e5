//! The report at the end of a chaos run: the audit, what was parked and why, the faults, and the
//! result.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use accounting::{Account, ParkedTicket};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use serde_json::Value;

use super::disturbance::DisturbanceCount;
use crate::Screen;

/// The content of the report.
#[derive(Debug)]
pub(crate) struct Report {
    /// The result of the audit.
    pub(crate) account: Account,
    /// Webhooks that were posted, repeated ones included, without posts after a refusal.
    pub(crate) webhooks: usize,
    /// Media messages whose webhook was posted several times.
    pub(crate) repeated: usize,
    /// The API's answers, by status.
    pub(crate) answers: BTreeMap<String, usize>,
    /// The number of faults of each kind.
    pub(crate) done: DisturbanceCount,
    /// Parked jobs by class.
    pub(crate) parked: BTreeMap<String, usize>,
    /// How the download function's runs ended, as it logged. Killed runs log nothing.
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// Jobs left in the queue, hidden ones included.
    pub(crate) left: u64,
    /// See [`super::evidence::ChaosEvidence`].
    pub(crate) uploads_left_to_the_rule: usize,
    /// The time from the first webhook to the last job.
    pub(crate) took: Duration,
}

impl Report {
    /// Shows the report.
    ///
    /// # Errors
    /// If the audit has a complaint or a job is left.
    pub(crate) fn conclude(&self, screen: &Screen) -> Result<()> {
        screen.say(format!("\n{}", self.account));
        screen.say(format!("\n{}\n", self.circumstances_table()));
        if self.left > 0 {
            bail!("{} jobs are still in the queue", self.left);
        }
        let complaints = self.account.list_complaints().count();
        if complaints > 0 {
            bail!("{complaints} complaints; see above");
        }
        screen.say(
            "Every accepted media file is stored once, byte for byte, or parked with a reason.",
        );
        Ok(())
    }

    fn circumstances_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let seconds = self.took.as_secs();
        table.add_row(["parked, by class", &join_counts(&self.parked)]);
        table.add_row(["webhooks", &self.webhooks.to_string()]);
        table.add_row(["media messages posted five times", &self.repeated.to_string()]);
        table.add_row(["answers of the API", &join_counts(&self.answers)]);
        table.add_row(["functions killed", &join_counts(&self.done.kills)]);
        table.add_row(["origins cut off", &self.done.cuts.to_string()]);
        table.add_row(["all connections broken", &self.done.breaks.to_string()]);
        table.add_row(["connections that broke", &self.done.broken_connections.to_string()]);
        table.add_row(["ends of runs, as logged", &join_counts(&self.outcomes)]);
        let uploads = self.uploads_left_to_the_rule.to_string();
        table.add_row(["open uploads, left to the bucket's rule", &uploads]);
        table.add_row(["from first webhook to last job", &format!("{seconds} s")]);
        table
    }
}

/// Parked jobs by class; a job that is in the queue several times counts once.
pub(crate) fn count_by_class(parked: &[ParkedTicket]) -> BTreeMap<String, usize> {
    let mut seen = BTreeSet::new();
    let once = parked.iter().filter(|one| seen.insert(&one.identity));
    count_names(once.map(|one| one.class.clone().unwrap_or_else(|| "none".to_owned())))
}

/// The outcomes in the download function's log.
pub(crate) fn count_outcomes(lines: &[String]) -> BTreeMap<String, usize> {
    let outcome = |line: &String| {
        let line: Value = serde_json::from_str(line).ok()?;
        line.get("outcome")?.as_str().map(str::to_owned)
    };
    count_names(lines.iter().filter_map(outcome))
}

fn count_names(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for name in names {
        *counted.entry(name).or_default() += 1;
    }
    counted
}

fn join_counts(counted: &BTreeMap<String, usize>) -> String {
    if counted.is_empty() {
        return "0".to_owned();
    }
    let each = counted.iter().map(|(name, times)| format!("{name} {times}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use accounting::{Account, Identity, ParkedTicket};

    use super::{Report, count_by_class, count_outcomes};
    use crate::Screen;
    use crate::chaos::disturbance::DisturbanceCount;

    fn sample_report() -> Report {
        Report {
            account: Account::default(),
            webhooks: 1,
            repeated: 0,
            answers: BTreeMap::new(),
            done: DisturbanceCount::default(),
            parked: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            left: 0,
            uploads_left_to_the_rule: 0,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_lost_file_or_a_left_job_is_an_error() {
        let screen = Screen::silent();
        assert!(sample_report().conclude(&screen).is_ok());
        let left = Report { left: 1, ..sample_report() };
        assert!(left.conclude(&screen).is_err());
        let mut lost = sample_report();
        lost.account.lost.push("I/m: accepted, and found nowhere".to_owned());
        assert!(lost.conclude(&screen).is_err());
    }

    #[test]
    fn a_job_parked_twice_counts_once() {
        let one = ParkedTicket {
            identity: Identity::new("I", "m"),
            class: Some("expired".to_owned()),
            reason: None,
        };
        let counted = count_by_class(&[one.clone(), one]);
        assert_eq!(counted, BTreeMap::from([("expired".to_owned(), 1)]));
    }

    #[test]
    fn outcomes_come_from_json_lines_only() {
        let lines = [r#"{"outcome":"stored"}"#, "no json", r#"{"level":"INFO"}"#];
        let counted = count_outcomes(&lines.map(str::to_owned));
        assert_eq!(counted, BTreeMap::from([("stored".to_owned(), 1)]));
    }
}
