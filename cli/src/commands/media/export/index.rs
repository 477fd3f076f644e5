//! The index of an export: one line per record, as CSV for people and as JSON Lines for programs.

use media::{contact::Contact, file_name::is_invisible};
use operator::records::MediaRecord;
use serde::Serialize;
use time::UtcOffset;

use crate::screen;

/// The index for people: a file that spreadsheet programs open as a table.
pub(super) const FOR_PEOPLE: &str = "index.csv";

/// The index for programs: the same, with every text exactly as it is.
pub(super) const FOR_PROGRAMS: &str = "index.jsonl";

/// What `as_recorded` says of a file that was copied: its SHA-256 is, or is not, the recorded one.
pub(super) const SAME: &str = "yes";
/// See [`SAME`].
pub(super) const CHANGED: &str = "NO";
/// What `as_recorded` says of a file that is recorded as stored but could not be copied.
pub(super) const ABSENT: &str = "ABSENT";

/// The names of the columns, in their order.
const COLUMNS: [&str; 19] = [
    "tenant",
    "instance",
    "chat",
    "sender",
    "message",
    "kind",
    "direction",
    "sent",
    "stored",
    "file",
    "bytes",
    "sha256",
    "integrity",
    "as_recorded",
    "state",
    "why_missing",
    "revoked",
    "file_name",
    "caption",
];

/// One line of the index. Every text is exactly as in the record or the file's metadata.
#[derive(Debug, Default, Serialize)]
pub(super) struct IndexLine {
    pub(super) tenant: String,
    pub(super) instance: String,
    pub(super) chat: String,
    /// In a group: the phone number, or else the LID.
    pub(super) sender: String,
    pub(super) message: String,
    pub(super) kind: String,
    pub(super) direction: String,
    /// RFC 3339 in the stack's UTC offset.
    pub(super) sent: String,
    pub(super) stored: String,
    /// The path inside the export.
    pub(super) file: String,
    pub(super) bytes: Option<u64>,
    /// Of the copied bytes, in hex.
    pub(super) sha256: String,
    pub(super) integrity: String,
    pub(super) as_recorded: &'static str,
    pub(super) state: String,
    pub(super) why_missing: String,
    /// When the sender deleted the message for everyone, as `sent`.
    pub(super) revoked: String,
    pub(super) file_name: String,
    pub(super) caption: String,
}

impl IndexLine {
    /// The columns that come from the record.
    pub(super) fn from_record(record: &MediaRecord, offset: UtcOffset) -> Self {
        let sender = Contact { lid: record.sender_lid.clone(), phone: record.sender_phone.clone() };
        let time = |seconds| screen::format_local_time(seconds, offset);
        Self {
            tenant: record.tenant.clone(),
            instance: record.instance.clone(),
            chat: record.chat.clone(),
            sender: sender.display_id().unwrap_or_default(),
            message: record.message_id.clone(),
            kind: record.kind.clone(),
            direction: record.direction.clone().unwrap_or_default(),
            sent: record.moment.map(time).unwrap_or_default(),
            stored: record.stored_at.map(time).unwrap_or_default(),
            integrity: record.integrity.clone().unwrap_or_default(),
            state: record.state.clone(),
            why_missing: record.reason.clone().unwrap_or_default(),
            revoked: record.revoked_at.map(time).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The line of a file that is recorded as stored but could not be copied.
    pub(super) fn mark_absent(self, why: impl Into<String>) -> Self {
        Self { as_recorded: ABSENT, why_missing: why.into(), ..self }
    }

    /// Whether the media file is still to come, or waits for a person: it may be missing here.
    pub(super) fn is_unsettled(&self) -> bool {
        matches!(self.state.as_str(), "retrying" | "parked")
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let bytes = self.bytes.map(|bytes| bytes.to_string()).unwrap_or_default();
        [
            &self.tenant,
            &self.instance,
            &self.chat,
            &self.sender,
            &self.message,
            &self.kind,
            &self.direction,
            &self.sent,
            &self.stored,
            &self.file,
            &bytes,
            &self.sha256,
            &self.integrity,
            self.as_recorded,
            &self.state,
            &self.why_missing,
            &self.revoked,
            &self.file_name,
            &self.caption,
        ]
        .map(plain_cell)
    }
}

/// Both forms of the index, as they grow.
pub(super) struct Index {
    for_people: csv::Writer<Vec<u8>>,
    for_programs: String,
}

impl Index {
    /// An index with the names of its columns.
    ///
    /// The CSV is what a Brazilian Excel opens by a double click: a byte order mark, because
    /// otherwise accents are garbled; semicolons, its separator; every cell in quotes.
    pub(super) fn new() -> anyhow::Result<Self> {
        const BYTE_ORDER_MARK: &str = "\u{feff}";
        let mut for_people = csv::WriterBuilder::new()
            .delimiter(b';')
            .quote_style(csv::QuoteStyle::Always)
            .terminator(csv::Terminator::CRLF)
            .from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
        for_people.write_record(COLUMNS)?;
        Ok(Self { for_people, for_programs: String::new() })
    }

    pub(super) fn add_line(&mut self, line: &IndexLine) -> anyhow::Result<()> {
        self.for_people.write_record(line.cells())?;
        self.for_programs += &screen::escape_invisible(&serde_json::to_string(line)?);
        self.for_programs.push('\n');
        Ok(())
    }

    /// The names and the bytes of the two files.
    pub(super) fn into_files(self) -> anyhow::Result<[(&'static str, Vec<u8>); 2]> {
        let for_people = self.for_people.into_inner()?;
        Ok([(FOR_PEOPLE, for_people), (FOR_PROGRAMS, self.for_programs.into_bytes())])
    }
}

/// A text as a cell in which no spreadsheet finds a formula, whatever it takes for a separator.
///
/// Line breaks and tabs become spaces, and invisible characters are removed. Where the text, or a
/// part of it after a separator or a quote, would begin with a formula's sign, a `’` is put before
/// the sign. It is no apostrophe, because a program may take that for a quote too.
fn plain_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    let mut may_begin = true;
    for c in text.chars() {
        let is_break = matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}')
            || matches!(c, '\u{2028}' | '\u{2029}');
        if is_break {
            cell.push(' ');
            may_begin = true;
        } else if !is_invisible(c) {
            if may_begin && is_formula_sign(c) {
                cell.push('’');
            }
            cell.push(c);
            may_begin = is_separator(c) || (may_begin && c.is_whitespace());
        }
    }
    cell
}

/// What may end a cell, or begin a quoted one.
fn is_separator(c: char) -> bool {
    matches!(c, ';' | ',' | '|' | '"' | '\'' | '`' | '“' | '”' | '‘')
}

/// What begins a formula in some spreadsheet, in ASCII, full width or small form.
fn is_formula_sign(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '−')
        || matches!(c, '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫')
}

/// The index of one record, in both forms.
#[cfg(test)]
pub(crate) fn index_of(record: &MediaRecord) -> anyhow::Result<[Vec<u8>; 2]> {
    let mut index = Index::new()?;
    index.add_line(&IndexLine::from_record(record, UtcOffset::UTC))?;
    Ok(index.into_files()?.map(|(_, bytes)| bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    fn written(texts: &[String]) -> (String, String) {
        let mut index = Index::new().expect("an index");
        for text in texts {
            let line = IndexLine {
                message: text.clone(),
                why_missing: text.clone(),
                file_name: text.clone(),
                caption: text.clone(),
                ..IndexLine::default()
            };
            index.add_line(&line).expect("a line");
        }
        let [(_, people), (_, programs)] = index.into_files().expect("files");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(people), text(programs))
    }

    /// Pieces of what a sender might write to reach the spreadsheet of somebody else.
    fn hostile_text() -> impl Strategy<Value = String> {
        const PIECES: [&str; 34] = [
            "=",
            "+",
            "-",
            "@",
            "＝",
            "＋",
            "－",
            "＠",
            ";",
            ",",
            "|",
            "\t",
            "\r",
            "\n",
            "\u{b}",
            "\u{c}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\"",
            "'",
            " ",
            "\u{a0}",
            "\u{202e}",
            "\u{feff}",
            "\0",
            "\u{1b}",
            "\u{9b}",
            "cmd",
            "HYPERLINK(\"x\")",
            "1",
            "ção",
            "’",
            "\u{200b}",
        ];
        let pieces = vec(select(&PIECES[..]), 0..8).prop_map(|pieces| pieces.concat());
        prop_oneof![4 => pieces, 1 => any::<String>()]
    }

    proptest! {
        /// However a program splits the file: by any separator, by lines, by quotes.
        #[test]
        fn no_piece_of_the_index_is_a_formula(texts in vec(hostile_text(), 1..4)) {
            let (people, programs) = written(&texts);
            let splits = |c: char| {
                matches!(c, ';' | ',' | '|' | '\t' | '"' | '\'' | '\n' | '\r' | '\u{b}' | '\u{c}')
                    || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
            };
            for piece in people.split(splits) {
                let piece = piece.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
                let signs = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
                prop_assert!(!piece.starts_with(signs), "{piece:?} in {people:?}");
            }
            // A line per record, and what a program reads is what the record says.
            prop_assert_eq!(people.matches("\r\n").count(), texts.len() + 1);
            prop_assert_eq!(people.lines().count(), texts.len() + 1);
            for (line, text) in programs.lines().zip(&texts) {
                let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
                prop_assert_eq!(json["caption"].as_str(), Some(text.as_str()));
                prop_assert!(!line.chars().any(is_invisible), "{line:?}");
            }
        }
    }

    #[test]
    fn an_index_opens_in_a_brazilian_excel() {
        let (people, _) = written(&["Orçamento nº 7; final".to_owned()]);
        assert!(people.starts_with("\u{feff}\"tenant\";\"instance\";\"chat\";\"sender\""));
        assert!(people.contains(";\"Orçamento nº 7; final\""), "{people}");
    }

    #[test]
    fn no_text_of_others_is_a_formula() {
        for (text, cell) in [
            ("=HYPERLINK(\"x\")", "’=HYPERLINK(\"x\")"),
            ("+55", "’+55"),
            ("oi;=cmd|'/c calc'!A1", "oi;’=cmd|'/c calc'!A1"),
            ("oi\n=1", "oi ’=1"),
            ("oi\u{2028}\u{200b}＝1", "oi ’＝1"),
            ("a, - b", "a, ’- b"),
            ("Contrato = final.pdf", "Contrato = final.pdf"),
            ("a-b@c", "a-b@c"),
            ("\u{202e}=1", "’=1"),
            ("", ""),
        ] {
            assert_eq!(plain_cell(text), cell);
        }
    }

    #[test]
    fn an_index_has_no_invisible_characters() {
        for (text, cell) in [
            ("fatura\u{202e}fdp.exe", "faturafdp.exe"),
            ("\u{2066}a\u{200f}b\u{61c}c\u{feff}", "abc"),
            ("a\r\n\u{0}b\tc", "a  b c"),
        ] {
            assert_eq!(plain_cell(text), cell);
        }
    }

    /// Brasília's time, and the offset beside it.
    #[test]
    fn times_are_local_with_their_offset() {
        let record = MediaRecord {
            moment: Some(1_787_438_879),
            stored_at: Some(i64::MAX),
            ..MediaRecord::default()
        };
        let offset = UtcOffset::from_hms(-3, 0, 0).expect("an offset");
        let line = IndexLine::from_record(&record, offset);
        assert_eq!(line.sent, "2026-08-22T19:47:59-03:00");
        assert_eq!(line.stored, i64::MAX.to_string());
    }
}
