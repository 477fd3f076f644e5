//! Files of the stack's bucket: what a copy, a look and the tags need of S3.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use media::sha256::Sha256;
use scripted_aws::{Answer, RecordedRequest};

use crate::stack::Bucket;

/// A file's bytes and tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// The files by key, as far as a test says their bytes.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) by_key: BTreeMap<String, File>,
    /// Whether copies end up with other bytes.
    pub(crate) spoils_copies: bool,
    /// Whether the bucket gives out only what the malware scan has cleared, as its policy says.
    pub(crate) needs_verdict: bool,
}

impl Files {
    /// The answer to a request about one file, or to a listing of folders; `None` for another.
    pub(crate) fn answer(&mut self, seen: &RecordedRequest, bucket: &mut Bucket) -> Option<Answer> {
        if seen.query.get("list-type").is_some_and(|kind| kind == "2") {
            return Some(list_folders(seen, bucket));
        }
        let key = seen.path.strip_prefix("/bucket/").filter(|key| !key.is_empty())?;
        let (key, method) = (key.replace("%2F", "/"), seen.method.as_str());
        let file = bucket.contains_key(&key).then(|| self.by_key.entry(key.clone()).or_default());
        let Some(source) = seen.header("x-amz-copy-source") else {
            let Some(file) = file.cloned() else {
                return Some(Answer::new(404, "<Error><Code>NoSuchKey</Code></Error>"));
            };
            return match (method, seen.query.contains_key("tagging")) {
                ("GET", true) => Some(show_tags(&file, bucket.get(&key).cloned().flatten())),
                ("GET", false) if self.needs_verdict && !is_cleared(&file) => {
                    Some(Answer::new(403, "<Error><Code>AccessDenied</Code></Error>"))
                }
                ("GET", false) => Some(Answer::new(200, String::from_utf8_lossy(&file.bytes))),
                ("HEAD", _) => Some(look_at(&file)),
                ("DELETE", _) => {
                    bucket.remove(&key);
                    Some(Answer::new(204, ""))
                }
                _ => None,
            };
        };
        if file.is_some() && seen.header("if-none-match") == Some("*") {
            return Some(Answer::new(412, "<Error><Code>PreconditionFailed</Code></Error>"));
        }
        let source = source.strip_prefix("bucket/").unwrap_or(source);
        let mut copy = self.by_key.get(source).cloned().unwrap_or_default();
        if self.spoils_copies {
            copy.bytes.push(0);
        }
        let tags = seen.header("x-amz-tagging").unwrap_or_default().split('&');
        let pairs = tags.filter_map(|tag| tag.split_once('='));
        copy.tags =
            pairs.map(|(name, value)| (name.replace("%2D", "-"), value.to_owned())).collect();
        let sum = Sha256::from_data(&copy.bytes).to_base64();
        self.by_key.insert(key.clone(), copy);
        bucket.insert(key, None);
        Some(Answer::new(
            200,
            format!(
                "<CopyObjectResult><ETag>e</ETag><ChecksumSHA256>{sum}</ChecksumSHA256>\
                 </CopyObjectResult>"
            ),
        ))
    }
}

fn is_cleared(file: &File) -> bool {
    file.tags.get("GuardDutyMalwareScanStatus").is_some_and(|word| word == "NO_THREATS_FOUND")
}

fn look_at(file: &File) -> Answer {
    let sum = Sha256::from_data(&file.bytes);
    let sum = BASE64.encode(sum.as_bytes());
    Answer::new(200, "").with_header("x-amz-checksum-sha256", &sum)
}

/// The tags of a file, with the retention that the command has given it.
fn show_tags(file: &File, retention: Option<String>) -> Answer {
    let mut file = file.clone();
    file.tags.extend(retention.map(|class| ("retention".to_owned(), class)));
    let tag = |(name, value): (&String, &String)| {
        format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")
    };
    let tags: String = file.tags.iter().map(tag).collect();
    Answer::new(200, format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"))
}

fn list_folders(seen: &RecordedRequest, bucket: &Bucket) -> Answer {
    let prefix = seen.query.get("prefix").cloned().unwrap_or_default().replace("%2F", "/");
    let folders = bucket.keys().filter_map(|key| key.strip_prefix(&prefix)?.split_once('/'));
    let mut folders: Vec<_> = folders.map(|(folder, _)| folder).collect();
    folders.dedup();
    let one =
        |folder| format!("<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>");
    let body: String = folders.into_iter().map(one).collect();
    let list = "ListBucketResult";
    Answer::new(200, format!("<{list}>{body}<IsTruncated>false</IsTruncated></{list}>"))
}
