//! What a run calls, built once per process: tables, queue and W-API; and how gently.

use std::time::Duration;

use aws::{
    clients::Clients, instance_states::InstanceStates, instances::Instances, ledger::RecordTable,
    marks::Marks, open_people::OpenPeople, orders::Orders, people::PeopleTable, queues::JobsQueue,
};
use fetch::{FetchError, account::AccountClient};

use crate::config::Config;

/// How gently the log is read.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The pause between two pages of one instance.
    pub pause: Duration,
    /// How many pages of one instance a run reads, at most. A later run goes on.
    pub max_pages: u32,
    /// The pause between two questions for the LID of a number.
    pub ask_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_millis(250),
            max_pages: 100,
            ask_pause: Duration::from_secs(2),
        }
    }
}

/// What a run calls.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) instances: Instances,
    pub(crate) records: RecordTable,
    pub(crate) marks: Marks,
    pub(crate) states: InstanceStates,
    pub(crate) orders: Orders,
    pub(crate) jobs: JobsQueue,
    /// `None`: W-API is not asked for LIDs.
    pub(crate) people: Option<People>,
    pub(crate) wapi: AccountClient,
    pub(crate) pace: Pace,
}

/// The table of people: its pairs, and the numbers without a LID.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) pairs: PeopleTable,
    pub(crate) open: OpenPeople,
}

impl Services {
    pub(crate) fn new(clients: &Clients, config: Config, pace: Pace) -> Result<Self, FetchError> {
        let people = config.people_table.map(|table| People {
            pairs: PeopleTable::new(clients, table.clone()),
            open: OpenPeople::new(clients, table),
        });
        Ok(Self {
            instances: Instances::new(clients, config.instances_table),
            records: RecordTable::new(clients, config.media_table),
            states: InstanceStates::new(clients, config.marks_table.clone()),
            marks: Marks::new(clients, config.marks_table),
            orders: Orders::new(clients, config.orders_table),
            jobs: JobsQueue::new(clients, config.jobs_queue_url),
            people,
            wapi: AccountClient::new(&config.origins)?,
            pace,
        })
    }
}
