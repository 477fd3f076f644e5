//! Beginnings of files as other programs write them, and the objects described from them.

use std::io::{Cursor, Write};

use media::{
    access::{SecretHashes, Verified},
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    object::{Claims, ObjectDescription},
    object_key::parse_offset,
    sha256::Sha256,
    strategy::Strategy,
};
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// `openssl x509 -outform der`, the first bytes.
pub(crate) const CERTIFICATE: &[u8] =
    b"\x30\x82\x03\x15\x30\x82\x01\xfd\xa0\x03\x02\x01\x02\x02\x14\x68\
    \xc8\x63\xc6\xc2\x1a\x0b\x00\x03\xe7\xa1\xba\x64\xcf\x8a\xb0\x37";
/// `openssl pkcs12 -export`, the first bytes.
pub(crate) const PKCS12: &[u8] =
    b"\x30\x82\x09\xdf\x02\x01\x03\x30\x82\x09\x95\x06\x09\x2a\x86\x48\
    \x86\xf7\x0d\x01\x07\x01\xa0\x82\x09\x86\x04\x82\x09\x82\x30\x82";
/// `openssl smime -sign -outform der`, the first bytes.
pub(crate) const SIGNED: &[u8] =
    b"\x30\x82\x05\xa1\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\
    \x82\x05\x92\x30\x82\x05\x8e\x02\x01\x01\x31\x0f\x30\x0d\x06\x09";
/// `openssl cms -sign -stream -outform der`, the first bytes: lengths are left open.
pub(crate) const SIGNED_BER: &[u8] =
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\
    \x80\x02\x01\x01\x31\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03";

/// A message with these fields. Read from JSON, as a job of the queue is.
pub(crate) fn message(fields: Value) -> MediaMessage {
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

/// A medium of a kind; an empty text is a field that is absent.
pub(crate) fn medium(kind: &str, declared: &str, name: &str) -> MediaMessage {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    message(json!({ "kind": kind, "mimetype": some(declared), "file_name": some(name) }))
}

/// A document.
pub(crate) fn document(declared: &str, name: &str) -> MediaMessage {
    medium("document", declared, name)
}

/// The object that is stored of it.
pub(crate) fn describe(message: MediaMessage, head: &[u8]) -> ObjectDescription {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse("LITE-AAAAAA-BBBBBB").expect("an instance");
    let secrets = SecretHashes::new([Sha256::of(b"secret")]);
    let verified =
        Verified::check(&tenant, &instance, &secrets, "secret").expect("the right secret");
    let job = verified.job(message, 0).into_job();
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

/// A ZIP archive with one file, stored as it is.
pub(crate) fn zip_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file(name, stored).expect("an entry");
    archive.write_all(content).expect("its bytes");
    archive.finish().expect("an archive").into_inner()
}

/// A ZIP archive whose first entry names its type, as EPUB and `OpenDocument` demand.
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
pub(crate) fn ole(stream: &str) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("a compound file");
    let mut content = file.create_stream(stream).expect("a stream");
    content.write_all(&[7; 6000]).expect("its bytes");
    content.flush().expect("its bytes");
    drop(content);
    file.into_inner().into_inner()
}

/// The first MiB of a larger OLE compound file whose directory lies at its end.
pub(crate) fn long_ole(first_sector: &[u8]) -> Vec<u8> {
    let mut head = ole("Workbook");
    head.truncate(512);
    head[0x30..0x34].copy_from_slice(&40_000_u32.to_le_bytes());
    head.extend_from_slice(first_sector);
    head.resize(1024 * 1024, 0);
    head
}
