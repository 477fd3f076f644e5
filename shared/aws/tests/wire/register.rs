//! The register: what each change by an operator sends, and that none overwrites a record.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws::register::{NewInstance, Register, RegisterError, RegisterTables, Tenant};
use data_encoding::BASE64;
use media::{
    ids::TenantId,
    message::Secret,
    policy::{Policy, Retention},
    sha256::Sha256,
    strategy::{Strategy, StrategyOrder},
};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, instance, instance_item, policy, tenant};

fn register(aws: &Aws) -> Register {
    let tables = RegisterTables {
        instances_table: "instances-table".to_owned(),
        tenants_table: "tenants-table".to_owned(),
        token_key: "key-id".to_owned(),
    };
    Register::new(&aws.clients, tables)
}

fn healthy(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "Encrypt" => Answer::json(&json!({ "CiphertextBlob": BASE64.encode(b"sealed") })),
        "Scan" if seen.text().contains("instances-table") => {
            Answer::json(&json!({ "Items": [instance_item(), of_another_tenant()] }))
        }
        "Scan" => Answer::json(&json!({ "Items": [tenant_item("beta"), tenant_item("acme")] })),
        "GetItem" if seen.text().contains("instances-table") => {
            Answer::json(&json!({ "Item": instance_item() }))
        }
        "GetItem" => Answer::json(&json!({ "Item": tenant_item("acme") })),
        _ => Answer::json(&json!({})),
    }
}

fn tenant_item(id: &str) -> Value {
    json!({
        "tenant": { "S": id },
        "policy": { "M": { "retention": { "S": "90d" } } },
        "created_at": { "N": "1787431000" },
    })
}

fn of_another_tenant() -> Value {
    let mut item = instance_item();
    item["instance"] = json!({ "S": "LITE-CCCCCC-DDDDDD" });
    item["tenant"] = json!({ "S": "beta" });
    item
}

/// AWS where every condition fails.
fn fail_conditions(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "PutItem" | "UpdateItem" => Answer::json_error(400, "ConditionalCheckFailedException"),
        "TransactWriteItems" => refused_at(0),
        _ => healthy(seen),
    }
}

fn a_tenant() -> Tenant {
    Tenant {
        id: tenant(),
        policy: Policy { retention: Some(Retention::Days90), ..Policy::default() },
        created_at: 1_787_431_000,
    }
}

/// Random bytes.
const RANDOM: [u8; 32] = [0xfb; 32];

async fn add(aws: &Aws) -> Result<Secret, RegisterError> {
    let (id, tenant, token) = (instance(), tenant(), Secret::new("token of W-API"));
    let new = NewInstance {
        id: &id,
        tenant: &tenant,
        strategies: &StrategyOrder::new([Strategy::Cdn, Strategy::Wapi]),
        token: &token,
        now: 1_787_431_000,
    };
    register(aws).add_instance(&new, RANDOM).await
}

#[tokio::test]
async fn a_new_instance_reads_back_as_it_was_written() {
    let aws = Aws::start(healthy).await;
    let secret = add(&aws).await.expect("added");
    // 32 bytes in the base64 alphabet for URLs.
    assert_eq!(secret.expose(), "-_v7".repeat(10) + "-_s");
    let sealed = aws.only_request("Encrypt").json();
    assert_eq!(sealed["KeyId"], "key-id");
    assert_eq!(sealed["Plaintext"], BASE64.encode(b"token of W-API"));
    let context = json!({ "tenant": "acme", "instance": INSTANCE });
    assert_eq!(sealed["EncryptionContext"], context);
    let sent = aws.only_request("TransactWriteItems");
    let put = &sent.json()["TransactItems"][0]["Put"];
    assert_eq!(put["TableName"], "instances-table");
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(instance)");
    let mut item = instance_item();
    item["secret_hashes"] =
        json!({ "L": [{ "S": Sha256::from_data(secret.expose().as_bytes()).to_hex() }] });
    item["policy"] = tenant_item("acme")["policy"].clone();
    assert_eq!(put["Item"], item);
    assert!(!sent.text().contains("token of W-API") && !sent.text().contains(secret.expose()));
}

/// Otherwise `tenant set` could list the instances before this one is there, and this one could
/// have read the policy before `tenant set` wrote it.
#[tokio::test]
async fn an_addition_expects_the_policy_it_read() {
    let aws = Aws::start(healthy).await;
    add(&aws).await.expect("added");
    let update = aws.only_request("TransactWriteItems").json();
    let update = &update["TransactItems"][1]["Update"];
    assert_eq!(update["TableName"], "tenants-table");
    assert_eq!(update["UpdateExpression"], "ADD instances_added :one");
    assert_eq!(update["ConditionExpression"], "attribute_exists(tenant) AND #policy = :policy");
    let read = &tenant_item("acme")["policy"];
    assert_eq!(&update["ExpressionAttributeValues"][":policy"], read, "as it is stored");
}

/// As a transaction is refused whose write at this position did not meet its condition.
fn refused_at(position: usize) -> Answer {
    let code = |n| if n == position { "ConditionalCheckFailed" } else { "None" };
    Answer::transaction_cancelled([code(0), code(1)])
}

/// The policy changed between the read and the write: it is read again.
#[tokio::test]
async fn an_addition_during_a_change_begins_again() {
    let tries = AtomicUsize::new(0);
    let aws = Aws::start(move |seen| match seen.operation() {
        "TransactWriteItems" if tries.fetch_add(1, Ordering::SeqCst) == 0 => refused_at(1),
        _ => healthy(seen),
    })
    .await;
    add(&aws).await.expect("added");
    assert_eq!(aws.requests_of("GetItem").len(), 2);
    assert_eq!(aws.requests_of("TransactWriteItems").len(), 2);
}

/// The tenants' table with a count of additions; `tenant set` and `tenant remove` expect it.
#[tokio::test]
async fn a_tenants_change_expects_that_no_instance_was_added() {
    let counted = |seen: &RecordedRequest| match seen.operation() {
        "GetItem" if seen.text().contains("tenants-table") => {
            let mut item = tenant_item("beta");
            item["instances_added"] = json!({ "N": "3" });
            Answer::json(&json!({ "Item": item }))
        }
        "Scan" => Answer::json(&json!({ "Items": [instance_item()] })),
        _ => Answer::json(&json!({})),
    };
    let aws = Aws::start(counted).await;
    let beta = TenantId::parse("beta").expect("a tenant");
    register(&aws).set_policy(&beta, &policy()).await.expect("set");
    register(&aws).remove_tenant(&beta).await.expect("removed");
    assert_eq!(aws.operations()[..2], ["GetItem", "Scan"], "the count is read first");
    let set = aws.only_request("TransactWriteItems").json();
    let (set, removal) =
        (&set["TransactItems"][0]["Update"], aws.only_request("DeleteItem").json());
    for write in [set, &removal] {
        let condition = "attribute_exists(tenant) AND instances_added = :added";
        assert_eq!(write["ConditionExpression"], condition);
        assert_eq!(write["ExpressionAttributeValues"][":added"], json!({ "N": "3" }));
    }
}

#[tokio::test]
async fn a_tenant_with_an_instance_is_not_removed() {
    let aws = Aws::start(healthy).await;
    let removed = register(&aws).remove_tenant(&tenant()).await;
    assert_eq!(removed, Err(RegisterError::Changed));
    assert!(aws.requests_of("DeleteItem").is_empty());
}

#[tokio::test]
async fn a_new_tenant_reads_back_as_it_was_written() {
    let aws = Aws::start(healthy).await;
    let (register, new) = (register(&aws), a_tenant());
    register.add_tenant(&new).await.expect("added");
    let put = aws.only_request("PutItem").json();
    assert_eq!(put["TableName"], "tenants-table");
    assert_eq!(put["Item"], tenant_item("acme"));
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(tenant)");
    let read = register.get_tenant(&tenant()).await.expect("an answer");
    assert_eq!(read, Some(new));
    let all = register.list_tenants().await.expect("an answer");
    assert_eq!(all.unread, []);
    let ids: Vec<_> = all.known.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["acme", "beta"]);
}

#[tokio::test]
async fn adding_overwrites_nothing_and_changing_creates_nothing() {
    let aws = Aws::start(fail_conditions).await;
    let register = register(&aws);
    let there = Err(RegisterError::AlreadyThere);
    assert_eq!(add(&aws).await.map(drop), there);
    assert_eq!(register.add_tenant(&a_tenant()).await, there);
    let gone = Err(RegisterError::NotThere);
    let hash = Sha256::from_data(b"new");
    let (id, record) = (instance(), register.get_instance(&instance()).await);
    let record = record.expect("an answer").expect("a record");
    let changed = Err(RegisterError::Changed);
    assert_eq!(register.set_secret(&record, hash, None, 0).await.map(drop), changed);
    assert_eq!(register.set_paused(&id, 1).await, gone);
    assert_eq!(register.set_resumed(&id, 1).await, gone);
    assert_eq!(register.set_strategies(&id, &StrategyOrder::default(), 1).await, gone);
    let token = Secret::new("another");
    assert_eq!(register.set_token(&record, &token).await, gone);
    assert_eq!(register.set_policy(&tenant(), &policy()).await, changed);
    for update in aws.requests_of("UpdateItem") {
        if update.text().contains("secret_hashes") {
            continue;
        }
        let condition = update.json()["ConditionExpression"].clone();
        let is_resumed = update.text().contains("resumed_at");
        let also = if is_resumed { " AND attribute_exists(paused_at)" } else { "" };
        assert_eq!(condition, format!("attribute_exists(instance){also}"));
    }
}

/// The back-fill does not look for what came during the pause: it was refused on purpose.
#[tokio::test]
async fn the_end_of_a_pause_is_recorded() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    register(&aws).set_resumed(&instance(), 7).await.expect("resumed");
    let update = aws.only_request("UpdateItem").json();
    assert_eq!(
        update["UpdateExpression"],
        "SET pause_began_at = paused_at, resumed_at = :v, \
         earlier_pause_ended_at = if_not_exists(resumed_at, :never) REMOVE paused_at"
    );
    let values = json!({ ":v": { "N": "7" }, ":never": { "N": "0" } });
    assert_eq!(update["ExpressionAttributeValues"], values);
    // An instance that is not paused has no end of a pause.
    let answers = [Answer::condition_failed(None), Answer::json(&json!({}))];
    let aws = Aws::answer_in_order(answers).await;
    register(&aws).set_resumed(&instance(), 7).await.expect("unchanged");
    let writes = aws.requests_of("UpdateItem");
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[1].json()["UpdateExpression"], "REMOVE paused_at");
}

/// The time tells a chosen order from the one that earlier versions wrote into every record.
#[tokio::test]
async fn an_own_order_is_written_with_its_time() {
    for (text, sets, removes) in [
        (
            "wapi,wapi_alternate,cdn",
            json!({
                "strategies": { "L": [{ "S": "wapi" }, { "S": "wapi_alternate" }, { "S": "cdn" }] },
                "strategies_set_at": { "N": "7" },
            }),
            &[][..],
        ),
        ("default", json!({}), &["strategies", "strategies_set_at"]),
    ] {
        let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
        let order = text.parse().expect("an order");
        register(&aws).set_strategies(&instance(), &order, 7).await.expect("set");
        let update = scripted_aws::Update::from_request(&aws.only_request("UpdateItem"));
        assert_eq!(json!(update.sets), sets, "{text}");
        assert_eq!(update.removes.into_iter().collect::<Vec<_>>(), removes, "{text}");
    }
}

#[tokio::test]
async fn a_policy_is_set_in_one_transaction() {
    let aws = Aws::start(healthy).await;
    let changed = register(&aws).set_policy(&tenant(), &policy()).await;
    changed.expect("changed");
    let sent = aws.only_request("TransactWriteItems").json();
    let updates = sent["TransactItems"].as_array().expect("updates");
    let keys: Vec<_> = updates.iter().map(|one| &one["Update"]["Key"]).collect();
    let expected = [json!({ "instance": { "S": INSTANCE } }), json!({ "tenant": { "S": "acme" } })];
    assert_eq!(keys, expected.iter().collect::<Vec<_>>());
    for one in updates {
        let values = &one["Update"]["ExpressionAttributeValues"];
        assert_eq!(values[":policy"], instance_item()["policy"]);
    }
}

#[tokio::test]
async fn a_new_secret_comes_before_the_kept_one() {
    let aws = Aws::start(healthy).await;
    let (new, old) = (Sha256::from_data(b"new"), Sha256::from_data(b"old"));
    let register = register(&aws);
    let record = register.get_instance(&instance()).await.expect("an answer").expect("a record");
    let changed = register.set_secret(&record, new, Some(old), 77).await.expect("changed");
    assert_eq!((changed.secret_hash(), changed.old_secret_hash()), (Some(new), Some(old)));
    let update = aws.only_request("UpdateItem").json();
    let hashes = json!({ "L": [{ "S": new.to_hex() }, { "S": old.to_hex() }] });
    let was = &instance_item()["secret_hashes"];
    let values = json!({ ":v": hashes, ":u": { "N": "77" }, ":was": was });
    assert_eq!(update["ExpressionAttributeValues"], values);
    let condition = "secret_hashes = :was AND attribute_not_exists(old_secret_until)";
    assert_eq!(update["ConditionExpression"], condition, "two commands at once");
    register.set_secret(&changed, old, None, 78).await.expect("changed");
    let second = aws.requests_of("UpdateItem").pop().expect("a second one").json();
    let condition = "secret_hashes = :was AND old_secret_until = :until";
    assert_eq!(second["ConditionExpression"], condition);
    assert_eq!(second["ExpressionAttributeValues"][":until"], json!({ "N": "77" }));
}

#[tokio::test]
async fn a_new_token_is_written_encrypted() {
    let aws = Aws::start(healthy).await;
    let register = register(&aws);
    let record = register.get_instance(&instance()).await;
    let record = record.expect("an answer").expect("a record");
    let token = Secret::new("another token");
    let changed = register.set_token(&record, &token).await;
    changed.expect("changed");
    let context = json!({ "tenant": "acme", "instance": INSTANCE });
    assert_eq!(aws.only_request("Encrypt").json()["EncryptionContext"], context);
    let update = aws.only_request("UpdateItem");
    let values = &update.json()["ExpressionAttributeValues"];
    assert_eq!(values[":v"], json!({ "S": BASE64.encode(b"sealed") }));
    assert!(!update.text().contains("another token"));
}

/// Another version or a person wrote it. It is named, and the other records are read.
#[tokio::test]
async fn an_unreadable_record_still_gets_its_tenants_policy() {
    let mut odd = instance_item();
    odd["instance"] = json!({ "S": "LITE-EEEEEE-FFFFFF" });
    odd["strategies"] = json!({ "L": [{ "S": "by post" }] });
    let items = json!({ "Items": [odd, { "instance": { "S": "x" } }, instance_item()] });
    let aws = Aws::start(move |seen| match seen.operation() {
        "Scan" => Answer::json(&items),
        _ => healthy(seen),
    })
    .await;
    let register = register(&aws);
    let roll = register.list_instances().await.expect("an answer");
    assert_eq!(roll.known.len(), 1);
    let unread: Vec<_> =
        roll.unread.iter().map(|one| (one.id.as_str(), one.tenant.as_deref())).collect();
    let expected = [("LITE-EEEEEE-FFFFFF", Some("acme")), ("x", None)];
    assert_eq!(unread, expected);
    let set = register.set_policy(&tenant(), &policy()).await;
    set.expect("changed");
    let sent = aws.only_request("TransactWriteItems").text().to_owned();
    assert!(sent.contains(INSTANCE) && sent.contains("LITE-EEEEEE-FFFFFF"));
}

#[tokio::test]
async fn a_failed_call_is_no_failed_condition() {
    let aws = Aws::start(|_| Answer::json_error(400, "AccessDeniedException")).await;
    let register = register(&aws);
    let is_aws = |error: RegisterError| matches!(error, RegisterError::Aws(_));
    assert!(register.list_instances().await.is_err_and(is_aws));
    assert!(register.get_tenant(&tenant()).await.is_err_and(is_aws));
    assert!(register.add_tenant(&a_tenant()).await.is_err_and(is_aws));
    assert!(register.remove_instance(&instance()).await.is_err_and(is_aws));
    assert!(register.remove_tenant(&tenant()).await.is_err_and(is_aws));
}
