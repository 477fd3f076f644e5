//! What starts the functions that pass webhooks and events on.

use report::{Lang, Setting, Status};

use crate::{examination::Examination, say::say};

/// The stack's outputs with the names of these functions, and their names in sentences.
const FUNCTIONS: [(&str, &str); 2] = [("DeliverFunction", "deliver"), ("EventsFunction", "events")];

/// The state of each trigger of these functions. While one is disabled, receivers and the event bus
/// hear nothing, and no alarm is on: a function that is not invoked has no figures.
pub(crate) async fn trigger_settings(examination: Examination<'_>) -> Vec<Setting> {
    let Examination { session, lang, .. } = examination;
    let mut settings = Vec::new();
    for (output, word) in FUNCTIONS {
        // A stack of an earlier version has no such function.
        let Ok(function) = session.stack.output(output) else {
            continue;
        };
        match session.operator.list_triggers(function).await {
            Ok(triggers) if triggers.is_empty() => {
                settings.push(missing_trigger(word, lang));
            }
            Ok(triggers) => settings.extend(triggers.into_iter().map(|trigger| {
                let is_well = ["Enabled", "Enabling", "Creating"].contains(&&*trigger.state);
                let (source, id) = (&trigger.source, &trigger.id);
                Setting {
                    name: say!(
                        lang,
                        "trigger of the {word} function: {source}",
                        "gatilho da função {word}: {source}"
                    ),
                    status: if is_well { Status::Ok } else { Status::Fail },
                    value: report::translate_state(&trigger.state, lang),
                    expected: Some(report::translate_state("Enabled", lang)),
                    remedy: (!is_well).then(|| {
                        format!("aws lambda update-event-source-mapping --enabled --uuid {id}")
                    }),
                }
            })),
            Err(error) => settings.push(Setting {
                name: say!(lang, "triggers of the {word} function", "gatilhos da função {word}"),
                status: Status::Unknown,
                value: report::translate_failure(&error, lang),
                expected: None,
                remedy: None,
            }),
        }
    }
    settings
}

fn missing_trigger(word: &str, lang: Lang) -> Setting {
    Setting {
        name: say!(lang, "triggers of the {word} function", "gatilhos da função {word}"),
        status: Status::Fail,
        value: "0".to_owned(),
        expected: None,
        remedy: Some("sam deploy".to_owned()),
    }
}
