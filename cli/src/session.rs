//! What every command needs: its flags, the stack they name, and the clients that reach it.

use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal, Write},
};

use anyhow::{Context, bail};
use aws::{
    instances::{Instance, Instances},
    ledger::{Ledger, LedgerTables},
    links::LinksTable,
    open_people::OpenPeople,
    orders::Orders,
    people::PeopleTable,
    queues::{JobsQueue, ParkedQueue},
    receivers::Receivers,
    register::{self, Register, RegisterError, RegisterListing, RegisterTables},
};
use clap::Args;
use fetch::{
    InvalidBaseUrl, Origins,
    account::{AccountClient, Credentials},
    is_local_base, parse_base,
    receiver::ReceiverClient,
};
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    object_key::parse_offset,
    policy::Retention,
};
use operator::{
    Operator, counters::DayCounters, records::MediaRecords, stack::Stack, tags::BucketTags,
    unsettled::UnsettledMedia,
};
use parking::Parking;
use serde_json::{Value, json};
use time::UtcOffset;

use crate::{odd_records::OddRecords, screen};

/// The flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// The stack's name, as it was deployed.
    #[arg(
        long,
        global = true,
        env = "WAPI_MEDIA_STACK",
        default_value = "wapi-media",
        value_name = "NAME"
    )]
    stack: String,
    /// The base URL of the webhooks, if the stack's API has a custom domain.
    #[arg(
        long,
        global = true,
        env = "WAPI_MEDIA_WEBHOOK_BASE_URL",
        value_name = "URL",
        value_parser = parse_webhook_base
    )]
    webhook_base_url: Option<String>,
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show what would change, and change nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation (for scripts).
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// The reason for the audit table, such as a ticket's number. Give no name and no phone number.
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) reference: Option<String>,
}

/// A base URL that does not show the webhook secret to the network.
fn parse_webhook_base(text: &str) -> Result<String, InvalidBaseUrl> {
    parse_base("the base URL of the webhooks", text).map(|_| text.to_owned())
}

impl Flags {
    /// Prints the JSON value with `--json`, else the text. Control characters are replaced,
    /// because senders choose message ids and file names.
    pub(crate) fn print(&self, json: &Value, text: impl std::fmt::Display) -> anyhow::Result<()> {
        self.print_coloured(json, screen::replace_control(&text.to_string()))
    }

    /// Like [`Self::print`], for a text that has its own escape sequences (colours) and in which
    /// the control characters of senders have been replaced already.
    pub(crate) fn print_coloured(
        &self,
        json: &Value,
        text: impl std::fmt::Display,
    ) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", screen::escape_json(json))?;
        } else {
            writeln!(out, "{text}")?;
        }
        Ok(())
    }

    /// Whether to make a change that needs no confirmation: `false` in a dry run, after printing
    /// what would change.
    pub(crate) fn may_change(&self, change: &str) -> anyhow::Result<bool> {
        if self.dry_run {
            let said = json!({ "dry_run": true, "would": change });
            self.print(&said, format!("Would {change}. Nothing was changed."))?;
        }
        Ok(!self.dry_run)
    }

    /// Whether to make a change that cannot be undone: asks on the terminal, unless `--yes`.
    pub(crate) fn confirm(&self, change: &str) -> anyhow::Result<bool> {
        let is_yes = |answer: &str| matches!(answer.to_lowercase().as_str(), "y" | "yes");
        self.ask_person(change, "Go on? [y/N]", is_yes)
    }

    /// Whether to make a change that destroys media: the operator has to type `word`, unless
    /// `--yes`.
    pub(crate) fn confirm_typed(&self, change: &str, word: &str) -> anyhow::Result<bool> {
        let question = format!("Type {word} to go on:");
        self.ask_person(change, &question, |answer| answer == word)
    }

    /// The answer of the person at the terminal; `None` without a terminal, and with `--yes`.
    pub(crate) fn ask(&self, question: &str) -> anyhow::Result<Option<String>> {
        let stdin = std::io::stdin();
        if self.yes || !stdin.is_terminal() {
            return Ok(None);
        }
        screen::print_question(&format!("{question} "));
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer)?;
        Ok(Some(answer.trim().to_owned()))
    }

    fn ask_person(
        &self,
        change: &str,
        question: &str,
        is_agreed: impl Fn(&str) -> bool,
    ) -> anyhow::Result<bool> {
        if !self.may_change(change)? {
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            bail!(
                "this would {change}, and there is no terminal to confirm it on: \
                 add --yes or --dry-run"
            );
        }
        screen::print_question(&format!("This will {change}. {question} "));
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer)?;
        let is_agreed = is_agreed(answer.trim());
        if !is_agreed {
            screen::print_error("Nothing was changed.");
        }
        Ok(is_agreed)
    }
}

/// A deployed stack, and the clients that reach it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) flags: Flags,
    pub(crate) operator: Operator,
    pub(crate) stack: Stack,
}

impl Session {
    /// Finds the stack that the flags name in the configured account and region.
    pub(crate) async fn open(flags: Flags) -> anyhow::Result<Self> {
        let operator = Operator::connect().await;
        if operator.region.is_none() {
            bail!("no AWS region is configured: set AWS_REGION, or a profile with AWS_PROFILE");
        }
        let stack = Stack::find(&operator, &flags.stack).await.with_context(|| {
            format!("stack {} could not be read (--stack names another one)", flags.stack)
        })?;
        Ok(Self { flags, operator, stack })
    }

    /// The tables of tenants and instances.
    pub(crate) fn register(&self) -> anyhow::Result<Register> {
        let places = RegisterTables {
            instances_table: self.stack.output("InstancesTable")?.to_owned(),
            tenants_table: self.stack.output("TenantsTable")?.to_owned(),
            token_key: self.stack.output("TokenKeyId")?.to_owned(),
        };
        Ok(Register::new(&self.operator.clients, places))
    }

    /// The table of media records.
    pub(crate) fn records(&self) -> anyhow::Result<MediaRecords> {
        let table = self.stack.output("MediaTable")?.to_owned();
        Ok(MediaRecords::new(&self.operator.clients, table))
    }

    /// The table of counts.
    pub(crate) fn counters(&self) -> anyhow::Result<DayCounters> {
        let table = self.stack.output("CountersTable")?.to_owned();
        Ok(DayCounters::new(&self.operator.clients, table))
    }

    /// The table of people.
    pub(crate) fn people(&self) -> anyhow::Result<PeopleTable> {
        let table = self.stack.output("PeopleTable")?.to_owned();
        Ok(PeopleTable::new(&self.operator.clients, table))
    }

    /// The numbers in the table of people whose LID is not known.
    pub(crate) fn open_people(&self) -> anyhow::Result<OpenPeople> {
        let table = self.stack.output("PeopleTable")?.to_owned();
        Ok(OpenPeople::new(&self.operator.clients, table))
    }

    /// The tags of the files in the bucket.
    pub(crate) fn tags(&self) -> anyhow::Result<BucketTags> {
        Ok(BucketTags::new(&self.operator.clients, self.stack.output("MediaBucket")?))
    }

    /// The parked queue, with the jobs queue and the records that its operations need. What is
    /// received and was ordered to be erased is deleted.
    pub(crate) fn parking(&self) -> anyhow::Result<Parking> {
        Ok(self.unordered_parking()?.with_orders(self.orders()?))
    }

    /// As [`Self::parking`], for `media erase`, which finds and counts by itself what its own order
    /// covers.
    pub(crate) fn unordered_parking(&self) -> anyhow::Result<Parking> {
        let clients = &self.operator.clients;
        let output = |name| self.stack.output(name).map(str::to_owned);
        Ok(Parking::new(
            ParkedQueue::new(clients, output("ParkedQueueUrl")?),
            JobsQueue::new(clients, output("JobsQueueUrl")?),
            self.ledger()?,
            Instances::new(clients, output("InstancesTable")?),
        ))
    }

    /// The indexes of the jobs table.
    pub(crate) fn unsettled(&self) -> anyhow::Result<UnsettledMedia> {
        let table = self.stack.output("JobsTable")?.to_owned();
        Ok(UnsettledMedia::new(&self.operator.clients, table))
    }

    /// The media table and the jobs table.
    pub(crate) fn ledger(&self) -> anyhow::Result<Ledger> {
        let output = |name| self.stack.output(name).map(str::to_owned);
        let tables = LedgerTables { media: output("MediaTable")?, jobs: output("JobsTable")? };
        Ok(Ledger::new(&self.operator.clients, tables))
    }

    /// The orders to erase, and the holds.
    pub(crate) fn orders(&self) -> anyhow::Result<Orders> {
        let table = self.stack.output("OrdersTable")?.to_owned();
        Ok(Orders::new(&self.operator.clients, table))
    }

    /// The table of media links.
    pub(crate) fn links(&self) -> anyhow::Result<LinksTable> {
        let table = self.stack.output("LinksTable")?.to_owned();
        Ok(LinksTable::new(&self.operator.clients, table))
    }

    /// A client of W-API at the base URL that the stack was deployed with.
    pub(crate) fn wapi(&self) -> anyhow::Result<AccountClient> {
        let parameter = |name| self.stack.parameter(name);
        let origins = Origins::parse(parameter("WapiBaseUrl")?, parameter("CdnBaseUrls")?)?;
        Ok(AccountClient::new(&origins)?)
    }

    /// The receivers.
    pub(crate) fn receivers(&self) -> anyhow::Result<Receivers> {
        let table = self.stack.output("ReceiversTable")?.to_owned();
        Ok(Receivers::new(&self.operator.clients, table))
    }

    /// A client that posts to receivers, and only where the deliver function would.
    pub(crate) fn receiver_client(&self) -> anyhow::Result<ReceiverClient> {
        let may_be_local = is_local_base(self.stack.parameter("WapiBaseUrl")?);
        Ok(ReceiverClient::new(self.stack.output("WebhookBaseUrl")?, may_be_local)?)
    }

    /// The URL before `/webhook/…`, without a trailing slash; an error if it would carry the
    /// webhook secret over a network in plain text.
    pub(crate) fn webhook_base(&self) -> anyhow::Result<&str> {
        let base = match &self.flags.webhook_base_url {
            Some(base) => base.as_str(),
            None => self.stack.output("WebhookBaseUrl")?,
        };
        parse_webhook_base(base)?;
        Ok(base.trim_end_matches('/'))
    }

    /// The offset from UTC of the stack's folder and file names, and of the times that people read.
    pub(crate) fn utc_offset(&self) -> anyhow::Result<UtcOffset> {
        let offset = parse_offset(self.stack.parameter("UtcOffset")?);
        offset.context("the stack's UtcOffset is not a UTC offset")
    }

    /// A tenant; an error if it does not exist.
    pub(crate) async fn find_tenant(&self, id: &TenantId) -> anyhow::Result<aws::register::Tenant> {
        let found = self.register()?.get_tenant(id).await?;
        found.with_context(|| {
            format!(
                "there is no tenant {id}. See: wapi-media tenant list; \
                 add it: wapi-media tenant add {id}"
            )
        })
    }

    /// An instance; an error if it is not registered or its record cannot be parsed.
    pub(crate) async fn find_instance(&self, id: &InstanceId) -> anyhow::Result<Instance> {
        let found = self.register()?.get_instance(id).await?;
        found.with_context(|| {
            format!("instance {id} is not registered. See: wapi-media instance list")
        })
    }

    /// The instances of this tenant, or all, whose records can be parsed. The others are noted in
    /// `odd`.
    pub(crate) async fn list_instances(
        &self,
        tenant: Option<&TenantId>,
        odd: &mut OddRecords,
    ) -> anyhow::Result<Vec<Instance>> {
        let RegisterListing { mut known, unread: others } =
            self.register()?.list_instances().await?;
        known.retain(|one| tenant.is_none_or(|tenant| one.tenant == *tenant));
        for other in others.iter().filter(|one| may_belong_to(one, tenant)) {
            odd.add_note(describe_unread(other));
        }
        Ok(known)
    }

    /// The tenant and id of each instance of this tenant, or of all, or of `only`. Instances whose
    /// record cannot be parsed are included if their id can be read.
    pub(crate) async fn list_owners(
        &self,
        tenant: Option<&TenantId>,
        only: Option<&InstanceId>,
        odd: &mut OddRecords,
    ) -> anyhow::Result<Vec<(String, InstanceId)>> {
        let mut roll = self.register()?.list_instances().await?;
        if let Some(only) = only {
            roll.known.retain(|one| one.id == *only);
            roll.unread.retain(|one| one.id == only.as_str());
        }
        let known = roll.known.into_iter();
        let known = known.filter(|one| tenant.is_none_or(|tenant| one.tenant == *tenant));
        let mut owners: Vec<_> = known.map(|one| (one.tenant.to_string(), one.id)).collect();
        for other in roll.unread.iter().filter(|one| may_belong_to(one, tenant)) {
            odd.add_note(describe_unread(other));
            if let Ok(id) = InstanceId::parse(other.id.clone()) {
                let tenant = other.tenant.clone().unwrap_or_else(|| "-".to_owned());
                owners.push((tenant, id));
            }
        }
        Ok(owners)
    }

    /// Every tenant, or this one, with the time for which its files are kept. Tenants without a
    /// record of their own are those that instances name. Records that cannot be parsed are noted
    /// in `odd`.
    pub(crate) async fn list_tenants(
        &self,
        only: Option<&TenantId>,
        odd: &mut OddRecords,
    ) -> anyhow::Result<BTreeMap<String, Option<Retention>>> {
        let mut tenants = BTreeMap::new();
        let RegisterListing { known, unread } = self.register()?.list_tenants().await?;
        for tenant in known {
            tenants.insert(tenant.id.to_string(), tenant.policy.retention);
        }
        for other in unread {
            odd.add_note(format!("tenant {}: its own record", other.id));
            tenants.insert(other.id, None);
        }
        for (tenant, _) in self.list_owners(only, None, odd).await? {
            tenants.entry(tenant).or_default();
        }
        if let Some(only) = only {
            tenants.retain(|id, _| id == only.as_str());
            tenants.entry(only.to_string()).or_default();
        }
        Ok(tenants)
    }

    /// Fails if an instance is not registered. A record that cannot be parsed is noted in `odd`.
    pub(crate) async fn require_registered(
        &self,
        id: &InstanceId,
        odd: &mut OddRecords,
    ) -> anyhow::Result<()> {
        match self.register()?.get_instance(id).await {
            Err(RegisterError::Malformed(what)) => odd.add_note(format!("instance {id}: {what}")),
            Err(error) => return Err(error.into()),
            Ok(Some(_)) => {}
            Ok(None) => bail!("instance {id} is not registered. See: wapi-media instance list"),
        }
        Ok(())
    }

    /// The instance's W-API token, decrypted.
    pub(crate) async fn decrypt_token(&self, instance: &Instance) -> anyhow::Result<Secret> {
        let table = self.stack.output("InstancesTable")?.to_owned();
        let instances = Instances::new(&self.operator.clients, table);
        let token = instances.token(instance).await;
        token.with_context(|| {
            format!(
                "the token of {} does not open. Give it again: wapi-media token rotate {}",
                instance.id, instance.id
            )
        })
    }
}

/// Whether a record that cannot be parsed may belong to this tenant. One without a readable
/// tenant may.
fn may_belong_to(one: &register::UnreadableRecord, tenant: Option<&TenantId>) -> bool {
    match (tenant, &one.tenant) {
        (Some(tenant), Some(its)) => its == tenant.as_str(),
        (None, _) | (_, None) => true,
    }
}

/// The note about an instance whose record cannot be parsed.
fn describe_unread(one: &register::UnreadableRecord) -> String {
    let tenant = one.tenant.as_deref().unwrap_or("-");
    format!("instance {} of tenant {tenant}: its own record", one.id)
}

/// The credentials with which W-API is called on behalf of an instance.
pub(crate) fn as_instance<'a>(instance: &'a InstanceId, token: &'a Secret) -> Credentials<'a> {
    Credentials { instance, token }
}
