//! Step 1: the WhatsApp accounts and W-API.

use report::{Lang, Step, StepId};

use super::instances::of_instances;
use crate::{checks::check::CheckId, doctor::examined::ExaminedInstance};

/// Step 1.
pub(crate) fn connection(examined: &[ExaminedInstance], lang: Lang) -> Step {
    let ids = [CheckId::Connection, CheckId::Token, CheckId::CrossTenant];
    of_instances(StepId::Connection, examined, &ids, lang)
}
