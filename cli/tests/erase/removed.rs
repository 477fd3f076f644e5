//! Media of an instance that was removed are found and counted with their tenant's.

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
