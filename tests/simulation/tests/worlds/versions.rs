//! Two versions side by side: what an earlier version queued, recorded and parked arrives while
//! this version works.

use std::time::Duration;

use simulation::{
    accounting::Fate,
    plan::{OutsideEvent, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::Kind;

const MINUTE: Duration = Duration::from_mins(1);

/// Each way in which an earlier version leaves a media message, in the middle of this version's
/// own. What it parked is redriven after the look that writes its entry.
#[test]
fn what_an_earlier_version_left_is_stored() {
    let nothing = PriorState::default();
    let left = [
        nothing,
        PriorState { job: true, ..nothing },
        PriorState { job: true, record: Some("retrying"), ..nothing },
        PriorState { unread: true, ..nothing },
        PriorState { parked: true, ..nothing },
        PriorState { parked: true, record: Some("parked"), ..nothing },
        nothing,
    ];
    let media = (0..).zip(left).map(|(n, left)| {
        PlannedMedia::healthy(Kind::Image, &format!("of two versions: {n}"))
            .announced_at(MINUTE * n)
            .with_prior_state(left)
    });
    let mut plan = Plan::healthy(media.collect());
    plan.outside_events = vec![(7 * 60 * MINUTE, OutsideEvent::Redriven)];
    plan.media.push(PlannedMedia::healthy(Kind::Voice, "later").announced_at(9 * 60 * MINUTE));
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!((account.accepted, account.stored), (8, 8), "{trace}");
}

/// It stays parked until a person decides, and is found in the jobs table.
#[test]
fn what_an_earlier_version_parked_stays_parked() {
    let parked = PlannedMedia::healthy(Kind::Image, "parked before")
        .announced_at(5 * MINUTE)
        .with_prior_state(PriorState { parked: true, ..PriorState::default() })
        .with_fate(Fate::Parked);
    let mut plan = Plan::healthy(vec![parked]);
    plan.min_time = Duration::from_hours(16 * 24);
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    // The parked queue has forgotten it by then.
    assert_eq!((outcome.evidence.parked.len(), outcome.evidence.entries.len()), (0, 1));
}
