//! Records with any content: every verb that reads records shows or names each of them.
//!
//! The records are answers of a scripted DynamoDB and SQS, so that parsing is tested as well.

use std::{collections::BTreeMap, time::Duration};

use aws::{
    queues::ParkedQueue,
    register::{Register, RegisterTables},
};
use media::{
    ids::{InstanceId, MessageId, TenantId},
    parked::ParkedJob,
};
use operator::{
    erase::ErasableNames,
    records::{MediaRecord, MediaRecords},
    unsettled::UnsettledMedia,
};
use proptest::{collection::vec, prelude::*, sample::select};
use report::{Lang, Report, Terminal, View};
use scripted_aws::{Answer, Aws};
use serde_json::{Map, Value, json};
use time::UtcOffset;
use tokio::runtime;

use crate::{
    commands::{media as media_noun, parked, stats, tail},
    doctor::past::Past,
    odd_records::OddRecords,
    screen,
    tests::hostile_text::{HOSTILE, assert_plain},
};

const NOW: i64 = 1_787_438_879;
const INSTANCE: &str = "LITE-AAAAAA-000001";
const MESSAGE: &str = "3EB0000001";

/// A time: plausible, in another unit, or at an end of the range.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => NOW - 400_000..NOW + 400_000,
        1 => select(
            &[0, -1, NOW * 1_000, NOW * 1_000_000, 253_402_300_800, i64::MIN, i64::MAX][..]
        ),
        1 => any::<i64>(),
    ]
}

/// An attribute of any type, as DynamoDB writes it.
fn any_attribute() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any_time().prop_map(|n| n.to_string()),
        "-?[1-9][0-9]{0,37}(\\.[0-9]{1,4})?",
        "[1-9]e[1-9][0-9]?",
    ];
    let leaf = prop_oneof![
        3 => any::<String>().prop_map(|text| json!({ "S": text })),
        3 => number.prop_map(|n| json!({ "N": n })),
        1 => any::<bool>().prop_map(|flag| json!({ "BOOL": flag })),
        1 => Just(json!({ "NULL": true })),
        1 => Just(json!({ "B": "gACA" })),
        1 => vec(any::<String>(), 1..3).prop_map(|texts| json!({ "SS": texts })),
        1 => Just(json!({ "NS": ["1", "1e30"] })),
        1 => Just(json!({ "BS": ["gACA", ""] })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let map = proptest::collection::hash_map(any::<String>(), inner.clone(), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(|list| json!({ "L": list })),
            map.prop_map(|map| json!({ "M": map.into_iter().collect::<Map<_, _>>() })),
        ]
    })
}

/// An attribute of the right type, of any type, or missing.
fn attribute(right: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        5 => right.prop_map(Some),
        2 => any_attribute().prop_map(Some),
        1 => Just(None),
    ]
    .boxed()
}

/// A word of this version, any text, or a text that controls a terminal.
fn word(known: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        4 => select(known).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => select(HOSTILE).prop_map(str::to_owned),
    ];
    text.prop_map(|text| json!({ "S": text }))
}

fn number() -> impl Strategy<Value = Value> {
    any_time().prop_map(|n| json!({ "N": n.to_string() }))
}

/// The attributes that this version writes, and some of others.
fn attributes() -> Vec<(&'static str, BoxedStrategy<Option<Value>>)> {
    let attempt = json!({ "M": { "strategy": { "S": "cdn" }, "verdict": { "S": "gone" },
        "duration_ms": { "N": "5" }, "received_bytes": { "N": "0" } } });
    let attempts = vec(prop_oneof![Just(attempt), any_attribute()], 0..3);
    vec![
        ("message", attribute(word(&[MESSAGE]))),
        ("tenant", attribute(word(&["acme"]))),
        ("chat", attribute(word(&["5500900000001"]))),
        ("kind", attribute(word(&["image", "video", "hologram"]))),
        ("direction", attribute(word(&["in", "out"]))),
        ("state", attribute(word(&["stored", "retrying", "parked", "skipped", "erased", "lent"]))),
        ("class", attribute(word(&["transient", "expired", "of another version"]))),
        ("reason", attribute(word(&["wapi: W-API could not download the content"]))),
        ("strategy", attribute(word(&["wapi", "wapi_alternate", "cdn", "by post"]))),
        ("integrity", attribute(word(&["mac+sha256"]))),
        ("object_key", attribute(word(&["acme/LITE-AAAAAA-000001/5500900000001/2026/08/a.jpg"]))),
        ("size_bytes", attribute(number())),
        ("moment", attribute(number())),
        ("recoverable_until", attribute(number())),
        ("stored_at", attribute(number())),
        ("updated_at", attribute(number())),
        ("attempts", attribute(attempts.prop_map(|list| json!({ "L": list })))),
        ("lease_until", attribute(number())),
        ("of a later version", attribute(word(&["x"]))),
        ("key", attribute(word(&["x"]))),
    ]
}

/// An item of the table of media under a key of its own.
fn item(n: usize) -> impl Strategy<Value = Value> {
    let (names, values): (Vec<_>, Vec<_>) = attributes().into_iter().unzip();
    let is_old = any::<bool>();
    (values, is_old).prop_map(move |(values, is_old)| {
        let named = names.iter().map(|name| (*name).to_owned()).zip(values);
        let mut item: Map<_, _> = named.filter_map(|(name, value)| Some((name, value?))).collect();
        // In records of older versions the key is the message's id, with a number from the second
        // media message on.
        let key = match is_old {
            true => format!("{MESSAGE}.{}", n + 2),
            false => format!(
                "{MESSAGE}#{}",
                "ABCDEFGH".chars().nth(n).unwrap_or('X').to_string().repeat(26)
            ),
        };
        item.insert("instance".to_owned(), json!({ "S": INSTANCE }));
        item.insert("message_id".to_owned(), json!({ "S": key }));
        Value::Object(item)
    })
}

fn items() -> impl Strategy<Value = Vec<Value>> {
    (item(0), item(1), item(2), 0..4_usize)
        .prop_map(|(one, two, three, count)| [one, two, three].into_iter().take(count).collect())
}

/// A scripted AWS that answers every request with these items.
async fn aws(items: &[Value]) -> Aws {
    let page = json!({ "Items": items });
    Aws::start(move |_| Answer::json(&page)).await
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

fn instance() -> InstanceId {
    InstanceId::parse(INSTANCE).expect("an instance")
}

/// The records that one kind of query returns. Every query returns all of them.
fn read(items: &[Value], how: &str) -> Vec<MediaRecord> {
    let found = block_on(async {
        let aws = aws(items).await;
        let records = MediaRecords::new(&aws.clients, "media".to_owned());
        let (instance, message) = (instance(), MessageId::parse(MESSAGE).expect("an id"));
        match how {
            "moment" => records.list_by_instance(&instance, i64::MIN, 100).await,
            "time" => {
                let mut found = Vec::new();
                let visit = |record| found.push(record);
                records.visit_changed_since(&instance, i64::MIN, visit).await.map(|()| found)
            }
            "state" => {
                let unsettled = UnsettledMedia::new(&aws.clients, "jobs-table".to_owned());
                let mut found = unsettled.list_by_state("parked", 100).await;
                // Each class is a query, and each query returns all items.
                found.iter_mut().for_each(|found| found.truncate(items.len()));
                found
            }
            _ => records.list_by_message(&instance, &message).await,
        }
    });
    found.expect("an answer")
}

/// How many of these a command names as not parsed in full.
fn count_of_unread(records: &[MediaRecord]) -> u64 {
    let mut odd = OddRecords::default();
    records.iter().for_each(|record| odd.inspect_record(record));
    assert_eq!(odd.to_sentence().is_some(), odd.count() > 0);
    odd.count()
}

fn keys(items: &[Value]) -> impl Iterator<Item = &str> {
    items.iter().filter_map(|item| item["message_id"]["S"].as_str())
}

/// A report of these records and nothing else.
fn report(past: &Past, lang: Lang) -> Report {
    Report {
        stack: "stack".to_owned(),
        region: "sa-east-1".to_owned(),
        taken_at: NOW,
        instance: None,
        root_cause: None,
        steps: Vec::new(),
        endpoints: Vec::new(),
        instances: Vec::new(),
        folders: Vec::new(),
        failures: past.to_failures(lang),
        controlled: None,
        settings: Vec::new(),
        expiring: past.expiring,
        hours: past.hours_until(NOW),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn find_and_export_tell_of_every_record(items in items()) {
        let found = read(&items, "moment");
        prop_assert_eq!(found.len(), items.len());
        let text = screen::replace_control(&media_noun::display::records_table(&found).to_string());
        let json = screen::escape_json(&json!(found));
        assert_plain(&text);
        assert_plain(&json);
        // A header of three lines, and at least one line per record.
        prop_assert!(text.lines().count() >= 3 + items.len());
        for key in keys(&items) {
            prop_assert!(json.contains(key), "{json}");
        }
        for record in &found {
            media_noun::export::index::index_of(record).expect("a line of the index");
        }
    }

    #[test]
    fn show_prints_every_attribute(items in items()) {
        // A message's records are looked up in three ways, and each answers the same here.
        let found = read(&items, "message");
        prop_assert_eq!(found.len(), 3 * items.len());
        let texts: Vec<_> = found.iter().map(media_noun::display::describe_record).collect();
        let text = screen::replace_control(&texts.join("\n"));
        assert_plain(&text);
        for key in keys(&items) {
            prop_assert!(text.contains(key), "{text}");
        }
        let fields = items.iter().flat_map(|item| item.as_object().into_iter().flatten());
        for name in fields.map(|(name, _)| name) {
            let name = if name == "message" { "message_id" } else { name };
            prop_assert!(text.contains(name) || name == "attempts", "{name} in {text}");
        }
        count_of_unread(&found);
    }

    #[test]
    fn stats_count_every_record_or_name_it(items in items()) {
        let found = read(&items, "time");
        let (timed, untimed): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|one| one.happened_at().is_some());
        prop_assert_eq!(timed.len() + untimed.len(), items.len());
        let is_plain = |one: &&MediaRecord| one.is_mark() && one.not_understood.is_empty();
        let marks = untimed.iter().filter(is_plain).count() as u64;
        prop_assert_eq!(count_of_unread(&untimed) + marks, untimed.len() as u64);
        let count = timed.len() as u64;
        let (json, text) = stats::to_json_and_text(timed);
        let counted = |row: &Value| row["count"]["announced"].as_u64().unwrap_or_default();
        let rows = json.as_array().expect("rows");
        prop_assert_eq!(rows.iter().map(counted).sum::<u64>(), count);
        prop_assert!(!text.is_empty());
    }

    #[test]
    fn a_doctors_report_is_made_of_any_records(items in items(), others in items()) {
        let (records, unstored) = (read(&items, "time"), read(&others, "state"));
        prop_assert_eq!(unstored.len(), others.len());
        let past = Past::default().with_records(records, (&unstored, &[]), NOW);
        let failures = past.to_failures(Lang::En);
        prop_assert_eq!(failures.iter().map(|one| one.count).sum::<u64>(), others.len() as u64);
        for lang in Lang::ALL {
            let report = report(&past, lang);
            let view = View { lang, offset: UtcOffset::UTC };
            let terminal = Terminal { colour: false, width: 120 };
            // The doctor prints this text without replacing anything: it may have colours.
            let text = report::render_text(&report, view, terminal);
            prop_assert!(!text.is_empty());
            assert_plain(&text);
            prop_assert!(report::render_html(&report, view).is_ok());
            let json = report::render_json(&report).expect("JSON");
            assert_plain(&screen::escape_json(&serde_json::from_str(&json).expect("JSON")));
        }
    }

    #[test]
    fn erasing_selects_or_names_every_record(items in items()) {
        let tenant = TenantId::parse("acme").expect("a tenant");
        let found = block_on(async {
            let aws = aws(&items).await;
            let records = MediaRecords::new(&aws.clients, "media".to_owned());
            records.list_erasable(&tenant, &instance(), ErasableNames::default(), None).await
        });
        let found = found.expect("an answer");
        let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
        let is_other = |item: &&Value| {
            text(item, "state").as_deref() == Some("erased")
                || text(item, "tenant").is_some_and(|tenant| tenant != "acme")
        };
        let others = items.iter().filter(is_other).count();
        prop_assert_eq!(found.meant.len() + found.unread.len() + others, items.len());
    }

    #[test]
    fn every_parked_message_is_printed(
        body in prop_oneof![any::<String>(), any_time().prop_map(job)],
        class in any::<String>(),
        reason in any::<String>(),
        receives in any_time(),
        sent in any_time()
    ) {
        let text = |text: &str| json!({ "DataType": "String", "StringValue": text });
        let message = json!({ "MessageId": "1", "ReceiptHandle": "r", "Body": body,
            "Attributes": { "SentTimestamp": sent.to_string() },
            "MessageAttributes": { "class": text(&class), "reason": text(&reason),
                "receives": text(&receives.to_string()) } });
        let page = json!({ "Messages": [message] });
        let taken = block_on(async {
            let aws = Aws::start(move |_| Answer::json(&page)).await;
            let queue = ParkedQueue::new(&aws.clients, "http://localhost/parked".to_owned());
            queue.receive(Duration::from_secs(1)).await
        });
        let taken = taken.expect("an answer").into_iter();
        let found: Vec<ParkedJob> = taken.map(|one| one.parked).collect();
        prop_assert_eq!(found.len(), 1);
        let json = parked::display::to_json(&found[0]);
        prop_assert_eq!(&json["class"], &json!(class));
        prop_assert_eq!(&json["moved_by_sqs"], &json!(false));
        prop_assert!(parked::display::parked_table(&found).to_string().lines().count() >= 4);
    }

    #[test]
    fn every_instance_is_listed_or_named(
        values in vec(attribute(word(&["acme"])), 7), created in attribute(number())
    ) {
        let names = [
            "tenant", "secret_hashes", "strategies", "policy", "sealed_token", "paused_at",
            "strategies_set_at",
        ];
        let named = names.into_iter().zip(values).chain([("created_at", created)]);
        let odd: BTreeMap<_, _> = named.filter_map(|(name, value)| Some((name, value?))).collect();
        let mut odd = json!(odd);
        odd["instance"] = json!({ "S": INSTANCE });
        let roll = block_on(async {
            let aws = aws(&[odd]).await;
            let places = RegisterTables {
                instances_table: "instances".to_owned(),
                tenants_table: "tenants".to_owned(),
                token_key: "key".to_owned(),
            };
            Register::new(&aws.clients, places).list_instances().await
        });
        let roll = roll.expect("an answer");
        let ids = roll.known.iter().map(|one| one.id.as_str());
        let ids: Vec<_> = ids.chain(roll.unread.iter().map(|one| one.id.as_str())).collect();
        prop_assert_eq!(ids, [INSTANCE]);
    }

    #[test]
    fn log_lines_of_any_time_are_printed(at in any_time(), line in any_attribute()) {
        prop_assert!(!tail::format_line("download", at, &line).is_empty());
        for lang in Lang::ALL {
            prop_assert!(!screen::format_age(at, lang).is_empty());
        }
    }
}

/// The body of a job in a queue.
fn job(moment: i64) -> String {
    let job = json!({ "version": "1", "tenant": "acme", "instance": INSTANCE, "accepted_at": NOW,
        "message": { "message_id": MESSAGE, "chat": "5500900000001", "direction": "in",
            "moment": moment, "kind": "image", "direct_path": "/v/x?oh=1&oe=7fffffff" } });
    job.to_string()
}

/// As after a backfill of old messages: sent long ago, stored today.
#[test]
fn charts_count_by_time_of_storing() {
    let stored = |n: i64| MediaRecord {
        moment: Some(NOW - 40 * 24 * 60 * 60 - n),
        state: "stored".to_owned(),
        strategy: Some("cdn".to_owned()),
        updated_at: Some(NOW - 60 * n),
        ..MediaRecord::default()
    };
    let past = Past::default().with_records((0..90).map(stored).collect(), (&[], &[]), NOW);
    let stored: u64 = past.hours_until(NOW).iter().map(report::Hour::stored).sum();
    assert_eq!(stored, 90);
    assert_eq!(past.share_of(media::strategy::Strategy::Cdn), (90, 90));
}
