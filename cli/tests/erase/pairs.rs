//! Pairs of LID and phone number: whose they are, and what several numbers of one LID mean.

use serde_json::json;

use crate::{
    INSTANCE, LID, OTHER, PHONE, SHORT, TENANT, erase, object_key, register, stack::Stack, store,
    text,
};

/// An instance that moved takes its pairs along. What this tenant's webhooks wrote is this tenant's
/// to remove; what the other's named since, or an earlier version wrote, is not.
#[tokio::test]
async fn pairs_of_an_instance_that_moved_are_removed_or_counted() {
    let open = format!("open#{SHORT}");
    for (writer, removed, of_others) in [(Some(TENANT), 2, 0), (Some("bravo"), 0, 2), (None, 0, 2)]
    {
        for subject in [&["--phone", PHONE][..], &["--all"]] {
            let stack = Stack::start().await;
            register(&stack, INSTANCE, "bravo");
            let pair = [format!("lid#{LID}#{SHORT}"), format!("phone#{SHORT}#{LID}")];
            for link in pair.iter().chain([&open]) {
                let mut item = json!({ "instance": text(INSTANCE), "link": text(link),
                    "lid": text(LID), "phone": text(SHORT) });
                if let Some(writer) = writer {
                    item["tenant"] = text(writer);
                }
                stack.put("PeopleTable", &item);
            }
            store(&stack, INSTANCE, "3EB0A", PHONE);
            let erased = stack.run(&erase(subject)).await;
            let counts = ["people_removed", "people_of_other_tenants", "people_left"];
            let counts = counts.map(|name| erased.out[name].clone());
            let expected = [json!(removed), json!(of_others), json!(0)];
            assert_eq!(counts, expected, "{writer:?} {subject:?}: {erased:?}");
            let left = stack.items("PeopleTable").len();
            assert_eq!(left, if removed > 0 { 0 } else { 3 }, "{writer:?} {subject:?}");
        }
    }
}

/// Whose a LID with two numbers is cannot be told: while something is in its folder, nothing is
/// proven about either.
#[tokio::test]
async fn a_doubtful_folder_is_no_proof() {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    let folder = format!("lid-{LID}");
    for phone in [PHONE, OTHER] {
        for link in [format!("lid#{LID}#{phone}"), format!("phone#{phone}#{LID}")] {
            let pair = json!({ "instance": text(INSTANCE), "link": text(&link), "lid": text(LID),
                "phone": text(phone) });
            stack.put("PeopleTable", &pair);
        }
    }
    store(&stack, INSTANCE, "3EB0A", PHONE);
    store(&stack, INSTANCE, "3EB0B", &folder);
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(1), &json!(false)), "{erased:?}");
    assert_eq!(erased.out["undecided"], 2, "its file and its record: {erased:?}");
    assert_eq!(stack.keys(), [object_key(INSTANCE, &folder, "3EB0B")]);
    // The pair that makes it doubtful is kept, so that neither a second run nor the proof forgets.
    let order = erased.out["order"].as_str().expect("an order");
    let verify = ["media", "verify", order, "--tenant", TENANT, "--phone", PHONE];
    for again in [stack.run(&erase(&["--phone", PHONE])).await, stack.run(&verify).await] {
        let told = [&again.out["proven"], &again.out["undecided"]];
        assert_eq!((again.code, told), (Some(1), [&json!(false), &json!(2)]), "{again:?}");
    }
    let of_lid = erase(&["--chat", &folder, "--group-media", "keep"]);
    assert_eq!(stack.run(&of_lid).await.code, Some(0));
    let erased = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!((erased.code, &erased.out["proven"]), (Some(0), &json!(true)), "{erased:?}");
}
