//! The check of an instance's receivers: how many there are, which are paused or fail, and what
//! waits for them.

use aws::{instances::Instance, receivers::Receiver};
use media::receiver::PauseReason;

use super::check::{Check, CheckId, Verdict};
use crate::{examination::Examination, say::say, screen};

/// Deliveries of one receiver that are counted, at most.
const MAX_COUNT: u64 = 10_000;

/// The check. `None`: the instance has no receivers.
pub(crate) async fn check_receivers(
    instance: &Instance,
    examination: Examination<'_>,
) -> anyhow::Result<Option<Check>> {
    const ID: CheckId = CheckId::Receivers;
    let Examination { session, lang, now, .. } = examination;
    let all = match session.receivers()?.list(&instance.tenant).await {
        Ok(all) => all,
        Err(error) => {
            let failed = report::translate_failure(&error, lang);
            return Ok(Some(Check::new(ID, Verdict::Unknown, failed)));
        }
    };
    let its: Vec<_> = all
        .iter()
        .filter(|one| one.gets(&instance.id, None) || one.gets_events(&instance.id))
        .collect();
    if its.is_empty() {
        return Ok(None);
    }
    let (jobs, mut waiting, mut oldest) = (session.ledger()?.jobs, 0, None::<i64>);
    for one in &its {
        let survey = jobs.survey_resting(&one.id, MAX_COUNT).await?;
        waiting += survey.count;
        oldest = [oldest, survey.oldest].into_iter().flatten().min();
    }
    let (count, paused) = (its.len(), its.iter().filter(|one| one.pause.is_some()).count());
    let failing = its.iter().filter(|one| one.failing_since.is_some()).count();
    let ago = oldest
        .map_or_else(|| "-".to_owned(), |at| screen::format_age(now.saturating_sub(at), lang));
    let evidence = say!(
        lang,
        "{count} receivers, {paused} paused, {failing} failing; {waiting} deliveries wait, \
         the oldest for {ago}",
        "{count} receptores, {paused} em pausa, {failing} falhando; {waiting} entregas esperam, \
         a mais antiga há {ago}"
    );
    if !its.iter().any(|one| needs_attention(one)) {
        return Ok(Some(Check::new(ID, Verdict::Ok, evidence)));
    }
    let remedy = format!("wapi-media receiver deliveries --tenant {}", instance.tenant);
    Ok(Some(Check::new(ID, Verdict::Warn, evidence).with_remedy(remedy)))
}

/// Whether a receiver fails, or is paused, but not by an operator.
fn needs_attention(receiver: &Receiver) -> bool {
    let pause = receiver.pause.map(|pause| pause.reason);
    match pause {
        Some(reason) => reason != PauseReason::Operator,
        None => receiver.failing_since.is_some(),
    }
}
