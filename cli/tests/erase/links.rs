//! The links of a file that is erased.

use serde_json::json;

use crate::{
    INSTANCE, OTHER, PHONE, TENANT, erase, object_key, record, register, stack::Stack, text,
};

/// A stored picture with two links.
fn store_with_links(stack: &Stack, message: &str, chat: &str, tokens: [&str; 2]) {
    let key = object_key(INSTANCE, chat, message);
    let mut record = record(INSTANCE, message, chat, "stored");
    (record["object_key"], record["links"]) = (text(&key), json!({ "SS": tokens }));
    stack.put("MediaTable", &record);
    stack.store(&key);
    for token in tokens {
        let key = record["message_id"].clone();
        stack.put(
            "LinksTable",
            &json!({
                "token": text(token), "tenant": text(TENANT), "instance": text(INSTANCE),
                "record_key": key, "created_at": { "N": "1787000000" },
            }),
        );
    }
}

#[tokio::test]
async fn an_erased_file_leaves_no_link() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    store_with_links(&stack, "3EB0A", PHONE, ["a1", "a2"]);
    store_with_links(&stack, "3EB0B", OTHER, ["b1", "b2"]);
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
    let left = stack.items("LinksTable");
    let mut left: Vec<_> = left.iter().filter_map(|one| one["token"]["S"].as_str()).collect();
    left.sort_unstable();
    assert_eq!(left, ["b1", "b2"]);
}
