//! The faults of a seed. Each seed has its own choice of the kinds of fault, whole kinds switched
//! on or off: what all kinds together hide, a few of them show.

use std::{sync::Arc, time::Duration};

use crate::{
    chance::Chance,
    cloud::queue::MAX_IN_FLIGHT,
    door::{DoorFault, DoorPlan, Knock, open_door},
    fault::{self, Call, Fault, MAX_IDLE},
};

/// Later invocations of a slot do not stall, so that a world recovers.
const MAX_STALLED_INVOCATION: u32 = 40;
/// Most invocations take less than this.
const MAX_TIME_TO_STALL: Duration = Duration::from_secs(3);

/// The door of a seed.
pub(super) struct SeedDoor {
    pub(super) plan: DoorPlan,
    pub(super) is_faulty: bool,
}

/// The kinds that are switched on or off together.
const KINDS: [&str; 6] = ["refused", "done", "broken", "silent", "slow", "killed"];

fn kind_of(fault: Fault) -> &'static str {
    match fault {
        Fault::None => "none",
        Fault::Refused { .. } | Fault::Partial => "refused",
        Fault::DoneRefused { .. } | Fault::DoneBroken | Fault::DoneSilent => "done",
        Fault::Broken => "broken",
        Fault::Silent => "silent",
        Fault::Slow(_) => "slow",
        Fault::Killed | Fault::DoneKilled => "killed",
    }
}

/// Any call may have any of the seed's kinds of fault, at a random rate, until the world recovers.
/// In some worlds a process that was frozen finds its connections dead, also later.
pub(super) fn plan_faults(chance: Chance) -> fault::Plan {
    let rates = [0, 20, 60, 150, 300];
    let per_mille = chance.named("rate").pick(&rates).unwrap_or_default();
    let heals_at =
        Duration::from_mins(10) + chance.named("heals").random_time(Duration::from_hours(8));
    let is_on = move |kind: &str| chance.named("kinds").named(kind).happens(600);
    let services = ["s3", "sqs", "dynamodb", "kms"];
    let is_service_on = move |operation: &str| {
        let service = operation.split(':').next().unwrap_or_default();
        services.contains(&service) && chance.named("services").named(service).happens(800)
    };
    let has_dead_connections = chance.named("dead connections").happens(300);
    Arc::new(move |call: &Call| {
        let chance = chance.named(&call.operation).named(&call.subject).named(call.nth_of_subject);
        if call.process == "operator" {
            return Fault::None;
        }
        if has_dead_connections && call.idle > MAX_IDLE {
            let dead = [Fault::Broken, Fault::Silent];
            return chance.named("dead").pick(&dead).unwrap_or_default();
        }
        if call.at > heals_at || !chance.happens(per_mille) || !is_service_on(&call.operation) {
            return Fault::None;
        }
        let mut all = fault::common_faults(&call.operation);
        all.extend(fault::operation_faults(&call.operation));
        all.retain(|fault| KINDS.contains(&kind_of(*fault)) && is_on(kind_of(*fault)));
        chance.named("which").pick(&all).unwrap_or_default()
    })
}

/// In some worlds API Gateway answers in the function's place.
pub(super) fn plan_door(chance: Chance) -> SeedDoor {
    let per_mille = chance.named("rate").pick(&[0, 0, 60, 300]).unwrap_or_default();
    if per_mille == 0 {
        return SeedDoor { plan: open_door(), is_faulty: false };
    }
    let faults = [
        DoorFault::Refused(429),
        DoorFault::Refused(503),
        DoorFault::Refused(504),
        DoorFault::Replaced(503),
        DoorFault::Replaced(504),
    ];
    let plan = move |knock: &Knock<'_>| {
        let chance = chance.named(knock.message).named(knock.post).named(knock.repeat);
        if !chance.happens(per_mille) {
            return DoorFault::None;
        }
        chance.named("which").pick(&faults).unwrap_or_default()
    };
    SeedDoor { plan: Arc::new(plan), is_faulty: true }
}

/// How long a process takes to start.
pub(super) fn plan_cold_start(chance: Chance) -> Duration {
    let millis = chance.pick(&[0, 0, 800, 3000]).unwrap_or_default();
    Duration::from_millis(millis)
}

/// In some worlds invocations stall: a few among the first ones of each slot.
pub(super) fn plan_stalls(chance: Chance) -> fault::Stalls {
    let per_mille = chance.named("rate").pick(&[0, 0, 0, 30, 150]).unwrap_or_default();
    Arc::new(move |slot: &str, nth| {
        let chance = chance.named(slot).named(nth);
        let is_stalled = nth <= MAX_STALLED_INVOCATION && chance.happens(per_mille);
        is_stalled.then(|| chance.named("after").random_time(MAX_TIME_TO_STALL))
    })
}

/// How many messages of a queue may be in flight.
pub(super) fn plan_in_flight(chance: Chance) -> usize {
    let limits = [MAX_IN_FLIGHT, MAX_IN_FLIGHT, MAX_IN_FLIGHT, 4, 10];
    chance.pick(&limits).unwrap_or(MAX_IN_FLIGHT)
}

/// By how much reads that are not consistent may be late.
pub(super) fn plan_read_lag(chance: Chance) -> Duration {
    Duration::from_secs(chance.pick(&[0, 0, 1, 5, 20]).unwrap_or_default())
}
