//! Step 1: the instances' tokens and connections in W-API.

use report::{Lang, Step, StepId};

use super::instances::instances_step;
use crate::{checks::check::CheckId, doctor::examined::ExaminedInstance};

/// The step, from the checks of all instances.
pub(crate) fn connection_step(examined: &[ExaminedInstance], lang: Lang) -> Step {
    let ids = [CheckId::Connection, CheckId::Token, CheckId::CrossTenant];
    instances_step(StepId::Connection, examined, &ids, lang)
}
