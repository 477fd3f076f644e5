//! Step 3: API Gateway and the webhook function, tested with a webhook that must be refused.

use report::{Status, Step, StepId};

use crate::{checks::probe, examination::Examination, say::say};

/// Posts a webhook of an unknown instance: API Gateway, function and table of instances answer 401.
pub(crate) async fn api_step(examination: Examination<'_>) -> anyhow::Result<Step> {
    let Examination { session, lang, .. } = examination;
    let id = StepId::Api;
    let function = session.operator.function_health(session.stack.output("WebhookFunction")?).await;
    let asked = probe::post_invalid_secret(session.webhook_base()?).await?;
    let ms = asked.duration_ms;
    let state = function.map_or_else(
        |error| report::translate_failure(&error, lang),
        |function| report::translate_state(&function.state, lang),
    );
    Ok(match asked.status {
        Some(401) => {
            let evidence = say!(
                lang,
                "the API answers in {ms} ms; the webhook function is {state}",
                "a API responde em {ms} ms; a função webhook está {state}"
            );
            Step::new(id, Status::Ok, evidence)
        }
        status => {
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let evidence = say!(
                lang,
                "a webhook with an invented secret was answered {status}, not 401; \
                 the webhook function is {state}",
                "um webhook com segredo inventado recebeu {status}, e não 401; \
                 a função webhook está {state}"
            );
            let logs = session.stack.output("WebhookLogs")?;
            Step::new(id, Status::Fail, evidence).with_remedy(format!("aws logs tail {logs}"))
        }
    })
}
