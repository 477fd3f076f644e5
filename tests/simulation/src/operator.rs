//! What an operator does with parked jobs, with the code of the command.

use std::{sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    queues::{JobsQueue, ParkedQueue},
};
use media::parked::Filter;
use parking::{Parking, RedriveMode};

use crate::{
    cloud::{Cloud, sqs::QUEUE_URL_BASE},
    function::{INSTANCES, JOBS, JOBS_TABLE, MEDIA, PARKED},
    wire::{ENDPOINT, Process, Wire},
};

/// Redrives everything that is parked.
pub(crate) async fn redrive_parked(cloud: &Arc<Cloud>) {
    let client = Wire::http_client(cloud, &Process::new("operator", 0));
    let clients = Clients::with_http_client(client, ENDPOINT, Duration::from_mins(1));
    let url = |name: &str| format!("{QUEUE_URL_BASE}{name}");
    let tables = LedgerTables { media: MEDIA.to_owned(), jobs: JOBS_TABLE.to_owned() };
    let parking = Parking::new(
        ParkedQueue::new(&clients, url(PARKED)),
        JobsQueue::new(&clients, url(JOBS)),
        Ledger::new(&clients, tables),
        Instances::new(&clients, INSTANCES.to_owned()),
    );
    let mode = RedriveMode::Send { per_second: 500 };
    let redriven = parking.redrive(&Filter::default(), mode, cloud.clock.unix(), |_| {}).await;
    cloud.log.add_line(cloud.clock.now(), format!("redriven: {redriven:?}"));
}
