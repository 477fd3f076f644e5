//! Step 5: the download function and its trigger.

use report::{Setting, Status, Step, StepId};

use crate::{examination::Examination, say::say};

/// The step. Adds the trigger's settings to `settings`.
pub(crate) async fn download_function_step(
    examination: Examination<'_>,
    settings: &mut Vec<Setting>,
) -> anyhow::Result<Step> {
    let Examination { session, lang, .. } = examination;
    let id = StepId::DownloadFunction;
    let name = session.stack.output("DownloadFunction")?;
    let operator = &session.operator;
    let (function, trigger) =
        tokio::join!(operator.function_health(name), operator.list_triggers(name));
    let (function, trigger) = match (function, trigger) {
        (Ok(function), Ok(triggers)) => (function, triggers.into_iter().next()),
        (Err(error), _) | (_, Err(error)) => {
            return Ok(Step::new(id, Status::Unknown, report::translate_failure(&error, lang)));
        }
    };
    let state = function.state;
    let trigger_state = trigger.as_ref().map_or("-", |trigger| trigger.state.as_str());
    let reports = trigger.as_ref().is_some_and(|trigger| trigger.reports_single_failures);
    settings.push(Setting {
        name: say!(lang, "trigger: ReportBatchItemFailures", "gatilho: ReportBatchItemFailures"),
        status: if reports { Status::Ok } else { Status::Fail },
        value: reports.to_string(),
        expected: Some(true.to_string()),
        remedy: (!reports).then(|| "sam deploy".to_owned()),
    });
    let is_well = state == "Active" && trigger_state == "Enabled";
    let (state, trigger_state) =
        (report::translate_state(&state, lang), report::translate_state(trigger_state, lang));
    let evidence = say!(
        lang,
        "the function is {state}, its trigger {trigger_state}",
        "a função está {state}, o gatilho {trigger_state}"
    );
    if is_well {
        return Ok(Step::new(id, Status::Ok, evidence));
    }
    let enable = format!("aws lambda list-event-source-mappings --function-name {name}");
    Ok(Step::new(id, Status::Fail, evidence).with_remedy(enable))
}
