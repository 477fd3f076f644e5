//! A retention class means its days, for everything that is known of a media message, under the
//! rules of `template.yaml`.

use std::{path::Path, time::Duration};

use media::{
    kind::MediaKind,
    policy::{Policy, Retention},
};
use serde_yaml_ng::Value;
use simulation::{
    Outcome,
    accounting::Fate,
    plan::{ExpiryRules, LifecycleRule, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const DAY: Duration = Duration::from_hours(24);

/// How long a world goes on after its last planned event.
const REST: Duration = Duration::from_hours(25);

/// What the template lets AWS remove by itself.
fn template_rules() -> ExpiryRules {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = std::fs::read_to_string(path).expect("the template");
    let template: Value = serde_yaml_ng::from_str(&template).expect("YAML");
    let resources = &template["Resources"];
    let rules = &resources["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"];
    let lifecycle = rules.as_sequence().expect("rules").iter().filter_map(|rule| {
        let tag = rule["TagFilters"].as_sequence()?.first()?;
        let text = |name: &str| tag[name].as_str().expect("a text").to_owned();
        let number = |value: &Value| value.as_u64().and_then(|days| u32::try_from(days).ok());
        Some(LifecycleRule {
            tag: (text("Key"), text("Value")),
            days: number(&rule["ExpirationInDays"]).expect("days"),
            noncurrent_days: number(&rule["NoncurrentVersionExpiration"]["NoncurrentDays"]),
        })
    });
    let tables = [("MediaTable", "media"), ("JobsTable", "jobs-table"), ("PeopleTable", "people")];
    let time_to_live = tables.iter().filter_map(|(resource, table)| {
        let rule = &resources[*resource]["Properties"]["TimeToLiveSpecification"];
        Some((*table, rule["AttributeName"].as_str()?.to_owned()))
    });
    ExpiryRules { lifecycle: lifecycle.collect(), time_to_live: time_to_live.collect() }
}

/// A media message that is stored, one that is parked, and one that the tenant's rules skip.
fn one_of_each() -> Vec<PlannedMedia> {
    let lost = PlannedMedia::healthy(Kind::Image, "by nobody").with_spec(|spec| {
        spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
    });
    vec![
        PlannedMedia::healthy(Kind::Image, "stored"),
        lost.with_fate(Fate::Parked),
        PlannedMedia::healthy(Kind::Sticker, "skipped"),
    ]
}

/// What is left at the end of a world: objects, noncurrent versions, records, job entries, unread
/// bodies, and messages in both queues.
#[derive(Debug, PartialEq, Eq)]
struct Remains {
    objects: usize,
    noncurrent: usize,
    records: usize,
    entries: usize,
    bodies: usize,
    queued: usize,
}

impl Remains {
    fn from_outcome(outcome: &Outcome) -> Self {
        let evidence = &outcome.evidence;
        Self {
            objects: evidence.objects.len(),
            noncurrent: outcome.noncurrent.len(),
            records: evidence.records.len(),
            entries: evidence.entries.len(),
            bodies: evidence.bodies.len(),
            queued: evidence.queued.len() + evidence.parked.len(),
        }
    }
}

/// Runs a world with a media message of each kind until `end`. At each of `again`, the webhooks are
/// posted again, and the back-fill reads W-API's log an hour later.
fn remains_after(end: Duration, retention: Option<Retention>, again: &[Duration]) -> Remains {
    let mut media = one_of_each();
    for at in again {
        media.extend(one_of_each().into_iter().map(|one| one.announced_at(*at)));
    }
    let mut plan = Plan::healthy(media);
    let kinds = vec![MediaKind::Image];
    plan.policy = Policy { kinds, retention, ..Policy::default() };
    plan.expiry = template_rules();
    // A webhook that stays unread: it is parked as well.
    let unreadable = serde_json::json!({ "headers": {}, "body": { "number": 1 } });
    plan.unreadable = vec![(Duration::from_secs(5), unreadable)];
    plan.backfills = again.iter().map(|at| *at + Duration::from_hours(1)).collect();
    plan.backfills.push(end - REST);
    let outcome = run_world(plan);
    Remains::from_outcome(&outcome)
}

const NOTHING: Remains =
    Remains { objects: 0, noncurrent: 0, records: 0, entries: 0, bodies: 0, queued: 0 };

/// Until then, everything is there, and nothing is stored a second time.
#[test]
fn a_class_keeps_everything_for_its_days() {
    let kept = Remains { objects: 1, noncurrent: 0, records: 3, entries: 1, bodies: 1, queued: 1 };
    let end = 30 * DAY - Duration::from_hours(2);
    assert_eq!(remains_after(end, Some(Retention::Days30), &[20 * DAY]), kept);
}

/// Counted in whole days, because S3 and `DynamoDB` work at midnight here. What was announced again
/// meanwhile ends no later.
#[test]
fn nothing_is_left_two_days_after_a_class() {
    let end = 32 * DAY + Duration::from_hours(2);
    assert_eq!(remains_after(end, Some(Retention::Days30), &[]), NOTHING);
    // The parked queue would keep its message for 14 days.
    let again = [25 * DAY];
    assert_eq!(remains_after(end, Some(Retention::Days30), &again), NOTHING);
}

/// A webhook that W-API sends again, or that an operator replays, and the back-fill.
#[test]
fn nothing_comes_back_after_a_class() {
    let again = [31 * DAY, 33 * DAY, 36 * DAY];
    assert_eq!(remains_after(41 * DAY, Some(Retention::Days30), &again), NOTHING);
}

/// How many items of the table of people are left at `end`. A webhook names a person when the world
/// begins, and at each of `again`.
fn people_after(end: Duration, retention: Option<Retention>, again: &[Duration]) -> usize {
    let named = |at: Duration| {
        let sender =
            serde_json::json!({ "id": "5500900000002", "senderLid": "200000000000002@lid" });
        PlannedMedia::healthy(Kind::Image, "of a person")
            .with_spec(|spec| spec.chat("200000000000002@lid"))
            .with_changed_field("/sender", sender)
            .announced_at(at)
    };
    let mut plan = Plan::healthy(vec![named(Duration::ZERO)]);
    plan.media.extend(again.iter().map(|at| named(*at)));
    plan.policy = Policy { retention, ..Policy::default() };
    plan.expiry = template_rules();
    plan.backfills = vec![end - REST];
    run_world(plan).people
}

/// A person who goes on to write stays known; nobody stays for ever who was named once.
#[test]
fn a_pair_ends_with_the_class() {
    let (class, hours) = (Some(Retention::Days30), Duration::from_hours(2));
    assert_eq!(people_after(32 * DAY + hours, class, &[]), 0);
    assert_eq!(people_after(34 * DAY, class, &[20 * DAY]), 2);
}

#[test]
fn without_a_class_nothing_ends() {
    let kept = Remains { objects: 1, noncurrent: 0, records: 3, entries: 1, bodies: 1, queued: 1 };
    assert_eq!(remains_after(45 * DAY, None, &[40 * DAY]), kept);
}
