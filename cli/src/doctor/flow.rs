//! The steps of the flow that are the whole stack's, each with its evidence.

use aws::ledger::Ledger;
use media::strategy::Strategy;
use operator::health::QueueHealth;
use report::{Folder, Lang, Setting, Status, Step, StepId};

use super::{
    past::{Past, SOON},
    trial::Trial,
};
use crate::{checks::probe, say::say, session::Session};

/// The jobs queue's settings, as `template.yaml` has them; a test holds them against each other.
const VISIBILITY_SECONDS: u64 = 3_630;
const RETENTION_SECONDS: u64 = 7 * 24 * 60 * 60;
const MAX_RECEIVES: u64 = 140;

pub(super) fn step(id: StepId, status: Status, evidence: String) -> Step {
    Step { id, status, evidence, remedy: None }
}

pub(super) fn with_remedy(step: Step, remedy: impl Into<String>) -> Step {
    Step { remedy: Some(remedy.into()), ..step }
}

/// Step 3: a webhook that must be refused goes the whole way to the table of instances.
pub(crate) async fn api(session: &Session, lang: Lang) -> anyhow::Result<Step> {
    let id = StepId::Api;
    let function = session.operator.function(session.stack.output("WebhookFunction")?).await;
    let asked = probe::refused(session.webhook_base()?).await?;
    let ms = asked.duration_ms;
    let state = function.map_or_else(
        |error| report::failure(&error, lang),
        |function| report::state(&function.state, lang),
    );
    Ok(match asked.status {
        Some(401) => {
            let evidence = say!(
                lang,
                "the API answers in {ms} ms; the webhook function is {state}",
                "a API responde em {ms} ms; a função de webhook está {state}"
            );
            step(id, Status::Ok, evidence)
        }
        status => {
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let evidence = say!(
                lang,
                "a webhook with an invented secret was answered {status}, not 401; the webhook function is {state}",
                "um webhook com segredo inventado recebeu {status}, e não 401; a função de webhook está {state}"
            );
            let logs = session.stack.output("WebhookLogs")?;
            with_remedy(step(id, Status::Fail, evidence), format!("aws logs tail {logs}"))
        }
    })
}

/// Step 4, and the queue's settings.
pub(crate) async fn jobs(
    session: &Session,
    lang: Lang,
    settings: &mut Vec<Setting>,
) -> anyhow::Result<Step> {
    let id = StepId::JobsQueue;
    let queue = match session.operator.queue(session.stack.output("JobsQueueUrl")?).await {
        Ok(queue) => queue,
        Err(error) => return Ok(step(id, Status::Unknown, report::failure(&error, lang))),
    };
    let QueueHealth { waiting, hidden, .. } = queue;
    let expected = [
        ("VisibilityTimeout", Some(queue.visibility_seconds), VISIBILITY_SECONDS),
        ("MessageRetentionPeriod", Some(queue.retention_seconds), RETENTION_SECONDS),
        ("maxReceiveCount", queue.most_receives, MAX_RECEIVES),
    ];
    for (name, is, should) in expected {
        let is_right = is == Some(should);
        settings.push(Setting {
            name: say!(lang, "jobs queue: {name}", "fila de tarefas: {name}"),
            status: if is_right { Status::Ok } else { Status::Fail },
            value: is.map_or_else(|| "-".to_owned(), |is| is.to_string()),
            expected: Some(should.to_string()),
            remedy: (!is_right).then(|| "sam deploy".to_owned()),
        });
    }
    let evidence = say!(
        lang,
        "{waiting} jobs wait, {hidden} are worked on or spaced out",
        "{waiting} tarefas esperam, {hidden} estão em trabalho ou espaçadas"
    );
    Ok(step(id, Status::Ok, evidence))
}

/// Step 5, and the trigger's settings.
pub(crate) async fn download(
    session: &Session,
    lang: Lang,
    settings: &mut Vec<Setting>,
) -> anyhow::Result<Step> {
    let id = StepId::DownloadFunction;
    let name = session.stack.output("DownloadFunction")?;
    let operator = &session.operator;
    let (function, trigger) = tokio::join!(operator.function(name), operator.trigger(name));
    let (function, trigger) = match (function, trigger) {
        (Ok(function), Ok(trigger)) => (function, trigger),
        (Err(error), _) | (_, Err(error)) => {
            return Ok(step(id, Status::Unknown, report::failure(&error, lang)));
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
    let (state, trigger_state) = (report::state(&state, lang), report::state(trigger_state, lang));
    let evidence = say!(
        lang,
        "the function is {state}, its trigger {trigger_state}",
        "a função está {state}, o gatilho {trigger_state}"
    );
    if is_well {
        return Ok(step(id, Status::Ok, evidence));
    }
    let enable = format!("aws lambda list-event-source-mappings --function-name {name}");
    Ok(with_remedy(step(id, Status::Fail, evidence), enable))
}

/// Step 6: what a controlled test says now, and what stored the media of the last day.
pub(crate) fn wapi(trial: &Trial, past: &Past, lang: Lang) -> Step {
    of_strategy(StepId::WapiDownload, Strategy::Wapi, trial, past, lang)
}

/// Step 7.
pub(crate) fn cdn(trial: &Trial, past: &Past, lang: Lang) -> Step {
    of_strategy(StepId::Cdn, Strategy::Cdn, trial, past, lang)
}

fn of_strategy(id: StepId, strategy: Strategy, trial: &Trial, past: &Past, lang: Lang) -> Step {
    let (stored, all) = past.share(strategy);
    let share = say!(
        lang,
        "{stored} of {all} media stored in 24 h came this way",
        "{stored} de {all} mídias guardadas em 24 h vieram por aqui"
    );
    match trial.verdict(strategy) {
        Some((true, attempt)) => {
            let ms = attempt.duration_ms;
            let now = say!(lang, "a real medium came in {ms} ms", "uma mídia real veio em {ms} ms");
            step(id, Status::Ok, format!("{now}; {share}"))
        }
        Some((false, attempt)) => {
            let words = attempt.excerpt.clone().unwrap_or_default();
            let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let verdict = report::reason(&attempt.verdict, lang);
            let evidence = format!("{verdict}: {status} {words}; {share}");
            step(id, Status::Fail, evidence)
        }
        None if stored > 0 => step(id, Status::Ok, share),
        None => {
            let why = if trial.is_invented() {
                say!(
                    lang,
                    "no recent medium was found to try with, and an invented key proves nothing",
                    "não há mídia recente para testar, e uma chave inventada não prova nada"
                )
            } else {
                say!(lang, "there was no token to try with", "não havia token para testar")
            };
            step(id, Status::Unknown, format!("{why}; {share}"))
        }
    }
}

/// Step 8.
pub(crate) fn bucket(folders: &[Folder], lang: Lang) -> Step {
    let id = StepId::Bucket;
    let objects: u64 = folders.iter().map(|folder| folder.objects).sum();
    let count = folders.len();
    let evidence =
        say!(lang, "{objects} files in {count} folders", "{objects} arquivos em {count} pastas");
    let bad = folders.iter().filter(|folder| folder.status != Status::Ok);
    match bad.max_by_key(|folder| folder.status) {
        None => step(id, Status::Ok, evidence),
        Some(bad) => {
            let Folder { tenant, instance, kind, objects, records, .. } = bad;
            let what = say!(
                lang,
                "{tenant}/{instance}, {kind}: {records} records say stored, {objects} files are there",
                "{tenant}/{instance}, {kind}: {records} registros dizem guardado, {objects} arquivos existem"
            );
            step(id, bad.status, format!("{evidence}; {what}"))
        }
    }
}

/// Step 9: of the whole stack the queue itself says what is parked, of one instance its records do.
pub(crate) async fn records(
    session: &Session,
    past: &Past,
    (expiring, is_of_one): (u64, bool),
    lang: Lang,
) -> anyhow::Result<Step> {
    let id = StepId::Records;
    let (parked, retrying) = (past.parked, past.retrying);
    let url = session.stack.output("ParkedQueueUrl")?;
    let parked = match session.operator.queue(url).await {
        _ if is_of_one => parked,
        Ok(queue) => queue.waiting + queue.hidden,
        Err(error) => return Ok(step(id, Status::Unknown, report::failure(&error, lang))),
    };
    let mut evidence = say!(
        lang,
        "{parked} media are parked, {retrying} are retried",
        "{parked} mídias estão estacionadas, {retrying} em nova tentativa"
    );
    let (unread, first) = (past.odd.count(), past.odd.first().unwrap_or_default());
    if unread > 0 {
        evidence += &say!(
            lang,
            "; {unread} records were not understood in full ({first}, …)",
            "; {unread} registros não foram entendidos por inteiro ({first}, …)"
        );
    }
    Ok(if parked > 0 || expiring > 0 {
        with_remedy(step(id, Status::Warn, evidence), "wapi-media parked list")
    } else if unread > 0 {
        with_remedy(step(id, Status::Warn, evidence), "wapi-media media find")
    } else {
        step(id, Status::Ok, evidence)
    })
}

/// Whether anybody hears the alarms, and which are on.
pub(crate) async fn alarms(session: &Session, lang: Lang) -> anyhow::Result<Vec<Setting>> {
    let topic = session.stack.output("AlarmTopic")?;
    let mut found = Vec::new();
    let name = say!(lang, "people who hear the alarms", "pessoas que recebem os alarmes");
    found.push(match session.operator.subscribers(topic).await {
        Ok(0) => Setting {
            name,
            status: Status::Warn,
            value: "0".to_owned(),
            expected: None,
            remedy: Some(format!(
                "aws sns subscribe --protocol email --notification-endpoint you@example.com --topic-arn {topic}"
            )),
        },
        Ok(count) => Setting { name, status: Status::Ok, value: count.to_string(),
            expected: None,
            remedy: None },
        Err(error) => Setting { name, status: Status::Unknown, value: report::failure(&error, lang),
            expected: None,
            remedy: None },
    });
    match session.operator.raised_alarms(&session.stack.name).await {
        Ok(alarms) => found.extend(alarms.into_iter().map(|alarm| Setting {
            status: Status::Warn,
            value: say!(lang, "is on", "está ligado"),
            expected: None,
            remedy: Some(report::alarm(&alarm.name, &alarm.description, lang)),
            name: alarm.name,
        })),
        Err(error) => found.push(Setting {
            name: say!(lang, "alarms that are on", "alarmes ligados"),
            status: Status::Unknown,
            value: report::failure(&error, lang),
            expected: None,
            remedy: None,
        }),
    }
    Ok(found)
}

/// Media of the whole stack that are not stored and can be counted on for less than two days.
pub(crate) async fn expiring(session: &Session, now: i64) -> anyhow::Result<u64> {
    let table = session.stack.output("MediaTable")?.to_owned();
    let ledger = Ledger::new(&session.operator.clients, table);
    Ok(ledger.count_expiring(now, now + SOON).await?)
}
