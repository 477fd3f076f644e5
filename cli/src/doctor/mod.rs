//! The whole flow examined, from WhatsApp to the bucket, and the root cause in one sentence.

mod cause;
mod examined;
pub(crate) mod past;
mod steps;
pub(crate) mod trial;

use boot::clock;
use media::ids::InstanceId;
use report::{Lang, Report};

use self::{
    examined::Examination,
    past::Past,
    steps::{alarms, api, bucket, connection, download, hooks, jobs, records, sources},
    trial::Trial,
};
use crate::{odd_records::OddRecords, session::Session};

/// Examines the stack, or of all instances only this one.
pub(crate) async fn examine(
    only: Option<&InstanceId>,
    lang: Lang,
    session: &Session,
) -> anyhow::Result<(Report, Trial)> {
    let now = clock::now();
    let mut odd = OddRecords::default();
    let all = session.instances(None, &mut odd).await?;
    if only.is_some() {
        // Others' records are not what is asked about.
        odd = OddRecords::default();
    }
    let mut examined = Vec::new();
    for instance in &all {
        if only.is_none_or(|only| *only == instance.id) {
            examined.push(Examination::of(instance, &all, lang, session).await?);
        }
    }
    if let (Some(only), true) = (only, examined.is_empty()) {
        // Nothing but its own record can be said of one that is not understood.
        session.must_know(only, &mut odd).await?;
    }
    let trial = Trial::of(examined.iter().find(|one| one.token.is_some()), session).await?;
    let past = Past::of(&examined, now, odd, session).await?;
    let folders = bucket::compare(&examined, session).await?;
    let is_of_one = only.is_some();
    let expiring = match is_of_one {
        true => past.expiring,
        false => records::expiring(session, now).await?,
    };
    let mut settings = Vec::new();
    let steps = vec![
        connection::connection(&examined, lang),
        hooks::hooks(&examined, lang),
        api::api(session, lang).await?,
        jobs::jobs(session, lang, &mut settings).await?,
        download::download(session, lang, &mut settings).await?,
        sources::wapi(&trial, &past, lang),
        sources::cdn(&trial, &past, lang),
        bucket::bucket(&folders, lang),
        records::records(session, &past, (expiring, is_of_one), lang).await?,
    ];
    settings.extend(alarms::alarms(session, lang).await?);
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
