//! What starts the functions that pass webhooks and events on.

use operator::health::TriggerHealth;
use report::{Lang, Setting, Status};

use crate::{examination::Examination, say::say};

/// The stack's outputs with the names of these functions, and their names in sentences.
const FUNCTIONS: [(&str, &str); 2] = [("DeliverFunction", "deliver"), ("EventsFunction", "events")];

/// The state of each trigger of these functions. While one is disabled, receivers or the event bus
/// hear nothing. No alarm tells of it for the events function: one that is not invoked has no
/// figures.
pub(crate) async fn trigger_settings(examination: Examination<'_>) -> Vec<Setting> {
    let Examination { session, lang, .. } = examination;
    let mut settings = Vec::new();
    for (output, function) in FUNCTIONS {
        // A stack of an earlier version has no such function.
        let Ok(name) = session.stack.output(output) else {
            continue;
        };
        match session.operator.list_triggers(name).await {
            Ok(triggers) if triggers.is_empty() => settings.push(Setting {
                remedy: Some("sam deploy".to_owned()),
                ..summary_setting(function, (Status::Fail, "0".to_owned()), lang)
            }),
            Ok(triggers) => {
                settings.extend(triggers.iter().map(|one| trigger_setting(function, one, lang)));
            }
            Err(error) => {
                let reason = report::translate_failure(&error, lang);
                settings.push(summary_setting(function, (Status::Unknown, reason), lang));
            }
        }
    }
    settings
}

/// All triggers of a function in one line.
fn summary_setting(function: &str, (status, value): (Status, String), lang: Lang) -> Setting {
    let name = say!(lang, "triggers of the {function} function", "gatilhos da função {function}");
    Setting { name, status, value, expected: None, remedy: None }
}

fn trigger_setting(function: &str, trigger: &TriggerHealth, lang: Lang) -> Setting {
    let TriggerHealth { id, source, state, .. } = trigger;
    let is_well = ["Enabled", "Enabling", "Creating"].contains(&state.as_str());
    let enable = || format!("aws lambda update-event-source-mapping --enabled --uuid {id}");
    Setting {
        name: say!(
            lang,
            "trigger of the {function} function: {source}",
            "gatilho da função {function}: {source}"
        ),
        status: if is_well { Status::Ok } else { Status::Fail },
        value: report::translate_state(state, lang),
        expected: Some(report::translate_state("Enabled", lang)),
        remedy: (!is_well).then(enable),
    }
}
