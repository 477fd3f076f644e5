//! The languages of a report, and how each writes numbers.

/// A language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    En,
    /// Brazilian Portuguese.
    PtBr,
}

/// The text is not the tag of a language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is one of en, pt-BR")]
pub struct UnknownLang;

/// The factor from one binary unit to the next.
const UNIT: u64 = 1024;

impl Lang {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::PtBr];

    /// The language's tag, as HTML's `lang` wants it. [`str::parse`] reads it, whatever its case.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::PtBr => "pt-BR",
        }
    }

    /// A count, with its digits in groups of three.
    pub(crate) fn format_count(self, count: u64) -> String {
        let separator = match self {
            Self::En => ',',
            Self::PtBr => '.',
        };
        let digits = count.to_string();
        let mut written = String::with_capacity(digits.len() + digits.len() / 3);
        for (n, digit) in digits.chars().enumerate() {
            if n > 0 && (digits.len() - n).is_multiple_of(3) {
                written.push(separator);
            }
            written.push(digit);
        }
        written
    }

    /// A size in the largest binary unit that fits, with one decimal, rounded down.
    pub(crate) fn format_size(self, bytes: u64) -> String {
        let point = match self {
            Self::En => '.',
            Self::PtBr => ',',
        };
        let units = [(UNIT.pow(3), "GiB"), (UNIT.pow(2), "MiB"), (UNIT, "KiB")];
        match units.into_iter().find(|(unit, _)| bytes >= *unit) {
            Some((unit, name)) => {
                let tenth = u128::from(bytes % unit) * 10 / u128::from(unit);
                format!("{}{point}{tenth} {name}", self.format_count(bytes / unit))
            }
            None => format!("{bytes} B"),
        }
    }

    /// A duration in milliseconds.
    pub(crate) fn format_latency(self, milliseconds: u64) -> String {
        format!("{} ms", self.format_count(milliseconds))
    }
}

impl std::str::FromStr for Lang {
    type Err = UnknownLang;
    fn from_str(text: &str) -> Result<Self, UnknownLang> {
        Self::ALL.into_iter().find(|one| one.tag().eq_ignore_ascii_case(text)).ok_or(UnknownLang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_tag() {
        for lang in Lang::ALL {
            assert_eq!(lang.tag().parse(), Ok(lang));
        }
        assert_eq!("pt-br".parse(), Ok(Lang::PtBr));
        assert_eq!("pt".parse::<Lang>(), Err(UnknownLang));
    }

    #[test]
    fn numbers_are_grouped_as_the_language_does() {
        assert_eq!(Lang::En.format_count(0), "0");
        assert_eq!(Lang::En.format_count(999), "999");
        assert_eq!(Lang::En.format_count(1_000), "1,000");
        assert_eq!(Lang::PtBr.format_count(1_234_567), "1.234.567");
    }

    #[test]
    fn sizes_take_the_largest_unit_that_fits() {
        assert_eq!(Lang::En.format_size(1_023), "1023 B");
        assert_eq!(Lang::En.format_size(1_536), "1.5 KiB");
        assert_eq!(Lang::PtBr.format_size(5 * 1024 * 1024), "5,0 MiB");
        assert!(Lang::En.format_size(u64::MAX).ends_with(" GiB"));
    }
}
