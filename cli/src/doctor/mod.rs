//! The whole flow examined, from WhatsApp to the bucket, and the root cause in one sentence.

mod cause;
mod examined;
pub(crate) mod past;
mod steps;
pub(crate) mod trial;

use media::ids::InstanceId;
use report::Report;

use self::{
    examined::ExaminedInstance,
    past::Past,
    steps::{alarms, api, bucket, connection, download, hooks, jobs, records, sources},
    trial::Trial,
};
use crate::{examination::Examination, odd_records::OddRecords};

/// Examines the stack, or of all instances only this one.
pub(crate) async fn examine(
    only: Option<&InstanceId>,
    examination: Examination<'_>,
) -> anyhow::Result<(Report, Trial)> {
    let Examination { session, lang, now } = examination;
    let mut odd = OddRecords::default();
    let all = session.instances(None, &mut odd).await?;
    if only.is_some() {
        // Others' records are not what is asked about.
        odd = OddRecords::default();
    }
    let mut examined = Vec::new();
    for instance in &all {
        if only.is_none_or(|only| *only == instance.id) {
            examined.push(ExaminedInstance::examine(instance, &all, examination).await?);
        }
    }
    if let (Some(only), true) = (only, examined.is_empty()) {
        // Nothing but its own record can be said of one that is not understood.
        session.must_know(only, &mut odd).await?;
    }
    let trial = Trial::of(examined.iter().find(|one| one.token.is_some()), session).await?;
    let past = Past::read(&examined, odd, examination).await?;
    let folders = bucket::compare(&examined, session).await?;
    let is_of_one = only.is_some();
    let expiring = match is_of_one {
        true => past.expiring,
        false => records::expiring(examination).await?,
    };
    let mut settings = Vec::new();
    let steps = vec![
        connection::connection(&examined, lang),
        hooks::hooks(&examined, lang),
        api::api(examination).await?,
        jobs::jobs(examination, &mut settings).await?,
        download::download(examination, &mut settings).await?,
        sources::wapi(&trial, &past, lang),
        sources::cdn(&trial, &past, lang),
        bucket::bucket(&folders, lang),
        records::records(&past, (expiring, is_of_one), examination).await?,
    ];
    settings.extend(alarms::alarms(examination).await?);
    let mut report = Report {
        stack: session.stack.name.clone(),
        region: session.operator.region.clone().unwrap_or_default(),
        taken_at: now,
        instance: only.map(ToString::to_string),
        root_cause: None,
        steps,
        endpoints: trial.endpoints(lang),
        instances: examined.iter().map(|one| one.report(lang)).collect(),
        folders,
        failures: past.failures(lang),
        controlled: trial.report(lang),
        settings,
        expiring,
        hours: past.hours(now),
    };
    report.root_cause = cause::of(&report, &examined, &trial, lang);
    Ok((report, trial))
}
