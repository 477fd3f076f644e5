//! Circuit breaker: skips an origin that keeps failing, so that not every media message waits for
//! its timeout.
//!
//! A circuit covers a strategy (each strategy has one base URL per process), or one instance's use
//! of it, because one disconnected instance does not mean that the others fail. Five failures in a
//! row, of at least two media messages, open a circuit; the circuit of the strategy needs two
//! instances and two senders as well, so that no single customer closes an origin for the others,
//! and no sender who writes to several. The strategy is then skipped for 30 seconds; after that one
//! media message probes it. Each failed probe doubles the rest, up to five minutes. One success
//! closes the circuit.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use media::{
    ids::{InstanceId, MessageId},
    message::Chat,
    strategy::Strategy,
};
use wapi::download::{Refusal, RefusalRow};

use crate::{
    error::{FetchError, Wait},
    request::FetchRequest,
};

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

/// Whose attempt failed.
#[derive(Debug, Clone)]
pub(crate) struct Cause<'a> {
    instance: &'a InstanceId,
    /// The sender's id of the message. A message in a group has the same id for every instance.
    message_id: &'a MessageId,
    /// Who sent it: in a chat of more than two, not the chat.
    sender: Chat,
}

impl<'a> Cause<'a> {
    pub(crate) fn from_request(request: FetchRequest<'a>) -> Self {
        let message = request.message;
        let sender = message.senders().next().unwrap_or_else(|| message.chat.clone());
        Self { instance: request.instance, message_id: &message.message_id, sender }
    }
}

/// The failures of a circuit since its last success.
#[derive(Debug, Clone)]
struct CircuitState {
    in_a_row: u32,
    /// The instance, the message and the sender of the first failure.
    first: (InstanceId, MessageId, Chat),
    has_other_instance: bool,
    has_other_message: bool,
    has_other_sender: bool,
    /// Whether the failures have opened the circuit.
    is_open: bool,
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

/// What an attempt that is allowed decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is one of many.
    Ordinary,
    /// Its outcome closes the circuit or leaves it open.
    Probe,
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
    /// The origin is down, for this instance and probably for every other.
    Origin,
    /// The CDN answered with a failure. It may be that of the path, which the sender chose, so it
    /// counts only beside other instances' failures.
    CdnAnswer,
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
    ) -> Result<Admission, CircuitOpen> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let circuits = circuits_for(strategy, instance);
        if let Some(open_circuit) = find_open(&states, &circuits, now) {
            return Err(open_circuit);
        }
        // The circuit was open and its rest is over, so this attempt is the probe. Moving the end
        // of the rest keeps other attempts out until the probe reports.
        let mut admission = Admission::Ordinary;
        for circuit in &circuits {
            if let Some(state) = states.get_mut(circuit)
                && state.is_open
            {
                state.rests_until = now.saturating_add(state.rest.max(MAX_PROBE_SECONDS));
                state.is_probed = true;
                admission = Admission::Probe;
            }
        }
        Ok(admission)
    }

    /// Whether an attempt would be refused. `now` is in seconds since 1970.
    pub(crate) fn is_open(&self, strategy: Strategy, instance: &InstanceId, now: i64) -> bool {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        find_open(&states, &circuits_for(strategy, instance), now).is_some()
    }

    /// Updates the circuits with the outcome of an attempt.
    pub(crate) fn record_outcome(
        &self,
        strategy: Strategy,
        cause: &Cause<'_>,
        failure: Option<&FetchError>,
        now: i64,
    ) {
        let fault = failure.map_or(Fault::MediaFile, |failure| fault_from_error(strategy, failure));
        let [origin, own] = circuits_for(strategy, cause.instance);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Fault::None => {}
            // The origin answered as it should, so both circuits close.
            Fault::MediaFile => {
                states.remove(&origin);
                states.remove(&own);
            }
            // Until another instance fails as well, only this one's use of the origin is at rest.
            Fault::Origin => {
                count_failure(&mut states, origin, cause, now, false);
                count_failure(&mut states, own, cause, now, false);
            }
            Fault::CdnAnswer => count_failure(&mut states, origin, cause, now, false),
            // The origin answered, so it works for the other instances.
            Fault::Instance { is_unauthorized } => {
                states.remove(&origin);
                count_failure(&mut states, own, cause, now, is_unauthorized);
            }
        }
    }
}

/// The circuit of the origin, then that of the instance.
fn circuits_for(strategy: Strategy, instance: &InstanceId) -> [Circuit; 2] {
    [None, Some(instance.clone())].map(|instance| Circuit { strategy, instance })
}

/// The first of the circuits that is open and at rest.
fn find_open(
    states: &HashMap<Circuit, CircuitState>,
    circuits: &[Circuit],
    now: i64,
) -> Option<CircuitOpen> {
    let at_rest = |state: &&CircuitState| state.is_open && now < state.rests_until;
    let state = circuits.iter().filter_map(|circuit| states.get(circuit)).find(at_rest)?;
    let left = u64::try_from(state.rests_until.saturating_sub(now)).unwrap_or_default();
    Some(CircuitOpen { left: Duration::from_secs(left), is_unauthorized: state.is_unauthorized })
}

/// Counts a failure. The last that it takes opens the circuit; a failed probe doubles the rest.
fn count_failure(
    states: &mut HashMap<Circuit, CircuitState>,
    circuit: Circuit,
    cause: &Cause<'_>,
    now: i64,
    is_unauthorized: bool,
) {
    if states.len() >= MAX_CIRCUITS {
        // After a reset each circuit that still fails costs five requests, which is cheaper than
        // tracking which circuit is the oldest.
        states.clear();
    }
    let is_for_everyone = circuit.instance.is_none();
    let state = states.entry(circuit).or_insert_with(|| CircuitState {
        in_a_row: 0,
        first: (cause.instance.clone(), cause.message_id.clone(), cause.sender.clone()),
        has_other_instance: false,
        has_other_message: false,
        has_other_sender: false,
        is_open: false,
        rests_until: now,
        rest: FIRST_REST_SECONDS,
        is_probed: false,
        is_unauthorized,
    });
    let (instance, message_id, sender) = &state.first;
    state.has_other_instance |= instance != cause.instance;
    state.has_other_message |= message_id != cause.message_id;
    state.has_other_sender |= *sender != cause.sender;
    state.in_a_row = state.in_a_row.saturating_add(1);
    // The last failure decides whether a skipped attempt counts as refused credentials.
    state.is_unauthorized = is_unauthorized;
    let is_of_several = state.has_other_instance && state.has_other_sender;
    let has_witnesses = state.has_other_message && (is_of_several || !is_for_everyone);
    if !state.is_open && state.in_a_row >= MAX_FAILURES && has_witnesses {
        state.is_open = true;
        state.rests_until = now.saturating_add(state.rest);
    } else if state.is_probed {
        // Only the probe lengthens the rest. Attempts that were already running when the circuit
        // opened fail as well and must not.
        state.is_probed = false;
        state.rest = (state.rest * 2).min(MAX_REST_SECONDS);
        state.rests_until = now.saturating_add(state.rest);
    }
}

fn fault_from_error(strategy: Strategy, failure: &FetchError) -> Fault {
    match failure {
        FetchError::Status { status, .. } if strategy.uses_wapi() => fault_from_link(*status),
        FetchError::Status { status, .. } => fault_from_cdn(*status),
        FetchError::Transport(_)
        | FetchError::TimedOut(Wait::Answer | Wait::Bytes | Wait::Speed)
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
        | FetchError::TimedOut(Wait::Deadline | Wait::Buffer | Wait::Slot)
        | FetchError::TooSlow
        // The same source is asked again in the run, with more time.
        | FetchError::NoAnswerYet { .. }
        // The page may be the origin's, or what someone sent as a file.
        | FetchError::NotTheFile
        | FetchError::Forbidden(_)
        | FetchError::NotApplicable(_)
        | FetchError::Expired
        | FetchError::CircuitOpen { .. } => Fault::None,
    }
}

/// The status of a file link of W-API.
fn fault_from_link(status: u16) -> Fault {
    match status {
        429 => Fault::Instance { is_unauthorized: false },
        400..=407 | 409..=424 | 426..=499 => Fault::MediaFile,
        _ => Fault::Origin,
    }
}

/// The status of a path on the CDN. A bad path is the message's own failure.
fn fault_from_cdn(status: u16) -> Fault {
    match status {
        408 | 425 | 429 | 500..=599 => Fault::CdnAnswer,
        400..=499 => Fault::MediaFile,
        _ => Fault::None,
    }
}

/// A 500 does not mean that W-API is down: a disconnected instance or an expired key also causes
/// one.
fn fault_from_refusal(refusal: &Refusal) -> Fault {
    match refusal.row {
        // W-API counts requests by account.
        RefusalRow::DownloadFailed | RefusalRow::TooMany { .. } => {
            Fault::Instance { is_unauthorized: false }
        }
        RefusalRow::Unauthorized => Fault::Instance { is_unauthorized: true },
        RefusalRow::Gateway { .. } | RefusalRow::Unexpected => Fault::Origin,
        RefusalRow::BadFields
        | RefusalRow::NotFound
        | RefusalRow::NoLink
        | RefusalRow::ForeignLink
        | RefusalRow::ExpiredLink => Fault::MediaFile,
    }
}
