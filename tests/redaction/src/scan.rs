//! Searches the recorded texts for the planted ones, in every encoding that may occur.

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

/// A secret is also found by this many characters of its beginning or its end, because excerpts
/// are cut.
const PIECE: usize = 16;

/// Maximum number of characters shown of a line.
const SHOWN: usize = 160;

/// A canary that was found where it must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The place where it was found.
    pub sink: Sink,
    /// The canary that was found.
    pub canary: Canary,
    /// The beginning of the line, at most `SHOWN` characters.
    pub line: String,
}

/// What was searched and what was found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The number of lines searched, by sink.
    pub lines: BTreeMap<Sink, usize>,
    /// Lines of the log below `INFO`. If there are none, the log was not at `TRACE`.
    pub quiet_lines: usize,
    /// The number of planted canaries, by class.
    pub planted: BTreeMap<Class, usize>,
    /// Findings, at most one for each canary and sink.
    pub findings: BTreeSet<Finding>,
}

/// The canaries and an automaton that matches all their spellings.
struct CanarySearcher {
    canaries: Vec<Canary>,
    /// The index of the canary that each pattern belongs to.
    owners: Vec<usize>,
    automaton: AhoCorasick,
}

impl Scan {
    /// Searches a recorded folder and the stacks in it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let (heard, stacks) = list_contents(folder)?;
        let is_of_canaries = |path: &PathBuf| name_of(path).starts_with(CANARIES);
        let (planted, heard): (Vec<_>, Vec<_>) = heard.into_iter().partition(is_of_canaries);
        let mut canaries = BTreeSet::new();
        for path in planted {
            let text = read_text(&path)?;
            for line in text.lines() {
                let canary: Canary = serde_json::from_str(line).context("a canary")?;
                canaries.insert(canary);
            }
        }
        let searcher = CanarySearcher::new(canaries)?;
        let mut scan = Self::for_searcher(&searcher);
        for path in heard {
            let name = name_of(&path);
            let sink = Sink::ALL.into_iter().find(|sink| name.starts_with(sink.as_str()));
            let sink = sink.with_context(|| format!("{} is of no known place", path.display()))?;
            scan.search_text(&searcher, sink, &read_text(&path)?);
        }
        for stack in stacks {
            for (sink, text) in crate::read_stack_texts(&stack)? {
                scan.search_text(&searcher, sink, &text);
            }
        }
        Ok(scan)
    }

    /// Searches texts for canaries.
    ///
    /// # Errors
    /// If the automaton cannot be built.
    pub fn search_all<'a>(
        canaries: impl IntoIterator<Item = Canary>,
        texts: impl IntoIterator<Item = (Sink, &'a str)>,
    ) -> Result<Self> {
        let searcher = CanarySearcher::new(canaries.into_iter().collect())?;
        let mut scan = Self::for_searcher(&searcher);
        for (sink, text) in texts {
            scan.search_text(&searcher, sink, text);
        }
        Ok(scan)
    }

    fn for_searcher(searcher: &CanarySearcher) -> Self {
        Self { planted: searcher.count_by_class(), ..Self::default() }
    }

    /// Why this search proves nothing, if it does not: a sink without any text, a class without
    /// any canary, or a log that was not at `TRACE`.
    #[must_use]
    pub fn find_gaps(&self) -> Vec<String> {
        let silent = Sink::ALL.into_iter().filter(|sink| !self.lines.contains_key(sink));
        let silent = silent.map(|sink| format!("nothing was heard of {}", sink.as_str()));
        let classes = [Class::Filed, Class::Person, Class::Secret];
        let unplanted = classes.into_iter().filter(|class| !self.planted.contains_key(class));
        let unplanted = unplanted.map(|class| format!("nothing was planted as {class:?}"));
        let loud = (self.quiet_lines == 0).then(|| "no log line is below INFO".to_owned());
        silent.chain(unplanted).chain(loud).collect()
    }

    fn search_text(&mut self, searcher: &CanarySearcher, sink: Sink, text: &str) {
        text.lines().for_each(|line| self.search_line(searcher, sink, line));
    }

    fn search_line(&mut self, searcher: &CanarySearcher, sink: Sink, line: &str) {
        *self.lines.entry(sink).or_default() += 1;
        let is_quiet =
            [r#""level":"DEBUG""#, r#""level":"TRACE""#].iter().any(|level| line.contains(level));
        self.quiet_lines += usize::from(sink == Sink::Log && is_quiet);
        for found in searcher.automaton.find_overlapping_iter(line) {
            let canary = searcher.owners.get(found.pattern().as_usize());
            let Some(canary) = canary.and_then(|n| searcher.canaries.get(*n)) else {
                continue;
            };
            if !sink.may_hold(canary.class) && !self.has_finding(sink, canary) {
                self.findings.insert(Finding {
                    sink,
                    canary: canary.clone(),
                    line: line.chars().take(SHOWN).collect(),
                });
            }
        }
    }

    fn has_finding(&self, sink: Sink, canary: &Canary) -> bool {
        self.findings.iter().any(|one| one.sink == sink && one.canary == *canary)
    }
}

impl CanarySearcher {
    /// Builds the automaton. A text that names a folder or a file and is also a person's counts
    /// as the former.
    fn new(canaries: BTreeSet<Canary>) -> Result<Self> {
        let is_filed = |canary: &&Canary| canary.class == Class::Filed;
        let filed: BTreeSet<_> =
            canaries.iter().filter(is_filed).map(|one| one.text.clone()).collect();
        let counts =
            |canary: &Canary| canary.class != Class::Person || !filed.contains(&canary.text);
        let canaries: Vec<_> = canaries.into_iter().filter(counts).collect();
        let (mut patterns, mut owners) = (Vec::new(), Vec::new());
        for (n, canary) in canaries.iter().enumerate() {
            for spelling in list_spellings(canary) {
                patterns.push(spelling);
                owners.push(n);
            }
        }
        let mut builder = AhoCorasick::builder();
        let automaton = builder.ascii_case_insensitive(true).build(patterns)?;
        Ok(Self { canaries, owners, automaton })
    }

    fn count_by_class(&self) -> BTreeMap<Class, usize> {
        let mut count = BTreeMap::new();
        for canary in &self.canaries {
            *count.entry(canary.class).or_default() += 1;
        }
        count
    }
}

/// The text as it is, as JSON and URLs write it, and as base64; 32 bytes also as hex and as
/// numbers; a secret also by its beginning and its end.
fn list_spellings(canary: &Canary) -> BTreeSet<String> {
    let text = canary.text.as_str();
    let json = serde_json::to_string(text).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let base64 = BASE64.encode(text.as_bytes());
    let mut all = BTreeSet::from([
        text.to_owned(),
        // A JSON string inside a JSON string, as in an attribute.
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
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lists the files of a folder and the folders below `stacks`.
fn list_contents(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = folder.read_dir().with_context(|| format!("reading {}", folder.display()))?;
        let paths: std::io::Result<BTreeSet<_>> = entries.map(|entry| Ok(entry?.path())).collect();
        Ok(paths?.into_iter().collect())
    };
    let stacks = folder.join("stacks");
    let stacks = if stacks.is_dir() { list(&stacks)? } else { Vec::new() };
    let files = list(folder)?.into_iter().filter(|path| path.is_file()).collect();
    Ok((files, stacks))
}
