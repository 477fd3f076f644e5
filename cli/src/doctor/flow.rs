//! The nine steps of the flow, each with its evidence.

use std::collections::BTreeMap;

use aws::{instances::Instance, ledger::Ledger};
use fetch::account::AccountError;
use media::{failure::FailureClass, message::Secret, strategy::Strategy};
use operator::{
    health::QueueHealth,
    records::{MediaRecord, Unstored},
};
use report::{FailureCount, Folder, Hour, InstanceCheck, Lang, Setting, Status, Step, StepId};

use super::{say, trial::Trial};
use crate::{
    check::{self, Check, Verdict},
    probe,
    session::{Session, as_instance},
};

/// Records are looked at this far back, in seconds.
const BACK: i64 = 24 * 60 * 60;

/// Records of one instance that are looked at.
const MOST_RECORDS: usize = 10_000;

/// Media that are not stored that are looked at, per state.
const MOST_UNSTORED: usize = 5_000;

/// The jobs queue's settings, as `template.yaml` has them; a test holds them against each other.
const VISIBILITY_SECONDS: u64 = 3_630;
const RETENTION_SECONDS: u64 = 7 * 24 * 60 * 60;
const MOST_RECEIVES: u64 = 140;

/// Media that expire within this time are counted, in seconds.
const SOON: i64 = 48 * 60 * 60;

/// An instance, what was found out about it, and its token if it opens.
pub(crate) struct Examined {
    pub(crate) instance: Instance,
    pub(crate) token: Option<Secret>,
    pub(crate) checks: Vec<Check>,
}

impl Examined {
    /// Examines one of `all`.
    pub(crate) async fn of(
        instance: &Instance,
        all: &[Instance],
        lang: Lang,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let token = session.token(instance).await.ok();
        let mut checks = check::instance(instance, lang, session).await?;
        let other = all.iter().find(|other| other.tenant != instance.tenant);
        if let (Some(token), Some(other)) = (&token, other) {
            checks.push(cross_tenant(instance, token, other, lang, session).await?);
        }
        Ok(Self {
            instance: instance.clone(),
            token,
            checks,
        })
    }

    /// The check of this name.
    pub(crate) fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    pub(crate) fn report(&self, lang: Lang) -> InstanceCheck {
        let setting = |check: &Check| Setting {
            name: check::label(check.name, lang).to_owned(),
            status: status_of(check.verdict),
            value: check.evidence.clone(),
            expected: None,
            remedy: check.remedy.clone(),
        };
        let worst = self
            .checks
            .iter()
            .map(|check| status_of(check.verdict))
            .max();
        InstanceCheck {
            tenant: self.instance.tenant.to_string(),
            instance: self.instance.id.to_string(),
            status: worst.unwrap_or(Status::Unknown),
            last_webhook_at: None,
            checks: self.checks.iter().map(setting).collect(),
        }
    }
}

fn status_of(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Ok => Status::Ok,
        Verdict::Warn => Status::Warn,
        Verdict::Fail => Status::Fail,
        Verdict::Unknown => Status::Unknown,
    }
}

/// Whether W-API keeps tenants apart: a token must not speak for another tenant's instance.
async fn cross_tenant(
    instance: &Instance,
    token: &Secret,
    other: &Instance,
    lang: Lang,
    session: &Session,
) -> anyhow::Result<Check> {
    const NAME: &str = "cross-tenant";
    let (id, other) = (&instance.id, &other.id);
    let answer = session
        .wapi()?
        .fetch_status(as_instance(other, token))
        .await;
    Ok(match answer {
        Ok(_) => {
            let evidence = say!(
                lang,
                "W-API lets the token of {id} speak for {other}, an instance of another tenant",
                "a W-API deixa o token de {id} falar por {other}, uma instância de outro cliente"
            );
            let remedy = say!(
                lang,
                "is it the same token? give each instance its own: wapi-media token rotate {id}",
                "é o mesmo token? dê a cada instância o seu: wapi-media token rotate {id}"
            );
            Check::new(NAME, Verdict::Fail, evidence).with_remedy(remedy)
        }
        Err(AccountError::Refused { status, .. }) if (400..500).contains(&status) => {
            let evidence = say!(
                lang,
                "W-API refuses its token for another tenant's instance ({status})",
                "a W-API recusa o token dela para a instância de outro cliente ({status})"
            );
            Check::new(NAME, Verdict::Ok, evidence)
        }
        Err(error) => Check::new(NAME, Verdict::Unknown, error.to_string()),
    })
}

fn step(id: StepId, status: Status, evidence: String) -> Step {
    Step {
        id,
        status,
        evidence,
        remedy: None,
    }
}

fn with_remedy(step: Step, remedy: impl Into<String>) -> Step {
    Step {
        remedy: Some(remedy.into()),
        ..step
    }
}

/// A step about instances: how many are well, and what the first that is not says.
fn of_instances(id: StepId, examined: &[Examined], names: &[&str], lang: Lang) -> Step {
    let checks_of = |one: &Examined| -> Vec<Check> {
        let its = one
            .checks
            .iter()
            .filter(|check| names.contains(&check.name));
        its.cloned().collect()
    };
    let bad = examined.iter().find_map(|one| {
        let checks = checks_of(one);
        let worst = checks
            .into_iter()
            .max_by_key(|check| status_of(check.verdict))?;
        (worst.verdict != Verdict::Ok).then_some((one, worst))
    });
    let all = examined.len();
    let is_well = |one: &&Examined| {
        checks_of(one)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    };
    let well = examined.iter().filter(is_well).count();
    let count = say!(
        lang,
        "{well} of {all} instances",
        "{well} de {all} instâncias"
    );
    match bad {
        None if all == 0 => {
            let none = say!(
                lang,
                "no instance is registered",
                "nenhuma instância está registrada"
            );
            let add = "wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme";
            with_remedy(step(id, Status::Warn, none), add)
        }
        None => step(id, Status::Ok, count),
        Some((one, check)) => {
            let evidence = format!("{count}; {}: {}", one.instance.id, check.evidence);
            let step = step(id, status_of(check.verdict), evidence);
            Step {
                remedy: check.remedy,
                ..step
            }
        }
    }
}

/// Step 1.
pub(crate) fn connection(examined: &[Examined], lang: Lang) -> Step {
    let names = ["connection", "token", "cross-tenant"];
    of_instances(StepId::Connection, examined, &names, lang)
}

/// Step 2.
pub(crate) fn hooks(examined: &[Examined], lang: Lang) -> Step {
    let names = ["open", "hooks", "hook received", "hook delivery"];
    of_instances(StepId::Hooks, examined, &names, lang)
}

/// Step 3: a webhook that must be refused goes the whole way to the table of instances.
pub(crate) async fn api(session: &Session, lang: Lang) -> anyhow::Result<Step> {
    let id = StepId::Api;
    let function = session
        .operator
        .function(session.stack.output("WebhookFunction")?)
        .await;
    let asked = probe::refused(session.webhook_base()?).await?;
    let ms = asked.duration_ms;
    let state = function.map_or_else(|error| error.to_string(), |function| function.state);
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
            with_remedy(
                step(id, Status::Fail, evidence),
                format!("aws logs tail {logs}"),
            )
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
    let queue = match session
        .operator
        .queue(session.stack.output("JobsQueueUrl")?)
        .await
    {
        Ok(queue) => queue,
        Err(error) => return Ok(step(id, Status::Unknown, error.to_string())),
    };
    let QueueHealth {
        waiting, hidden, ..
    } = queue;
    let expected = [
        (
            "VisibilityTimeout",
            Some(queue.visibility_seconds),
            VISIBILITY_SECONDS,
        ),
        (
            "MessageRetentionPeriod",
            Some(queue.retention_seconds),
            RETENTION_SECONDS,
        ),
        ("maxReceiveCount", queue.most_receives, MOST_RECEIVES),
    ];
    for (name, is, should) in expected {
        let is_right = is == Some(should);
        settings.push(Setting {
            name: format!("jobs queue: {name}"),
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
            return Ok(step(id, Status::Unknown, error.to_string()));
        }
    };
    let state = function.state;
    let trigger_state = trigger
        .as_ref()
        .map_or("-", |trigger| trigger.state.as_str());
    let reports = trigger
        .as_ref()
        .is_some_and(|trigger| trigger.reports_single_failures);
    settings.push(Setting {
        name: "trigger: ReportBatchItemFailures".to_owned(),
        status: if reports { Status::Ok } else { Status::Fail },
        value: reports.to_string(),
        expected: Some(true.to_string()),
        remedy: (!reports).then(|| "sam deploy".to_owned()),
    });
    let evidence = say!(
        lang,
        "the function is {state}, its trigger {trigger_state}",
        "a função está {state}, o gatilho {trigger_state}"
    );
    let is_well = state == "Active" && trigger_state == "Enabled";
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
            let now = say!(
                lang,
                "a real medium came in {ms} ms",
                "uma mídia real veio em {ms} ms"
            );
            step(id, Status::Ok, format!("{now}; {share}"))
        }
        Some((false, attempt)) => {
            let words = attempt.excerpt.clone().unwrap_or_default();
            let status = attempt
                .status
                .map_or_else(|| "-".to_owned(), |status| status.to_string());
            let evidence = format!("{}: {status} {words}; {share}", attempt.verdict);
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
                say!(
                    lang,
                    "there was no token to try with",
                    "não havia token para testar"
                )
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
    let evidence = say!(
        lang,
        "{objects} files in {count} folders",
        "{objects} arquivos em {count} pastas"
    );
    let bad = folders.iter().filter(|folder| folder.status != Status::Ok);
    match bad.max_by_key(|folder| folder.status) {
        None => step(id, Status::Ok, evidence),
        Some(bad) => {
            let Folder {
                tenant,
                instance,
                kind,
                objects,
                records,
                ..
            } = bad;
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
        Err(error) => return Ok(step(id, Status::Unknown, error.to_string())),
    };
    let evidence = say!(
        lang,
        "{parked} media are parked, {retrying} are retried",
        "{parked} mídias estão estacionadas, {retrying} em nova tentativa"
    );
    Ok(if parked == 0 && expiring == 0 {
        step(id, Status::Ok, evidence)
    } else {
        with_remedy(step(id, Status::Warn, evidence), "wapi-media parked list")
    })
}

/// Whether anybody hears the alarms, and which are on.
pub(crate) async fn alarms(session: &Session, lang: Lang) -> anyhow::Result<Vec<Setting>> {
    let topic = session.stack.output("AlarmTopic")?;
    let mut found = Vec::new();
    let name = say!(
        lang,
        "people who hear the alarms",
        "pessoas que recebem os alarmes"
    );
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
        Err(error) => Setting { name, status: Status::Unknown, value: error.to_string(),
            expected: None,
            remedy: None },
    });
    match session.operator.raised_alarms(&session.stack.name).await {
        Ok(alarms) => found.extend(alarms.into_iter().map(|alarm| Setting {
            name: alarm.name,
            status: Status::Warn,
            value: say!(lang, "is on", "está ligado"),
            expected: None,
            remedy: Some(alarm.description),
        })),
        Err(error) => found.push(Setting {
            name: say!(lang, "alarms that are on", "alarmes ligados"),
            status: Status::Unknown,
            value: error.to_string(),
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

/// What the records say of the last day.
pub(crate) struct Past {
    records: Vec<MediaRecord>,
    failures: BTreeMap<String, FailureCount>,
    retrying: u64,
    parked: u64,
    /// Of those that were examined: not stored, and to be counted on for less than two days.
    pub(crate) expiring: u64,
}

impl Past {
    pub(crate) async fn of(
        examined: &[Examined],
        now: i64,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let (table, from) = (session.records()?, now - BACK);
        let mut records = Vec::new();
        for one in examined {
            records.extend(
                table
                    .of_instance(&one.instance.id, from, MOST_RECORDS)
                    .await?,
            );
        }
        let is_examined = |instance: &str| {
            let mut ids = examined.iter().map(|one| one.instance.id.as_str());
            ids.any(|id| id == instance)
        };
        let in_state = async |state| -> anyhow::Result<Vec<_>> {
            let mut found = table.in_state(state, MOST_UNSTORED).await?;
            found.retain(|one| is_examined(&one.instance));
            Ok(found)
        };
        let (retrying, parked) = (in_state("retrying").await?, in_state("parked").await?);
        let counts = (retrying.len() as u64, parked.len() as u64);
        let expires = |one: &&Unstored| (now..now + SOON).contains(&one.recoverable_until);
        let expiring = retrying.iter().chain(&parked).filter(expires).count() as u64;
        let mut failures = BTreeMap::<String, FailureCount>::new();
        let unstored = retrying.into_iter().chain(parked);
        for one in unstored {
            let class = one
                .class
                .unwrap_or_else(|| FailureClass::Transient.to_string());
            let count = failures
                .entry(class.clone())
                .or_insert_with(|| FailureCount {
                    class,
                    count: 0,
                    last_reason: String::new(),
                    last_at: i64::MIN,
                });
            count.count += 1;
            if one.updated_at >= count.last_at {
                count.last_at = one.updated_at;
                count.last_reason = one.reason.unwrap_or_default();
            }
        }
        Ok(Self {
            records,
            failures,
            retrying: counts.0,
            parked: counts.1,
            expiring,
        })
    }

    /// How many of the media stored came by a strategy, and how many were stored in all.
    pub(crate) fn share(&self, strategy: Strategy) -> (usize, usize) {
        let stored = || self.records.iter().filter(|one| one.state == "stored");
        let by_it = stored().filter(|one| one.strategy.as_deref() == Some(strategy.as_str()));
        (by_it.count(), stored().count())
    }

    pub(crate) fn failures(&self) -> Vec<FailureCount> {
        self.failures.values().cloned().collect()
    }

    /// The last 24 hours, the oldest first, by when the message was sent.
    pub(crate) fn hours(&self, now: i64) -> Vec<Hour> {
        const HOUR: i64 = 60 * 60;
        let last = now.div_euclid(HOUR) * HOUR;
        let first = last - BACK + HOUR;
        let mut hours: Vec<_> = (0..BACK / HOUR)
            .map(|n| Hour {
                at: first + n * HOUR,
                ..Hour::default()
            })
            .collect();
        for record in &self.records {
            let n = usize::try_from(record.moment.saturating_sub(first).div_euclid(HOUR)).ok();
            let Some(hour) = n.and_then(|n| hours.get_mut(n)) else {
                continue;
            };
            match (record.state.as_str(), record.strategy.as_deref()) {
                ("stored", Some("wapi")) => hour.wapi += 1,
                ("stored", Some("wapi_alternate")) => hour.wapi_alternate += 1,
                ("stored", _) => hour.cdn += 1,
                ("retrying", _) => hour.retrying += 1,
                ("parked", _) => hour.parked += 1,
                _ => {}
            }
        }
        hours
    }
}
