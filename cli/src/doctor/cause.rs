//! The root cause: the failure that explains most of the others, with the command that fixes it.

use media::strategy::Strategy;
use report::{Lang, Report, RootCause, Status, StepId};
use wapi::account::Hook;

use super::{examined::ExaminedInstance, trial::Trial};
use crate::{
    checks::check::{Check, CheckId, Verdict},
    say::say,
};

/// The first failure in the order of the flow. W-API and the CDN are judged together, because one
/// of them is enough.
pub(crate) fn find_root_cause(
    report: &Report,
    examined: &[ExaminedInstance],
    trial: &Trial,
    lang: Lang,
) -> Option<RootCause> {
    cause_in_instances(examined, CheckId::Token, lang)
        .or_else(|| cause_in_instances(examined, CheckId::Connection, lang))
        .or_else(|| cause_in_step(report, StepId::Api))
        .or_else(|| cause_in_instances(examined, CheckId::Hook(Hook::Received), lang))
        .or_else(|| cause_in_instances(examined, CheckId::Hook(Hook::Delivery), lang))
        .or_else(|| cause_in_step(report, StepId::DownloadFunction))
        .or_else(|| cause_in_sources(trial, lang))
        .or_else(|| cause_in_any_step(report))
        .or_else(|| cause_in_settings(report))
}

/// The first instance that fails this check.
fn cause_in_instances(examined: &[ExaminedInstance], id: CheckId, lang: Lang) -> Option<RootCause> {
    let failed = |one: &ExaminedInstance| -> Option<Check> {
        let check = one.find_check(id)?;
        (check.verdict == Verdict::Fail).then(|| check.clone())
    };
    let (instance, check) =
        examined.iter().find_map(|one| Some((&one.instance.id, failed(one)?)))?;
    let (evidence, label) = (check.evidence, id.label(lang));
    let sentence = if matches!(id, CheckId::Hook(_)) {
        say!(
            lang,
            "W-API does not send the events of {instance} here ({label}: {evidence}), \
             so its media messages are never announced.",
            "A W-API não envia os eventos de {instance} para cá ({label}: {evidence}); \
             as mensagens de mídia dela nunca são anunciadas."
        )
    } else {
        say!(lang, "Instance {instance}: {evidence}.", "Instância {instance}: {evidence}.")
    };
    Some(RootCause { sentence, command: check.remedy })
}

fn cause_in_step(report: &Report, id: StepId) -> Option<RootCause> {
    let step = report.steps.iter().find(|step| step.id == id)?;
    (step.status == Status::Fail).then(|| RootCause {
        sentence: format!("{}.", step.evidence),
        command: step.remedy.clone(),
    })
}

/// The failure of W-API, the CDN, or both in the controlled test.
fn cause_in_sources(trial: &Trial, lang: Lang) -> Option<RootCause> {
    let (wapi, cdn) = (trial.result_of(Strategy::Wapi)?, trial.result_of(Strategy::Cdn)?);
    let told = |attempt: &media::record::Attempt| {
        let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let words = attempt
            .excerpt
            .clone()
            .unwrap_or_else(|| report::translate_reason(&attempt.verdict, lang));
        format!("{status}: {words}")
    };
    let (of_wapi, of_cdn) = (told(wapi.1), told(cdn.1));
    let sentence = match (wapi.0, cdn.0) {
        (true, true) => return None,
        (false, true) => say!(
            lang,
            "W-API's download endpoint fails ({of_wapi}); \
             until it works, media files come from WhatsApp's CDN (cdn).",
            "O endpoint de download da W-API falha ({of_wapi}); \
             até ele voltar, os arquivos de mídia vêm do CDN do WhatsApp (cdn)."
        ),
        (true, false) => say!(
            lang,
            "WhatsApp's CDN fails ({of_cdn}); media files come from W-API.",
            "O CDN do WhatsApp falha ({of_cdn}); os arquivos de mídia vêm da W-API."
        ),
        (false, false) => say!(
            lang,
            "Neither W-API's download endpoint ({of_wapi}) nor WhatsApp's CDN ({of_cdn}) delivers \
             media; jobs are retried for days, and nothing is lost yet.",
            "Nem o endpoint de download da W-API ({of_wapi}) nem o CDN do WhatsApp ({of_cdn}) \
             entregam mídias; os jobs são tentados de novo por dias, e nada se perdeu ainda."
        ),
    };
    let command = (!wapi.0).then(|| "wapi-media doctor --bundle evidence.json".to_owned());
    Some(RootCause { sentence, command })
}

fn cause_in_any_step(report: &Report) -> Option<RootCause> {
    let worst = report.steps.iter().filter(|step| step.status > Status::Unknown);
    // `rev`, because `max_by_key` returns the last of equal elements, and the first is wanted.
    let worst = worst.rev().max_by_key(|step| step.status)?;
    Some(RootCause { sentence: format!("{}.", worst.evidence), command: worst.remedy.clone() })
}

fn cause_in_settings(report: &Report) -> Option<RootCause> {
    let bad = report.settings.iter().filter(|one| one.status > Status::Unknown);
    let bad = bad.rev().max_by_key(|one| one.status)?;
    Some(RootCause {
        sentence: format!("{}: {}.", bad.name, bad.value),
        command: bad.remedy.clone(),
    })
}
