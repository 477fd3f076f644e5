//! File names and content types of the described object, by bytes, declared type, kind and name.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod containers;
mod heads;
mod names;
mod text;

use heads::{describe_object, document_message};
use media::object::ObjectDescription;

const XLS: &str = "application/vnd.ms-excel";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const XLSM: &str = "application/vnd.ms-excel.sheet.macroEnabled.12";
const DOCM: &str = "application/vnd.ms-word.document.macroEnabled.12";
const PPTM: &str = "application/vnd.ms-powerpoint.presentation.macroEnabled.12";
const ODT: &str = "application/vnd.oasis.opendocument.text";
const EXE: &str = "application/vnd.microsoft.portable-executable";
const ANY: &str = "application/octet-stream";
const NONE: &str = "";

/// A case: bytes, declared type, file name; extension, content type, `inline` or `attachment`.
type Case<'a> = (&'a [u8], &'a str, &'a str, &'a str, &'a str, &'a str);

fn extension_of(object: &ObjectDescription) -> &str {
    let file = object.key.file_name();
    file.rsplit_once('.').expect("an ending").1
}

fn disposition(object: &ObjectDescription) -> &str {
    let disposition = object.content_disposition.as_str();
    disposition.split_once(';').expect("a name").0
}

/// Checks all cases of documents and reports all that differ.
fn check_cases(cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (head, declared, name, extension, content_type, how) in cases {
        let object = describe_object(document_message(declared, name), head);
        let seen = (extension_of(&object), object.content_type, disposition(&object));
        if seen != (*extension, *content_type, *how) {
            let bytes = String::from_utf8_lossy(&head[..head.len().min(24)]).into_owned();
            wrong.push(format!(
                "{bytes:?} as {declared:?} named {name:?}: {seen:?}, not {:?}",
                (extension, content_type, how)
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
