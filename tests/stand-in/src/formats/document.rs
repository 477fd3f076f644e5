//! Documents that are text: PDF, plain text, HTML.

use data_encoding::HEXLOWER;

use super::FileEnds;
use crate::noise;
use crate::plain::Filler;

fn document_title(seed: &str) -> String {
    HEXLOWER.encode(&noise::digest_seed(seed, "document"))
}

/// A PDF with one page and one line. Filler is a stream that no page uses, so that the
/// cross-reference table stays at the end, where viewers expect it.
pub(super) fn make_pdf(seed: &str, filler_len: u64) -> FileEnds {
    let shown = format!("BT /F1 9 Tf 20 80 Td ({}) Tj ET", document_title(seed));
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 100]/Contents 4 0 R\
         /Resources<</Font<</F1 5 0 R>>>>>>"
            .to_owned(),
        format!("<</Length {}>>\nstream\n{shown}\nendstream", shown.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut head = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(head.len());
        head.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let mut tail = String::new();
    if filler_len > 0 {
        offsets.push(head.len());
        head.extend_from_slice(
            format!("6 0 obj\n<</Length {filler_len:010}>>\nstream\n").as_bytes(),
        );
        tail.push_str("\nendstream\nendobj\n");
    }
    let table_at = head.len() as u64 + filler_len + tail.len() as u64;
    let size = offsets.len() + 1;
    tail.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n"));
    for offset in offsets {
        tail.push_str(&format!("{offset:010} 00000 n \n"));
    }
    tail.push_str(&format!(
        "trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table_at:010}\n%%EOF\n"
    ));
    FileEnds { head, tail: tail.into_bytes(), filler: Filler::Noise }
}

/// Plain text in UTF-8.
pub(super) fn make_text(seed: &str) -> FileEnds {
    let head = format!("Relatório de exemplo, ação nº 1\n{}\n", document_title(seed));
    FileEnds { head: head.into_bytes(), tail: b"\nfim\n".to_vec(), filler: Filler::Letters }
}

/// An HTML page with a script that a browser would run.
pub(super) fn make_html(seed: &str) -> FileEnds {
    let title = document_title(seed);
    let head = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><p>Olá</p>\n<script>document.title = 'opened';</script>\n<!-- "
    );
    FileEnds {
        head: head.into_bytes(),
        tail: b" -->\n</body></html>\n".to_vec(),
        filler: Filler::Letters,
    }
}
