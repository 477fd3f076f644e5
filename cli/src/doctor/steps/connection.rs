//! Step 1: the WhatsApp accounts and W-API.

use report::{Lang, Step, StepId};

use super::instances::of_instances;
use crate::doctor::examined::Examination;

/// Step 1.
pub(crate) fn connection(examined: &[Examination], lang: Lang) -> Step {
    let names = ["connection", "token", "cross-tenant"];
    of_instances(StepId::Connection, examined, &names, lang)
}
