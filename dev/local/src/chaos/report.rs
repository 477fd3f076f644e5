//! What a person sees at the end: the books, what was parked and why, what was done to the stack, and the verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use accounting::{Account, Parked};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use serde_json::Value;

use super::disturbance::Done;
use crate::Screen;

/// Everything that is told.
#[derive(Debug)]
pub(crate) struct Report {
    /// The books.
    pub(crate) account: Account,
    /// Webhooks that were posted and not because of an answer, repeated ones included.
    pub(crate) webhooks: usize,
    /// Media whose webhook was posted several times.
    pub(crate) repeated: usize,
    /// What the API answered, by status.
    pub(crate) answers: BTreeMap<String, usize>,
    /// What was done.
    pub(crate) done: Done,
    /// Parked media by class.
    pub(crate) parked: BTreeMap<String, usize>,
    /// How the runs of the download function ended, as they logged it. Of a killed one nothing is known.
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// Jobs left in the queue, hidden ones included.
    pub(crate) left: u64,
    /// See [`super::evidence::Found`].
    pub(crate) uploads_left_to_the_rule: usize,
    /// From the first webhook to the last job.
    pub(crate) took: Duration,
}

impl Report {
    /// Shows it.
    ///
    /// # Errors
    /// If one promise was broken or one job is left.
    pub(crate) fn conclude(&self, screen: &Screen) -> Result<()> {
        screen.say(format!("\n{}", self.account));
        screen.say(format!("\n{}\n", self.circumstances()));
        if self.left > 0 {
            bail!("{} jobs are still in the queue", self.left);
        }
        let complaints = self.account.complaints().count();
        if complaints > 0 {
            bail!("{complaints} promises were broken; see above");
        }
        screen.say("Every accepted media is stored once, byte for byte, or parked with a reason.");
        Ok(())
    }

    fn circumstances(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let seconds = self.took.as_secs();
        table.add_row(["parked, by class", &listed(&self.parked)]);
        table.add_row(["webhooks", &self.webhooks.to_string()]);
        table.add_row(["media posted five times", &self.repeated.to_string()]);
        table.add_row(["answers of the API", &listed(&self.answers)]);
        table.add_row(["functions killed", &listed(&self.done.kills)]);
        table.add_row(["origins cut off", &self.done.cuts.to_string()]);
        table.add_row(["all connections broken", &self.done.breaks.to_string()]);
        table.add_row([
            "connections that broke",
            &self.done.broken_connections.to_string(),
        ]);
        table.add_row(["ends of runs, as logged", &listed(&self.outcomes)]);
        let uploads = self.uploads_left_to_the_rule.to_string();
        table.add_row(["open uploads, left to the bucket's rule", &uploads]);
        table.add_row(["from first webhook to last job", &format!("{seconds} s")]);
        table
    }
}

/// Parked media by class; one that lies in the queue several times counts once.
pub(crate) fn by_class(parked: &[Parked]) -> BTreeMap<String, usize> {
    let mut seen = BTreeSet::new();
    let once = parked.iter().filter(|one| seen.insert(&one.identity));
    counted(once.map(|one| one.class.clone().unwrap_or_else(|| "none".to_owned())))
}

/// The outcomes in the download function's log.
pub(crate) fn outcomes(lines: &[String]) -> BTreeMap<String, usize> {
    let outcome = |line: &String| {
        let line: Value = serde_json::from_str(line).ok()?;
        line.get("outcome")?.as_str().map(str::to_owned)
    };
    counted(lines.iter().filter_map(outcome))
}

fn counted(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for name in names {
        *counted.entry(name).or_default() += 1;
    }
    counted
}

fn listed(counted: &BTreeMap<String, usize>) -> String {
    if counted.is_empty() {
        return "0".to_owned();
    }
    let each = counted
        .iter()
        .map(|(name, times)| format!("{name} {times}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use accounting::{Account, Identity, Parked};

    use super::{Report, by_class, outcomes};
    use crate::Screen;
    use crate::chaos::disturbance::Done;

    fn report() -> Report {
        Report {
            account: Account::default(),
            webhooks: 1,
            repeated: 0,
            answers: BTreeMap::new(),
            done: Done::default(),
            parked: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            left: 0,
            uploads_left_to_the_rule: 0,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_clean_account_ends_well_and_a_job_that_is_left_or_a_broken_promise_does_not() {
        let screen = Screen::nothing();
        assert!(report().conclude(&screen).is_ok());
        let left = Report {
            left: 1,
            ..report()
        };
        assert!(left.conclude(&screen).is_err());
        let mut lost = report();
        lost.account
            .lost
            .push("I/m: accepted, and nowhere".to_owned());
        assert!(lost.conclude(&screen).is_err());
    }

    #[test]
    fn a_media_that_is_parked_twice_counts_once() {
        let one = Parked {
            identity: Identity::new("I", "m"),
            class: Some("expired".to_owned()),
            reason: None,
        };
        let counted = by_class(&[one.clone(), one]);
        assert_eq!(counted, BTreeMap::from([("expired".to_owned(), 1)]));
    }

    #[test]
    fn outcomes_are_read_from_lines_of_json_and_other_lines_are_passed_over() {
        let lines = [r#"{"outcome":"stored"}"#, "no json", r#"{"level":"INFO"}"#];
        let counted = outcomes(&lines.map(str::to_owned));
        assert_eq!(counted, BTreeMap::from([("stored".to_owned(), 1)]));
    }
}
