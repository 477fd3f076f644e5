//! Webhooks that are passed on: processes die at any call, applications fail for minutes or hours,
//! and each gets everything.

use std::{
    collections::BTreeMap,
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

const MINUTE: Duration = Duration::from_mins(1);

fn always(status: u16) -> Respond {
    Arc::new(move |_, _| status)
}

/// Fails until this time.
fn dead_until(end: Duration) -> Respond {
    Arc::new(move |now, _| if now < end { 500 } else { 200 })
}

fn must_miss_nothing(outcome: &ReceiverOutcome, what: &str) {
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

/// Each of the three functions is killed at one of its calls, before and after AWS executes it.
#[test]
fn killed_at_any_call_nothing_is_lost() {
    const CALLS: [u32; 4] = [1, 2, 4, 7];
    let next = AtomicU32::new(0);
    let run_one = |n: u32| {
        let who = ["webhook-0", "deliver-0", "watch-0"][(n % 3) as usize];
        let fault = [Fault::Killed, Fault::DoneKilled][(n / 3 % 2) as usize];
        let nth = CALLS[(n / 6) as usize];
        let outcome = run_receivers(ReceiverPlan {
            seed: u64::from(n),
            // Only the first life of the process dies.
            faults: Arc::new(move |call| {
                let is_it = call.process == who && call.nth_of_process == nth && call.life == 0;
                if is_it { fault } else { Fault::None }
            }),
            applications: vec![always(200), dead_until(13 * MINUTE)],
            webhooks: (4, 4 * MINUTE),
            max_time: Duration::from_hours(6),
        });
        assert_eq!(outcome.accepted.len(), 4);
        must_miss_nothing(&outcome, &format!("{who} {fault:?} at {nth}"));
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n as usize >= 6 * CALLS.len() {
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

/// The same webhook has the same id at each attempt, and no other has it.
#[test]
fn each_webhook_keeps_its_id() {
    let outcome = run_receivers(ReceiverPlan {
        seed: 2,
        faults: fault::no_faults(),
        applications: vec![dead_until(2 * MINUTE), always(200)],
        webhooks: (5, Duration::from_secs(20)),
        max_time: Duration::from_hours(2),
    });
    must_miss_nothing(&outcome, "an application that begins late");
    let mut ids = BTreeMap::new();
    for one in outcome.got.iter().flatten() {
        let known = ids.entry(one.body.clone()).or_insert_with(|| one.id.clone());
        assert_eq!(*known, one.id);
    }
    assert_eq!(ids.len(), 5);
    let different: std::collections::BTreeSet<_> = ids.values().collect();
    assert_eq!(different.len(), 5);
}
