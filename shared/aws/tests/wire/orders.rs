//! Orders: how they are asked for and what the answers mean. The hashes were computed elsewhere.

use aws::orders::{Order, OrderDemand, Orders};
use media::unread::UnreadBody;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, job};

/// HMAC-SHA256 of `chat 5500900000002` under 32 bytes of 7, in base32.
const CHAT_HASH: &str = "ukfsooea7xqro6nnfqy3sykfj4tm4pxc5zfmor7qulaotsh4rpzq";
/// The key, in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

fn orders(aws: &Aws) -> Orders {
    Orders::new(&aws.clients, "orders".to_owned())
}

/// AWS with a tenant's key and the answers to `BatchGetItem`, given by its number.
async fn start(batch: impl Fn(usize) -> Value + Send + Sync + 'static) -> Aws {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "GetItem" => Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } })),
        "Decrypt" => Answer::json(&json!({ "Plaintext": KEY, "KeyId": "key" })),
        "BatchGetItem" => {
            let nth = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Answer::json(&batch(nth))
        }
        _ => Answer::json_error(400, "NothingScripted"),
    })
    .await
}

fn items(items: Value) -> Value {
    json!({ "Responses": { "orders": items }, "UnprocessedKeys": {} })
}

fn erasure(before: &str) -> Value {
    json!({ "tenant": { "S": "acme" }, "order": { "S": format!("erase#chat#*#{CHAT_HASH}") },
        "before": { "N": before }, "from_now_on": { "BOOL": false }, "id": { "S": "order1" } })
}

/// What the table answers is asked for anew, because an order may be given at any time.
#[tokio::test]
async fn that_a_tenant_has_no_orders_is_not_cached() {
    let aws = Aws::start(|_| Answer::json(&json!({}))).await;
    let orders = orders(&aws);
    for _ in 0..2 {
        assert_eq!(orders.find_erasure(&job()).await, Ok(None));
    }
    let asked = aws.requests_of("GetItem");
    assert_eq!(aws.operations(), ["GetItem", "GetItem"]);
    let asked = asked[0].json();
    assert_eq!((&asked["TableName"], &asked["ConsistentRead"]), (&json!("orders"), &json!(true)));
    assert_eq!(asked["Key"], json!({ "tenant": { "S": "acme" }, "order": { "S": "key" } }));
}

/// The key is decrypted once; the orders are read each time.
#[tokio::test]
async fn orders_are_asked_for_under_keyed_hashes() {
    let aws = start(|_| items(json!([]))).await;
    let orders = orders(&aws);
    for _ in 0..2 {
        assert_eq!(orders.find_erasure(&job()).await, Ok(None));
    }
    assert_eq!(aws.operations(), ["GetItem", "Decrypt", "BatchGetItem", "BatchGetItem"]);
    let opened = aws.only_request("Decrypt").json();
    let context = json!({ "tenant": "acme", "instance": "#orders" });
    assert_eq!(opened["EncryptionContext"], context);
    let asked = aws.requests_of("BatchGetItem")[0].json();
    let asked = &asked["RequestItems"]["orders"];
    assert_eq!(asked["ConsistentRead"], true);
    let keys = asked["Keys"].as_array().expect("keys").iter();
    let keys: Vec<_> = keys.map(|key| key["order"]["S"].as_str().expect("a text")).collect();
    let whole = ["erase#tenant#*#-".to_owned(), format!("erase#instance#{INSTANCE}#-")];
    let chat = ["*", INSTANCE].map(|one| format!("erase#chat#{one}#{CHAT_HASH}"));
    for key in whole.iter().chain(&chat) {
        assert!(keys.contains(&key.as_str()), "{key}: {keys:?}");
    }
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert!(!asked.to_string().contains("5500900000002"), "{asked}");
}

#[tokio::test]
async fn an_order_covers_what_is_known_since_its_time() {
    let known_since = job().known_since();
    for (before, covers) in [(known_since - 1, false), (known_since, true), (known_since + 9, true)]
    {
        let aws = start(move |_| items(json!([erasure(&before.to_string())]))).await;
        let found = orders(&aws).find_erasure(&job()).await.expect("an answer");
        assert_eq!(found.is_some(), covers, "{before}");
    }
    let mut forever = erasure("0");
    forever["from_now_on"]["BOOL"] = json!(true);
    let aws = start(move |_| items(json!([forever]))).await;
    let found = orders(&aws).find_erasure(&job()).await.expect("an answer").expect("an order");
    let Order { id, demand, .. } = found;
    assert_eq!(id, "order1");
    assert_eq!(demand, OrderDemand::Erase { before: 0, from_now_on: true });
}

/// DynamoDB may leave some of the keys for the next request.
#[tokio::test]
async fn keys_that_were_left_are_asked_for_again() {
    let left = json!({ "Responses": {}, "UnprocessedKeys": { "orders": {
        "Keys": [{ "tenant": { "S": "acme" }, "order": { "S": "erase#tenant#*#-" } }],
        "ConsistentRead": true,
    } } });
    let first = left.clone();
    let aws = start(move |nth| match nth {
        0 => first.clone(),
        _ => items(json!([erasure("9999999999")])),
    })
    .await;
    assert!(orders(&aws).find_erasure(&job()).await.expect("an answer").is_some());
    let again = aws.requests_of("BatchGetItem")[1].json();
    assert_eq!(again["RequestItems"], left["UnprocessedKeys"]);
    // Without an end, nothing is known.
    let aws = start(move |_| left.clone()).await;
    assert!(orders(&aws).find_erasure(&job()).await.is_err());
}

/// It may have to be obeyed.
#[tokio::test]
async fn an_order_that_cannot_be_read_is_an_error() {
    let aws = start(|_| items(json!([erasure("soon")]))).await;
    assert!(orders(&aws).find_erasure(&job()).await.is_err());
    let aws = Aws::start(|_| Answer::json_error(400, "AccessDeniedException")).await;
    assert!(orders(&aws).find_erasure(&job()).await.is_err());
}

/// Whom it is about cannot be read.
#[tokio::test]
async fn an_unread_body_obeys_orders_about_its_owner() {
    let body = r#"{"version":"unread-1","tenant":"acme","instance":"LITE-AAAAAA-BBBBBB",
        "accepted_at":1787000000,"why":"bad_body","body":"e30="}"#;
    let body = UnreadBody::parse(body).expect("an unread body");
    let aws = start(|_| items(json!([erasure("1787000000")]))).await;
    assert!(orders(&aws).find_body_erasure(&body).await.expect("an answer").is_some());
    let asked = aws.only_request("BatchGetItem").json();
    assert_eq!(asked["RequestItems"]["orders"]["Keys"].as_array().map(Vec::len), Some(2));
}

/// A body that stays unread is not kept if it names whom was ordered to be erased: as a number, as
/// an address, or under the other spelling. Requests have at most 100 keys.
#[tokio::test]
async fn an_unread_body_that_names_an_erased_person_is_covered() {
    let fillers: String = (0..80).map(|n| format!(" 55118800{n:05}")).collect();
    for (text, is_covered) in [
        ("de 5500900000002 para", true),
        ("\"id\": \"5500900000002:12@s.whatsapp.net\"", true),
        ("+5500900000002", true),
        // After an escape in JSON.
        ("oi\\n5500900000002", true),
        ("55009000000021", false),
        ("nada", false),
    ] {
        let text = format!("{fillers} {text}");
        let body = json!({ "version": "unread-1", "tenant": "acme", "instance": INSTANCE,
            "accepted_at": 1_787_000_000, "why": "bad_body",
            "body": data_encoding::BASE64.encode(text.as_bytes()) });
        let body = UnreadBody::parse(&body.to_string()).expect("an unread body");
        let key = format!("erase#chat#*#{CHAT_HASH}");
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" => Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } })),
            "Decrypt" => Answer::json(&json!({ "Plaintext": KEY, "KeyId": "key" })),
            "Query" => Answer::json(&json!({ "Items": [] })),
            _ => {
                let keys = &seen.json()["RequestItems"]["orders"]["Keys"];
                assert!(keys.as_array().is_some_and(|keys| keys.len() <= 100));
                let is_asked = seen.text().contains(&key);
                let found = if is_asked { json!([erasure("1787000000")]) } else { json!([]) };
                Answer::json(&items(found))
            }
        })
        .await;
        let found = orders(&aws).find_named_erasure(&body, 1_787_000_100).await.expect("an answer");
        assert_eq!(found.is_some(), is_covered, "{text}");
    }
}

/// Of whom or what is held may be in it as well. And of an order from now on alone, nothing is
/// dropped: other people's messages may be in it.
#[tokio::test]
async fn a_body_is_kept_while_something_of_its_instance_is_held() {
    const NOW: i64 = 1_787_000_100;
    let body = json!({ "version": "unread-1", "tenant": "acme", "instance": INSTANCE,
        "accepted_at": 1_787_000_000, "why": "bad_body",
        "body": data_encoding::BASE64.encode(b"de 5500900000002") });
    let body = UnreadBody::parse(&body.to_string()).expect("an unread body");
    let hold = |instance: &str, until: i64| {
        json!({ "order": { "S": format!("hold#chat#{instance}#hash") }, "id": { "S": "hold1" },
            "until": { "N": until.to_string() } })
    };
    for (holds, before, is_covered) in [
        (vec![], "1787000000", true),
        (vec![hold("*", NOW + 1)], "1787000000", false),
        (vec![hold(INSTANCE, NOW + 1)], "1787000000", false),
        (vec![hold("LITE-OTHERS-AAAAAA", NOW + 1)], "1787000000", true),
        (vec![hold("*", NOW - 1)], "1787000000", true),
        (vec![], "1786999999", false),
    ] {
        let (case, mut order) = (format!("{holds:?} {before}"), erasure(before));
        order["from_now_on"] = json!({ "BOOL": true });
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" => Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } })),
            "Decrypt" => Answer::json(&json!({ "Plaintext": KEY, "KeyId": "key" })),
            "Query" => Answer::json(&json!({ "Items": holds })),
            _ => Answer::json(&items(json!([order]))),
        })
        .await;
        let found = orders(&aws).find_named_erasure(&body, NOW).await.expect("an answer");
        assert_eq!(found.is_some(), is_covered, "{case}");
    }
}
