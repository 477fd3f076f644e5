//! `wapi-media receiver`: the applications to which an instance's webhooks are passed on, signed.

mod add;
mod argument;
mod change;
mod from_log;
mod from_records;
mod resume;
mod show;

use clap::Subcommand;
use media::ids::TenantId;

pub(crate) use self::add::{ReceiverPlan, add_receiver, check_url, find_same};
use self::{
    add::Add,
    argument::ReceiverArgument,
    change::{Choice, Rotation},
    resume::Resume,
};
use crate::{exit::Exit, session::Session};

/// The verbs of `wapi-media receiver`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Passes an instance's webhooks, or those of all instances of a tenant, on to a URL, posts
    /// media events to it, or both, and prints the secret of their signatures once.
    ///
    /// Each webhook is posted byte for byte, with the headers of Standard Webhooks. A media event
    /// has a link to the stored file if the tenant has links. The URL is https, on a public
    /// address. An instance and a tenant may have five receivers each.
    #[command(after_help = "Examples:\n  wapi-media receiver add --instance LITE-AAAAAA-BBBBBB \
        --url https://app.example.com/hooks\n  wapi-media receiver add --tenant acme \
        --url https://app.example.com/hooks --hooks received,delivery\n  \
        wapi-media receiver add --tenant acme --url https://app.example.com/media --gets media")]
    Add(Add),
    /// Lists the receivers.
    List {
        /// Only this tenant's receivers.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Shows a receiver with its whole URL, and how it works.
    Show(ReceiverArgument),
    /// Posts a signed test event to a receiver, from this machine, and prints what came back.
    Test(ReceiverArgument),
    /// Chooses what a receiver gets.
    Set(Choice),
    /// Keeps a receiver's webhooks, for up to three days each, instead of posting them.
    Pause(ReceiverArgument),
    /// Posts to a paused receiver again: first what was kept, in order.
    ///
    /// A webhook is kept for three days. With --since, older ones are read from W-API's log, and
    /// come after those that were kept. They are not byte for byte the ones that W-API posted: the
    /// log has the names of fields in lower case, and only known names are restored.
    Resume(Resume),
    /// Replaces the secret of a receiver's signatures, and prints the new one once.
    RotateSecret(Rotation),
    /// Removes a receiver, and the webhooks that are kept for it.
    Remove(ReceiverArgument),
    /// Counts the webhooks that wait for each receiver of a tenant.
    Deliveries {
        /// The tenant.
        #[arg(long)]
        tenant: TenantId,
    },
}

/// Runs a verb of `wapi-media receiver`.
pub(crate) async fn run_receiver(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(new) => add::run_add(new, session).await,
        Verb::List { tenant } => show::list_receivers(tenant.as_ref(), session).await,
        Verb::Show(one) => show::show_receiver(&one, session).await,
        Verb::Test(one) => show::test_receiver(&one, session).await,
        Verb::Set(choice) => change::set_kind(&choice, session).await,
        Verb::Pause(one) => change::pause_receiver(&one, session).await,
        Verb::Resume(resume) => resume::resume_receiver(&resume, session).await,
        Verb::RotateSecret(rotation) => change::rotate_secret(&rotation, session).await,
        Verb::Remove(one) => change::remove_receiver(&one, session).await,
        Verb::Deliveries { tenant } => show::count_deliveries(&tenant, session).await,
    }
}
