//! `wapi-media doctor`: checks the whole flow and writes the report.

use std::path::PathBuf;

use clap::Args;
use media::ids::InstanceId;
use report::{Lang, Report, Status, Terminal, View};
use serde_json::json;

use crate::{
    doctor::{examine_stack, trial::Trial},
    examination::{Consent, Examination},
    exit::Exit,
    private_file::{require_absent, write_new},
    screen,
    session::Session,
};

/// What to check, and where to write the report.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media doctor\n  \
    wapi-media doctor --instance LITE-AAAAAA-BBBBBB --html report.html --lang pt-BR\n\n\
    The exit code is 0 if nothing is wrong, and 1 if something needs attention.")]
pub(crate) struct Doctor {
    /// Check this instance only.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Write the report as one new HTML file that can be shared. It contains no secret.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the evidence for W-API's support as new JSON: each request, its time and its answer.
    /// Keys and tokens are left out.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Also ask W-API for an instance of another tenant with each token, which must be refused.
    /// W-API then sees the token beside that instance.
    #[arg(long)]
    cross_tenant: bool,
    /// Also ask W-API for the pairing code of an instance. Of a disconnected instance this is a
    /// live code, with which a phone can be paired.
    #[arg(long)]
    pairing_code: bool,
    /// The report's language: en, pt-BR.
    #[arg(long, default_value = "en", value_name = "LANGUAGE")]
    lang: Lang,
}

/// Runs the checks, and prints and writes the report.
pub(crate) async fn run_doctor(doctor: Doctor, session: &Session) -> anyhow::Result<Exit> {
    let lang = doctor.lang;
    for file in [&doctor.html, &doctor.bundle].into_iter().flatten() {
        require_absent(file)?;
    }
    let consent = Consent { cross_tenant: doctor.cross_tenant, pairing_code: doctor.pairing_code };
    let examination = Examination { consent, ..Examination::new(session, lang) };
    let waiting = screen::new_spinner("checking");
    let (report, trial) = examine_stack(doctor.instance.as_ref(), examination).await?;
    waiting.finish_and_clear();
    let view = View { lang, offset: session.utc_offset()? };
    if let Some(file) = &doctor.html {
        let page = report::render_html(&report, view)?;
        write_new(file, page.as_bytes())?;
    }
    if let Some(file) = &doctor.bundle {
        let bundle = serde_json::to_string_pretty(&support_bundle(&report, &trial))?;
        write_new(file, bundle.as_bytes())?;
    }
    let terminal = Terminal { colour: screen::has_colour(), width: screen::terminal_width() };
    let text = report::render_text(&report, view, terminal);
    let json = serde_json::from_str(&report::render_json(&report)?)?;
    session.flags.print_coloured(&json, text.trim_end())?;
    Ok(match report.status() {
        Status::Ok | Status::Unknown => Exit::Ok,
        Status::Warn | Status::Fail => Exit::Findings,
    })
}

/// The evidence for W-API's support: each request, its time and its answer.
fn support_bundle(report: &Report, trial: &Trial) -> serde_json::Value {
    json!({
        "taken_at": screen::format_time(report.taken_at),
        "instance": report.instance,
        "calls": trial.calls,
        "downloads": trial.attempts(),
        "failures": report.failures,
        "note": "Keys, tokens, links and telephone numbers are left out. \
                 Times are in milliseconds.",
    })
}
