//! Copies the files of an export, one after the other, and writes its index last.

use std::{
    collections::HashSet,
    path::{Component, Path},
};

use aws::error::AwsError;
use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use media::{object_key::ObjectKey, sha256::Sha256};
use operator::{
    files::{FileStream, find_file_problem},
    records::MediaRecord,
};
use time::UtcOffset;

use super::{
    index::{ABSENT, CHANGED, FOR_PEOPLE, FOR_PROGRAMS, Index, IndexLine, SAME},
    target::{ExportTarget, is_about_the_name},
};
use crate::{commands::media::scan::find_obstacle, screen, session::Session};

/// The counts of an export.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ExportSummary {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Files of an earlier export that were found complete.
    pub(super) kept: u64,
    /// Files that changed after they were stored.
    pub(super) changed: u64,
    /// Files that are recorded as stored but could not be copied.
    pub(super) absent: u64,
    /// Media that are not stored yet, or wait for a person.
    pub(super) unsettled: u64,
}

impl ExportSummary {
    fn count_line(&mut self, line: &IndexLine) {
        self.files += u64::from(line.bytes.is_some());
        self.bytes += line.bytes.unwrap_or_default();
        self.changed += u64::from(line.as_recorded == CHANGED);
        self.absent += u64::from(line.as_recorded == ABSENT);
        self.unsettled += u64::from(line.is_unsettled());
    }
}

/// What the paths of an export begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportLayout {
    /// The chat's folder: all files are of one instance.
    OneInstance,
    /// The instance's folder.
    ManyInstances,
}

/// An export in progress.
pub(super) struct Copier<'a> {
    session: &'a Session,
    bucket: &'a str,
    offset: UtcOffset,
    target: ExportTarget,
    layout: ExportLayout,
    /// The paths that are taken, in lower case: a disk may not tell two that differ in case.
    names: HashSet<String>,
    keys: HashSet<String>,
    kept: u64,
}

impl<'a> Copier<'a> {
    pub(super) fn new(
        session: &'a Session,
        offset: UtcOffset,
        target: ExportTarget,
        layout: ExportLayout,
    ) -> anyhow::Result<Self> {
        let bucket = session.stack.output("MediaBucket")?;
        let names = HashSet::from([FOR_PEOPLE.to_owned(), FOR_PROGRAMS.to_owned()]);
        let keys = HashSet::new();
        Ok(Self { session, bucket, offset, target, layout, names, keys, kept: 0 })
    }

    /// Copies the files of all records, and writes the index last.
    pub(super) async fn copy_all(
        mut self,
        records: &[MediaRecord],
    ) -> anyhow::Result<ExportSummary> {
        let (mut summary, mut index) = (ExportSummary::default(), Index::new()?);
        let bar = screen::new_bar("media exported", records.len() as u64);
        for record in records {
            let line = self.copy_one(record).await?;
            summary.count_line(&line);
            index.add_line(&line)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        for (name, bytes) in index.into_files()? {
            self.target.write_index(name, &bytes)?;
        }
        self.target.finish()?;
        Ok(ExportSummary { kept: self.kept, ..summary })
    }

    /// Copies the file of one record, if it has one, and returns its line of the index. A problem
    /// of this file alone is told in the line, so that the others are copied.
    async fn copy_one(&mut self, record: &MediaRecord) -> anyhow::Result<IndexLine> {
        let mut line = IndexLine::from_record(record, self.offset);
        let Some(key) = &record.object_key else {
            return Ok(line);
        };
        let path = match self.choose_path(record, key) {
            Ok(path) => path,
            Err(why) => return Ok(line.mark_absent(why)),
        };
        let stream = match self.session.operator.open_file(self.bucket, key).await {
            Ok(stream) => stream,
            Err(error) => match self.find_problem(key, &error).await? {
                Some(why) => return Ok(line.mark_absent(why)),
                None => return Err(error.into()),
            },
        };
        let text = |name| stream.metadata(name).unwrap_or_default();
        (line.file_name, line.caption) = (text("file-name"), text("caption"));
        let copied = match self.copy_file(&path, record.sha256.as_deref(), stream).await {
            Err(error) if error.downcast_ref().is_some_and(is_about_the_name) => {
                return Ok(line.mark_absent(format!("no file can be named {path} here")));
            }
            copied => copied?,
        };
        let (sha256, size) = match copied {
            Ok(copied) => copied,
            Err(why) => return Ok(line.mark_absent(why)),
        };
        let is_same = record.sha256.as_ref().is_none_or(|said| *said == sha256);
        line.as_recorded = if is_same { SAME } else { CHANGED };
        (line.file, line.sha256, line.bytes) = (path, sha256, Some(size));
        Ok(line)
    }

    /// Why a file cannot be read, if it is a problem of this file alone: the malware scan's verdict
    /// closes it, or it is gone.
    async fn find_problem(&self, key: &str, error: &AwsError) -> anyhow::Result<Option<String>> {
        if error.status == Some(403)
            && let Some(obstacle) = find_obstacle(key, self.session).await?
        {
            return Ok(Some(obstacle));
        }
        Ok(find_file_problem(error).map(str::to_owned))
    }

    /// Copies the bytes. The SHA-256 and size of the file, or why it is not there.
    async fn copy_file(
        &mut self,
        path: &str,
        recorded: Option<&str>,
        mut stream: FileStream,
    ) -> anyhow::Result<Result<(String, u64), &'static str>> {
        let existing = self.target.find_existing(path)?;
        if let Some(existing) = existing.clone().filter(|(said, _)| recorded == Some(said)) {
            self.kept += 1;
            return Ok(Ok(existing));
        }
        self.target.start_file(path)?;
        let (mut hash, mut size) = (digest::Context::new(&digest::SHA256), 0);
        loop {
            match stream.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) => {
                    hash.update(&chunk);
                    size += chunk.len() as u64;
                    self.target.write(&chunk)?;
                }
                Err(_) => {
                    self.target.abort_file()?;
                    return Ok(Err("the connection broke; run the export again with --resume"));
                }
            }
        }
        let copied = (HEXLOWER.encode(hash.finish().as_ref()), size);
        match existing {
            None => self.target.end_file(path)?,
            Some(existing) => {
                self.target.abort_file()?;
                if existing != copied {
                    return Ok(Err("the folder has another file with its name, which was kept"));
                }
                self.kept += 1;
            }
        }
        Ok(Ok(copied))
    }

    /// The path of a record's file inside the export, or why there is none. If another file has the
    /// same path but for upper and lower case, eight hex digits of the key's SHA-256 are added.
    fn choose_path(&mut self, record: &MediaRecord, key: &str) -> Result<String, String> {
        let path = path_of(record, key, self.layout)?;
        if !self.keys.insert(key.to_owned()) {
            return Err(format!("another record names {key} too"));
        }
        if self.names.insert(path.to_lowercase()) {
            return Ok(path.to_owned());
        }
        let path = distinct_path(path, key);
        match self.names.insert(path.to_lowercase()) {
            true => Ok(path),
            false => Err(format!("another file has the path of {key}")),
        }
    }
}

/// The key without the folder of its instance, or without that of its tenant. No part of it leads
/// out of the export.
fn path_of<'k>(
    record: &MediaRecord,
    key: &'k str,
    layout: ExportLayout,
) -> Result<&'k str, String> {
    let folder = ObjectKey::unchecked_instance_prefix(&record.tenant, &record.instance);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let path = key.strip_prefix(&folder).filter(|path| {
        let mut parts = Path::new(path).components();
        !path.is_empty() && parts.all(is_plain)
    });
    let path = path.ok_or_else(|| format!("its record names {key}, which is not in {folder}"))?;
    Ok(match layout {
        ExportLayout::OneInstance => path,
        ExportLayout::ManyInstances => key.split_once('/').map_or(path, |(_tenant, rest)| rest),
    })
}

/// The path with a part of the key's hash before its extension.
fn distinct_path(path: &str, key: &str) -> String {
    let hash = Sha256::from_data(key.as_bytes()).to_string();
    let mark = hash.get(..8).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, extension)) => {
            let stem = path.strip_suffix(extension).unwrap_or(path).trim_end_matches('.');
            format!("{stem}~{mark}.{extension}")
        }
        None => format!("{path}~{mark}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> MediaRecord {
        MediaRecord {
            tenant: "acme".to_owned(),
            instance: "LITE-AAAAAA-000001".to_owned(),
            ..MediaRecord::default()
        }
    }

    #[test]
    fn a_records_path_stays_inside_the_export() {
        for (key, path) in [
            ("acme/LITE-AAAAAA-000001/55/2026-08/a.jpg", Some("55/2026-08/a.jpg")),
            ("acme/LITE-AAAAAA-000001/", None),
            ("acme/LITE-AAAAAA-000001/../secret", None),
            ("acme/LITE-AAAAAA-000001//etc/passwd", None),
            ("other/LITE-AAAAAA-000001/a.jpg", None),
            ("", None),
        ] {
            let found = |layout| path_of(&record(), key, layout).ok().map(str::to_owned);
            assert_eq!(found(ExportLayout::OneInstance).as_deref(), path, "{key}");
            let longer = path.map(|path| format!("LITE-AAAAAA-000001/{path}"));
            assert_eq!(found(ExportLayout::ManyInstances), longer, "{key}");
        }
    }

    /// The sender chooses the id in the name.
    #[test]
    fn paths_differ_in_more_than_case() {
        let path = distinct_path("55/2026.08/3eb0.jpg", "acme/x/55/2026.08/3eb0.jpg");
        let mark = path.strip_prefix("55/2026.08/3eb0~").and_then(|end| end.strip_suffix(".jpg"));
        assert!(mark.is_some_and(|mark| mark.len() == 8), "{path}");
        assert!(distinct_path("a.b/c", "k").starts_with("a.b/c~"));
        assert_ne!(distinct_path("a", "k"), distinct_path("a", "K"));
    }
}
