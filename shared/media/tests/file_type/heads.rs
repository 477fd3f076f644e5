//! First bytes of files as other programs write them, and the objects described from them.

use std::io::{Cursor, Write};

use media::{
    message::MediaMessage,
    object::{Claims, ObjectDescription},
    object_key::parse_offset,
    strategy::Strategy,
};
use samples::queued_job;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The first bytes of `openssl x509 -outform der`.
pub(crate) const CERTIFICATE: &[u8] =
    b"\x30\x82\x03\x15\x30\x82\x01\xfd\xa0\x03\x02\x01\x02\x02\x14\x68\
    \xc8\x63\xc6\xc2\x1a\x0b\x00\x03\xe7\xa1\xba\x64\xcf\x8a\xb0\x37";
/// The first bytes of `openssl pkcs12 -export`.
pub(crate) const PKCS12: &[u8] =
    b"\x30\x82\x09\xdf\x02\x01\x03\x30\x82\x09\x95\x06\x09\x2a\x86\x48\
    \x86\xf7\x0d\x01\x07\x01\xa0\x82\x09\x86\x04\x82\x09\x82\x30\x82";
/// The first bytes of `openssl smime -sign -outform der`.
pub(crate) const SIGNED: &[u8] =
    b"\x30\x82\x05\xa1\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\
    \x82\x05\x92\x30\x82\x05\x8e\x02\x01\x01\x31\x0f\x30\x0d\x06\x09";
/// The first bytes of `openssl cms -sign -stream -outform der`, with indefinite lengths.
pub(crate) const SIGNED_BER: &[u8] =
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\
    \x80\x02\x01\x01\x31\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03";

/// A media message with these fields, parsed from JSON like a queued job.
pub(crate) fn parse_message(fields: Value) -> MediaMessage {
    let mut all = json!({
        "message_id": "3EB0AAAA",
        "chat": "5500900000002",
        "direction": "in",
        "moment": 1_787_431_679,
    });
    let (Value::Object(all_fields), Value::Object(fields)) = (&mut all, fields) else {
        panic!("fields are an object");
    };
    all_fields.extend(fields);
    serde_json::from_value(all).expect("a message")
}

/// A media message of a kind. An empty text is an absent field.
pub(crate) fn media_message(kind: &str, declared: &str, name: &str) -> MediaMessage {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    parse_message(json!({ "kind": kind, "mimetype": some(declared), "file_name": some(name) }))
}

/// A document.
pub(crate) fn document_message(declared: &str, name: &str) -> MediaMessage {
    media_message("document", declared, name)
}

/// The object that would be stored for the message.
pub(crate) fn describe_object(message: MediaMessage, head: &[u8]) -> ObjectDescription {
    let job = queued_job(message, 0).into_job();
    let offset = parse_offset("-03:00").expect("an offset");
    ObjectDescription::new(&job, Strategy::Cdn, head, Claims::default(), offset)
}

/// A ZIP archive with these entries.
pub(crate) fn plain_zip(names: &[&str]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for name in names {
        archive.start_file(*name, stored).expect("an entry");
        archive.write_all(&[7; 3000]).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

/// A ZIP archive with one file, stored uncompressed.
pub(crate) fn zip_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file(name, stored).expect("an entry");
    archive.write_all(content).expect("its bytes");
    archive.finish().expect("an archive").into_inner()
}

/// A ZIP archive whose first entry names its type, as EPUB and `OpenDocument` require.
pub(crate) fn typed_zip(mimetype: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("mimetype", mimetype), ("META-INF/manifest.xml", "<a/>")] {
        archive.start_file(name, stored).expect("an entry");
        archive.write_all(content.as_bytes()).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

/// An OLE compound file with one stream.
pub(crate) fn ole_file(stream: &str) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("a compound file");
    let mut content = file.create_stream(stream).expect("a stream");
    content.write_all(&[7; 6000]).expect("its bytes");
    content.flush().expect("its bytes");
    drop(content);
    file.into_inner().into_inner()
}

/// The first MiB of a larger OLE compound file whose directory lies at its end.
pub(crate) fn long_ole(first_sector: &[u8]) -> Vec<u8> {
    let mut head = ole_file("Workbook");
    head.truncate(512);
    head[0x30..0x34].copy_from_slice(&40_000_u32.to_le_bytes());
    head.extend_from_slice(first_sector);
    head.resize(1024 * 1024, 0);
    head
}
