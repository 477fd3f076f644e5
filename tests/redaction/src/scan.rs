//! Searches what was written down for what was planted, in every spelling that it may have got on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use aho_corasick::AhoCorasick;
use anyhow::{Context, Result};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    canary::{Canary, Class},
    listener::CANARIES,
    sink::Sink,
};

/// A secret is also found by this many characters of its beginning or its end: excerpts are cut.
const PIECE: usize = 16;

/// Characters of a line that are shown.
const SHOWN: usize = 160;

/// A canary where it must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub sink: Sink,
    /// What.
    pub canary: Canary,
    /// The beginning of the line.
    pub line: String,
}

/// What was searched, and what was found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Lines of each place.
    pub lines: BTreeMap<Sink, usize>,
    /// Lines of the log below `INFO`: without them it was not at `TRACE`.
    pub quiet_lines: usize,
    /// Canaries of each class.
    pub planted: BTreeMap<Class, usize>,
    /// At most one of each canary and place.
    pub findings: BTreeSet<Finding>,
}

/// Canaries and the automaton that knows all their spellings.
struct Searcher {
    canaries: Vec<Canary>,
    /// Which canary a pattern is of.
    owners: Vec<usize>,
    automaton: AhoCorasick,
}

impl Scan {
    /// Searches a folder that was listened into, and the stacks in it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let (heard, stacks) = contents(folder)?;
        let is_of_canaries = |path: &PathBuf| name_of(path).starts_with(CANARIES);
        let (planted, heard): (Vec<_>, Vec<_>) = heard.into_iter().partition(is_of_canaries);
        let mut canaries = BTreeSet::new();
        for path in planted {
            let text = read(&path)?;
            for line in text.lines() {
                let canary: Canary = serde_json::from_str(line).context("a canary")?;
                canaries.insert(canary);
            }
        }
        let searcher = Searcher::of(canaries)?;
        let mut scan = Self::begun(&searcher);
        for path in heard {
            let name = name_of(&path);
            let sink = Sink::ALL
                .into_iter()
                .find(|sink| name.starts_with(sink.as_str()));
            let sink = sink.with_context(|| format!("{} is of no known place", path.display()))?;
            scan.search(&searcher, sink, &read(&path)?);
        }
        for stack in stacks {
            for (sink, text) in crate::of_stack(&stack)? {
                scan.search(&searcher, sink, &text);
            }
        }
        Ok(scan)
    }

    /// Searches texts for canaries.
    ///
    /// # Errors
    /// If the automaton cannot be built.
    pub fn of<'a>(
        canaries: impl IntoIterator<Item = Canary>,
        texts: impl IntoIterator<Item = (Sink, &'a str)>,
    ) -> Result<Self> {
        let searcher = Searcher::of(canaries.into_iter().collect())?;
        let mut scan = Self::begun(&searcher);
        for (sink, text) in texts {
            scan.search(&searcher, sink, text);
        }
        Ok(scan)
    }

    fn begun(searcher: &Searcher) -> Self {
        Self {
            planted: searcher.count(),
            ..Self::default()
        }
    }

    /// Why this search proves nothing, if it does not: a place where nothing was heard, a class of which nothing was
    /// planted, a log that was not at `TRACE`.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let silent = Sink::ALL
            .into_iter()
            .filter(|sink| !self.lines.contains_key(sink));
        let silent = silent.map(|sink| format!("nothing was heard of {}", sink.as_str()));
        let classes = [Class::Filed, Class::Person, Class::Secret];
        let unplanted = classes
            .into_iter()
            .filter(|class| !self.planted.contains_key(class));
        let unplanted = unplanted.map(|class| format!("nothing was planted as {class:?}"));
        let loud = (self.quiet_lines == 0).then(|| "no log line is below INFO".to_owned());
        silent.chain(unplanted).chain(loud).collect()
    }

    fn search(&mut self, searcher: &Searcher, sink: Sink, text: &str) {
        text.lines()
            .for_each(|line| self.search_line(searcher, sink, line));
    }

    fn search_line(&mut self, searcher: &Searcher, sink: Sink, line: &str) {
        *self.lines.entry(sink).or_default() += 1;
        let is_quiet = [r#""level":"DEBUG""#, r#""level":"TRACE""#]
            .iter()
            .any(|level| line.contains(level));
        self.quiet_lines += usize::from(sink == Sink::Log && is_quiet);
        for found in searcher.automaton.find_overlapping_iter(line) {
            let canary = searcher.owners.get(found.pattern().as_usize());
            let Some(canary) = canary.and_then(|n| searcher.canaries.get(*n)) else {
                continue;
            };
            if !sink.may_hold(canary.class) && !self.knows(sink, canary) {
                self.findings.insert(Finding {
                    sink,
                    canary: canary.clone(),
                    line: line.chars().take(SHOWN).collect(),
                });
            }
        }
    }

    fn knows(&self, sink: Sink, canary: &Canary) -> bool {
        self.findings
            .iter()
            .any(|one| one.sink == sink && one.canary == *canary)
    }
}

impl Searcher {
    /// A text that names a folder or file and is a person's too counts as the former.
    fn of(canaries: BTreeSet<Canary>) -> Result<Self> {
        let is_filed = |canary: &&Canary| canary.class == Class::Filed;
        let filed: BTreeSet<_> = canaries
            .iter()
            .filter(is_filed)
            .map(|one| one.text.clone())
            .collect();
        let counts =
            |canary: &Canary| canary.class != Class::Person || !filed.contains(&canary.text);
        let canaries: Vec<_> = canaries.into_iter().filter(counts).collect();
        let (mut patterns, mut owners) = (Vec::new(), Vec::new());
        for (n, canary) in canaries.iter().enumerate() {
            for spelling in spellings(canary) {
                patterns.push(spelling);
                owners.push(n);
            }
        }
        let mut builder = AhoCorasick::builder();
        let automaton = builder.ascii_case_insensitive(true).build(patterns)?;
        Ok(Self {
            canaries,
            owners,
            automaton,
        })
    }

    fn count(&self) -> BTreeMap<Class, usize> {
        let mut count = BTreeMap::new();
        for canary in &self.canaries {
            *count.entry(canary.class).or_default() += 1;
        }
        count
    }
}

/// The text as it is, as JSON and URLs write it, as base64; of 32 bytes also as hex and as numbers; of a secret also
/// its beginning and its end.
fn spellings(canary: &Canary) -> BTreeSet<String> {
    let text = canary.text.as_str();
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let base64 = BASE64.encode(text.as_bytes());
    let mut all = BTreeSet::from([
        text.to_owned(),
        // A string in JSON in a string in JSON, as in an attribute.
        json.replace('\\', "\\\\"),
        json,
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        base64.trim_end_matches('=').to_owned(),
    ]);
    if canary.class == Class::Secret {
        let chars: Vec<char> = text.chars().collect();
        for piece in [chars.first_chunk::<PIECE>(), chars.last_chunk::<PIECE>()] {
            all.extend(piece.map(|piece| piece.iter().collect::<String>()));
        }
        if let Ok(bytes) = BASE64.decode(text.as_bytes()) {
            all.insert(HEXLOWER.encode(&bytes));
            all.insert(BASE64URL_NOPAD.encode(&bytes));
            let numbers: Vec<_> = bytes.iter().take(8).map(u8::to_string).collect();
            all.insert(numbers.join(", "));
        }
    }
    all
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files of a folder, and the folders below `stacks`.
fn contents(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = folder
            .read_dir()
            .with_context(|| format!("reading {}", folder.display()))?;
        let paths: std::io::Result<BTreeSet<_>> = entries.map(|entry| Ok(entry?.path())).collect();
        Ok(paths?.into_iter().collect())
    };
    let stacks = folder.join("stacks");
    let stacks = if stacks.is_dir() {
        list(&stacks)?
    } else {
        Vec::new()
    };
    let files = list(folder)?
        .into_iter()
        .filter(|path| path.is_file())
        .collect();
    Ok((files, stacks))
}
