//! `wapi-media doctor`: the whole flow examined, from WhatsApp to the bucket, and the root cause in
//! one sentence.

mod cause;
mod examined;
mod flow;
mod folders;
pub(crate) mod past;
mod trial;

use std::path::PathBuf;

use anyhow::Context;
use boot::clock;
use clap::Args;
use media::{ids::InstanceId, object_key::parse_offset};
use report::{Lang, Report, Status, Terminal, View};
use serde_json::json;

use self::{examined::Examination, past::Past, trial::Trial};
use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// What to examine, and where the report goes.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media doctor\n  \
    wapi-media doctor --instance LITE-AAAAAA-BBBBBB --html report.html --lang pt-BR\n\n\
    Ends with 0 if everything is well, with 1 if something needs a person.")]
pub(crate) struct Doctor {
    /// Examine this instance only.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Write the report as one HTML file that can be sent on. No secret is in it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the evidence for W-API's support as JSON: what was asked, when, and what was answered.
    /// Keys and tokens are left out.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The report's language: en, pt-BR.
    #[arg(long, default_value = "en", value_name = "LANGUAGE")]
    lang: Lang,
}

/// Examines and reports.
pub(crate) async fn run(doctor: Doctor, session: &Session) -> anyhow::Result<Exit> {
    let lang = doctor.lang;
    let waiting = screen::spinner("examining");
    let (report, trial) = examine(&doctor, session).await?;
    waiting.finish_and_clear();
    let offset = parse_offset(session.stack.parameter("UtcOffset")?);
    let offset = offset.context("the stack's UtcOffset is none")?;
    let view = View { lang, offset };
    if let Some(file) = &doctor.html {
        let page = report::html(&report, view)?;
        let written = std::fs::write(file, page);
        written.with_context(|| format!("{} could not be written", file.display()))?;
    }
    if let Some(file) = &doctor.bundle {
        let bundle = serde_json::to_string_pretty(&bundle(&report, &trial))?;
        let written = std::fs::write(file, bundle);
        written.with_context(|| format!("{} could not be written", file.display()))?;
    }
    let terminal = Terminal { colour: screen::has_colour(), width: screen::width() };
    let text = report::text(&report, view, terminal);
    let json = serde_json::from_str(&report::json(&report)?)?;
    session.flags.print_coloured(&json, text.trim_end())?;
    Ok(match report.status() {
        Status::Ok | Status::Unknown => Exit::Ok,
        Status::Warn | Status::Fail => Exit::Findings,
    })
}

async fn examine(doctor: &Doctor, session: &Session) -> anyhow::Result<(Report, Trial)> {
    let (lang, now) = (doctor.lang, clock::now());
    let mut odd = OddRecords::default();
    let all = session.instances(None, &mut odd).await?;
    if doctor.instance.is_some() {
        // Others' records are not what is asked about.
        odd = OddRecords::default();
    }
    let mut examined = Vec::new();
    for instance in &all {
        if doctor.instance.as_ref().is_none_or(|only| *only == instance.id) {
            examined.push(Examination::of(instance, &all, lang, session).await?);
        }
    }
    if let (Some(only), true) = (&doctor.instance, examined.is_empty()) {
        // Nothing but its own record can be said of one that is not understood.
        session.must_know(only, &mut odd).await?;
    }
    let trial = Trial::of(examined.iter().find(|one| one.token.is_some()), session).await?;
    let past = Past::of(&examined, now, odd, session).await?;
    let folders = folders::compare(&examined, session).await?;
    let is_of_one = doctor.instance.is_some();
    let expiring = match is_of_one {
        true => past.expiring,
        false => flow::expiring(session, now).await?,
    };
    let mut settings = Vec::new();
    let steps = vec![
        examined::connection(&examined, lang),
        examined::hooks(&examined, lang),
        flow::api(session, lang).await?,
        flow::jobs(session, lang, &mut settings).await?,
        flow::download(session, lang, &mut settings).await?,
        flow::wapi(&trial, &past, lang),
        flow::cdn(&trial, &past, lang),
        flow::bucket(&folders, lang),
        flow::records(session, &past, (expiring, is_of_one), lang).await?,
    ];
    settings.extend(flow::alarms(session, lang).await?);
    let mut report = Report {
        stack: session.stack.name.clone(),
        region: session.operator.region.clone().unwrap_or_default(),
        taken_at: now,
        instance: doctor.instance.as_ref().map(ToString::to_string),
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

/// What W-API's support needs: what was asked of it, when, and what it answered.
fn bundle(report: &Report, trial: &Trial) -> serde_json::Value {
    json!({
        "taken_at": screen::time(report.taken_at),
        "instance": report.instance,
        "calls": trial.asked,
        "downloads": trial.attempts(),
        "failures": report.failures,
        "note": "Keys, tokens, links and telephone numbers are left out. Times are in milliseconds.",
    })
}
