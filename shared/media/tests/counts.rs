//! Counts: the requests of a file, the days, and sums.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use media::counts::{MediaCounts, count_puts, format_day};

/// S3 takes a file of up to 8 MiB in one request. A larger one takes a request for each 8 MiB, one
/// to begin and one to complete.
#[test]
fn a_large_file_takes_a_request_for_each_part() {
    const MIB: u64 = 1024 * 1024;
    for (size, puts) in
        [(0, 1), (1, 1), (8 * MIB, 1), (8 * MIB + 1, 4), (16 * MIB, 4), (16 * MIB + 1, 5)]
    {
        assert_eq!(count_puts(size), puts, "{size}");
    }
}

#[test]
fn a_day_is_that_of_utc() {
    for (seconds, day) in [
        (0, "1970-01-01"),
        (1_787_431_679, "2026-08-22"),
        (1_787_443_199, "2026-08-22"),
        (1_787_443_200, "2026-08-23"),
        (i64::MAX, "1970-01-01"),
    ] {
        assert_eq!(format_day(seconds), day, "{seconds}");
    }
}

#[test]
fn sums_add_every_count() {
    let one = MediaCounts {
        announced: 1,
        stored: 2,
        bytes: 3,
        puts: 4,
        attempt_ms: 5,
        skipped: 6,
        strategies: [("cdn".to_owned(), 7)].into(),
        parked: [("expired".to_owned(), 8)].into(),
    };
    let mut sum = MediaCounts { bytes: u64::MAX, ..MediaCounts::default() };
    sum.add(&one);
    sum.bytes = 0;
    sum.add(&one);
    let twice = MediaCounts {
        announced: 2,
        stored: 4,
        bytes: 3,
        puts: 8,
        attempt_ms: 10,
        skipped: 12,
        strategies: [("cdn".to_owned(), 14)].into(),
        parked: [("expired".to_owned(), 16)].into(),
    };
    assert_eq!(sum, twice);
}
