//! Corrects what MiniStack does wrong with a newly deployed stack. On AWS none of it is needed.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::sam::StackOutputs;

/// Makes a trigger's concurrency a number. A parameter's value is text until CloudFormation
/// converts it; MiniStack does not convert it, compares it with a number, fails, and never takes
/// a job.
///
/// # Errors
/// If the triggers cannot be read or changed.
pub(crate) async fn fix_trigger_concurrency(endpoint: Endpoint) -> Result<()> {
    const PATH: &str = "/2015-03-31/event-source-mappings/";
    let listed = endpoint.call_lambda(Method::GET, PATH, None).await?;
    let triggers = listed.get("EventSourceMappings").and_then(Value::as_array);
    for trigger in triggers.into_iter().flatten() {
        let limit = trigger.pointer("/ScalingConfig/MaximumConcurrency");
        let (Some(Value::String(limit)), Some(Value::String(id))) = (limit, trigger.get("UUID"))
        else {
            continue;
        };
        let limit: u64 = limit.parse().context("a trigger's concurrency is not a number")?;
        let change = json!({ "ScalingConfig": { "MaximumConcurrency": limit } });
        let path = format!("{PATH}{id}");
        endpoint.call_lambda(Method::PUT, &path, Some(&change)).await?;
    }
    Ok(())
}

/// Allows what AWS allows and MiniStack does not, where policies are enforced:
///
/// - On AWS `sqs:SendMessage` covers `SendMessageBatch`; MiniStack wants an action of that name,
///   which does not exist on AWS.
/// - MiniStack does not know the condition keys of conditional writes to S3, of the tags of an
///   object, and of KMS's encryption context, so that no statement with one of them applies.
///
/// # Errors
/// If a function's role cannot be found or given the policy.
pub(crate) async fn allow_more(endpoint: Endpoint, outputs: &StackOutputs) -> Result<()> {
    let batches: &[&str] = &["sqs:SendMessageBatch", "s3:PutObject"];
    let files: &[&str] = &["s3:PutObject", "s3:PutObjectTagging", "kms:Decrypt"];
    for (function, actions) in [
        (&outputs.webhook_function, batches),
        (&outputs.download_function, files),
        (&outputs.backfill_function, &["kms:Decrypt"]),
        (&outputs.deliver_function, &["kms:Decrypt"]),
    ] {
        allow_actions(endpoint, function, actions).await?;
    }
    Ok(())
}

async fn allow_actions(endpoint: Endpoint, function: &str, actions: &[&str]) -> Result<()> {
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let function = endpoint.call_lambda(Method::GET, &path, None).await?;
    let role = function
        .get("Role")
        .and_then(Value::as_str)
        .and_then(|arn| arn.rsplit('/').next())
        .context("the function has no role")?;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": actions, "Resource": "*" }
    ] });
    let asked = [
        ("Action", "PutRolePolicy"),
        ("Version", "2010-05-08"),
        ("RoleName", role),
        ("PolicyName", "ministack"),
        ("PolicyDocument", &policy.to_string()),
    ];
    endpoint.call_form("iam", &asked).await
}
