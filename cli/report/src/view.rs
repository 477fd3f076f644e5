//! The language and the UTC offset in which a report is shown.

use time::{OffsetDateTime, UtcOffset};

use crate::lang::Lang;

/// How a report is shown, in a terminal or as HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The language of titles, headers and explanations.
    pub lang: Lang,
    /// The UTC offset of the times. It is printed with them.
    pub offset: UtcOffset,
}

impl View {
    /// In `lang`, with times in UTC.
    #[must_use]
    pub fn utc(lang: Lang) -> Self {
        Self { lang, offset: UtcOffset::UTC }
    }

    /// A date and time of the language, without the offset. A time that is no date is shown as its
    /// number.
    pub(crate) fn format_time(self, seconds: i64) -> String {
        let Some(at) = self.at_offset(seconds) else {
            return seconds.to_string();
        };
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute) = (at.hour(), at.minute());
        match self.lang {
            Lang::En => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
            Lang::PtBr => format!("{day:02}/{month:02}/{year:04} {hour:02}:{minute:02}"),
        }
    }

    /// Only the hour of the day, such as `14h`.
    pub(crate) fn format_hour(self, seconds: i64) -> String {
        self.at_offset(seconds).map_or_else(String::new, |at| format!("{:02}h", at.hour()))
    }

    /// The offset as text, such as `UTC-03:00`.
    pub(crate) fn format_offset(self) -> String {
        let (hours, minutes, _) = self.offset.as_hms();
        if self.offset.is_utc() {
            return "UTC".to_owned();
        }
        let sign = if self.offset.is_negative() { '-' } else { '+' };
        format!("UTC{sign}{:02}:{:02}", hours.abs(), minutes.abs())
    }

    fn at_offset(self, seconds: i64) -> Option<OffsetDateTime> {
        let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        at.checked_to_offset(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(lang: Lang, hours: i8) -> View {
        let offset = UtcOffset::from_hms(hours, 0, 0).unwrap_or(UtcOffset::UTC);
        View { lang, offset }
    }

    #[test]
    fn a_time_has_its_languages_form_and_offset() {
        assert_eq!(view(Lang::En, 0).format_time(1_790_000_000), "2026-09-21 14:13");
        assert_eq!(view(Lang::PtBr, -3).format_time(1_790_000_000), "21/09/2026 11:13");
        assert_eq!(view(Lang::PtBr, -3).format_hour(1_790_000_000), "11h");
    }

    #[test]
    fn the_offset_is_named() {
        assert_eq!(view(Lang::En, 0).format_offset(), "UTC");
        assert_eq!(view(Lang::En, -3).format_offset(), "UTC-03:00");
    }

    #[test]
    fn a_time_no_calendar_has_stays_a_number() {
        assert_eq!(view(Lang::En, 0).format_time(i64::MAX), i64::MAX.to_string());
        let last = 253_402_300_799;
        assert_eq!(view(Lang::En, 14).format_time(last), last.to_string());
    }
}
