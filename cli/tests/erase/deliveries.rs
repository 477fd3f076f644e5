//! Everything of a tenant includes what is on its way to receivers.

use serde_json::{Value, json};

use crate::{
    INSTANCE, PHONE, TENANT, erase,
    receivers::rest,
    register,
    stack::{Ended, Stack},
};

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";

async fn erase_all(stack: &Stack) -> Ended {
    stack.run(&erase(&["--all"])).await
}

/// A tenant with a receiver, for which one webhook rests, and the body of a large one.
async fn start() -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.put("TenantsTable", &json!({ "tenant": { "S": TENANT } }));
    let receiver =
        json!({ "tenant": { "S": TENANT }, "receiver": { "S": format!("*#{RECEIVER}") } });
    stack.put("ReceiversTable", &receiver);
    rest(&stack, RECEIVER, "one", 90).await;
    stack.store_body(&format!("{TENANT}/{INSTANCE}/msg_one"));
    stack.store_body("bravo/LITE-BBBBBB-000003/msg_of_another");
    stack
}

fn counts(ended: &Ended) -> [Value; 3] {
    let of = |name: &str| ended.out[name]["deliveries"].clone();
    [of("found"), of("removed"), of("left")]
}

#[tokio::test]
async fn what_is_on_its_way_is_removed_and_counted() {
    let stack = start().await;
    let ended = erase_all(&stack).await;
    assert_eq!((ended.code, &ended.out["proven"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!(counts(&ended), [json!(2), json!(2), json!(0)], "{ended:?}");
    assert!(stack.items("JobsTable").is_empty());
    assert_eq!(stack.bodies(), ["bravo/LITE-BBBBBB-000003/msg_of_another"]);
    // The receiver failed, and what was in the queue came to rest.
    rest(&stack, RECEIVER, "two", 30).await;
    let order = ended.out["order"].as_str().expect("an order");
    let verify = ["media", "verify", order, "--tenant", TENANT];
    let verified = stack.run(&verify).await;
    assert_eq!((verified.code, &verified.out["proven"]), (Some(1), &json!(false)), "{verified:?}");
    assert_eq!(verified.out["left"]["deliveries"], 1);
}

#[tokio::test]
async fn a_body_that_s3_keeps_is_no_proof() {
    let stack = start().await;
    stack.keep_bodies(true);
    let ended = erase_all(&stack).await;
    assert_eq!((ended.code, &ended.out["proven"]), (Some(1), &json!(false)), "{ended:?}");
    assert_eq!(ended.out["left"]["deliveries"], 1, "{ended:?}");
    stack.keep_bodies(false);
    assert_eq!(erase_all(&stack).await.out["proven"], true);
}

/// A person's webhooks end by themselves: they are not searched.
#[tokio::test]
async fn of_one_person_they_are_left_alone() {
    let stack = start().await;
    let ended = stack.run(&erase(&["--phone", PHONE])).await;
    assert_eq!(
        (ended.code, counts(&ended)),
        (Some(0), [json!(0), json!(0), json!(0)]),
        "{ended:?}"
    );
    assert_eq!((stack.items("JobsTable").len(), stack.bodies().len()), (1, 2));
}
