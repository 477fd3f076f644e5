//! Examines the whole flow, from WhatsApp to the bucket, and finds the root cause.

mod cause;
pub(crate) mod examined;
pub(crate) mod past;
pub(crate) mod steps;
pub(crate) mod trial;

use media::ids::InstanceId;
use report::Report;

use self::{
    examined::ExaminedInstance,
    past::Past,
    steps::{
        alarms, api, audit_copies, bucket, connection, download, hooks, jobs, records, sources,
        triggers,
    },
    trial::Trial,
};
use crate::{examination::Examination, odd_records::OddRecords};

/// Examines the stack and all its instances, or `only` this one.
pub(crate) async fn examine_stack(
    only: Option<&InstanceId>,
    examination: Examination<'_>,
) -> anyhow::Result<(Report, Trial)> {
    let Examination { session, lang, now, .. } = examination;
    let (examined, odd) = examine_instances(only, examination).await?;
    let trial =
        Trial::run_for(examined.iter().find(|one| one.token.is_some()), examination).await?;
    let past = Past::read_records(&examined, odd, examination).await?;
    let folders = bucket::compare_folders(&examined, session).await?;
    let is_of_one = only.is_some();
    let expiring = match is_of_one {
        true => past.expiring,
        false => records::count_expiring(examination).await?,
    };
    let mut settings = Vec::new();
    let mut steps = vec![
        connection::connection_step(&examined, lang),
        hooks::hooks_step(&examined, lang),
        api::api_step(examination).await?,
        jobs::jobs_queue_step(examination, &mut settings).await?,
        download::download_function_step(examination, &mut settings).await?,
    ];
    steps.extend(sources::strategy_steps(&trial, &past, lang));
    steps.push(bucket::bucket_step(&folders, lang));
    steps.push(records::records_step(&past, (expiring, is_of_one), examination).await?);
    settings.extend(triggers::trigger_settings(examination).await);
    settings.extend(alarms::alarm_settings(examination).await?);
    settings.extend(audit_copies::audit_copies_setting(examination).await);
    let mut report = Report {
        stack: session.stack.name.clone(),
        region: session.operator.region.clone().unwrap_or_default(),
        taken_at: now,
        instance: only.map(ToString::to_string),
        root_cause: None,
        steps,
        endpoints: trial.to_endpoints(lang),
        instances: examined.iter().map(|one| one.to_report(lang)).collect(),
        folders,
        failures: past.to_failures(lang),
        controlled: trial.to_controlled_test(lang),
        settings,
        expiring,
        hours: past.hours_until(now),
    };
    report.root_cause = cause::find_root_cause(&report, &examined, &trial, lang);
    Ok((report, trial))
}

/// Runs the checks of all instances, or `only` this one, and notes the records of instances that
/// cannot be parsed.
async fn examine_instances(
    only: Option<&InstanceId>,
    examination: Examination<'_>,
) -> anyhow::Result<(Vec<ExaminedInstance>, OddRecords)> {
    let session = examination.session;
    let mut odd = OddRecords::default();
    let all = session.list_instances(None, &mut odd).await?;
    if only.is_some() {
        // Notes about other instances do not belong in this report.
        odd = OddRecords::default();
    }
    let mut examined = Vec::new();
    for instance in &all {
        if only.is_none_or(|only| *only == instance.id) {
            examined.push(ExaminedInstance::examine(instance, &all, examination).await?);
        }
    }
    if let (Some(only), true) = (only, examined.is_empty()) {
        // An instance whose record cannot be parsed cannot be examined: note that.
        session.require_registered(only, &mut odd).await?;
    }
    Ok((examined, odd))
}
