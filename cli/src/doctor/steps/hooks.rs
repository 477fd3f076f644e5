//! Step 2: whether the instances' hooks lead here and their webhooks are accepted.

use report::{Lang, Step, StepId};
use wapi::account::Hook;

use super::instances::instances_step;
use crate::{checks::check::CheckId, doctor::examined::ExaminedInstance};

/// The step, from the checks of all instances.
pub(crate) fn hooks_step(examined: &[ExaminedInstance], lang: Lang) -> Step {
    let [received, delivery] = Hook::OF_MEDIA.map(CheckId::Hook);
    let ids = [CheckId::Open, CheckId::Hooks, received, delivery];
    instances_step(StepId::Hooks, examined, &ids, lang)
}
