//! Circuit breaker: skips an origin that keeps failing, so that not every media message waits for
//! its timeout.
//!
//! A circuit covers a strategy (each strategy has one base URL per process), or one instance's use
//! of it, because one disconnected instance does not mean that the others fail. Five failures in a
//! row open a circuit. The strategy is then skipped for 30 seconds; after that one media message
//! probes it. Each failed probe doubles the rest, up to five minutes. One success closes the
//! circuit.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use media::{ids::InstanceId, strategy::Strategy};
use wapi::download::{Refusal, RefusalRow};

use crate::error::{FetchError, Wait};

/// Failures in a row that open a circuit.
const MAX_FAILURES: u32 = 5;

/// First time that a circuit stays open, in seconds. Each failed probe doubles it.
const FIRST_REST_SECONDS: i64 = 30;

/// Maximum time that a circuit stays open, in seconds.
const MAX_REST_SECONDS: i64 = 5 * 60;

/// Time after which a probe is considered lost because its process ended, in seconds.
const MAX_PROBE_SECONDS: i64 = 2 * 60;

/// Maximum number of circuits. With more failing instances, all circuits are reset.
const MAX_CIRCUITS: usize = 10_000;

/// The scope over which failures are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Circuit {
    strategy: Strategy,
    /// The instance, or `None` for the origin as a whole.
    instance: Option<InstanceId>,
}

/// The failures of a circuit since its last success.
#[derive(Debug, Clone, Copy)]
struct CircuitState {
    in_a_row: u32,
    /// End of the rest, in seconds since 1970. The start of a probe moves it forward: this allows
    /// one probe at a time, and a new one if a probe never reports.
    rests_until: i64,
    rest: i64,
    is_probed: bool,
    is_unauthorized: bool,
}

/// All circuits of a process.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    states: Mutex<HashMap<Circuit, CircuitState>>,
}

/// A circuit is open: the strategy must be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CircuitOpen {
    /// Time left until the next probe.
    pub(crate) left: Duration,
    /// Whether the circuit opened because the instance's credentials were refused.
    pub(crate) is_unauthorized: bool,
}

/// Who is responsible for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The origin is down for every instance.
    Origin,
    /// The origin does not serve this instance.
    Instance { is_unauthorized: bool },
    /// The origin works; this media file cannot be served.
    MediaFile,
    /// Unknown: the origin was not at fault, or no request was sent.
    None,
}

impl Breaker {
    /// Allows or refuses an attempt. `now` is in seconds since 1970.
    pub(crate) fn admit(
        &self,
        strategy: Strategy,
        instance: &InstanceId,
        now: i64,
    ) -> Result<(), CircuitOpen> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let circuits = circuits_for(strategy, instance);
        let open_circuit = |circuit: &Circuit| {
            let state = states.get(circuit)?;
            let is_open = state.in_a_row >= MAX_FAILURES && now < state.rests_until;
            is_open.then(|| CircuitOpen {
                left: Duration::from_secs(
                    u64::try_from(state.rests_until.saturating_sub(now)).unwrap_or_default(),
                ),
                is_unauthorized: state.is_unauthorized,
            })
        };
        if let Some(open_circuit) = circuits.iter().find_map(open_circuit) {
            return Err(open_circuit);
        }
        // The circuit was open and its rest is over, so this attempt is the probe. Moving the end
        // of the rest keeps other attempts out until the probe reports.
        for circuit in &circuits {
            if let Some(state) = states.get_mut(circuit)
                && state.in_a_row >= MAX_FAILURES
            {
                state.rests_until = now.saturating_add(state.rest.max(MAX_PROBE_SECONDS));
                state.is_probed = true;
            }
        }
        Ok(())
    }

    /// Updates the circuits with the outcome of an attempt.
    pub(crate) fn record_outcome(
        &self,
        strategy: Strategy,
        instance: &InstanceId,
        failure: Option<&FetchError>,
        now: i64,
    ) {
        let fault = failure.map_or(Fault::MediaFile, fault_from_error);
        let [origin, own] = circuits_for(strategy, instance);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Fault::None => {}
            // The origin answered as it should, so both circuits close.
            Fault::MediaFile => {
                states.remove(&origin);
                states.remove(&own);
            }
            // The instance may be fine, so its own count does not change.
            Fault::Origin => count_failure(&mut states, origin, now, false),
            // The origin answered, so it works for the other instances.
            Fault::Instance { is_unauthorized } => {
                states.remove(&origin);
                count_failure(&mut states, own, now, is_unauthorized);
            }
        }
    }
}

/// The circuit of the origin, then that of the instance.
fn circuits_for(strategy: Strategy, instance: &InstanceId) -> [Circuit; 2] {
    [None, Some(instance.clone())].map(|instance| Circuit { strategy, instance })
}

/// Counts a failure. The fifth in a row opens the circuit; a failed probe doubles the rest.
fn count_failure(
    states: &mut HashMap<Circuit, CircuitState>,
    circuit: Circuit,
    now: i64,
    is_unauthorized: bool,
) {
    if states.len() >= MAX_CIRCUITS {
        // After a reset each circuit that still fails costs five requests, which is cheaper than
        // tracking which circuit is the oldest.
        states.clear();
    }
    let state = states.entry(circuit).or_insert(CircuitState {
        in_a_row: 0,
        rests_until: now,
        rest: FIRST_REST_SECONDS,
        is_probed: false,
        is_unauthorized,
    });
    state.in_a_row = state.in_a_row.saturating_add(1);
    // The last failure decides whether a skipped attempt counts as refused credentials.
    state.is_unauthorized = is_unauthorized;
    if state.in_a_row == MAX_FAILURES {
        // Exactly the fifth failure opens the circuit. A later one changes the rest only if it is
        // the probe's.
        state.rests_until = now.saturating_add(state.rest);
    } else if state.is_probed {
        // Only the probe lengthens the rest. Attempts that were already running when the circuit
        // opened fail as well and must not.
        state.is_probed = false;
        state.rest = (state.rest * 2).min(MAX_REST_SECONDS);
        state.rests_until = now.saturating_add(state.rest);
    }
}

fn fault_from_error(failure: &FetchError) -> Fault {
    match failure {
        FetchError::Transport(_)
        | FetchError::TimedOut(Wait::Answer | Wait::Bytes | Wait::Speed)
        | FetchError::Status { .. }
        | FetchError::NotTheFile
        | FetchError::Incomplete { .. }
        | FetchError::NotResumed => Fault::Origin,
        FetchError::Refused(refusal) => fault_from_refusal(refusal),
        FetchError::LinkUnauthorized => Fault::Instance { is_unauthorized: true },
        FetchError::Gone
        | FetchError::Unsigned
        | FetchError::Keyless
        | FetchError::TooLarge { .. }
        | FetchError::Open(_) => Fault::MediaFile,
        FetchError::Client(_)
        | FetchError::TimedOut(Wait::Deadline | Wait::Buffer | Wait::Turn)
        | FetchError::Forbidden(_)
        | FetchError::NotApplicable(_)
        | FetchError::Expired
        | FetchError::CircuitOpen { .. } => Fault::None,
    }
}

/// A 500 does not mean that W-API is down: a disconnected instance or an expired key also causes
/// one.
fn fault_from_refusal(refusal: &Refusal) -> Fault {
    match refusal.row {
        RefusalRow::DownloadFailed => Fault::Instance { is_unauthorized: false },
        RefusalRow::Unauthorized => Fault::Instance { is_unauthorized: true },
        RefusalRow::TooMany { .. } | RefusalRow::Gateway { .. } | RefusalRow::Unexpected => {
            Fault::Origin
        }
        RefusalRow::BadFields
        | RefusalRow::NotFound
        | RefusalRow::NoLink
        | RefusalRow::ForeignLink
        | RefusalRow::ExpiredLink => Fault::MediaFile,
    }
}
