//! ZIP archives without compression, and a Word document, which is such an archive.

use data_encoding::HEXLOWER;

use super::FileEnds;
use super::checksum::crc32;
use crate::noise;
use crate::plain::Filler;

const CONTENT_TYPES: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types"#,
    r#" xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default"#,
    r#" Extension="rels""#,
    r#" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default"#,
    r#" Extension="xml" ContentType="application/xml"/><Override"#,
    r#" PartName="/word/document.xml""#,
    r#" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml."#,
    r#"document.main+xml"/></Types>"#,
);
const RELATIONSHIPS: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships"#,
    r#" xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship"#,
    r#" Id="rId1""#,
    r#" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/"#,
    r#"officeDocument" Target="word/document.xml"/></Relationships>"#,
);

/// An archive with one text file.
pub(super) fn make_archive(seed: &str, filler_len: u64) -> FileEnds {
    let text = format!("{}\n", HEXLOWER.encode(&noise::digest_seed(seed, "zip")));
    make_entries(&[("exemplo.txt", &text)], filler_len)
}

/// A Word document of one line.
pub(super) fn make_docx(seed: &str, filler_len: u64) -> FileEnds {
    let line = HEXLOWER.encode(&noise::digest_seed(seed, "docx"));
    let document = format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document"#,
            r#" xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">"#,
            r#"<w:body><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:body></w:document>"#,
        ),
        line
    );
    make_entries(
        &[
            ("[Content_Types].xml", CONTENT_TYPES),
            ("_rels/.rels", RELATIONSHIPS),
            ("word/document.xml", &document),
        ],
        filler_len,
    )
}

/// Entries, a gap of filler that no entry refers to, and the directory. Valid up to 4 GiB.
fn make_entries(files: &[(&str, &str)], filler_len: u64) -> FileEnds {
    let mut head = Vec::new();
    let mut directory = Vec::new();
    for (name, text) in files {
        let offset = le32(head.len() as u64);
        // Version 2.0, no flags, stored, 1980-01-01 00:00.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend_from_slice(&crc32(text.as_bytes()).to_le_bytes());
        common.extend_from_slice(&le32(text.len() as u64));
        common.extend_from_slice(&le32(text.len() as u64));
        common.extend_from_slice(&le16(name.len()));
        common.extend_from_slice(&[0, 0]);
        head.extend_from_slice(b"PK\x03\x04");
        head.extend_from_slice(&common);
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(text.as_bytes());
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset);
        directory.extend_from_slice(name.as_bytes());
    }
    let mut tail = directory.clone();
    tail.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    tail.extend_from_slice(&le16(files.len()));
    tail.extend_from_slice(&le16(files.len()));
    tail.extend_from_slice(&le32(directory.len() as u64));
    tail.extend_from_slice(&le32(head.len() as u64 + filler_len));
    tail.extend_from_slice(&[0, 0]);
    FileEnds { head, tail, filler: Filler::Noise }
}

fn le32(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn le16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}
