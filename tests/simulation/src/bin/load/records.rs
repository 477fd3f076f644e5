//! The verbs that read records and counts.

use std::{sync::Arc, time::Duration};

use aws::clients::Clients;
use media::{counts::format_day, ids::InstanceId, message::Chat};
use operator::{counters::DayCounters, records::MediaRecords, unsettled::UnsettledMedia};
use serde_json::{Value, json};
use simulation::{
    chance::Chance,
    clockwork::WORLD_START,
    cloud::Cloud,
    fault::no_faults,
    schema,
    wire::{ENDPOINT, Process, Wire},
};

use crate::{Meter, VerbCost};

/// How many records the small table has.
pub(crate) const SMALL: usize = 10_000;

/// The records of the chat that is asked for.
const OF_CHAT: usize = 150;

/// The records of each other chat.
const OF_OTHERS: usize = 50;

/// The instance that has all records.
const INSTANCE: &str = "LITE-AAAAAA-000001";

/// The number that is asked for: half of its records are under its other spelling.
const PHONE: &str = "5500990000001";

/// The days of counts.
const DAYS: i64 = 400;

/// How many items are made before they are put into the table.
const AT_ONCE: usize = 10_000;

/// A cloud with a media table, a jobs table, and counts.
fn build_cloud(records: usize) -> Arc<Cloud> {
    let cloud = Cloud::start(Chance::from_seed(1), no_faults(), 0).expect("a cloud");
    for table in [schema::media_table_alone(), schema::jobs_table(), schema::counters_table()] {
        assert_eq!(cloud.tables.answer_call("CreateTable", &table).status(), 200);
    }
    let all: Vec<_> = (0..records).collect();
    for part in all.chunks(AT_ONCE) {
        let items: Vec<_> = part.iter().map(|n| record_item(*n)).collect();
        cloud.tables.put_items("media", &items).expect("records");
    }
    let counts: Vec<_> = (0..DAYS).map(|day| counts_item(day, records)).collect();
    cloud.tables.put_items("counters", &counts).expect("counts");
    cloud
}

/// The n-th record. The first are of the chat that is asked for; one is sent each second, the first
/// last.
fn record_item(n: usize) -> Value {
    let chats = Chat::spellings_of_phone(PHONE);
    let chat = match n {
        n if n < OF_CHAT => chats[n % chats.len()].as_str().to_owned(),
        n => format!("55009{:08}", n / OF_OTHERS),
    };
    let text = |text: &str| json!({ "S": text });
    let moment = WORLD_START - i64::try_from(n).expect("a count");
    json!({
        "instance": text(INSTANCE), "message_id": text(&format!("3EB0{n:08}#A")),
        "message": text(&format!("3EB0{n:08}")), "tenant": text("acme"), "chat": text(&chat),
        "kind": text("image"), "state": text("stored"),
        "moment": { "N": moment.to_string() }, "updated_at": { "N": moment.to_string() },
    })
}

/// The counts of a day.
fn counts_item(day: i64, records: usize) -> Value {
    let day = format_day(WORLD_START - day * 86_400);
    json!({
        "tenant": { "S": "acme" }, "day": { "S": format!("{day}#{INSTANCE}") },
        "announced": { "N": records.to_string() }, "stored": { "N": records.to_string() },
    })
}

/// Runs the verbs over a table with so many records.
pub(crate) async fn run_verbs(records: usize) -> Vec<VerbCost> {
    let cloud = build_cloud(records);
    let client = Wire::http_client(&cloud, &Process::new("operator", 0));
    let clients = Clients::with_http_client(client, ENDPOINT, Duration::from_mins(1));
    let counters = DayCounters::new(&clients, "counters".to_owned());
    let unsettled = UnsettledMedia::new(&clients, "jobs-table".to_owned());
    let media = MediaRecords::new(&clients, "media".to_owned());
    let instance = InstanceId::parse(INSTANCE).expect("an instance");
    let chats = Chat::spellings_of_phone(PHONE);
    let mut meter = Meter::start(&cloud);

    counters.find_beginning().await.expect("a time");
    let first = format_day(WORLD_START - 29 * 86_400);
    let days = counters.list_days("acme", &first, &format_day(WORLD_START)).await;
    for state in ["retrying", "parked"] {
        unsettled.count_by_tenant("acme", state, 20_000).await.expect("a count");
    }
    meter.note("stats --days 30", days.expect("days").len());

    let listed = media.list_by_chat(&instance, &chats).await.expect("a chat");
    let keys: Vec<_> = listed.iter().map(|one| one.key.as_str()).collect();
    let found = media.get_all(&instance, &keys).await.expect("records");
    meter.note("find --phone, export --phone", found.len());

    let listed = media.list_by_chat(&instance, &chats).await.expect("a chat");
    meter.note("select for erase --phone", listed.len());

    let found = media.search_instance(&instance, 0, |_| true, 101).await.expect("records");
    meter.note("find --limit 100", found.len());
    meter.costs
}
