//! Files with signatures, and containers that several formats share.

use super::{ANY, DOCM, DOCX, NONE, ODT, PPTM, PPTX, XLS, XLSM, XLSX, check_cases, extension_of};
use crate::heads::{self, describe_object, media_message, plain_zip};

/// A signature of four bytes or more outranks the sender's hints.
#[test]
#[rustfmt::skip]
fn long_signatures_outrank_hints() {
    let jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00".as_slice();
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice();
    let rar = b"Rar!\x1a\x07\x01\x00".as_slice();
    let seven = b"7z\xbc\xaf\x27\x1c\x00\x04".as_slice();
    let webp = b"RIFF\x24\0\0\0WEBPVP8 ".as_slice();
    let wav = b"RIFF\x24\0\0\0WAVEfmt ".as_slice();
    let ogg = [b"OggS\0\x02".as_slice(), &[0; 22], b"OpusHead"].concat();
    let dwg = b"AC1032\0\0\0\0\0".as_slice();
    let cdr = b"RIFF\x24\0\0\0CDRDvrsn".as_slice();
    check_cases(&[
        (jpeg, "application/pdf", "x.pdf", "jpg", "image/jpeg", "inline"),
        (jpeg, ANY, "foto.exe", "jpg", "image/jpeg", "inline"),
        (jpeg, NONE, NONE, "jpg", "image/jpeg", "inline"),
        (jpeg, "text/html", "a.html", "jpg", "image/jpeg", "inline"),
        (png, "image/jpeg", "foto.jpg", "png", "image/png", "inline"),
        (b"GIF89a\x01\0\x01\0", "image/webp", NONE, "gif", "image/gif", "inline"),
        (webp, "image/png", NONE, "webp", "image/webp", "inline"),
        (wav, "audio/ogg", "x.ogg", "wav", "audio/wav", "inline"),
        (&ogg, "audio/ogg; codecs=opus", NONE, "ogg", "audio/ogg", "inline"),
        (&ogg, "audio/ogg", "voz.opus", "opus", "audio/ogg", "inline"),
        (rar, ANY, "fotos.rar", "rar", "application/vnd.rar", "attachment"),
        (rar, "application/x-rar-compressed", NONE, "rar", "application/vnd.rar", "attachment"),
        (rar, "application/zip", "a.zip", "rar", "application/vnd.rar", "attachment"),
        (seven, ANY, NONE, "7z", "application/x-7z-compressed", "attachment"),
        (seven, "application/pdf", "a.pdf", "7z", "application/x-7z-compressed", "attachment"),
        (dwg, ANY, "planta.dwg", "dwg", "image/vnd.dwg", "attachment"),
        (dwg, "application/acad", NONE, "dwg", "image/vnd.dwg", "attachment"),
        (dwg, "image/png", "planta.png", "dwg", "image/vnd.dwg", "attachment"),
        (cdr, ANY, "logo.cdr", "cdr", "application/vnd.corel-draw", "attachment"),
        (cdr, "application/x-coreldraw", NONE, "cdr", "application/vnd.corel-draw", "attachment"),
        (b"%PDF-1.7\n%\xe2\xe3", ANY, "Sr. X", "pdf", "application/pdf", "inline"),
        (b"\xef\xbb\xbf%PDF-1.7\n", ANY, NONE, "pdf", "application/pdf", "inline"),
        (b"%PDF-1.4\n", "text/plain", "a.txt", "pdf", "application/pdf", "inline"),
        (b"{\\rtf1\\ansi", "application/msword", "a.doc", "rtf", "application/rtf", "attachment"),
    ]);
}

/// A camera's raw image, an AVIF, a video and a song share one container: brands, kind and hints
/// decide.
#[test]
#[rustfmt::skip]
fn iso_media_have_brand_and_kind() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice();
    let mif1 = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic".as_slice();
    let avif = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".as_slice();
    let mif1_avif = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf".as_slice();
    let isom = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".as_slice();
    let m4a = b"\0\0\0\x18ftypM4A \0\0\x02\0M4A mp42".as_slice();
    let qt = b"\0\0\0\x14ftypqt  \0\0\x02\0qt  ".as_slice();
    let threegp = b"\0\0\0\x14ftyp3gp4\0\0\x02\x003gp4".as_slice();
    check_cases(&[
        (heic, "image/heic", "IMG_0001.HEIC", "heic", "image/heic", "attachment"),
        (heic, ANY, NONE, "heic", "image/heic", "attachment"),
        (heic, "image/jpeg", "IMG_0001.jpg", "heic", "image/heic", "attachment"),
        (heic, "video/mp4", "a.mp4", "heic", "image/heic", "attachment"),
        (mif1, ANY, NONE, "heic", "image/heic", "attachment"),
        (avif, "image/avif", NONE, "avif", "image/avif", "inline"),
        (mif1_avif, ANY, "a.bin", "avif", "image/avif", "inline"),
        (isom, "audio/mp4", NONE, "m4a", "audio/mp4", "inline"),
        (isom, "video/mp4", NONE, "mp4", "video/mp4", "inline"),
        (isom, NONE, NONE, "mp4", "video/mp4", "inline"),
        (isom, ANY, "aula.m4v", "m4v", "video/x-m4v", "inline"),
        (isom, "application/pdf", "a.pdf", "mp4", "video/mp4", "inline"),
        (m4a, ANY, NONE, "m4a", "audio/mp4", "inline"),
        (m4a, "audio/x-m4a", "a.m4a", "m4a", "audio/mp4", "inline"),
        (m4a, "audio/mpeg", "a.mp3", "m4a", "audio/mp4", "inline"),
        (qt, "video/quicktime", "a.mov", "mov", "video/quicktime", "inline"),
        (qt, "video/mp4", NONE, "mov", "video/quicktime", "inline"),
        (threegp, ANY, NONE, "3gp", "video/3gpp", "inline"),
    ]);
    let of_kind = |kind: &str, declared: &str, head: &[u8]| {
        let object = describe_object(media_message(kind, declared, NONE), head);
        (extension_of(&object).to_owned(), object.content_type)
    };
    let sound = ("m4a".to_owned(), "audio/mp4");
    let film = ("mp4".to_owned(), "video/mp4");
    for declared in ["audio/mp4", "video/mp4", "audio/aac", NONE] {
        assert_eq!(of_kind("audio", declared, isom), sound, "{declared}");
    }
    for declared in ["video/mp4", "audio/mp4", NONE] {
        assert_eq!(of_kind("video", declared, isom), film, "{declared}");
    }
    let old = ("3gp".to_owned(), "video/3gpp");
    assert_eq!(of_kind("video", "video/3gpp", isom), old);
    assert_eq!(of_kind("video", "video/mp4", threegp), old);
}

/// A certificate, a key store and a signature all begin with 30 82.
#[test]
#[rustfmt::skip]
fn asn1_files_differ_by_content() {
    let (certificate, key_store) = (heads::CERTIFICATE, heads::PKCS12);
    let (signed, streamed) = (heads::SIGNED, heads::SIGNED_BER);
    let (p12, x509) = ("application/x-pkcs12", "application/x-x509-ca-cert");
    let (mime, signature) = ("application/pkcs7-mime", "application/pkcs7-signature");
    check_cases(&[
        (key_store, p12, "certificado A1.pfx", "pfx", p12, "attachment"),
        (key_store, p12, "certificado.p12", "p12", p12, "attachment"),
        (key_store, p12, NONE, "p12", p12, "attachment"),
        (key_store, ANY, "certificado.pfx", "pfx", p12, "attachment"),
        (key_store, ANY, NONE, "p12", p12, "attachment"),
        (key_store, x509, "certificado.cer", "p12", p12, "attachment"),
        (key_store, "application/pdf", "x.pdf", "p12", p12, "attachment"),
        (certificate, x509, "empresa.cer", "cer", "application/pkix-cert", "attachment"),
        (certificate, ANY, "empresa.crt", "crt", x509, "attachment"),
        (certificate, NONE, NONE, "der", x509, "attachment"),
        (certificate, p12, "empresa.pfx", "der", x509, "attachment"),
        (signed, mime, "contrato.pdf.p7m", "p7m", mime, "attachment"),
        (signed, "application/x-pkcs7-signature", "a.p7s", "p7s", signature, "attachment"),
        (signed, ANY, "contrato.p7s", "p7s", signature, "attachment"),
        (signed, ANY, NONE, "p7m", mime, "attachment"),
        (streamed, ANY, "contrato.p7m", "p7m", mime, "attachment"),
        (streamed, ANY, NONE, "p7m", mime, "attachment"),
    ]);
}

#[test]
#[rustfmt::skip]
fn zip_archives_follow_content_and_hints() {
    let zip = plain_zip(&["exemplo.txt"]);
    let opc = |parts: &[&str]| {
        let all = [["[Content_Types].xml", "_rels/.rels"].as_slice(), parts].concat();
        plain_zip(&all)
    };
    let docx = opc(&["word/document.xml"]);
    let xlsx = opc(&["xl/workbook.xml"]);
    let xlsm = opc(&["xl/workbook.xml", "xl/vbaProject.bin"]);
    let docm = opc(&["word/document.xml", "word/vbaProject.bin"]);
    let pptx = opc(&["ppt/presentation.xml"]);
    let odt = heads::typed_zip(ODT);
    let epub = heads::typed_zip("application/epub+zip");
    let apk = plain_zip(&["META-INF/MANIFEST.MF", "classes.dex", "AndroidManifest.xml"]);
    let jar = plain_zip(&["META-INF/MANIFEST.MF", "exemplo/Main.class"]);
    let (head, android) = (
        b"PK\x03\x04....".as_slice(),
        "application/vnd.android.package-archive",
    );
    check_cases(&[
        (&zip, "application/zip", "fotos.zip", "zip", "application/zip", "attachment"),
        (&zip, "application/x-zip-compressed", NONE, "zip", "application/zip", "attachment"),
        (&zip, "application/pdf", "a.pdf", "zip", "application/zip", "attachment"),
        (&zip, "image/jpeg", NONE, "zip", "application/zip", "attachment"),
        (&zip, ANY, "mapa.kmz", "kmz", "application/vnd.google-earth.kmz", "attachment"),
        (&zip, "text/html", "a.html", "zip", "application/zip", "attachment"),
        (head, DOCX, NONE, "docx", DOCX, "attachment"),
        (head, ANY, "a.docx", "docx", DOCX, "attachment"),
        (head, ANY, "modelo.odt", "odt", ODT, "attachment"),
        (head, XLSM, "orçamento.xlsm", "xlsm", XLSM, "attachment"),
        (head, XLSM, NONE, "xlsm", XLSM, "attachment"),
        (head, "APPLICATION/VND.MS-EXCEL.SHEET.MACROENABLED.12", NONE, "xlsm", XLSM, "attachment"),
        (head, DOCM, NONE, "docm", DOCM, "attachment"),
        (head, PPTM, "a.pptm", "pptm", PPTM, "attachment"),
        (&docx, DOCX, "contrato.docx", "docx", DOCX, "attachment"),
        (&docx, "application/zip", "contrato.docx", "docx", DOCX, "attachment"),
        (&docx, ANY, NONE, "docx", DOCX, "attachment"),
        (&docx, "application/msword", "contrato.doc", "docx", DOCX, "attachment"),
        (&docx, XLSX, "contrato.xlsx", "docx", DOCX, "attachment"),
        (&xlsx, XLS, "planilha.xls", "xlsx", XLSX, "attachment"),
        (&xlsx, "application/wps-office.xlsx", "a.xlsx", "xlsx", XLSX, "attachment"),
        (&xlsm, XLSM, "planilha.xlsm", "xlsm", XLSM, "attachment"),
        (&xlsm, XLSX, "planilha.xlsm", "xlsm", XLSM, "attachment"),
        (&xlsm, XLSX, "planilha.xlsx", "xlsm", XLSM, "attachment"),
        (&xlsm, ANY, NONE, "xlsm", XLSM, "attachment"),
        (&docm, ANY, NONE, "docm", DOCM, "attachment"),
        (&pptx, PPTX, NONE, "pptx", PPTX, "attachment"),
        (&odt, ODT, NONE, "odt", ODT, "attachment"),
        (&odt, ANY, NONE, "odt", ODT, "attachment"),
        (&odt, DOCX, "a.docx", "odt", ODT, "attachment"),
        (&epub, ANY, NONE, "epub", "application/epub+zip", "attachment"),
        (&apk, android, "app.apk", "apk", android, "attachment"),
        (&apk, ANY, NONE, "apk", android, "attachment"),
        (&apk, "application/pdf", "fatura.pdf", "apk", android, "attachment"),
        (&apk, DOCX, "fatura.docx", "apk", android, "attachment"),
        (&jar, ANY, NONE, "jar", "application/java-archive", "attachment"),
        (&jar, "application/java-archive", "a.jar", "jar", "application/java-archive",
        "attachment"),
    ]);
}

/// If the directory of streams lies beyond the first part, the first sector decides.
#[test]
#[rustfmt::skip]
fn legacy_office_files_are_distinguished() {
    let (xls, doc) = (heads::ole_file("Workbook"), heads::ole_file("WordDocument"));
    let ppt = heads::ole_file("PowerPoint Document");
    let msg = heads::ole_file("__properties_version1.0");
    let cut = heads::long_ole(&[0x09, 0x08, 0x10, 0, 0, 6, 5, 0]);
    let locked = heads::ole_file("EncryptedPackage");
    let bare = heads::long_ole(&[0; 8]);
    let (word, slides) = ("application/msword", "application/vnd.ms-powerpoint");
    let mail = "application/vnd.ms-outlook";
    check_cases(&[
        (&xls, XLS, "planilha.xls", "xls", XLS, "attachment"),
        (&xls, ANY, NONE, "xls", XLS, "attachment"),
        (&xls, "text/csv", "planilha.csv", "xls", XLS, "attachment"),
        (&xls, XLSX, "planilha.xlsx", "xls", XLS, "attachment"),
        (&doc, word, NONE, "doc", word, "attachment"),
        (&doc, ANY, "carta.doc", "doc", word, "attachment"),
        (&doc, "application/pdf", "carta.pdf", "doc", word, "attachment"),
        (&ppt, ANY, NONE, "ppt", slides, "attachment"),
        (&ppt, slides, "aula.pps", "pps", slides, "attachment"),
        (&msg, mail, NONE, "msg", mail, "attachment"),
        (&msg, ANY, "recado.msg", "msg", mail, "attachment"),
        (&cut, ANY, "balanço.xls", "xls", XLS, "attachment"),
        (&cut, ANY, NONE, "xls", XLS, "attachment"),
        (&bare, ANY, "balanço.xls", "xls", XLS, "attachment"),
        (&bare, word, NONE, "doc", word, "attachment"),
        // Current Office formats with a password use this container.
        (&locked, XLSX, "folha.xlsx", "xlsx", XLSX, "attachment"),
        (&locked, ANY, "folha.xlsx", "xlsx", XLSX, "attachment"),
    ]);
}

/// Programs store an archive that cannot be packed further uncompressed, with readable headers.
#[test]
#[rustfmt::skip]
fn an_archives_content_is_not_the_archive() {
    let docx = plain_zip(&["[Content_Types].xml", "word/document.xml"]);
    let apk = plain_zip(&["AndroidManifest.xml"]);
    let (of_docx, of_apk) = (heads::zip_of("prova.docx", &docx), heads::zip_of("app.apk", &apk));
    check_cases(&[
        (&of_docx, ANY, NONE, "zip", "application/zip", "attachment"),
        (&of_docx, ANY, "provas.zip", "zip", "application/zip", "attachment"),
        (&of_apk, "application/zip", "app.zip", "zip", "application/zip", "attachment"),
    ]);
}

/// Excel opens neither format under the extension of the other.
#[test]
fn a_binary_workbook_is_recognised() {
    const XLSB: &str = "application/vnd.ms-excel.sheet.binary.macroEnabled.12";
    let book = plain_zip(&["[Content_Types].xml", "xl/workbook.bin"]);
    check_cases(&[
        (&book, ANY, NONE, "xlsb", XLSB, "attachment"),
        (&book, XLSX, "planilha.xlsx", "xlsb", XLSB, "attachment"),
        (&book, XLS, "planilha.xlsb", "xlsb", XLSB, "attachment"),
    ]);
}

/// The extension of one format does not apply to the bytes of another.
#[test]
#[rustfmt::skip]
fn another_formats_extension_does_not_apply() {
    let zip = plain_zip(&["exemplo.txt"]);
    let docx = plain_zip(&["[Content_Types].xml", "word/document.xml"]);
    let pdf = b"%PDF-1.7\n".as_slice();
    let access = "application/msaccess";
    check_cases(&[
        (&zip, "application/vnd.rar", "fotos.rar", "zip", "application/zip", "attachment"),
        (&zip, ANY, "fotos.7z", "zip", "application/zip", "attachment"),
        (b"apenas texto\n", ANY, "fotos.rar", "txt", "text/plain", "inline"),
        (pdf, ANY, "contrato.assinado", "pdf", "application/pdf", "inline"),
        (&docx, ANY, "contrato v2.final", "docx", DOCX, "attachment"),
        (&docx, ANY, "Contrato Empresa S.A", "docx", DOCX, "attachment"),
        (&zip, ANY, "Empresa S.A", "zip", "application/zip", "attachment"),
        (&zip, ANY, "painel.pbix", "pbix", "application/zip", "attachment"),
        (b"\x01\x02\x03\x04", access, "dados.mdb", "mdb", access, "attachment"),
    ]);
}
