//! Runs the `sam deploy` that users run, against a local stack.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::process::Command;

use crate::build::{self, Build};
use crate::endpoint::Endpoint;
use crate::tools::Tools;
use crate::{lock, mend, project, run};

/// What is deployed, and how it is built.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The name of the CloudFormation stack.
    pub stack_name: String,
    /// The template's parameters by name.
    pub parameters: BTreeMap<String, String>,
    /// How its functions are compiled.
    pub build: Build,
}

impl Deployment {
    /// A stack of this name, with the parameters that local stacks need and the template's
    /// defaults otherwise.
    ///
    /// # Errors
    /// If Lambda does not have this machine's processor.
    pub fn with_name(stack_name: impl Into<String>) -> Result<Self> {
        let deployment = Self {
            stack_name: stack_name.into(),
            parameters: BTreeMap::new(),
            build: Build::default(),
        };
        let deployment = deployment
            .with_parameter("Architecture", project::lambda_architecture()?)
            .with_parameter("RequireTls", "false")
            .with_parameter("MultipartChecksum", "composite")
            // Tests run the function themselves, at a time that they know.
            .with_parameter("AutomaticBackfill", "off");
        Ok(match redaction::is_on() {
            true => deployment.with_parameter("LogLevel", "trace"),
            false => deployment,
        })
    }

    /// Sets a parameter.
    pub fn with_parameter(mut self, parameter: &str, value: impl Into<String>) -> Self {
        self.parameters.insert(parameter.to_owned(), value.into());
        self
    }

    /// Sets how the functions are compiled.
    pub fn built_by(mut self, build: Build) -> Self {
        self.build = build;
        self
    }

    /// Sets the origins instead of the real ones.
    pub fn from_origins(self, wapi_base: impl Into<String>, cdn_bases: impl Into<String>) -> Self {
        self.with_parameter("WapiBaseUrl", wapi_base).with_parameter("CdnBaseUrls", cdn_bases)
    }
}

/// The stack's outputs, as the template names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackOutputs {
    /// The base of webhook URLs, as the template computes it. Local stacks use another one: see
    /// [`Endpoint::api_base`].
    pub webhook_base_url: String,
    /// The bucket's name.
    pub media_bucket: String,
    /// The bucket with the bodies of large webhooks on their way to receivers.
    pub deliveries_bucket: String,
    /// The name of the table of instances.
    pub instances_table: String,
    /// The name of the table of tenants.
    pub tenants_table: String,
    /// The name of the media table.
    pub media_table: String,
    /// The name of the table of unsettled jobs.
    pub jobs_table: String,
    /// The name of the table of receivers.
    pub receivers_table: String,
    /// The URL of the jobs queue.
    pub jobs_queue_url: String,
    /// The URL of the parked queue.
    pub parked_queue_url: String,
    /// The id of the KMS key for W-API tokens.
    pub token_key_id: String,
    /// The HTTP API's id.
    pub api_id: String,
    /// The webhook function's name.
    pub webhook_function: String,
    /// The download function's name.
    pub download_function: String,
    /// The back-fill function's name.
    pub backfill_function: String,
    /// The deliver function's name.
    pub deliver_function: String,
    /// The watch function's name.
    pub watch_function: String,
    /// The links function's name.
    pub links_function: String,
    /// The name of the table of media links.
    pub links_table: String,
    /// The webhook function's log group.
    pub webhook_logs: String,
    /// The download function's log group.
    pub download_logs: String,
}

/// Deploys the template that [`Build::compile`] returned, and returns the stack's outputs. An
/// existing stack is updated.
///
/// # Errors
/// If the stack cannot be created or updated.
pub async fn run_deploy(
    tools: &Tools,
    endpoint: Endpoint,
    deployment: &Deployment,
    template: &Path,
) -> Result<StackOutputs> {
    let _together = lock::lock_shared(tools.project(), build::LOCK).await?;
    let log = format!("sam-deploy-{}-{}.log", endpoint.port(), deployment.stack_name);
    let log = tools.project().local_folder("logs")?.join(log);
    let parameters = deployment.parameters.iter().map(|(name, value)| format!("{name}={value}"));
    let mut sam = sam_command(tools)?;
    // SAM looks for its configuration beside the template, which is a copy here.
    sam.args(["deploy", "--config-env", "local", "--config-file"])
        .arg(tools.project().root().join("samconfig.toml"))
        .arg("--template-file")
        .arg(template)
        .arg("--stack-name")
        .arg(&deployment.stack_name)
        .arg("--parameter-overrides")
        .args(parameters)
        .envs(endpoint.aws_environment());
    run::run_logged(&mut sam, &log).await?;
    mend::fix_trigger_concurrency(endpoint).await?;
    read_outputs(tools, endpoint, &deployment.stack_name).await
}

/// The outputs of a deployed stack.
///
/// # Errors
/// If the stack does not exist, or lacks an output.
pub async fn read_outputs(
    tools: &Tools,
    endpoint: Endpoint,
    stack_name: &str,
) -> Result<StackOutputs> {
    let mut sam = sam_command(tools)?;
    sam.args(["list", "stack-outputs", "--output", "json", "--stack-name"])
        .arg(stack_name)
        .envs(endpoint.aws_environment());
    let said = run::run_captured(&mut sam, "").await?;
    parse_outputs(&said).with_context(|| format!("the outputs of stack {stack_name}"))
}

fn parse_outputs(said: &str) -> Result<StackOutputs> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        output_key: String,
        output_value: String,
    }
    let listed: Vec<Output> = serde_json::from_str(said).context("not the JSON expected")?;
    let by_name: Map<String, Value> = listed
        .into_iter()
        .map(|output| (output.output_key, Value::String(output.output_value)))
        .collect();
    serde_json::from_value(Value::Object(by_name)).context("an output is missing")
}

/// The command `sam`, with the programs that it starts in its `PATH`.
pub(crate) fn sam_command(tools: &Tools) -> Result<Command> {
    let path = run::path_with(&tools.program_folders())?;
    let mut sam = run::build_command(tools.program_path("sam"));
    sam.current_dir(tools.project().root())
        .env("PATH", path)
        .env("SAM_CLI_TELEMETRY", "0")
        .env_remove("AWS_PROFILE")
        .env("AWS_DEFAULT_REGION", crate::endpoint::REGION);
    Ok(sam)
}

#[cfg(test)]
mod tests {
    use super::{Deployment, parse_outputs};

    #[test]
    fn a_missing_output_is_named() {
        let said = r#"[{"OutputKey":"WebhookBaseUrl","OutputValue":"x","Description":"y"}]"#;
        let error = parse_outputs(said).expect_err("most outputs are missing");
        assert!(format!("{error:#}").contains("MediaBucket"), "{error:#}");
    }

    #[test]
    fn a_local_deployment_uses_plain_http() {
        let deployment = Deployment::with_name("x").expect("Lambda has this processor");
        assert_eq!(deployment.parameters.get("RequireTls").map(String::as_str), Some("false"));
    }
}
