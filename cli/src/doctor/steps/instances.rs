//! Summarises the checks of all instances in one step of the flow.

use report::{Lang, Status, Step, StepId};

use crate::{
    checks::check::{Check, CheckId, Verdict},
    doctor::examined::{ExaminedInstance, status_of},
    say::say,
};

/// A step about instances: how many pass these checks, and the worst check of the first that does
/// not.
pub(super) fn instances_step(
    id: StepId,
    examined: &[ExaminedInstance],
    ids: &[CheckId],
    lang: Lang,
) -> Step {
    let checks_of = |one: &ExaminedInstance| -> Vec<Check> {
        let its = one.checks.iter().filter(|check| ids.contains(&check.id));
        its.cloned().collect()
    };
    let bad = examined.iter().find_map(|one| {
        let checks = checks_of(one);
        let worst = checks.into_iter().max_by_key(|check| status_of(check.verdict))?;
        (worst.verdict != Verdict::Ok).then_some((one, worst))
    });
    let all = examined.len();
    let is_well =
        |one: &&ExaminedInstance| checks_of(one).iter().all(|check| check.verdict == Verdict::Ok);
    let well = examined.iter().filter(is_well).count();
    let count = say!(lang, "{well} of {all} instances", "{well} de {all} instâncias");
    match bad {
        None if all == 0 => {
            let none = say!(lang, "no instance is registered", "nenhuma instância está cadastrada");
            let add = "wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme";
            Step::new(id, Status::Warn, none).with_remedy(add)
        }
        None => Step::new(id, Status::Ok, count),
        Some((one, check)) => {
            let evidence = format!("{count}; {}: {}", one.instance.id, check.evidence);
            let step = Step::new(id, status_of(check.verdict), evidence);
            Step { remedy: check.remedy, ..step }
        }
    }
}
