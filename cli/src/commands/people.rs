//! `wapi-media people`: shows what is known about which LID belongs to which phone number.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand};
use media::{ids::InstanceId, message::Chat};
use serde_json::json;

use crate::{
    audit::AuditScope,
    exit::Exit,
    person::{PersonChats, parse_phone},
    screen,
    session::Session,
};

/// The verbs of `wapi-media people`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Shows the LIDs and phone numbers of a person, and the folders their media may be in.
    Show(Show),
}

/// Whom to show, by phone number or by LID.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whom").required(true).args(["phone", "lid"])),
    after_help = "Example:\n  \
        wapi-media people show --instance LITE-AAAAAA-BBBBBB --phone 5500900000002"
)]
pub(crate) struct Show {
    /// The instance whose webhooks named the person.
    #[arg(long)]
    instance: InstanceId,
    /// The phone number: digits, with the country code; - reads it from standard input.
    #[arg(long)]
    phone: Option<String>,
    /// The digits of the LID, as in the name of its folder (lid-200000000000002).
    #[arg(long)]
    lid: Option<String>,
}

/// Runs a verb of `wapi-media people`.
pub(crate) async fn run_people(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    let Verb::Show(show) = verb;
    let act = ("people show", "person");
    let scope = AuditScope::about_instance(act, &show.instance, session).await?;
    session.audit(scope, show_person(&show, session)).await?
}

async fn show_person(show: &Show, session: &Session) -> anyhow::Result<Exit> {
    let asked = match (&show.phone, &show.lid) {
        (Some(phone), _) => parse_phone(&screen::read_phone(phone)?)?,
        (None, Some(lid)) => {
            let digits = lid.strip_prefix("lid-").unwrap_or(lid);
            vec![Chat::from_lid(digits).context("a LID is given as its digits")?]
        }
        (None, None) => bail!("one of --phone and --lid is needed"),
    };
    let found = PersonChats::find(&session.people()?, &show.instance, &asked).await?;
    let mut table = screen::new_table(["lid", "phone"]);
    for (lid, phone) in found.pairs.iter().filter_map(media::contact::Contact::as_pair) {
        table.add_row([lid, phone]);
    }
    let folders: Vec<_> = found.chats.iter().map(Chat::as_str).collect();
    let pairs = found.pairs.iter().filter_map(media::contact::Contact::as_pair);
    let pairs: Vec<_> = pairs.map(|(lid, phone)| json!({ "lid": lid, "phone": phone })).collect();
    let text = match found.pairs.is_empty() {
        true => "No webhook of this instance has named both a LID and a phone number of this \
                 person yet."
            .to_owned(),
        false => format!("{table}\nFolders: {}", folders.join(", ")),
    };
    session.flags.print(&json!({ "pairs": pairs, "folders": folders }), text)?;
    Ok(Exit::Ok)
}
