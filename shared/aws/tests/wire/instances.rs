//! The table of instances: how long records are cached, and that a token is decrypted for its own
//! instance only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws::instances::{Instance, InstanceError, Instances, OrderSource};
use data_encoding::BASE64;
use media::{
    ids::InstanceId,
    policy::Policy,
    strategy::{Strategy, StrategyOrder},
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, instance, instance_item as item, policy, tenant};

const TABLE: &str = "instances-table";

fn found(item: &Value) -> Answer {
    Answer::json(&json!({ "Item": item }))
}

fn absent() -> Answer {
    Answer::json(&json!({}))
}

fn table(aws: &Aws) -> Instances {
    Instances::new(&aws.clients, TABLE.to_owned())
}

/// Advances the clock of tokio, between two requests.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A table and a key that answer while they are healthy.
async fn world(item: Value) -> (Aws, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(true));
    let well = Arc::clone(&is_well);
    let aws = Aws::start(move |seen| match (well.load(Ordering::SeqCst), seen.operation()) {
        (false, _) => Answer::json_error(400, "AccessDeniedException"),
        (true, "GetItem") => found(&item),
        (true, "Decrypt") => {
            Answer::json(&json!({ "Plaintext": BASE64.encode(b"token of W-API") }))
        }
        (true, other) => Answer::json_error(400, other),
    })
    .await;
    (aws, is_well)
}

/// Only ids and pauses are asked for: the table has tokens and secrets.
#[tokio::test]
async fn open_instances_are_listed_over_every_page() {
    let id = |id: &str| json!({ "instance": { "S": id } });
    let mut paused = id("LITE-PAUSED-000001");
    paused["paused_at"] = json!({ "N": "1" });
    let last_key = id("LITE-FIRSTS-000001");
    let aws = Aws::answer_in_order([
        Answer::json(&json!({
            "Items": [id("LITE-FIRSTS-000001"), paused], "LastEvaluatedKey": last_key,
        })),
        Answer::json(&json!({ "Items": [id("no id"), id("LITE-SECOND-000001")] })),
        Answer::json_error(400, "AccessDeniedException"),
    ])
    .await;
    let open = table(&aws).list_open().await.expect("a list");
    let ids: Vec<_> = open.ids.iter().map(InstanceId::as_str).collect();
    assert_eq!((ids, open.unreadable), (vec!["LITE-FIRSTS-000001", "LITE-SECOND-000001"], 1));
    let scans = aws.requests_of("Scan");
    let asked = |n: usize| scans[n].json();
    assert_eq!(asked(0)["ProjectionExpression"], "instance, paused_at");
    assert_eq!(asked(1)["ExclusiveStartKey"], last_key);
    let refused = table(&aws).list_open().await.expect_err("refused");
    assert_eq!(refused.operation, "dynamodb:Scan");
}

#[tokio::test]
async fn a_record_is_read_by_its_id() {
    let (aws, _) = world(item()).await;
    let record = table(&aws).find(&instance()).await.expect("an answer").expect("a record");
    assert_eq!((&record.id, &record.tenant), (&instance(), &tenant()));
    assert_eq!(record.strategies(), [Strategy::Cdn, Strategy::Wapi]);
    assert_eq!(record.policy, policy());
    let read = aws.only_request("GetItem").json();
    assert_eq!(read, json!({ "TableName": TABLE, "Key": { "instance": { "S": INSTANCE } } }));
}

/// A sample record with these fields added.
async fn record_with(fields: &Value) -> Instance {
    let mut item = item();
    let whole = item.as_object_mut().expect("an item");
    whole.extend(fields.as_object().cloned().expect("fields"));
    let (aws, _) = world(item).await;
    let found = table(&aws).find(&instance()).await.expect("an answer");
    found.expect("a record").as_ref().clone()
}

#[tokio::test]
async fn a_record_without_strategies_or_policy_has_the_defaults() {
    let mut item = item();
    let fields = item.as_object_mut().expect("an item");
    fields.remove("strategies");
    fields.remove("policy");
    let (aws, _) = world(item).await;
    let record = table(&aws).find(&instance()).await.expect("an answer").expect("a record");
    assert_eq!(record.strategies(), Strategy::DEFAULT);
    assert_eq!(record.policy, Policy::default());
}

#[tokio::test]
async fn a_record_is_cached_for_five_minutes() {
    let (aws, _) = world(item()).await;
    let table = table(&aws);
    table.find(&instance()).await.expect("read");
    later(Duration::from_secs(299)).await;
    table.find(&instance()).await.expect("remembered");
    assert_eq!(aws.operations(), ["GetItem"]);
    later(Duration::from_secs(1)).await;
    table.find(&instance()).await.expect("read again");
    assert_eq!(aws.operations(), ["GetItem"; 2]);
}

#[tokio::test]
async fn a_younger_record_can_be_required() {
    let (aws, _) = world(item()).await;
    let table = table(&aws);
    table.find(&instance()).await.expect("read");
    later(Duration::from_secs(9)).await;
    table.find_younger_than(&instance(), Duration::from_secs(10)).await.expect("young enough");
    assert_eq!(aws.operations(), ["GetItem"]);
    later(Duration::from_secs(1)).await;
    table.find_younger_than(&instance(), Duration::from_secs(10)).await.expect("read again");
    assert_eq!(aws.operations(), ["GetItem"; 2]);
}

#[tokio::test]
async fn an_absence_is_cached_for_half_a_minute() {
    let aws = Aws::answer_in_order([absent(), found(&item())]).await;
    let table = table(&aws);
    assert!(table.find(&instance()).await.expect("an answer").is_none());
    later(Duration::from_secs(29)).await;
    assert!(table.find(&instance()).await.expect("remembered").is_none());
    assert_eq!(aws.operations(), ["GetItem"]);
    later(Duration::from_secs(1)).await;
    assert!(table.find(&instance()).await.expect("an answer").is_some(), "it was added meanwhile");
}

#[tokio::test]
async fn a_removed_instance_is_gone_after_five_minutes() {
    let aws = Aws::answer_in_order([found(&item()), absent()]).await;
    let table = table(&aws);
    assert!(table.find(&instance()).await.expect("an answer").is_some());
    later(Duration::from_secs(300)).await;
    assert!(table.find(&instance()).await.expect("an answer").is_none());
}

#[tokio::test]
async fn an_older_record_is_used_while_the_table_fails() {
    let (aws, is_well) = world(item()).await;
    let table = table(&aws);
    let before = table.find(&instance()).await.expect("read");
    is_well.store(false, Ordering::SeqCst);
    later(Duration::from_hours(10)).await;
    assert_eq!(table.find(&instance()).await.expect("an older record"), before);
    assert_eq!(aws.operations(), ["GetItem"; 2], "the table was asked");
}

#[tokio::test]
async fn an_older_absence_is_not_used_while_the_table_fails() {
    let aws =
        Aws::answer_in_order([absent(), Answer::json_error(400, "AccessDeniedException")]).await;
    let table = table(&aws);
    table.find(&instance()).await.expect("absent");
    later(Duration::from_secs(31)).await;
    let refused = table.find(&instance()).await.expect_err("nothing is known");
    assert_eq!(refused.to_string(), "dynamodb:GetItem failed: AccessDeniedException (HTTP 400)");
}

#[tokio::test]
async fn an_instance_never_read_is_an_error_while_the_table_fails() {
    let (aws, is_well) = world(item()).await;
    is_well.store(false, Ordering::SeqCst);
    let refused = table(&aws).find(&instance()).await.expect_err("nothing is known");
    assert!(matches!(refused, InstanceError::Aws(_)), "{refused:?}");
}

#[tokio::test]
async fn an_unreadable_record_is_an_error_and_no_absence() {
    for (attribute, value) in [
        ("tenant", json!({ "S": "Not A Tenant" })),
        ("tenant", json!({ "NULL": true })),
        ("secret_hashes", json!({ "L": [{ "S": "abc" }] })),
        ("sealed_token", json!({ "S": "not base64!" })),
    ] {
        let mut item = item();
        item[attribute] = value;
        let (aws, _) = world(item).await;
        let refused = table(&aws).find(&instance()).await.expect_err(attribute);
        assert!(matches!(refused, InstanceError::Malformed(_)), "{attribute}: {refused:?}");
    }
}

/// Earlier versions wrote the default order of their time into every record, and no time. A later
/// default, or the tenant's order, must reach these instances.
#[tokio::test]
async fn an_order_that_nobody_chose_does_not_count() {
    use OrderSource::{Default, Instance, Tenant};
    let order = |text: &str| {
        let words: Vec<_> = text.split(',').map(|word| json!({ "S": word })).collect();
        json!({ "L": words })
    };
    let unchosen = "wapi,wapi_alternate,cdn";
    let policies = [json!({}), json!({ "strategies": order("cdn,wapi") })];
    let set_at = json!({ "N": "1787431000" });
    for (own, is_timed, source, used) in [
        (unchosen, false, [Default, Tenant], [None, Some("cdn,wapi")]),
        (unchosen, true, [Instance, Instance], [Some(unchosen), Some(unchosen)]),
        ("cdn", false, [Instance, Instance], [Some("cdn"), Some("cdn")]),
        ("cdn", true, [Instance, Instance], [Some("cdn"), Some("cdn")]),
        ("wapi,cdn", false, [Instance, Instance], [Some("wapi,cdn"), Some("wapi,cdn")]),
    ] {
        for (n, policy) in policies.iter().enumerate() {
            let mut fields = json!({ "strategies": order(own), "policy": { "M": policy } });
            // The sample has a time.
            fields["strategies_set_at"] = set_at.clone();
            let mut item = item();
            let whole = item.as_object_mut().expect("an item");
            whole.extend(fields.as_object().cloned().expect("fields"));
            if !is_timed {
                whole.remove("strategies_set_at");
            }
            let (aws, _) = world(item).await;
            let record = table(&aws).find(&instance()).await.expect("an answer").expect("a record");
            assert_eq!(record.order_source(), source[n], "{own} {policy}");
            let expected = used[n].unwrap_or("default").parse::<StrategyOrder>();
            assert_eq!(record.strategies(), expected.expect("an order").strategies(), "{own}");
        }
    }
}

/// A newer version may know more strategies. This one tries those that it knows.
#[tokio::test]
async fn unknown_strategies_are_skipped() {
    let word = |word: &str| json!({ "S": word });
    for (written, read) in [
        (
            json!({ "L": [word("carrier pigeon"), word("cdn"), json!({ "M": {} }), word("wapi")] }),
            vec![Strategy::Cdn, Strategy::Wapi],
        ),
        (json!({ "L": [word("carrier pigeon")] }), Strategy::DEFAULT.to_vec()),
        (json!({ "S": "fastest" }), Strategy::DEFAULT.to_vec()),
    ] {
        let record = record_with(&json!({ "strategies": written })).await;
        assert_eq!(record.strategies(), read, "{written}");
        assert_eq!(record.policy, policy(), "the other attributes count");
    }
}

/// A rule with an unknown word excludes nothing, and the other rules still count: what is stored
/// too much can be deleted, and what was not stored is lost.
#[tokio::test]
async fn a_policy_rule_with_an_unknown_word_excludes_nothing() {
    let one = |word: &str| json!({ "L": [{ "S": word }] });
    let two = |word: &str| json!({ "L": [{ "S": "image" }, { "S": word }] });
    let known = json!({ "chats": one("person"), "max_bytes": { "N": "1000000" } });
    for (rule, written) in [
        ("kinds", one("hologram")),
        ("kinds", two("hologram")),
        ("kinds", json!({ "S": "all" })),
        ("direction", json!({ "S": "sideways" })),
        ("view_once", json!({ "S": "blur" })),
        ("retention", json!({ "S": "10y" })),
        ("a rule of next year", json!({ "BOOL": true })),
    ] {
        let mut rules = known.clone();
        rules[rule] = written;
        let record = record_with(&json!({ "policy": { "M": rules } })).await;
        let expected = Policy { kinds: Vec::new(), ..policy() };
        assert_eq!(record.policy, expected, "{rule}");
    }
    let record = record_with(&json!({ "policy": { "S": "see the tenant" } })).await;
    assert_eq!(record.policy, Policy::default());
}

#[tokio::test]
async fn a_token_is_opened_for_its_tenant_and_instance() {
    let (aws, _) = world(item()).await;
    let table = table(&aws);
    let record = table.find(&instance()).await.expect("an answer").expect("a record");
    let token = table.token(&record).await.expect("a token");
    assert_eq!(token.expose(), "token of W-API");
    let asked = aws.only_request("Decrypt").json();
    assert_eq!(asked["EncryptionContext"], json!({ "tenant": "acme", "instance": INSTANCE }));
    assert_eq!(asked["CiphertextBlob"], BASE64.encode(b"sealed"));
    later(Duration::from_secs(299)).await;
    table.token(&record).await.expect("remembered");
    assert_eq!(aws.requests_of("Decrypt").len(), 1);
    later(Duration::from_secs(1)).await;
    table.token(&record).await.expect("a token");
    assert_eq!(aws.requests_of("Decrypt").len(), 2);
}

#[tokio::test]
async fn a_changed_token_is_decrypted_again() {
    let mut changed = item();
    changed["sealed_token"] = json!({ "S": BASE64.encode(b"changed") });
    let plain = |text: &[u8]| Answer::json(&json!({ "Plaintext": BASE64.encode(text) }));
    let aws =
        Aws::answer_in_order([found(&item()), plain(b"old"), found(&changed), plain(b"new")]).await;
    let table = table(&aws);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let record = table.find_younger_than(&instance(), Duration::ZERO).await;
        let record = record.expect("an answer").expect("a record");
        tokens.push(table.token(&record).await.expect("a token").expose().to_owned());
    }
    assert_eq!(tokens, ["old", "new"]);
}

#[tokio::test]
async fn a_token_moved_to_another_row_does_not_open() {
    let aws = Aws::start(|seen| match seen.operation() {
        "GetItem" => found(&item()),
        _ => Answer::json_error(400, "InvalidCiphertextException"),
    })
    .await;
    let table = table(&aws);
    let record = table.find(&instance()).await.expect("an answer").expect("a record");
    let refused = table.token(&record).await.expect_err("the context differs");
    assert_eq!(refused.to_string(), "kms:Decrypt failed: InvalidCiphertextException (HTTP 400)");
}

/// An attacker who can write the table, but not use the key, copies a ciphertext into another
/// record.
#[tokio::test]
async fn a_token_moved_to_another_row_does_not_open_from_memory_either() {
    let mut moved = item();
    moved["instance"] = json!({ "S": "LITE-BBBBBB-CCCCCC" });
    moved["tenant"] = json!({ "S": "mallory" });
    let aws = Aws::answer_in_order([
        found(&item()),
        Answer::json(&json!({ "Plaintext": BASE64.encode(b"token of W-API") })),
        found(&moved),
        Answer::json_error(400, "InvalidCiphertextException"),
    ])
    .await;
    let table = table(&aws);
    let other = media::ids::InstanceId::parse("LITE-BBBBBB-CCCCCC").expect("an id");
    let record = table.find(&instance()).await.expect("an answer");
    table.token(&record.expect("a record")).await.expect("a token");
    let record = table.find(&other).await.expect("an answer");
    let refused = table.token(&record.expect("a record")).await;
    refused.expect_err("the context differs");
    assert_eq!(aws.requests_of("Decrypt")[1].json()["EncryptionContext"]["tenant"], "mallory");
}

#[tokio::test]
async fn a_token_is_cached_for_five_minutes_at_most() {
    let aws = Aws::answer_in_order([
        found(&item()),
        Answer::json(&json!({ "Plaintext": BASE64.encode(b"token of W-API") })),
        Answer::json_error(400, "KMSInvalidStateException"),
    ])
    .await;
    let table = table(&aws);
    let record = table.find(&instance()).await.expect("an answer");
    let record = record.expect("a record");
    table.token(&record).await.expect("a token");
    later(Duration::from_secs(300)).await;
    table.token(&record).await.expect_err("KMS fails");
}

#[tokio::test]
async fn a_token_that_is_not_text_is_an_error() {
    let not_text = || Answer::json(&json!({ "Plaintext": BASE64.encode(&[0xff, 0xfe]) }));
    let aws = Aws::answer_in_order([found(&item()), not_text(), Answer::json(&json!({}))]).await;
    let table = table(&aws);
    let record = table.find(&instance()).await.expect("an answer").expect("a record");
    let refused = table.token(&record).await.expect_err("no text");
    assert!(matches!(refused, InstanceError::Malformed(_)), "{refused:?}");
    let refused = table.token(&record).await.expect_err("no plaintext");
    assert!(matches!(refused, InstanceError::Aws(_)), "{refused:?}");
}
