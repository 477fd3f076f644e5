//! Step 2: whether W-API sends the events of the instances here.

use report::{Lang, Step, StepId};

use super::instances::of_instances;
use crate::doctor::examined::Examination;

/// Step 2.
pub(crate) fn hooks(examined: &[Examination], lang: Lang) -> Step {
    let names = ["open", "hooks", "hook received", "hook delivery"];
    of_instances(StepId::Hooks, examined, &names, lang)
}
