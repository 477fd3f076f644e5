//! Decides which pages of a log are read, from its newest entry back to a moment. Whether the log
//! begins with its newest or with its oldest entry is not documented, so both are possible.

use media::sha256::Sha256;

/// How many pages in a row must be older than the wanted time before the walk ends. A page may
/// consist of a history, whose messages are older than their webhooks.
const OLD_PAGES_AT_END: u32 = 2;

/// The highest page number that is requested while the last page is searched.
const MAX_PAGE: u32 = 1 << 16;

/// What the walk needs to know of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSummary {
    /// Whether the page has no entry: it is beyond the end of the log.
    pub is_empty: bool,
    /// The latest time on the page, in seconds since 1970; `None` if no entry has a time.
    pub newest: Option<i64>,
    /// The SHA-256 of the page.
    pub digest: Sha256,
}

/// The page at which a walk goes on after a break, and its direction. It may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The number of the next page, from 1.
    pub page: u32,
    /// Whether the log begins with its oldest entry, so that the walk goes to lower page numbers.
    pub is_oldest_first: bool,
}

/// The state of a walk through a log, from its newest entry to the oldest one that is wanted.
///
/// While the walk goes on, new entries move the others: to higher page numbers if the newest is
/// first. The walk then reads some entries twice, and misses none.
#[derive(Debug)]
pub struct LogWalk {
    /// Entries of this time and later are wanted, in seconds since 1970.
    from: i64,
    step: Step,
    /// The latest time on the first page.
    first_newest: Option<i64>,
    /// Whether a page had a wanted entry.
    has_wanted: bool,
    /// How many pages in a row had none.
    old_pages: u32,
    last_digest: Option<Sha256>,
}

/// What the next page is requested for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The newest entries come first: towards higher page numbers.
    Forward { page: u32 },
    /// The oldest entries come first, so the last page is searched. `low` has entries.
    Double { low: u32, page: u32 },
    /// As before; the last page is `low` or between `low` and `high`, which is empty.
    Halve { low: u32, high: u32 },
    /// From the last page towards lower page numbers.
    Backward { page: u32 },
    /// Everything wanted was read.
    Done,
}

impl Step {
    /// Whether the last page is searched.
    fn is_search(self) -> bool {
        matches!(self, Self::Double { .. } | Self::Halve { .. })
    }
}

impl LogWalk {
    /// A walk from the newest entry.
    #[must_use]
    pub fn new(from: i64) -> Self {
        Self {
            from,
            step: Step::Forward { page: 1 },
            first_newest: None,
            has_wanted: false,
            old_pages: 0,
            last_digest: None,
        }
    }

    /// A walk that goes on where an earlier one stopped.
    #[must_use]
    pub fn resume(from: i64, position: LogPosition) -> Self {
        let page = position.page.max(1);
        let step = match position.is_oldest_first {
            true => Step::Backward { page },
            false => Step::Forward { page },
        };
        Self { step, has_wanted: true, ..Self::new(from) }
    }

    /// The number of the page to read next; `None` when everything wanted was read.
    #[must_use]
    pub fn next_page(&self) -> Option<u32> {
        match self.step {
            Step::Forward { page } | Step::Double { page, .. } | Step::Backward { page } => {
                Some(page)
            }
            Step::Halve { low, high } => Some(u32::midpoint(low, high)),
            Step::Done => None,
        }
    }

    /// Where a later walk can go on; `None` if it must begin anew.
    #[must_use]
    pub fn position(&self) -> Option<LogPosition> {
        match self.step {
            Step::Forward { page } if page > 1 => {
                Some(LogPosition { page, is_oldest_first: false })
            }
            Step::Backward { page } => Some(LogPosition { page, is_oldest_first: true }),
            Step::Forward { .. } | Step::Double { .. } | Step::Halve { .. } | Step::Done => None,
        }
    }

    /// Whether the log was found to begin with its oldest entry.
    #[must_use]
    pub fn is_oldest_first(&self) -> bool {
        self.step.is_search() || matches!(self.step, Step::Backward { .. })
    }

    /// Takes in the page that [`Self::next_page`] named.
    pub fn add_page(&mut self, page: PageSummary) {
        let is_repeated = self.last_digest.replace(page.digest) == Some(page.digest);
        let is_wanted = page.newest.map(|newest| newest >= self.from);
        match is_wanted {
            Some(true) => (self.has_wanted, self.old_pages) = (true, 0),
            Some(false) => self.old_pages += 1,
            None => {}
        }
        let is_over = self.old_pages >= OLD_PAGES_AT_END;
        let was_searching = self.step.is_search();
        self.step = match self.step {
            // An endpoint that ignores the number gives the same page again.
            Step::Forward { .. } if page.is_empty || is_repeated => Step::Done,
            Step::Forward { page: 1 } => {
                self.first_newest = page.newest;
                Step::Forward { page: 2 }
            }
            Step::Forward { page: 2 } if !self.has_wanted && self.is_rising(page.newest) => {
                Step::Double { low: 2, page: 4 }
            }
            Step::Forward { .. } if is_over => Step::Done,
            Step::Forward { page: number } => Step::Forward { page: number.saturating_add(1) },
            Step::Double { low, page: high } if page.is_empty => halve(low, high),
            Step::Double { page: low, .. } if low >= MAX_PAGE => Step::Backward { page: low },
            Step::Double { page: low, .. } => Step::Double { low, page: low * 2 },
            Step::Halve { low, high } => {
                let middle = u32::midpoint(low, high);
                if page.is_empty { halve(low, middle) } else { halve(middle, high) }
            }
            Step::Backward { page: number } if is_over || number <= 1 => Step::Done,
            Step::Backward { page: number } => Step::Backward { page: number - 1 },
            Step::Done => Step::Done,
        };
        // The pages of the search are not in a row.
        if was_searching || self.step.is_search() {
            self.old_pages = 0;
        }
    }

    /// Whether the second page is newer than the first.
    fn is_rising(&self, newest: Option<i64>) -> bool {
        self.first_newest.is_some() && newest > self.first_newest
    }
}

/// The search for the last page between `low`, which has entries, and `high`, which is empty.
fn halve(low: u32, high: u32) -> Step {
    if high - low > 1 { Step::Halve { low, high } } else { Step::Backward { page: low } }
}
