//! Step 8: the files of each instance, by kind, compared with what the records say is stored.

use std::collections::BTreeMap;

use report::{Folder, Lang, Status, Step, StepId};

use crate::{doctor::examined::ExaminedInstance, say::say, session::Session};

/// How many files and records of one instance are counted, at most.
const MAX_FILES: usize = 10_000;

/// Counts files and stored records of every instance, per kind of media.
pub(crate) async fn compare_folders(
    examined: &[ExaminedInstance],
    session: &Session,
) -> anyhow::Result<Vec<Folder>> {
    let (bucket, records) = (session.stack.output("MediaBucket")?, session.records()?);
    let mut folders = Vec::new();
    for one in examined {
        let instance = &one.instance;
        let place = (&instance.tenant, &instance.id);
        let files = session.operator.count_files(bucket, place, MAX_FILES).await?;
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (kind, count) in files.by_kind {
            counts.entry(kind).or_default().0 = count;
        }
        let stored = records.list_by_instance(&instance.id, i64::MIN, MAX_FILES).await?;
        let is_cut = files.is_cut || stored.len() >= MAX_FILES;
        for record in stored.iter().filter(|one| one.state == "stored") {
            let kind = match record.kind.as_str() {
                "" => "other",
                kind => kind,
            };
            counts.entry(kind.to_owned()).or_default().1 += 1;
        }
        let may_expire = instance.policy.retention.is_some();
        folders.extend(counts.into_iter().map(|(kind, (objects, records))| Folder {
            tenant: instance.tenant.to_string(),
            instance: instance.id.to_string(),
            kind,
            objects,
            records,
            status: judge_folder(objects, records, is_cut || may_expire),
        }));
    }
    Ok(folders)
}

/// No files at all although records say stored is a failure, fewer files than records a warning;
/// neither if `is_loose`: not all were counted, or the bucket removes files after a retention time.
fn judge_folder(objects: u64, records: u64, is_loose: bool) -> Status {
    match (objects, records) {
        (0, 1..) if !is_loose => Status::Fail,
        _ if objects < records && !is_loose => Status::Warn,
        _ => Status::Ok,
    }
}

/// The step: the sums of all folders, and the worst folder.
pub(crate) fn bucket_step(folders: &[Folder], lang: Lang) -> Step {
    let id = StepId::Bucket;
    let objects: u64 = folders.iter().map(|folder| folder.objects).sum();
    let count = folders.len();
    let evidence =
        say!(lang, "{objects} files in {count} folders", "{objects} arquivos em {count} pastas");
    let bad = folders.iter().filter(|folder| folder.status != Status::Ok);
    match bad.max_by_key(|folder| folder.status) {
        None => Step::new(id, Status::Ok, evidence),
        Some(bad) => {
            let Folder { tenant, instance, kind, objects, records, .. } = bad;
            let what = say!(
                lang,
                "{tenant}/{instance}, {kind}: {records} records say stored, \
                 {objects} files exist",
                "{tenant}/{instance}, {kind}: {records} registros dizem guardada, \
                 {objects} arquivos existem"
            );
            Step::new(id, bad.status, format!("{evidence}; {what}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use report::Status;

    use super::judge_folder;

    #[test]
    fn an_empty_folder_with_records_fails() {
        assert_eq!(judge_folder(0, 3, false), Status::Fail);
        assert_eq!(judge_folder(2, 3, false), Status::Warn);
        assert_eq!(judge_folder(3, 3, false), Status::Ok);
        // A run may have stored the file and crashed before it wrote the record. The next run
        // completes it.
        assert_eq!(judge_folder(4, 3, false), Status::Ok);
        assert_eq!(judge_folder(0, 3, true), Status::Ok);
    }
}
