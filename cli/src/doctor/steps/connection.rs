//! Step 1: the WhatsApp accounts and W-API.

use report::{Lang, Step, StepId};

use super::instances::instances_step;
use crate::{checks::check::CheckId, doctor::examined::ExaminedInstance};

/// Step 1.
pub(crate) fn connection_step(examined: &[ExaminedInstance], lang: Lang) -> Step {
    let ids = [CheckId::Connection, CheckId::Token, CheckId::CrossTenant];
    instances_step(StepId::Connection, examined, &ids, lang)
}
