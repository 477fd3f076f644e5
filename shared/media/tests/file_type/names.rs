//! File names in the object key and in the name that a browser offers.

use media::object_key::ObjectKey;

use super::{ANY, extension_of};
use crate::heads::{describe_object, document_message};

#[test]
fn a_long_name_keeps_its_ending() {
    let long = format!("{}.ofx", "extrato ".repeat(20));
    let object = describe_object(document_message(ANY, &long), b"\x01\x02\x03\x04");
    assert_eq!(extension_of(&object), "ofx");
    assert!(object.key.as_str().len() <= ObjectKey::MAX_BYTES);
}

/// Only an extension is removed from a name.
#[test]
fn a_dot_may_be_no_extension() {
    let slug = |name: &str| {
        let object = describe_object(document_message("application/pdf", name), b"%PDF-1.7");
        let (_, rest) = object.key.as_str().split_once("3EB0AAAA-").expect("the id");
        let (_digest, slug) = rest.split_once('_').expect("a slug");
        format!("_{slug}")
    };
    for (name, expected) in [
        ("Sr. João", "_sr-joao.pdf"),
        ("Sr. João.pdf", "_sr-joao.pdf"),
        ("v1.2 final", "_v1-2-final.pdf"),
        ("v1.2", "_v1-2.pdf"),
        ("S.A. contrato", "_s-a-contrato.pdf"),
        ("Empresa S.A", "_empresa-s-a.pdf"),
        ("nota.fiscal.pdf", "_nota-fiscal.pdf"),
        ("Nota.Fiscal", "_nota-fiscal.pdf"),
        ("Dr.Silva", "_dr-silva.pdf"),
        ("relatorio 31.12.2026", "_relatorio-31-12-2026.pdf"),
        ("fatura\u{202e}fdp.exe", "_faturafdp.pdf"),
        ("contrato.pdf.pdf", "_contrato-pdf.pdf"),
        ("CONTRATO.PDF", "_contrato.pdf"),
        (".pdf", "_pdf.pdf"),
        ("..pdf", "_pdf.pdf"),
    ] {
        assert_eq!(slug(name), expected, "{name}");
    }
    let object = describe_object(document_message(ANY, "CB0108.REM"), b"00100000  2000");
    assert!(object.key.as_str().ends_with("_cb0108.rem"), "{:?}", object.key);
}

#[test]
fn displayed_names_have_no_invisible_characters() {
    let named = |name: &str| {
        let object = describe_object(document_message("application/pdf", name), b"%PDF-1.7");
        object.content_disposition
    };
    assert_eq!(
        named("fatura\u{202e}fdp.exe"),
        "inline; filename=\"faturafdp.exe\"; filename*=UTF-8''faturafdp.exe"
    );
    let invisible = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\
        \u{200e}\u{200f}\u{61c}\u{200b}\u{2060}\u{feff}\u{ad}\u{0}\u{7}\
        \r\n\t\u{7f}\u{85}\u{2028}\u{e0041}";
    assert_eq!(
        named(&format!("a{invisible}ç.pdf")),
        "inline; filename=\"a_.pdf\"; filename*=UTF-8''a%C3%A7.pdf"
    );
    for name in [invisible, "", "  "] {
        let disposition = named(name);
        assert!(disposition.contains("filename=\"2026"), "{disposition}");
    }
}

/// Windows removes trailing dots and blanks, so people do not see them.
#[test]
fn trailing_dots_and_blanks_hide_nothing() {
    for name in ["CB0108.REM.", "CB0108.REM..", "CB0108.REM. ", "CB0108.rem ."] {
        let object = describe_object(document_message(ANY, name), b"00100000  2000");
        assert_eq!(extension_of(&object), "rem", "{name:?}");
        assert!(object.key.as_str().ends_with("_cb0108.rem"), "{name:?}");
    }
    let object = describe_object(document_message(ANY, "Empresa Ltda."), b"\x01\x02\x03\x04");
    assert_eq!(extension_of(&object), "bin");
}
