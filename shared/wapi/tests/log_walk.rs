//! The walk through W-API's webhook log: it reads every page with a wanted entry, in either order
//! of the log, also after a break, and ends.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use media::sha256::Sha256;
use wapi::logs::{LogWalk, PageSummary};

/// More pages than any of these logs has, for a walk that does not end.
const TOO_MANY: usize = 200;

/// A log: for each page, the latest time on it.
struct Log(Vec<Option<i64>>);

impl Log {
    /// A log with this many pages, each an hour older than the one before. The newest is of hour
    /// 1000.
    fn newest_first(pages: i64) -> Self {
        Self((0..pages).map(|n| Some(1000 - n)).collect())
    }

    fn oldest_first(pages: i64) -> Self {
        let mut log = Self::newest_first(pages);
        log.0.reverse();
        log
    }

    fn page(&self, number: u32) -> PageSummary {
        let page = self.0.get(number as usize - 1);
        PageSummary {
            is_empty: page.is_none(),
            newest: page.copied().flatten(),
            digest: Sha256::from_data(&number.to_be_bytes()),
        }
    }

    /// Reads at most `most` pages; returns the times that were read.
    fn walk(&self, walk: &mut LogWalk, most: usize) -> Vec<Option<i64>> {
        let mut read = Vec::new();
        while let Some(number) = walk.next_page().filter(|_| read.len() < most) {
            let page = self.page(number);
            read.push(page.newest);
            walk.add_page(page);
        }
        read
    }
}

/// Every page that has entries of `from` or later, in order.
fn wanted(read: &[Option<i64>], from: i64) -> Vec<i64> {
    let mut wanted: Vec<_> = read.iter().flatten().filter(|time| **time >= from).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

#[test]
fn a_quiet_log_costs_two_pages() {
    let log = Log::newest_first(100);
    let read = log.walk(&mut LogWalk::new(1001), TOO_MANY);
    assert_eq!(read, [Some(1000), Some(999)]);
}

#[test]
fn the_walk_reads_back_to_the_wanted_time() {
    let log = Log::newest_first(100);
    let read = log.walk(&mut LogWalk::new(996), TOO_MANY);
    assert_eq!(read, [1000, 999, 998, 997, 996, 995, 994].map(Some));
}

#[test]
fn the_walk_ends_with_the_log() {
    for log in [Log::newest_first(3), Log(vec![None, None])] {
        let read = log.walk(&mut LogWalk::new(0), TOO_MANY);
        assert_eq!(read.len(), log.0.len() + 1, "the page beyond the end is empty");
    }
    assert_eq!(Log(Vec::new()).walk(&mut LogWalk::new(0), TOO_MANY).len(), 1);
}

/// The page with what is wanted is then the last one.
#[test]
fn a_log_that_begins_with_its_oldest_entry_is_read_from_its_end() {
    for pages in [1, 2, 3, 4, 5, 16, 17, 31, 100] {
        for from in [1000, 999, 998, 991] {
            let log = Log::oldest_first(pages);
            let mut walk = LogWalk::new(from);
            let read = log.walk(&mut walk, TOO_MANY);
            assert!(read.len() < 40, "{pages} pages from {from}: {} were read", read.len());
            let expected: Vec<_> = (from.max(1001 - pages)..=1000).collect();
            assert_eq!(wanted(&read, from), expected, "{pages} pages from {from}");
        }
    }
}

/// After a reconnection, W-API sends messages that are much older than their webhooks.
#[test]
fn one_page_of_history_does_not_end_the_walk() {
    let mut log = Log::newest_first(10);
    log.0.insert(0, Some(3));
    log.0.insert(4, Some(2));
    let read = log.walk(&mut LogWalk::new(996), TOO_MANY);
    assert_eq!(wanted(&read, 996), [996, 997, 998, 999, 1000]);
}

#[test]
fn pages_without_times_do_not_end_the_walk() {
    let mut log = Log::newest_first(10);
    for _ in 0..5 {
        log.0.insert(1, None);
    }
    let read = log.walk(&mut LogWalk::new(998), TOO_MANY);
    assert_eq!(wanted(&read, 998), [998, 999, 1000]);
}

/// An endpoint that ignores the number of the page would otherwise be asked for ever.
#[test]
fn a_repeated_page_ends_the_walk() {
    let same = PageSummary { is_empty: false, newest: Some(1000), digest: Sha256::from_data(b"") };
    let mut walk = LogWalk::new(0);
    walk.add_page(same);
    assert_eq!(walk.next_page(), Some(2));
    walk.add_page(same);
    assert_eq!(walk.next_page(), None);
}

#[test]
fn a_walk_goes_on_where_it_stopped() {
    for log in [Log::newest_first(60), Log::oldest_first(60)] {
        let (from, mut read, mut breaks) = (950, Vec::new(), 0);
        let mut walk = LogWalk::new(from);
        loop {
            read.extend(log.walk(&mut walk, 20));
            let Some(position) = walk.position() else {
                break;
            };
            breaks += 1;
            walk = LogWalk::resume(from, position);
        }
        assert_eq!(walk.next_page(), None);
        assert_eq!(wanted(&read, from), (from..=1000).collect::<Vec<_>>());
        assert!(breaks >= 2, "{breaks}");
    }
}

/// New entries move the others to later pages, so the page that was read last is read again.
#[test]
fn entries_that_move_during_a_break_are_not_missed() {
    let mut log = Log::newest_first(30);
    let mut walk = LogWalk::new(980);
    let mut read = log.walk(&mut walk, 5);
    let position = walk.position().expect("it is not done");
    for time in [1001, 1002, 1003] {
        log.0.insert(0, Some(time));
    }
    read.extend(log.walk(&mut LogWalk::resume(980, position), TOO_MANY));
    assert_eq!(wanted(&read, 980), (980..=1000).collect::<Vec<_>>());
}
