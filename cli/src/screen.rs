//! Terminal output and input: times, tables, progress, escaping, and the token prompt.

use std::{
    io::{BufRead, IsTerminal, Read},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use boot::clock;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressStyle};
use media::{file_name::is_invisible, message::Secret};
use report::Lang;
use serde_json::Value;
use time::{OffsetDateTime, UtcOffset};
use zeroize::Zeroizing;

/// The last second of the year 9999. `humantime` panics on a later one.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time in RFC 3339, in UTC. A time before 1970 or after 9999 is shown as its number.
pub(crate) fn format_time(seconds: i64) -> String {
    let since_1970 = u64::try_from(seconds).ok();
    let Some(since_1970) = since_1970.filter(|seconds| *seconds <= LAST_SECOND) else {
        return seconds.to_string();
    };
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970);
    humantime::format_rfc3339_seconds(moment).to_string()
}

/// A time in RFC 3339 at this offset from UTC, which is written as well. A time that has no date is
/// shown as its number.
pub(crate) fn format_local_time(seconds: i64, offset: UtcOffset) -> String {
    let is_date = u64::try_from(seconds).is_ok_and(|seconds| seconds <= LAST_SECOND);
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok().filter(|_| is_date);
    let Some(at) = at.and_then(|at| at.checked_to_offset(offset)) else {
        return seconds.to_string();
    };
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        hours.unsigned_abs(),
        minutes.unsigned_abs()
    )
}

/// Like [`format_time`]; `-` if the time is not known.
pub(crate) fn format_time_if_known(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), format_time)
}

/// The current time in RFC 3339, to the nanosecond, in UTC.
pub(crate) fn format_now() -> String {
    let since_1970 = clock::since_1970().min(Duration::from_secs(LAST_SECOND));
    humantime::format_rfc3339_nanos(SystemTime::UNIX_EPOCH + since_1970).to_string()
}

/// An age in its two largest units, such as `3days 4h`.
pub(crate) fn format_age(seconds: i64, lang: Lang) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let coarse = match seconds {
        0..120 => seconds,
        120..7_200 => seconds / 60 * 60,
        _ => seconds / 3_600 * 3_600,
    };
    let text = humantime::format_duration(Duration::from_secs(coarse)).to_string();
    let units: Vec<_> = text.split(' ').take(2).map(|unit| translate_unit(unit, lang)).collect();
    units.join(" ")
}

/// Translates a number with its unit, such as `3days`.
fn translate_unit(unit: &str, lang: Lang) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("years", "anos"),
        ("year", "ano"),
        ("months", "meses"),
        ("month", "mês"),
        ("days", "dias"),
        ("day", "dia"),
    ];
    let digits = unit.bytes().take_while(u8::is_ascii_digit).count();
    let (number, word) = unit.split_at_checked(digits).unwrap_or((unit, ""));
    let translated = WORDS.iter().find(|(english, _)| *english == word);
    match (lang, translated) {
        (Lang::PtBr, Some((_, portuguese))) => format!("{number} {portuguese}"),
        (Lang::En | Lang::PtBr, _) => unit.to_owned(),
    }
}

/// Whether standard output is a terminal that shows colours.
pub(crate) fn has_colour() -> bool {
    std::io::stdout().is_terminal()
}

/// The columns of the terminal, or 160 without one.
pub(crate) fn terminal_width() -> u16 {
    const WIDE: u16 = 160;
    Table::new().width().unwrap_or(WIDE)
}

/// Replaces the characters that control a terminal, reorder text or cannot be seen. Line breaks
/// stay.
pub(crate) fn replace_control(text: &str) -> String {
    let shown = |c| if c == '\n' { c } else { report::visible_char(c) };
    text.chars().map(shown).collect()
}

/// The text on one line: others' text in a list must not look like a line of its own.
pub(crate) fn join_lines(text: &str) -> String {
    text.chars().map(report::visible_char).collect()
}

/// Prints a text to standard error, where others' text must not steer the terminal either.
#[expect(clippy::print_stderr, reason = "the one place that writes lines to standard error")]
pub(crate) fn print_error(text: &str) {
    eprintln!("{}", replace_control(text));
}

/// Prints a question to standard error, without a line break.
#[expect(clippy::print_stderr, reason = "the one place that asks on standard error")]
pub(crate) fn print_question(text: &str) {
    eprint!("{}", replace_control(text));
}

/// JSON on one line. Control characters and invisible characters are written as `\uXXXX`.
pub(crate) fn escape_json(json: &Value) -> String {
    escape_invisible(&json.to_string())
}

/// Serialized JSON, with control characters and invisible characters written as `\uXXXX`.
pub(crate) fn escape_invisible(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        if is_invisible(c) || c.is_control() {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text += &format!("\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// An empty table with this header.
pub(crate) fn new_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(header);
    table
}

/// The attempts of a record, one row each. An attempt that is no JSON object is shown whole.
pub(crate) fn attempts_table(attempts: &[Value]) -> Table {
    let mut tried = new_table(["strategy", "host", "status", "bytes", "ms", "verdict", "said"]);
    for attempt in attempts {
        const COLUMNS: [&str; 7] =
            ["strategy", "host", "status", "received_bytes", "duration_ms", "verdict", "excerpt"];
        let is_whole = !attempt.is_object();
        tried.add_row(COLUMNS.map(|name| match attempt.get(name) {
            None | Some(Value::Null) if is_whole && name == "verdict" => attempt.to_string(),
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }));
    }
    tried
}

/// The words of a list, separated by commas; `none` if it is empty.
pub(crate) fn join_words<'a>(list: impl IntoIterator<Item = &'a str>, none: &str) -> String {
    let words: Vec<_> = list.into_iter().collect();
    if words.is_empty() { none.to_owned() } else { words.join(", ") }
}

/// A spinner. It is only drawn on a terminal.
pub(crate) fn new_spinner(what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(replace_control(&what.into()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A counter, for work whose amount is not known. It is only drawn on a terminal.
pub(crate) fn new_counter(what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
    let bar = new_spinner(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} ({elapsed})") {
        bar.set_style(style);
    }
    bar
}

/// A progress bar, for work whose amount is known. It is only drawn on a terminal.
pub(crate) fn new_bar(what: impl Into<std::borrow::Cow<'static, str>>, count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count).with_message(replace_control(&what.into()));
    if let Ok(style) = ProgressStyle::with_template("{msg}: {wide_bar} {pos}/{len} ({eta} left)") {
        bar.set_style(style);
    }
    bar
}

/// The phone number that was given, or the one on standard input if `-` was given: arguments are in
/// the shell's history, and other users of the machine see them.
pub(crate) fn read_phone(given: &str) -> anyhow::Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        print_question("Phone number: ");
    }
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    read.context("the phone number could not be read from standard input")?;
    match line.trim() {
        "" => bail!("no phone number was given: write it to standard input"),
        phone => Ok(phone.to_owned()),
    }
}

/// Reads a W-API token: on a terminal from a prompt that does not show it, else from standard
/// input, without surrounding whitespace.
pub(crate) fn read_token(instance: &str) -> anyhow::Result<Secret> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() {
        Zeroizing::new(rpassword::prompt_password(format!("W-API token of {instance}: "))?)
    } else {
        let mut text = Zeroizing::new(String::new());
        let read = stdin.lock().read_to_string(&mut text);
        read.context("the token could not be read from standard input")?;
        text
    };
    match text.trim() {
        "" => bail!("no token was given: write it to standard input, or run this on a terminal"),
        token => Ok(Secret::new(token)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Lang, Value, escape_json, format_age, format_time, replace_control};

    #[test]
    fn a_time_without_a_date_is_a_number() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_787_438_879, "2026-08-22T22:47:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800"),
            (1_787_438_879_000_000, "1787438879000000"),
            (i64::MAX, "9223372036854775807"),
            (-1, "-1"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(format_time(seconds), text);
        }
        for seconds in [i64::MIN, -1, 0, i64::MAX] {
            assert!(!format_age(seconds, Lang::En).is_empty());
            assert!(!format_age(seconds, Lang::PtBr).is_empty());
        }
    }

    /// And keeps every character.
    #[test]
    fn json_escapes_control_characters() {
        let json = json!({ "a\u{9b}2J": "gpj\u{202e}.exe\u{1b}[0m \u{e0001}ção" });
        let text = escape_json(&json);
        assert_eq!(text, r#"{"a\u009b2J":"gpj\u202e.exe\u001b[0m \udb40\udc01ção"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(json));
    }

    #[test]
    fn what_a_sender_chose_cannot_steer_the_terminal() {
        assert_eq!(
            replace_control("│ 3EB0\u{1b}]0;owned\u{7}\u{9b}2J │\n│ \u{202e}gpj.exe │\n"),
            "│ 3EB0�]0;owned��2J │\n│ �gpj.exe │\n"
        );
    }
}
