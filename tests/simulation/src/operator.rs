//! What an operator does with parked jobs and with orders, with the code of the command.

use std::{sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    orders::{NewErasure, Orders},
    queues::{JobsQueue, ParkedQueue},
};
use media::{ids::TenantId, message::Chat, order::OrderSubject, parked::Filter};
use parking::{Parking, RedriveMode};
use serde_json::json;

use crate::{
    cloud::{Cloud, sqs::QUEUE_URL_BASE},
    function::{INSTANCES, JOBS, JOBS_TABLE, MEDIA, ORDERS, PARKED},
    plan::Erasure,
    wire::{ENDPOINT, Process, Wire},
};

fn build_clients(cloud: &Arc<Cloud>) -> Clients {
    let client = Wire::http_client(cloud, &Process::new("operator", 0));
    Clients::with_http_client(client, ENDPOINT, Duration::from_mins(1))
}

/// Gives an order to erase a chat.
pub(crate) async fn order_erasure(cloud: &Arc<Cloud>, erasure: Erasure) {
    let orders = Orders::new(&build_clients(cloud), ORDERS.to_owned());
    let tenant = TenantId::parse(erasure.customer.tenant).expect("a tenant");
    let chat = Chat::try_from(erasure.chat.to_owned()).expect("a chat");
    let key = orders.create_key(&tenant, "key", [7; 32]).await.expect("a key");
    let new = NewErasure {
        tenant: &tenant,
        subjects: &[OrderSubject::for_chat(None, &chat)],
        before: cloud.clock.unix(),
        from_now_on: erasure.from_now_on,
        reference: None,
        by: "arn:aws:iam::000000000000:user/operator",
        id: "order1",
    };
    let given = orders.put_erasure(&key, &new).await;
    assert_eq!(given.as_deref(), Ok("order1"));
}

/// Removes the objects, records and entries of a chat, but not its messages in the queues.
pub(crate) fn remove_chat(cloud: &Arc<Cloud>, chat: &str) {
    cloud.bucket.remove_objects(&format!("/{chat}/"));
    for table in [MEDIA, JOBS_TABLE] {
        for item in cloud.tables.items(table).expect("items") {
            if !item.to_string().contains(chat) {
                continue;
            }
            let key = json!({
                "TableName": table,
                "Key": { "instance": item["instance"], "message_id": item["message_id"] },
            });
            let answer = cloud.tables.answer_call("DeleteItem", &key);
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
    }
}

/// Redrives everything that is parked.
pub(crate) async fn redrive_parked(cloud: &Arc<Cloud>) {
    let clients = build_clients(cloud);
    let url = |name: &str| format!("{QUEUE_URL_BASE}{name}");
    let tables = LedgerTables { media: MEDIA.to_owned(), jobs: JOBS_TABLE.to_owned() };
    let parking = Parking::new(
        ParkedQueue::new(&clients, url(PARKED)),
        JobsQueue::new(&clients, url(JOBS)),
        Ledger::new(&clients, tables),
        Instances::new(&clients, INSTANCES.to_owned()),
    )
    .with_orders(Orders::new(&clients, ORDERS.to_owned()));
    let mode = RedriveMode::Send { per_second: 500 };
    let redriven = parking.redrive(&Filter::default(), mode, cloud.clock.unix(), |_| {}).await;
    cloud.log.add_line(cloud.clock.now(), format!("redriven: {redriven:?}"));
}
