//! Steps 6 and 7: W-API's download endpoint and WhatsApp's CDN.

use media::strategy::Strategy;
use report::{Lang, Status, Step, StepId};

use crate::{
    doctor::{past::Past, trial::Trial},
    say::say,
};

/// Steps 6 and 7: each strategy's result in the controlled test, and its share of the media of the
/// last day.
pub(crate) fn strategy_steps(trial: &Trial, past: &Past, lang: Lang) -> Vec<Step> {
    let step = |strategy| {
        let id = StepId::for_strategy(strategy)?;
        Some(strategy_step(id, strategy, trial, past, lang))
    };
    Strategy::DEFAULT.into_iter().filter_map(step).collect()
}

fn strategy_step(id: StepId, strategy: Strategy, trial: &Trial, past: &Past, lang: Lang) -> Step {
    let (stored, all) = past.share_of(strategy);
    let sample = match past.is_sample {
        true => say!(
            lang,
            " (a sample: the newest records of each instance)",
            " (uma amostra: os registros mais novos de cada instância)"
        ),
        false => String::new(),
    };
    let share = say!(
        lang,
        "{stored} of {all} stored media sent in 24 h came this way{sample}",
        "{stored} de {all} mídias guardadas, enviadas em 24 h, vieram por aqui{sample}"
    );
    match trial.result_of(strategy) {
        Some((true, attempt)) => {
            let ms = attempt.duration_ms;
            let now =
                say!(lang, "a real media file came in {ms} ms", "uma mídia real veio em {ms} ms");
            Step::new(id, Status::Ok, format!("{now}; {share}"))
        }
        Some((false, attempt)) => {
            let words = attempt.excerpt.clone().unwrap_or_default();
            let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let verdict = report::translate_reason(&attempt.verdict, lang);
            let evidence = format!("{verdict}: {status} {words}; {share}");
            Step::new(id, Status::Fail, evidence)
        }
        None if stored > 0 => Step::new(id, Status::Ok, share),
        None => {
            let why = if trial.is_invented() {
                say!(
                    lang,
                    "no recent media message was found to test with, \
                     and an invented key proves nothing",
                    "não há mídia recente para testar, e uma chave inventada não prova nada"
                )
            } else {
                say!(lang, "there was no token to test with", "não havia token para testar")
            };
            Step::new(id, Status::Unknown, format!("{why}; {share}"))
        }
    }
}
