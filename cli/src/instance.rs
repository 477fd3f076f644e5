//! `wapi-media instance`: registers accounts, so that their webhooks are accepted.

use std::io::{IsTerminal, Read, Write};

use anyhow::{Context, bail};
use aws::{
    clients::Clients,
    instances::{Instances, NewInstance},
};
use boot::clock;
use clap::{Args, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use media::{
    ids::{InstanceId, TenantId},
    kind::MediaKind,
    message::{ChatKind, Secret},
    policy::Policy,
    sha256::Sha256,
    strategy::Strategy,
};

/// Random bytes in a webhook secret.
const SECRET_BYTES: usize = 32;

/// What can be done with instances.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Registers an instance and prints, once, the webhook URL to register in W-API.
    ///
    /// The instance's W-API token is read from standard input, or asked for on a terminal; it is encrypted
    /// before it is stored. Of the URL's secret only a hash is stored.
    Add(Add),
}

/// The names below are outputs of the stack.
#[derive(Args)]
#[command(
    after_help = "Example:\n  wapi-media instance add --tenant acme --instance LITE-AAAAAA-BBBBBB \\\n    \
    --instances-table TABLE --token-key KEY --webhook-base-url URL < token.txt"
)]
pub(crate) struct Add {
    /// The tenant whose folder the media go to: a-z, 0-9, '-' and '_'.
    #[arg(long)]
    tenant: TenantId,
    /// The instance's id, as W-API shows it.
    #[arg(long)]
    instance: InstanceId,
    /// Output `InstancesTable`.
    #[arg(long, env = "WAPI_MEDIA_INSTANCES_TABLE")]
    instances_table: String,
    /// Output `TokenKeyId`: the KMS key that encrypts tokens.
    #[arg(long, env = "WAPI_MEDIA_TOKEN_KEY")]
    token_key: String,
    /// Output `WebhookBaseUrl`.
    #[arg(long, env = "WAPI_MEDIA_WEBHOOK_BASE_URL")]
    webhook_base_url: String,
    /// The order in which media are fetched.
    #[arg(long, value_delimiter = ',', default_value = "wapi,wapi_alternate,cdn")]
    strategies: Vec<Strategy>,
    /// Store these kinds only: image, video, audio, document, sticker.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<MediaKind>,
    /// Store media of these sorts of chat only: person, lid, group, channel, status, other.
    #[arg(long, value_delimiter = ',', value_name = "SORT")]
    chats: Vec<ChatKind>,
    /// The largest file that is fetched, in bytes; a larger one is parked.
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs one verb.
pub(crate) async fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Add(add) => add.run().await,
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let token = read_token()?;
        let secret = random_secret()?;
        let new = NewInstance {
            id: &self.instance,
            tenant: &self.tenant,
            secret_hash: Sha256::of(secret.as_bytes()),
            strategies: &self.strategies,
            policy: &self.policy(),
            token: &token,
            now: clock::now(),
        };
        let clients = Clients::for_operator().await;
        let added = Instances::new(&clients, self.instances_table.clone())
            .add(&new, &self.token_key)
            .await;
        if added
            .as_ref()
            .is_err_and(|error| error.code == "ConditionalCheckFailedException")
        {
            bail!(
                "instance {} is registered already; nothing was changed",
                self.instance
            );
        }
        added.with_context(|| format!("instance {} was not registered", self.instance))?;
        self.print(&secret)
    }

    fn policy(&self) -> Policy {
        Policy {
            kinds: self.kinds.clone(),
            chats: self.chats.clone(),
            max_bytes: self.max_bytes,
        }
    }

    fn print(&self, secret: &str) -> anyhow::Result<()> {
        let base = self.webhook_base_url.trim_end_matches('/');
        let url = format!("{base}/webhook/{}/{secret}", self.instance);
        let mut out = std::io::stdout().lock();
        if self.json {
            let object = serde_json::json!({ "tenant": self.tenant, "instance": self.instance, "webhook_url": url });
            writeln!(out, "{object}")?;
        } else {
            writeln!(
                out,
                "Instance {} of tenant {} is registered.",
                self.instance, self.tenant
            )?;
            writeln!(
                out,
                "Its webhook URL, shown this once (whoever has it can announce media):\n\n  {url}\n"
            )?;
            writeln!(
                out,
                "Register it in W-API for the hooks `received` and `delivery`; the README shows how."
            )?;
        }
        Ok(())
    }
}

/// The token, without the line end that an editor adds.
fn read_token() -> anyhow::Result<Secret> {
    let stdin = std::io::stdin();
    let text = if stdin.is_terminal() {
        rpassword::prompt_password("W-API token of the instance: ")?
    } else {
        let mut text = String::new();
        stdin
            .lock()
            .read_to_string(&mut text)
            .context("the token could not be read from standard input")?;
        text
    };
    match text.trim() {
        "" => bail!("no token was given: write it to standard input, or run this on a terminal"),
        token => Ok(Secret::new(token)),
    }
}

fn random_secret() -> anyhow::Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}
