//! A deployed local stack, for tests and the demo.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use redaction::Sink;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::build::Build;
use crate::endpoint::Endpoint;
use crate::ministack::{MiniStack, Settings};
use crate::run::CommandOutput;
use crate::sam::{self, Deployment, StackOutputs};
use crate::screen::Screen;
use crate::tools::Tools;
use crate::{Project, build, http, mend, run};

/// The interval at which the bucket is read while waiting for files.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A stack that is deployed to a local endpoint.
#[derive(Debug, Clone)]
pub struct Stack {
    tools: Tools,
    endpoint: Endpoint,
    name: String,
    outputs: StackOutputs,
}

/// An instance to register.
#[derive(Debug, Clone)]
pub struct InstanceSettings {
    /// The tenant it belongs to.
    pub tenant: String,
    /// W-API's id of the instance.
    pub instance: String,
    /// W-API's token of the instance.
    pub token: String,
    /// The strategies in order; `None` for the product's default.
    pub strategies: Option<Vec<String>>,
}

impl InstanceSettings {
    /// An instance with the default strategies.
    pub fn new(
        tenant: impl Into<String>,
        instance: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {
        Self {
            tenant: tenant.into(),
            instance: instance.into(),
            token: token.into(),
            strategies: None,
        }
    }

    /// Sets the strategies, in order.
    pub fn with_strategies(mut self, names: &[&str]) -> Self {
        self.strategies = Some(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }
}

/// An answer to a webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as JSON if it is JSON, otherwise as a string.
    pub body: Value,
    /// The time until the answer.
    pub took: Duration,
}

impl Stack {
    /// Builds and deploys.
    ///
    /// # Errors
    /// If the functions do not compile or the stack cannot be created.
    pub async fn deploy(
        tools: &Tools,
        endpoint: Endpoint,
        deployment: &Deployment,
        screen: &Screen,
    ) -> Result<Self> {
        let building = screen.step(match deployment.build {
            Build::Dev => "Compiling the functions (cargo build)",
            Build::Sam => "Compiling the functions (sam build)",
        });
        let template = deployment.build.compile(tools).await?;
        building.done("");
        let deploying = screen.step("Deploying template.yaml (sam deploy)");
        let outputs = sam::run_deploy(tools, endpoint, deployment, &template).await?;
        deploying.done(format!("stack {}", deployment.stack_name));
        Ok(Self { tools: tools.clone(), endpoint, name: deployment.stack_name.clone(), outputs })
    }

    /// A stack that was deployed before.
    ///
    /// # Errors
    /// If there is no stack of this name.
    pub async fn find(tools: &Tools, endpoint: Endpoint, stack_name: &str) -> Result<Self> {
        Ok(Self {
            tools: tools.clone(),
            endpoint,
            name: stack_name.to_owned(),
            outputs: sam::read_outputs(tools, endpoint, stack_name).await?,
        })
    }

    /// The address of the local AWS.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The names of the stack's resources.
    pub fn outputs(&self) -> &StackOutputs {
        &self.outputs
    }

    /// A client for the stack's media bucket.
    pub fn bucket(&self) -> Bucket {
        Bucket::new(self.endpoint, &self.outputs.media_bucket)
    }

    /// The base of this stack's webhook URLs: what precedes `/webhook/…`.
    pub fn webhook_base(&self) -> String {
        self.endpoint.api_base(&self.outputs.api_id)
    }

    /// The URL of a media link on this machine.
    ///
    /// # Errors
    /// If it is no media link.
    pub fn link_here(&self, link: &str) -> Result<String> {
        let (_, token) = link.rsplit_once("/m/").context("no media link")?;
        Ok(format!("{}/m/{token}", self.webhook_base()))
    }

    /// Waits until the bucket has at least this many files, and returns all keys.
    ///
    /// # Errors
    /// If it takes longer than `within`.
    pub async fn wait_for_files(&self, count: usize, within: Duration) -> Result<Vec<String>> {
        let begun = std::time::Instant::now();
        loop {
            let keys = self.bucket().list_keys().await?;
            if keys.len() >= count {
                return Ok(keys);
            }
            if begun.elapsed() > within {
                bail!("{} of {count} files after {within:?}: {keys:?}", keys.len());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Registers an instance with `wapi-media`, and its tenant if it is new, and returns the
    /// webhook URL. The tenant stores media of every kind of chat.
    ///
    /// # Errors
    /// If a command fails.
    pub async fn add_instance(&self, instance: &InstanceSettings) -> Result<String> {
        #[derive(Deserialize)]
        struct RegisteredInstance {
            webhook_url: String,
        }
        let tenant = instance.tenant.as_str();
        let tenants = self.run_wapi_media(&["tenant", "list", "--json"], "").await?;
        let tenants: Value = serde_json::from_str(&tenants)?;
        let is_there = |one: &Value| one.get("tenant") == Some(&json!(tenant));
        if !tenants.as_array().is_some_and(|all| all.iter().any(is_there)) {
            self.run_wapi_media(&["tenant", "add", tenant, "--chats", "all"], "").await?;
        }
        let strategies = instance.strategies.as_ref().map(|names| names.join(","));
        // Some tests are about wrong tokens, so the token is not checked.
        let mut add = vec!["instance", "add", &instance.instance, "--json", "--unchecked"];
        add.extend(["--tenant", tenant]);
        if let Some(strategies) = &strategies {
            add.extend(["--strategies", strategies]);
        }
        let said = self.run_wapi_media(&add, &instance.token).await?;
        let registered: RegisteredInstance = serde_json::from_str(said.trim())
            .context("wapi-media instance add printed no webhook URL")?;
        Ok(registered.webhook_url)
    }

    /// Runs `wapi-media` with these arguments and this standard input, and returns its standard
    /// output.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn run_wapi_media(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = self.wapi_media();
        command.args(arguments);
        let said = run::run_captured(&mut command, input).await?;
        note_output(arguments, &said, "")?;
        Ok(said)
    }

    /// Runs `wapi-media`, whatever its exit code.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn try_wapi_media(&self, arguments: &[&str], input: &str) -> Result<CommandOutput> {
        let mut command = self.wapi_media();
        command.args(arguments);
        let said = run::run_to_end(&mut command, input).await?;
        note_output(arguments, &said.out, &said.err)?;
        Ok(said)
    }

    /// Compiles `wapi-media` for [`Self::wapi_media`].
    ///
    /// # Errors
    /// If it does not compile.
    pub async fn build_wapi_media(&self) -> Result<()> {
        build::build_binaries(&self.tools, &["wapi-media"]).await
    }

    /// The command `wapi-media` with this stack's environment and no arguments.
    pub fn wapi_media(&self) -> tokio::process::Command {
        let project = self.tools.project();
        let mut command = run::build_command(project.binary("wapi-media"));
        command
            .current_dir(project.root())
            .envs(self.command_environment())
            .env_remove("AWS_PROFILE");
        command
    }

    /// The environment in which `wapi-media` finds this stack.
    pub fn command_environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.endpoint.aws_environment();
        environment.push(("WAPI_MEDIA_STACK", self.name.clone()));
        environment.push(("WAPI_MEDIA_WEBHOOK_BASE_URL", self.webhook_base()));
        environment
    }

    /// Posts a webhook as W-API does.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_json(&self, url: &str, webhook: &Value) -> Result<Answer> {
        self.post_bytes(url, webhook.to_string().into_bytes()).await
    }

    /// Posts any body.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_bytes(&self, url: &str, body: Vec<u8>) -> Result<Answer> {
        let begun = std::time::Instant::now();
        let answer = http::build_client()?
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .context("the API does not answer")?;
        let status = answer.status().as_u16();
        let text = http::read_text(answer).await?;
        redaction::note(Sink::Answer, &text);
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            took: begun.elapsed(),
        })
    }

    /// Invokes a function with this event, as its trigger does, and returns its answer.
    ///
    /// # Errors
    /// If the function fails or its process ends.
    pub async fn invoke_function(&self, function: &str, event: &Value) -> Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let answer = self.endpoint.call_lambda(Method::POST, &path, Some(event)).await?;
        if answer.get("errorType").is_some() || answer.get("errorMessage").is_some() {
            bail!("{function} failed: {answer}");
        }
        Ok(answer)
    }

    /// The number of messages in a queue: visible, hidden and delayed.
    ///
    /// # Errors
    /// If the queue cannot be read.
    pub async fn queue_length(&self, queue_url: &str) -> Result<u64> {
        let asked = json!({ "QueueUrl": queue_url, "AttributeNames": ["All"] });
        let answer = self.endpoint.call_json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await?;
        let count = |suffix: &str| {
            let name = format!("/Attributes/ApproximateNumberOfMessages{suffix}");
            let text = answer.pointer(&name).and_then(Value::as_str);
            text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        Ok(count("") + count("NotVisible") + count("Delayed"))
    }

    /// Every record of the media table, in DynamoDB's own JSON.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn media_records(&self) -> Result<Vec<Value>> {
        self.scan(&self.outputs.media_table).await
    }

    /// Every item of a table, in DynamoDB's own JSON.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn scan(&self, table: &str) -> Result<Vec<Value>> {
        let mut asked = json!({ "TableName": table });
        let mut records = Vec::new();
        loop {
            let page =
                self.endpoint.call_json("dynamodb", "DynamoDB_20120810.Scan", &asked).await?;
            if let Some(items) = page.get("Items").and_then(Value::as_array) {
                records.extend(items.iter().cloned());
            }
            match (page.get("LastEvaluatedKey"), asked.as_object_mut()) {
                (Some(last), Some(asked)) if !last.is_null() => {
                    asked.insert("ExclusiveStartKey".to_owned(), last.clone());
                }
                _ => return Ok(records),
            }
        }
    }

    /// The lines that the functions wrote into a log group, oldest first, without Lambda's own.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn log_lines(&self, group: &str) -> Result<Vec<String>> {
        let mut asked = json!({ "logGroupName": group });
        let mut lines = Vec::new();
        loop {
            let page =
                self.endpoint.call_json("logs", "Logs_20140328.FilterLogEvents", &asked).await?;
            let events = page.get("events").and_then(Value::as_array);
            let messages = events.into_iter().flatten().filter_map(log_message);
            lines.extend(messages.filter(|line| !is_lambda_line(line)));
            match (page.get("nextToken"), asked.as_object_mut()) {
                (Some(Value::String(token)), Some(asked)) => {
                    asked.insert("nextToken".to_owned(), token.as_str().into());
                }
                _ => return Ok(lines),
            }
        }
    }
}

/// Records what `wapi-media` printed, to be searched for what it must not show. The URL that
/// `instance add` shows once contains a secret, which must not be shown again.
fn note_output(arguments: &[&str], out: &str, err: &str) -> Result<()> {
    if !redaction::is_on() {
        return Ok(());
    }
    let mut out = out.to_owned();
    if arguments.starts_with(&["instance", "add"]) {
        let json: Value = serde_json::from_str(out.trim()).unwrap_or_default();
        if let Some(url) = json.get("webhook_url").and_then(Value::as_str) {
            redaction::plant_url(url);
            out = out.replace(url, "(shown once)");
        }
    }
    let is_of_report = arguments.contains(&"doctor");
    let sink = if is_of_report { Sink::Report } else { Sink::Command };
    redaction::note(sink, &out);
    redaction::note(sink, err);
    for pair in arguments.windows(2) {
        if let ["--html" | "--bundle", file] = pair {
            let text = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
            redaction::note(Sink::Report, &text);
        }
    }
    Ok(())
}

fn log_message(event: &Value) -> Option<String> {
    let text = event.get("message")?.as_str()?;
    Some(text.trim_end().to_owned())
}

fn is_lambda_line(line: &str) -> bool {
    ["START", "END", "REPORT"].iter().any(|word| line.starts_with(&format!("{word} RequestId:")))
}

/// A stack for one test run: a MiniStack on a free port that stops when this value is dropped.
#[derive(Debug)]
pub struct TestStack {
    stack: Stack,
    // Dropped last, because the stack runs on it.
    ministack: MiniStack,
}

impl TestStack {
    /// Starts a MiniStack, builds and deploys, without output. `name` is the name of its folder
    /// under `.local/tests/`, one per stack.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn start(name: &str, deployment: &Deployment) -> Result<Self> {
        Self::start_with(name, deployment, |settings| settings).await
    }

    /// As [`TestStack::start`], with other settings of MiniStack.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn start_with(
        name: &str,
        deployment: &Deployment,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Result<Self> {
        let project = Project::find()?;
        let screen = Screen::silent();
        let tools = Tools::find(&project)?;
        let own = format!("{name}-{}", std::process::id());
        // While recording is on, the stack's state is kept to be searched.
        let folder = match redaction::recording_folder() {
            Some(heard) => heard.join("stacks").join(own),
            None => project.local_folder(&format!("tests/{own}"))?,
        };
        let settings =
            settings(Settings { keeps_state: redaction::is_on(), ..Settings::in_folder(folder) });
        let ministack = MiniStack::start(&tools, &settings).await?;
        let stack = Stack::deploy(&tools, ministack.endpoint(), deployment, &screen).await?;
        if settings.enforces_policies {
            mend::allow_more(stack.endpoint, &stack.outputs).await?;
        }
        Ok(Self { stack, ministack })
    }

    /// The stack, deployed and empty.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Stops the MiniStack and waits until it has ended.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn stop(self) -> Result<()> {
        self.ministack.stop()
    }
}
