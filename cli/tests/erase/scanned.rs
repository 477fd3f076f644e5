//! A file that the malware scan has not cleared is given out by no verb, but under the role for
//! that.

use std::{fs, process};

use serde_json::json;

use crate::{
    INSTANCE, PHONE, TENANT, object_key, record, register,
    stack::{Ended, Stack},
    text,
};

const ROLE: &str = "arn:aws:iam::000000000000:role/break-glass";
const AS_ROLE: &str = "arn:aws:sts::000000000000:assumed-role/break-glass/somebody";
const AS_OTHER: &str = "arn:aws:sts::000000000000:assumed-role/operators/somebody";
const BYTES: &[u8] = b"the bytes of a picture";

/// A stack whose only file has this verdict.
async fn start(verdict: Option<&str>, caller: &'static str) -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.put(
        "TenantsTable",
        &json!({ "tenant": { "S": TENANT },
        "policy": { "M": { "links": { "S": "7d" } } }, "created_at": { "N": "1" } }),
    );
    let key = object_key(INSTANCE, PHONE, "3EB0A");
    let mut record = record(INSTANCE, "3EB0A", PHONE, "stored");
    record["object_key"] = text(&key);
    stack.put("MediaTable", &record);
    stack.store(&key);
    stack.files(|files| {
        let file = files.by_key.entry(key).or_default();
        file.bytes = BYTES.to_vec();
        let tag = verdict.map(|word| ("GuardDutyMalwareScanStatus".to_owned(), word.to_owned()));
        file.tags.extend(tag);
        files.needs_verdict = caller != AS_ROLE;
    });
    stack.scan_files(ROLE);
    stack.set_caller(caller);
    stack
}

/// The ends of the verbs that give a file out, and the folder that they wrote to.
async fn give_out(stack: &Stack, name: &str) -> Vec<(&'static str, Ended)> {
    let folder = std::env::temp_dir().join(format!("scanned-{name}-{}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (file, copies) = (folder.join("one.jpg"), folder.join("export"));
    let (file, copies) = (file.to_str().expect("a path"), copies.to_str().expect("a path"));
    let one = [INSTANCE, "3EB0A"];
    let mut ends = Vec::new();
    for (verb, options) in [
        ("presign", &one[..]),
        ("link", &one),
        ("download", &[&one[..], &["-o", file]].concat()),
        ("export", &["--instance", INSTANCE, "--phone", PHONE, "-o", copies]),
    ] {
        ends.push((verb, stack.run(&[&["media", verb], options].concat()).await));
    }
    let downloaded = ends.iter().filter(|(verb, end)| *verb == "download" && end.code == Some(0));
    let is_written = fs::exists(file).expect("a look");
    assert_eq!(downloaded.count(), usize::from(is_written), "{ends:?}");
    fs::remove_dir_all(&folder).expect("the folder is removed");
    ends
}

#[tokio::test]
async fn only_a_cleared_file_is_given_out() {
    for (name, verdict, caller, is_given) in [
        ("missing", None, AS_OTHER, false),
        ("threat", Some("THREATS_FOUND"), AS_OTHER, false),
        ("failed", Some("FAILED"), AS_OTHER, false),
        ("new-word", Some("SOMETHING_NEW"), AS_OTHER, false),
        ("clean", Some("NO_THREATS_FOUND"), AS_OTHER, true),
        ("broken-glass", Some("THREATS_FOUND"), AS_ROLE, true),
    ] {
        let stack = start(verdict, caller).await;
        for (verb, ended) in give_out(&stack, name).await {
            let what = format!("{verb} of a file whose verdict is {name}: {ended:?}");
            match (verb, is_given) {
                // A link is opened by a function, which asks for the verdict of the file each time.
                ("link", _) => {}
                ("export", false) => {
                    assert_eq!((ended.code, &ended.out["files"]), (Some(1), &json!(0)), "{what}");
                }
                (_, false) => {
                    assert_eq!(ended.code, Some(2), "{what}");
                    assert!(ended.err.contains("scan"), "{what}");
                    assert!(!ended.out.to_string().contains("Signature"), "{what}");
                }
                ("export", true) => {
                    assert_eq!((ended.code, &ended.out["files"]), (Some(0), &json!(1)), "{what}");
                }
                (_, true) => assert_eq!(ended.code, Some(0), "{what}"),
            }
        }
    }
}
