//! Text, short signatures, markup, and unknown bytes.

use super::{ANY, DOCX, EXE, NONE, XLS, check_cases, disposition};
use crate::heads::{describe_object, document_message};

#[test]
#[rustfmt::skip]
fn text_keeps_the_senders_type() {
    let csv = b"nome;valor;situa\xe7\xe3o\r\nContato Exemplo;10,50;n\xe3o\r\n".as_slice();
    let ofx = b"OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\n\r\n<OFX>".as_slice();
    let nfe = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><nfeProc versao=\"4.00\">".as_slice();
    let bare = b"<nfeProc xmlns=\"http://www.portalfiscal.inf.br/nfe\" versao=\"4.00\">".as_slice();
    let bom = b"\xef\xbb\xbf<?xml version=\"1.0\"?><NFe xmlns=\"x\"><infNFe>".as_slice();
    let cnab = b"00100000         200000000000000000000000000EMPRESA EXEMPLO\r\n\x1a".as_slice();
    let vcf = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Contato Exemplo\r\nEND:VCARD\r\n".as_slice();
    let ics = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n".as_slice();
    let pem = b"-----BEGIN CERTIFICATE-----\nMIIDFTCCAf2gAwIBAgIU\n".as_slice();
    let (ofx_type, pem_type) = ("application/x-ofx", "application/x-pem-file");
    check_cases(&[
        (csv, XLS, "planilha.csv", "csv", "text/csv", "attachment"),
        (csv, XLS, NONE, "csv", "text/csv", "attachment"),
        (csv, XLS, "planilha.xls", "csv", "text/csv", "attachment"),
        (csv, "text/csv", NONE, "csv", "text/csv", "attachment"),
        (csv, "text/comma-separated-values", NONE, "csv", "text/csv", "attachment"),
        (csv, "application/csv", NONE, "csv", "text/csv", "attachment"),
        (csv, "text/x-csv; charset=utf-8", NONE, "csv", "text/csv", "attachment"),
        (csv, ANY, "Planilha.CSV", "csv", "text/csv", "attachment"),
        (csv, "text/plain", "planilha.csv", "csv", "text/csv", "attachment"),
        (csv, NONE, "planilha.csv", "csv", "text/csv", "attachment"),
        (csv, "application/pdf", "planilha.csv", "csv", "text/csv", "attachment"),
        (csv, ANY, NONE, "txt", "text/plain", "inline"),
        (csv, "image/png", "foto.png", "txt", "text/plain", "inline"),
        (ofx, ANY, "extrato agosto.ofx", "ofx", ofx_type, "attachment"),
        (ofx, "application/x-ofx", NONE, "ofx", ofx_type, "attachment"),
        (ofx, ANY, NONE, "ofx", ofx_type, "attachment"),
        (ofx, "text/plain", "extrato.ofx", "ofx", ofx_type, "attachment"),
        (nfe, "text/xml", "nota-nfe.xml", "xml", "text/xml", "attachment"),
        (nfe, "application/xml", NONE, "xml", "text/xml", "attachment"),
        (nfe, ANY, NONE, "xml", "text/xml", "attachment"),
        (nfe, "application/pdf", "nota.pdf", "xml", "text/xml", "attachment"),
        (bare, ANY, "nota.xml", "xml", "text/xml", "attachment"),
        (bare, ANY, NONE, "xml", "text/xml", "attachment"),
        (bare, "application/xml", NONE, "xml", "text/xml", "attachment"),
        (b"<NFe><infNFe versao=\"4.00\">", ANY, NONE, "xml", "text/xml", "attachment"),
        (bom, ANY, NONE, "xml", "text/xml", "attachment"),
        (bom, "text/plain", "nota.xml", "xml", "text/xml", "attachment"),
        (cnab, ANY, "CB220801.REM", "rem", "text/plain", "inline"),
        (cnab, "text/plain", "CB220801.ret", "ret", "text/plain", "inline"),
        (cnab, "text/plain", NONE, "txt", "text/plain", "inline"),
        (vcf, "text/x-vcard", "contato.vcf", "vcf", "text/vcard", "attachment"),
        (vcf, ANY, NONE, "vcf", "text/vcard", "attachment"),
        (ics, "text/calendar", NONE, "ics", "text/calendar", "attachment"),
        (ics, ANY, "reuniao.ics", "ics", "text/calendar", "attachment"),
        (pem, ANY, "empresa.pem", "pem", pem_type, "attachment"),
        (pem, "application/x-x509-ca-cert", "empresa.crt", "crt", "application/x-x509-ca-cert",
        "attachment"),
        (pem, ANY, NONE, "pem", pem_type, "attachment"),
        (pem, ANY, "empresa.key", "key", pem_type, "attachment"),
        (b"alert(1)", "text/javascript", NONE, "js", "text/javascript", "attachment"),
        (b"{\"a\": 1}", "application/json", NONE, "json", "application/json", "attachment"),
        (b"{\"a\": 1}", ANY, "dados.json", "json", "application/json", "attachment"),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_short_signature_yields_to_hints() {
    let text = |start: &str| format!("{start};000000;10,50\r\nBanco Exemplo;000001;11,00\r\n");
    for start in [
        "BM",
        "MZ",
        "ID3",
        "II*",
        "BC",
        "GIF",
        "SQLi",
        "CWS",
        "%!",
        "070701",
        "AC1032",
        "OggS",
        "fLaC",
        "RIFFxxxxWEBP",
    ] {
        let text = text(start);
        let text = text.as_bytes();
        check_cases(&[
            (text, "text/csv", "bancos.csv", "csv", "text/csv", "attachment"),
            (text, ANY, "bancos.csv", "csv", "text/csv", "attachment"),
            (text, "text/csv", NONE, "csv", "text/csv", "attachment"),
            (text, "text/plain", NONE, "txt", "text/plain", "inline"),
            (text, ANY, "bancos.rem", "rem", "text/plain", "inline"),
        ]);
    }
    let wide: Vec<u8> = "\u{feff}nome;situação\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = "\u{feff}nome;situação\r\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    check_cases(&[
        (&wide, "text/csv", "a.csv", "csv", "text/csv", "attachment"),
        (&wide, ANY, "a.csv", "csv", "text/csv", "attachment"),
        (&wide, "text/plain", "a.txt", "txt", "text/plain", "inline"),
        (&big, XLS, "a.csv", "csv", "text/csv", "attachment"),
        (&big, ANY, NONE, "txt", "text/plain", "inline"),
    ]);
    let bitmap = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0".as_slice();
    check_cases(&[
        (bitmap, "image/bmp", "a.bmp", "bmp", "image/bmp", "inline"),
        (bitmap, ANY, NONE, "bmp", "image/bmp", "inline"),
        (b"\xff\xfb\x90\x64\0\0", "audio/mpeg", NONE, "mp3", "audio/mpeg", "inline"),
        (b"ID3\x04\0\0\0\0\0\x23TSSE", ANY, NONE, "mp3", "audio/mpeg", "inline"),
    ]);
}

#[test]
#[rustfmt::skip]
fn text_declares_a_known_encoding() {
    let utf8 = "Olá, situação: ok\n".as_bytes();
    check_cases(&[
        (utf8, "text/plain", "a.txt", "txt", "text/plain; charset=utf-8", "inline"),
        (b"Ol\xe1, situa\xe7\xe3o: ok, tudo certo\n", "text/plain", "a.txt", "txt", "text/plain",
        "inline"),
        (b"so ASCII\n", "text/plain", "a.txt", "txt", "text/plain", "inline"),
        (utf8, "text/csv", "a.csv", "csv", "text/csv", "attachment"),
    ]);
}

#[test]
#[rustfmt::skip]
fn executables_keep_their_true_type() {
    let mut portable = vec![0_u8; 0x100];
    portable[..2].copy_from_slice(b"MZ");
    portable[0x3c] = 0x80;
    portable[0x80..0x84].copy_from_slice(b"PE\0\0");
    let stub = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".as_slice();
    let elf = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 60]].concat();
    let link = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0".as_slice();
    check_cases(&[
        (&elf[..16], "image/png", "foto.png", "elf", "application/x-executable", "attachment"),
        (link, "application/pdf", "fatura.pdf", "lnk", "application/x-ms-shortcut", "attachment"),
        (&portable, "application/pdf", "fatura.pdf", "exe", EXE, "attachment"),
        (&portable, "image/jpeg", "foto.jpg", "exe", EXE, "attachment"),
        (&portable, "text/plain", "leia.txt", "exe", EXE, "attachment"),
        (&portable, ANY, "setup.exe", "exe", EXE, "attachment"),
        (&portable, ANY, NONE, "exe", EXE, "attachment"),
        (&portable, ANY, "driver.dll", "dll", EXE, "attachment"),
        (stub, "application/pdf", "fatura.pdf", "exe", EXE, "attachment"),
        (stub, DOCX, "fatura.docx", "exe", EXE, "attachment"),
        (&elf, "application/pdf", "fatura.pdf", "elf", "application/x-executable", "attachment"),
    ]);
}

/// A browser must never run what a sender wrote, whatever the file is called.
#[test]
#[rustfmt::skip]
fn markup_is_never_shown_in_place() {
    let pages: [&[u8]; 8] = [
        b"<html><script>alert(1)</script>",
        b"<!DOCTYPE html><html><body>",
        b"\xef\xbb\xbf  \r\n<!doctype HTML>\n<title>",
        b"<!-- x --><HTML>",
        b"<script>alert(1)</script>",
        b"<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\">",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
        b"<?xml version=\"1.0\"?><!-- x --><svg onload=\"alert(1)\"/>",
    ];
    let words = [
        ("text/html", "a.html"),
        ("image/svg+xml", "a.svg"),
        ("image/png", "foto.png"),
        ("image/jpeg", NONE),
        ("application/pdf", "a.pdf"),
        ("text/plain", "a.txt"),
        ("text/plain", NONE),
        ("text/csv", "a.csv"),
        (ANY, "a.txt"),
        (ANY, "a.htm"),
        (ANY, "a.png"),
        (ANY, NONE),
        (NONE, NONE),
    ];
    for page in pages {
        for (declared, name) in words {
            let object = describe_object(document_message(declared, name), page);
            assert_eq!(disposition(&object), "attachment", "{page:?} {declared} {name}");
            assert!(
                !object.content_type.starts_with("image/p"),
                "{declared} {name}"
            );
            assert_ne!(object.content_type, "application/pdf", "{declared} {name}");
        }
    }
    check_cases(&[
        (pages[0], "text/plain", "a.txt", "txt", "text/plain", "attachment"),
        (pages[0], "image/png", "foto.png", "html", "text/html", "attachment"),
        (pages[0], ANY, NONE, "html", "text/html", "attachment"),
        (pages[6], "image/svg+xml", "logo.svg", "svg", "image/svg+xml", "attachment"),
        (pages[6], "image/png", "logo.png", "svg", "image/svg+xml", "attachment"),
        (pages[7], ANY, NONE, "svg", "image/svg+xml", "attachment"),
        (b"<html>%PDF-1.4", "application/pdf", "a.pdf", "html", "text/html", "attachment"),
    ]);
}

/// A file is not shown unless its bytes prove an image, audio, video, PDF or text, but keeps its
/// extension.
#[test]
#[rustfmt::skip]
fn unknown_bytes_keep_the_senders_extension() {
    let unknown = b"\x01\x02\x03\x04 anything".as_slice();
    check_cases(&[
        (unknown, "x/unheard-of", NONE, "bin", ANY, "attachment"),
        (unknown, ANY, NONE, "bin", ANY, "attachment"),
        (unknown, NONE, NONE, "bin", ANY, "attachment"),
        (b"", NONE, NONE, "bin", ANY, "attachment"),
        (b"", "application/pdf", NONE, "pdf", "application/pdf", "attachment"),
        (unknown, ANY, "cadastro.dbf", "dbf", ANY, "attachment"),
        (unknown, ANY, "modelo.SKP", "skp", "application/x-koan", "attachment"),
        (unknown, "image/jpeg", NONE, "jpg", "image/jpeg", "attachment"),
        (unknown, "text/html", "a.html", "html", "text/html", "attachment"),
        (unknown, ANY, "a.toolongending", "bin", ANY, "attachment"),
        (unknown, ANY, "a.p\u{e7}o", "bin", ANY, "attachment"),
        (unknown, ANY, "a.b/c", "bin", ANY, "attachment"),
        (unknown, ANY, "a.", "bin", ANY, "attachment"),
        (unknown, ANY, ".htaccess", "bin", ANY, "attachment"),
        (unknown, ANY, "nota 12.345", "bin", ANY, "attachment"),
        (unknown, ANY, "fotos.zip.002", "002", ANY, "attachment"),
        (unknown, ANY, "extrato.12.2026", "bin", ANY, "attachment"),
        (unknown, ANY, "Dr.Silva", "bin", ANY, "attachment"),
        (unknown, ANY, "cadastro.d\u{202e}bf ", "dbf", ANY, "attachment"),
    ]);
}

#[test]
#[rustfmt::skip]
fn syntax_names_statements_and_invoices_without_names() {
    let (qif, statement) = ("application/x-qif", b"!Type:Bank\nD01/08/26\n^\n".as_slice());
    check_cases(&[
        (statement, ANY, NONE, "qif", qif, "attachment"),
        (statement, "text/plain", "extrato.qif", "qif", qif, "attachment"),
        (b"<CTe versao='4.00'><infCte Id='x'>", ANY, NONE, "xml", "text/xml", "attachment"),
    ]);
}

#[test]
#[rustfmt::skip]
fn xml_keeps_a_name_of_its_own() {
    let xml = b"<?xml version=\"1.0\"?><office:document xmlns:office=\"x\">".as_slice();
    check_cases(&[
        (xml, ANY, "planilha.fods", "fods", "text/xml", "attachment"),
        (xml, NONE, "roteiro.fdx", "fdx", "text/xml", "attachment"),
        (xml, "text/xml", "Nota.emitida", "xml", "text/xml", "attachment"),
        (xml, ANY, "nota.txt", "txt", "text/plain", "attachment"),
        (xml, ANY, "Nota de Empresa S.A", "xml", "text/xml", "attachment"),
    ]);
}
