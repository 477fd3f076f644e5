//! The schedule of the back-fill function: the log of each instance, at the hours of the plan.

use std::{sync::Arc, time::Duration};

use backfill::Backfill;
use media::ids::InstanceId;

use crate::{
    function::{ProcessContext, Slot},
    plan::CUSTOMERS,
};

/// Runs the back-fill for every customer at each of these times, in time since the world began.
pub(crate) async fn run_backfills(around: Arc<ProcessContext>, times: Vec<Duration>) {
    let mut slot: Slot<Arc<Backfill>> = Slot::new(&around, "backfill-0".to_owned());
    let cloud = &around.cloud;
    for at in times {
        cloud.clock.sleep_until(at).await;
        for customer in CUSTOMERS {
            let instance = InstanceId::parse(customer.instance).expect("an instance");
            let ended = slot.backfill_instance(&instance).await;
            let line = format!("back-fill of {instance}: {ended:?}");
            cloud.log.add_line(cloud.clock.now(), line);
        }
    }
}
