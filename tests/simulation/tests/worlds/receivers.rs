//! Webhooks that are passed on: processes die at any call, applications fail for minutes or hours,
//! and each gets everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use simulation::{
    fault::{self, Fault},
    receivers::{ReceiverOutcome, ReceiverPlan, Respond, run_receivers},
};

use crate::faults::tests_every_call;

const MINUTE: Duration = Duration::from_mins(1);

fn always(status: u16) -> Respond {
    Arc::new(move |_, _| status)
}

/// Fails until this time.
fn dead_until(end: Duration) -> Respond {
    Arc::new(move |now, _| if now < end { 500 } else { 200 })
}

fn must_miss_nothing(outcome: &ReceiverOutcome, what: &str) {
    let trace = || outcome.trace.join("\n");
    assert!(outcome.untold.is_empty(), "{what}: {:?}\n{}", outcome.untold, trace());
    for n in 0..outcome.got.len() {
        let missed = outcome.missed(n).len();
        assert_eq!(
            missed,
            0,
            "{what}: application {n} missed webhooks\n{}",
            outcome.trace.join("\n")
        );
    }
}

/// The functions, of which the events function reads two streams: that of instances, and that of
/// receivers.
const PROCESSES: [&str; 5] = ["webhook-0", "deliver-0", "watch-0", "events-1", "events-2"];

/// Each function is killed at one of its calls, before and after AWS executes it: with `make prove`
/// at each of its first thirty. Nobody misses a webhook, or what became of the instance and of the
/// receiver that wants nothing any more.
#[test]
fn killed_at_any_call_nothing_is_lost() {
    let calls: Vec<u32> = if tests_every_call() { (1..=30).collect() } else { vec![1, 2, 4, 7] };
    let next = AtomicU32::new(0);
    let run_one = |n: u32| {
        let who = PROCESSES[n as usize % PROCESSES.len()];
        let round = n as usize / PROCESSES.len();
        let fault = [Fault::Killed, Fault::DoneKilled][round % 2];
        let nth = calls[round / 2];
        let outcome = run_receivers(ReceiverPlan {
            seed: u64::from(n),
            // Only the first life of the process dies.
            faults: Arc::new(move |call| {
                let is_it = call.process == who && call.nth_of_process == nth && call.life == 0;
                if is_it { fault } else { Fault::None }
            }),
            // The last one wants nothing any more, and the others are told.
            applications: vec![always(200), dead_until(13 * MINUTE), always(410)],
            webhooks: (4, 4 * MINUTE),
            has_connections: true,
            max_time: Duration::from_hours(6),
        });
        assert_eq!(outcome.accepted.len(), 4);
        let what = format!("{who} {fault:?} at {nth}");
        assert_eq!(outcome.events, 3, "{what}: disconnected, connected, and one paused");
        must_miss_nothing(&outcome, &what);
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n as usize >= 2 * PROCESSES.len() * calls.len() {
                        break;
                    }
                    run_one(n);
                }
            });
        }
    });
}

/// One that works, one that fails for a third of its requests, and one that is dead for three
/// hours: the first gets each webhook at once, the last everything in the end, at few attempts.
#[test]
fn a_dead_receiver_delays_nobody() {
    let end = Duration::from_hours(3);
    let outcome = run_receivers(ReceiverPlan {
        seed: 1,
        faults: fault::no_faults(),
        applications: vec![
            always(200),
            Arc::new(|_, n| if n % 3 == 1 { 503 } else { 200 }),
            dead_until(end),
        ],
        webhooks: (40, 6 * MINUTE),
        has_connections: false,
        max_time: Duration::from_hours(7),
    });
    assert_eq!(outcome.accepted.len(), 40);
    must_miss_nothing(&outcome, "applications that fail");
    assert_eq!(outcome.resting, 0, "what was delivered no longer rests");
    let accepted: BTreeMap<_, _> =
        outcome.accepted.iter().map(|(at, body)| (body.as_slice(), *at)).collect();
    for one in &outcome.got[0] {
        let late = one.at.saturating_sub(accepted[one.body.as_slice()]);
        assert!(late < Duration::from_secs(5), "{late:?}");
    }
    assert_eq!(outcome.got[0].len(), 40, "each once");
    let tried = outcome.got[2].iter().filter(|one| one.at < end).count();
    assert!((5..50).contains(&tried), "{tried} attempts in three hours");
    let recovered = outcome.got[2].iter().filter(|one| one.status == 200);
    let last = recovered.map(|one| one.at).max().expect("an arrival");
    assert!(last < Duration::from_hours(4) + 40 * MINUTE, "all within an hour: {last:?}");
}

/// What came while an application was dead, and was never tried, comes in the order in which it was
/// accepted: not within a minute, but from one to the next. No minute has more than 300.
#[test]
fn a_backlog_comes_in_its_order_minute_by_minute() {
    let end = Duration::from_hours(2);
    let outcome = run_receivers(ReceiverPlan {
        seed: 3,
        faults: fault::no_faults(),
        applications: vec![dead_until(end)],
        webhooks: (700, Duration::from_secs(10)),
        has_connections: false,
        max_time: Duration::from_hours(4),
    });
    must_miss_nothing(&outcome, "an application that was dead");
    let number = |body: &[u8]| {
        let is_it = |(_, accepted): &(Duration, Vec<u8>)| accepted == body;
        outcome.accepted.iter().position(is_it).expect("an accepted webhook")
    };
    let (tried, taken): (Vec<_>, Vec<_>) = outcome.got[0].iter().partition(|one| one.at < end);
    let tried: BTreeSet<_> = tried.iter().map(|one| one.body.as_slice()).collect();
    let first = taken.iter().map(|one| one.at).min().expect("an arrival");
    // Passes are a minute apart, and the first one after the success of the probe begins them.
    let mut minutes = BTreeMap::<_, BTreeSet<usize>>::new();
    for one in taken.iter().filter(|one| !tried.contains(one.body.as_slice())) {
        let minute = (one.at.saturating_sub(first).as_secs() + 30) / 60;
        minutes.entry(minute).or_default().insert(number(&one.body));
    }
    assert!(minutes.len() >= 3, "700 webhooks take more than two minutes");
    assert!(minutes.values().all(|numbers| numbers.len() <= 300));
    let ends: Vec<_> =
        minutes.values().filter_map(|one| one.first().copied().zip(one.last().copied())).collect();
    for (before, after) in ends.iter().zip(ends.iter().skip(1)) {
        assert!(before.1 < after.0, "out of order: {ends:?}");
    }
}

/// The same webhook has the same id at each attempt, and no other has it.
#[test]
fn each_webhook_keeps_its_id() {
    let outcome = run_receivers(ReceiverPlan {
        seed: 2,
        faults: fault::no_faults(),
        applications: vec![dead_until(2 * MINUTE), always(200)],
        webhooks: (5, Duration::from_secs(20)),
        has_connections: false,
        max_time: Duration::from_hours(2),
    });
    must_miss_nothing(&outcome, "an application that begins late");
    let mut ids = BTreeMap::new();
    for one in outcome.got.iter().flatten() {
        let known = ids.entry(one.body.clone()).or_insert_with(|| one.id.clone());
        assert_eq!(*known, one.id);
    }
    assert_eq!(ids.len(), 5);
    let different: BTreeSet<_> = ids.values().collect();
    assert_eq!(different.len(), 5);
}
