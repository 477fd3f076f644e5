//! Media of an instance that was removed are found and counted with their tenant's.

use std::{collections::BTreeSet, fs, process};

use serde_json::json;

use crate::{INSTANCE, OTHER, PHONE, TENANT, record, register, stack::Stack, store};

/// The customer left W-API, and the files are still theirs.
#[tokio::test]
async fn a_removed_instances_media_are_found_by_tenant() {
    let stack = Stack::start().await;
    let (folder_only, other) = ("LITE-AAAAAA-000002", "LITE-BBBBBB-000003");
    register(&stack, INSTANCE, TENANT);
    register(&stack, other, "bravo");
    stack.put("TenantsTable", &json!({ "tenant": { "S": TENANT } }));
    stack.put("MediaTable", &record(INSTANCE, "3EB0A", PHONE, "stored"));
    // Removed by an earlier version, which remembered nothing: its folder is left.
    store(&stack, folder_only, "3EB0B", PHONE);
    store(&stack, other, "3EB0C", PHONE);
    let removed = stack.run(&["instance", "remove", INSTANCE]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    let found = async |options: &[&str]| {
        let arguments = [&["media", "find", "--since", "36500days"], options].concat();
        let ended = stack.run(&arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let ids = ended.out.as_array().expect("a list").iter();
        let mut ids: Vec<_> = ids.map(|one| one["message_id"].as_str().expect("an id")).collect();
        ids.sort_unstable();
        ids.join(" ")
    };
    assert_eq!(found(&["--tenant", TENANT]).await, "3EB0A 3EB0B");
    assert_eq!(found(&["--tenant", TENANT, "--phone", PHONE]).await, "3EB0A 3EB0B");
    assert_eq!(found(&["--tenant", TENANT, "--phone", OTHER]).await, "");
    assert_eq!(found(&["--instance", INSTANCE]).await, "3EB0A");
    assert_eq!(found(&[]).await, "3EB0A 3EB0B 3EB0C");
    let counted = stack.run(&["stats", "--recount", "--days", "366", "--tenant", TENANT]).await;
    let counts = counted.out.as_array().expect("days").iter();
    let counts: Vec<_> = counts.map(|day| day["count"]["stored"].clone()).collect();
    assert_eq!(counts, [json!(2)], "{counted:?}");
}

/// Two instances, one of which was removed, may have a file of the same name.
#[tokio::test]
async fn an_export_of_a_tenant_has_every_instances_files() {
    let stack = Stack::start().await;
    let other = "LITE-BBBBBB-000003";
    let instances = [INSTANCE, "LITE-AAAAAA-000002"];
    for instance in instances {
        register(&stack, instance, TENANT);
        store(&stack, instance, "3EB0A", PHONE);
    }
    register(&stack, other, "bravo");
    store(&stack, other, "3EB0C", PHONE);
    let removed = stack.run(&["instance", "remove", INSTANCE]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    let folder = std::env::temp_dir().join(format!("export-of-a-tenant-{}", process::id()));
    let output = folder.to_str().expect("a path");
    let export = ["media", "export", "--tenant", TENANT, "--phone", PHONE, "-o", output];
    let exported = stack.run(&export).await;
    assert_eq!((exported.code, &exported.out["files"]), (Some(0), &json!(2)), "{exported:?}");
    let names = fs::read_dir(&folder).expect("the export");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let names: BTreeSet<_> = names.filter_map(|name| name.into_string().ok()).collect();
    fs::remove_dir_all(&folder).expect("the export is removed");
    let expected = instances.into_iter().chain(["index.csv", "index.jsonl"]);
    assert_eq!(names, expected.map(str::to_owned).collect());
}
