//! Spares an origin that keeps failing, so that media do not pay its timeout one by one.
//!
//! A circuit belongs to a strategy (there is one base per strategy and process), or to one instance's use
//! of it: a disconnected instance says nothing about the others. After five failures in a row a circuit is
//! open: the strategy is skipped for half a minute, then one medium probes it, then for twice as long, up
//! to five minutes. One success closes it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use media::{ids::InstanceId, strategy::Strategy};
use wapi::download::{Refusal, RefusalRow};

use crate::error::{FetchError, Wait};

/// Failures in a row that open a circuit.
const MOST_FAILURES: u32 = 5;

/// How long a circuit is open at first, in seconds; then twice as long, and so on.
const FIRST_REST: i64 = 30;

/// How long at most.
const LONGEST_REST: i64 = 5 * 60;

/// A probe that has not reported after this never will: its process ended. In seconds.
const LONGEST_PROBE: i64 = 2 * 60;

/// Circuits kept at most. Reached only with thousands of failing instances; then all start afresh.
const MOST_CIRCUITS: usize = 10_000;

/// Whose failures are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Circuit {
    strategy: Strategy,
    /// Of one instance, or of the origin for everyone.
    instance: Option<InstanceId>,
}

/// What was seen of a circuit since its last success.
#[derive(Debug, Clone, Copy)]
struct Failing {
    in_a_row: u32,
    /// In seconds since 1970. Set anew when a probe begins, so that there is one at a time, and another
    /// if that one never reports.
    rests_until: i64,
    rest: i64,
    is_probed: bool,
    is_unauthorized: bool,
}

/// The circuits of a process.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failing: Mutex<HashMap<Circuit, Failing>>,
}

/// The strategy is to be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spared {
    /// For how long yet.
    pub(crate) left: Duration,
    /// What opened the circuit was a refusal of the instance's credentials.
    pub(crate) is_unauthorized: bool,
}

/// What a failure says of the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is down, for everyone.
    Origin,
    /// It does not serve this instance.
    Instance { is_unauthorized: bool },
    /// It works; this medium is the trouble.
    Medium,
    /// Nothing: the origin was not at fault, or not asked.
    Unsaid,
}

impl Breaker {
    /// Whether the strategy may be tried. `now` is in seconds since 1970.
    pub(crate) fn admit(
        &self,
        strategy: Strategy,
        instance: &InstanceId,
        now: i64,
    ) -> Result<(), Spared> {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let circuits = circuits(strategy, instance);
        let spared = |circuit: &Circuit| {
            let seen = failing.get(circuit)?;
            let is_open = seen.in_a_row >= MOST_FAILURES && now < seen.rests_until;
            is_open.then(|| Spared {
                left: Duration::from_secs(
                    u64::try_from(seen.rests_until.saturating_sub(now)).unwrap_or_default(),
                ),
                is_unauthorized: seen.is_unauthorized,
            })
        };
        if let Some(spared) = circuits.iter().find_map(spared) {
            return Err(spared);
        }
        // This one is the probe of a circuit that was open; until it reports, no other is.
        for circuit in &circuits {
            if let Some(seen) = failing.get_mut(circuit)
                && seen.in_a_row >= MOST_FAILURES
            {
                seen.rests_until = now.saturating_add(seen.rest.max(LONGEST_PROBE));
                seen.is_probed = true;
            }
        }
        Ok(())
    }

    /// Learns from an attempt.
    pub(crate) fn learn(
        &self,
        strategy: Strategy,
        instance: &InstanceId,
        failure: Option<&FetchError>,
        now: i64,
    ) {
        let fault = failure.map_or(Fault::Medium, fault_of);
        let [origin, own] = circuits(strategy, instance);
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Fault::Unsaid => {}
            Fault::Medium => {
                failing.remove(&origin);
                failing.remove(&own);
            }
            Fault::Origin => count(&mut failing, origin, now, false),
            Fault::Instance { is_unauthorized } => {
                failing.remove(&origin);
                count(&mut failing, own, now, is_unauthorized);
            }
        }
    }
}

fn circuits(strategy: Strategy, instance: &InstanceId) -> [Circuit; 2] {
    [None, Some(instance.clone())].map(|instance| Circuit { strategy, instance })
}

fn count(
    failing: &mut HashMap<Circuit, Failing>,
    circuit: Circuit,
    now: i64,
    is_unauthorized: bool,
) {
    if failing.len() >= MOST_CIRCUITS {
        failing.clear();
    }
    let seen = failing.entry(circuit).or_insert(Failing {
        in_a_row: 0,
        rests_until: now,
        rest: FIRST_REST,
        is_probed: false,
        is_unauthorized,
    });
    seen.in_a_row = seen.in_a_row.saturating_add(1);
    seen.is_unauthorized = is_unauthorized;
    if seen.in_a_row == MOST_FAILURES {
        seen.rests_until = now.saturating_add(seen.rest);
    } else if seen.is_probed {
        // Only the probe lengthens the rest: runs that were under way when the circuit opened fail too.
        seen.is_probed = false;
        seen.rest = (seen.rest * 2).min(LONGEST_REST);
        seen.rests_until = now.saturating_add(seen.rest);
    }
}

fn fault_of(failure: &FetchError) -> Fault {
    match failure {
        FetchError::Transport(_)
        | FetchError::TimedOut(Wait::Answer | Wait::Bytes | Wait::Speed)
        | FetchError::Status { .. }
        | FetchError::NotTheFile
        | FetchError::Incomplete { .. }
        | FetchError::NotResumed => Fault::Origin,
        FetchError::Refused(refusal) => fault_of_refusal(refusal),
        FetchError::LinkUnauthorized => Fault::Instance {
            is_unauthorized: true,
        },
        FetchError::Gone
        | FetchError::Unsigned
        | FetchError::Keyless
        | FetchError::TooLarge { .. }
        | FetchError::Open(_) => Fault::Medium,
        FetchError::Client(_)
        | FetchError::TimedOut(Wait::Deadline | Wait::Buffer | Wait::Turn)
        | FetchError::Forbidden(_)
        | FetchError::NotApplicable(_)
        | FetchError::Expired
        | FetchError::Spared { .. } => Fault::Unsaid,
    }
}

/// W-API's 500 is no word on W-API: a disconnected instance and an expired key give it as well.
fn fault_of_refusal(refusal: &Refusal) -> Fault {
    match refusal.row {
        RefusalRow::DownloadFailed => Fault::Instance {
            is_unauthorized: false,
        },
        RefusalRow::Unauthorized => Fault::Instance {
            is_unauthorized: true,
        },
        RefusalRow::TooMany { .. } | RefusalRow::Gateway { .. } | RefusalRow::Unexpected => {
            Fault::Origin
        }
        RefusalRow::BadFields
        | RefusalRow::NotFound
        | RefusalRow::NoLink
        | RefusalRow::ForeignLink
        | RefusalRow::ExpiredLink => Fault::Medium,
    }
}
