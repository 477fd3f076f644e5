//! `wapi-media iam`: prints an IAM policy for this command, limited to this stack.

mod own_key;
#[cfg(test)]
mod tests;

use anyhow::Context;
use clap::{Args, ValueEnum};
use operator::stack::Stack;
use serde_json::{Value, json};

use self::own_key::OWN_KEY_GRANTS;
use crate::{exit::Exit, session::Session};

/// Which policy to print.
#[derive(Args)]
#[command(after_help = "Example:\n  wapi-media iam read-only > watchers.json\n  \
    aws iam create-policy --policy-name wapi-media-watchers \
    --policy-document file://watchers.json")]
pub(crate) struct Iam {
    /// The role that the policy is for.
    role: Role,
}

/// The roles of people who work with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Allows reading records, the list of parked jobs, logs and settings. Does not allow reading
    /// files, jobs or webhooks, decrypting tokens, or changing or hiding anything, so the doctor
    /// skips the steps that call W-API.
    ReadOnly,
    /// Allows everything that this command can do.
    Admin,
}

/// A statement of the policy: its id, its actions, its resources, and whether it is in the
/// read-only policy.
struct Grant {
    sid: &'static str,
    actions: &'static [&'static str],
    parts: &'static [StackPart],
    is_read_only: bool,
}

/// A part of the stack, as the resource of a statement. A name is that of a stack output.
#[derive(Debug, Clone, Copy)]
enum StackPart {
    Stack,
    Table(&'static str),
    Indexes(&'static str),
    Bucket,
    Files,
    Queue(&'static str),
    TokenKey,
    Function(&'static str),
    Logs(&'static str),
    Topic,
    Alarms,
    /// For actions that AWS does not limit to a resource.
    Everything,
}

const TABLES: &[StackPart] =
    &[StackPart::Table("InstancesTable"), StackPart::Table("TenantsTable")];
const LOGS: &[StackPart] = &[
    StackPart::Logs("WebhookLogs"),
    StackPart::Logs("DownloadLogs"),
    StackPart::Logs("WatchLogs"),
    StackPart::Logs("BackfillLogs"),
];
const QUEUES: &[StackPart] =
    &[StackPart::Queue("JobsQueueUrl"), StackPart::Queue("ParkedQueueUrl")];
const FUNCTIONS: &[StackPart] = &[
    StackPart::Function("WebhookFunction"),
    StackPart::Function("DownloadFunction"),
    StackPart::Function("WatchFunction"),
    StackPart::Function("BackfillFunction"),
];

const fn grant(
    sid: &'static str,
    is_read_only: bool,
    actions: &'static [&'static str],
    parts: &'static [StackPart],
) -> Grant {
    Grant { sid, actions, parts, is_read_only }
}

const GRANTS: [Grant; 27] = [
    grant("FindTheStack", true, &["cloudformation:DescribeStacks"], &[StackPart::Stack]),
    grant("ReadRegister", true, &["dynamodb:GetItem", "dynamodb:Scan"], TABLES),
    grant(
        "ReadRecords",
        true,
        &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"],
        &[StackPart::Table("MediaTable"), StackPart::Indexes("MediaTable")],
    ),
    grant(
        "ReadCounts",
        true,
        &["dynamodb:Query", "dynamodb:DescribeTable"],
        &[StackPart::Table("CountersTable")],
    ),
    // Not the table itself, whose bodies may contain media keys.
    grant("ReadUnsettledJobs", true, &["dynamodb:Query"], &[StackPart::Indexes("JobsTable")]),
    grant("ReadPeople", true, &["dynamodb:Query"], &[StackPart::Table("PeopleTable")]),
    grant(
        "ReadOrders",
        true,
        &["dynamodb:GetItem", "dynamodb:Query"],
        &[StackPart::Table("OrdersTable")],
    ),
    grant("ReadAudit", true, &["dynamodb:Query"], &[StackPart::Table("AuditTable")]),
    grant("ListFiles", true, &["s3:ListBucket"], &[StackPart::Bucket]),
    grant("ReadQueues", true, &["sqs:GetQueueAttributes"], QUEUES),
    // Messages contain media keys and whole webhooks, and who receives one hides it from others.
    grant(
        "LookAtParkedJobs",
        false,
        &["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
        &[StackPart::Queue("ParkedQueueUrl")],
    ),
    grant("ReadLogs", true, &["logs:FilterLogEvents"], LOGS),
    grant("ReadFunctions", true, &["lambda:GetFunctionConfiguration"], FUNCTIONS),
    grant("ReadTriggers", true, &["lambda:ListEventSourceMappings"], &[StackPart::Everything]),
    grant("ReadAlarms", true, &["cloudwatch:DescribeAlarms"], &[StackPart::Alarms]),
    grant("ReadSubscribers", true, &["sns:ListSubscriptionsByTopic"], &[StackPart::Topic]),
    grant(
        "ChangeRegister",
        false,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        TABLES,
    ),
    grant(
        "ChangeRecords",
        false,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("MediaTable")],
    ),
    grant(
        "ChangeUnsettledJobs",
        false,
        &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("JobsTable")],
    ),
    grant("ForgetPeople", false, &["dynamodb:DeleteItem"], &[StackPart::Table("PeopleTable")]),
    grant(
        "GiveOrders",
        false,
        &[
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        ],
        &[StackPart::Table("OrdersTable")],
    ),
    grant("EraseMarks", false, &["dynamodb:DeleteItem"], &[StackPart::Table("MarksTable")]),
    // An INSERT fails if there is an item with its key: no line can be overwritten or removed.
    grant("AddAuditLines", false, &["dynamodb:PartiQLInsert"], &[StackPart::Table("AuditTable")]),
    grant("UseTokens", false, &["kms:Encrypt", "kms:Decrypt"], &[StackPart::TokenKey]),
    grant(
        "SendJobsAgain",
        false,
        &["sqs:SendMessage", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"],
        QUEUES,
    ),
    grant(
        "ListVersions",
        false,
        &["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
        &[StackPart::Bucket],
    ),
    grant(
        "ReadAndEraseFiles",
        false,
        &["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"],
        &[StackPart::Files],
    ),
];

/// The parts of an ARN that all resources of a stack share.
struct ArnScope {
    partition: String,
    region: String,
    account: String,
}

impl ArnScope {
    /// From the caller's ARN, such as `arn:aws:sts::123456789012:assumed-role/…`.
    fn from_arn(who: &str, region: &str) -> Option<Self> {
        let mut parts = who.split(':');
        let (_, partition) = (parts.next()?, parts.next()?);
        let account = parts.nth(2)?;
        Some(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    fn format_arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn arn_of_part(&self, part: StackPart, stack: &Stack) -> anyhow::Result<String> {
        let output = |name| stack.output(name);
        Ok(match part {
            StackPart::Stack => {
                self.format_arn("cloudformation", &format!("stack/{}/*", stack.name))
            }
            StackPart::Table(name) => {
                self.format_arn("dynamodb", &format!("table/{}", output(name)?))
            }
            StackPart::Indexes(name) => {
                self.format_arn("dynamodb", &format!("table/{}/index/*", output(name)?))
            }
            StackPart::Bucket => format!("arn:{}:s3:::{}", self.partition, output("MediaBucket")?),
            StackPart::Files => format!("arn:{}:s3:::{}/*", self.partition, output("MediaBucket")?),
            StackPart::Queue(name) => {
                self.format_arn("sqs", output(name)?.rsplit('/').next().unwrap_or_default())
            }
            StackPart::TokenKey => {
                self.format_arn("kms", &format!("key/{}", output("TokenKeyId")?))
            }
            StackPart::Function(name) => {
                self.format_arn("lambda", &format!("function:{}", output(name)?))
            }
            StackPart::Logs(name) => {
                self.format_arn("logs", &format!("log-group:{}:*", output(name)?))
            }
            StackPart::Topic => output("AlarmTopic")?.to_owned(),
            StackPart::Alarms => self.format_arn("cloudwatch", "alarm:*"),
            StackPart::Everything => "*".to_owned(),
        })
    }
}

/// Prints the policy of a role.
pub(crate) async fn run_iam(iam: Iam, session: &Session) -> anyhow::Result<Exit> {
    let who = session.operator.caller_arn().await?;
    let region = session.operator.region.as_deref().unwrap_or_default();
    let place = ArnScope::from_arn(&who, region);
    let place = place.with_context(|| format!("the caller's ARN {who} has no account"))?;
    let policy = build_policy(iam.role, &place, &session.stack)?;
    session.flags.print(&policy, format!("{policy:#}"))?;
    Ok(Exit::Ok)
}

/// The policy of a role, as JSON.
fn build_policy(role: Role, place: &ArnScope, stack: &Stack) -> anyhow::Result<Value> {
    let meant = |grant: &&Grant| role == Role::Admin || grant.is_read_only;
    let mut statements = Vec::new();
    for grant in GRANTS.iter().filter(meant) {
        let resources = grant.parts.iter().map(|part| place.arn_of_part(*part, stack));
        let resources = resources.collect::<anyhow::Result<Vec<_>>>()?;
        let is_of_tokens = grant.parts.iter().any(|part| matches!(part, StackPart::TokenKey));
        let condition = is_of_tokens.then(token_condition);
        statements.push(policy_statement((grant.sid, grant.actions), &resources, condition));
    }
    let own_key = stack.parameter("EncryptionKeyArn")?;
    if !own_key.is_empty() {
        for own in OWN_KEY_GRANTS.iter().filter(|own| role == Role::Admin || own.is_read_only) {
            statements.push(own.to_statement(own_key, place, stack)?);
        }
    }
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }))
}

/// A token is encrypted for its tenant and instance; the key opens nothing else for this policy.
fn token_condition() -> Value {
    json!({
        "StringLike": {
            "kms:EncryptionContext:tenant": "?*",
            "kms:EncryptionContext:instance": "?*",
        },
        "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": ["tenant", "instance"] },
    })
}

fn policy_statement(
    (sid, actions): (&str, &[&str]),
    resources: &[String],
    condition: Option<Value>,
) -> Value {
    let statement =
        json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    match (statement, condition) {
        (Value::Object(mut fields), Some(condition)) => {
            fields.insert("Condition".to_owned(), condition);
            Value::Object(fields)
        }
        (statement, _) => statement,
    }
}
