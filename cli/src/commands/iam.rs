//! `wapi-media iam`: prints an IAM policy for this command, limited to this stack.

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

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
    /// Allows reading records, parked jobs, logs and settings. Does not allow reading files,
    /// decrypting tokens or changing anything, so the doctor skips the steps that call W-API.
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

const GRANTS: [Grant; 23] = [
    grant("FindTheStack", true, &["cloudformation:DescribeStacks"], &[StackPart::Stack]),
    grant("ReadRegister", true, &["dynamodb:GetItem", "dynamodb:Scan"], TABLES),
    grant(
        "ReadRecords",
        true,
        &["dynamodb:GetItem", "dynamodb:Query"],
        &[StackPart::Table("MediaTable"), StackPart::Indexes("MediaTable")],
    ),
    // Not the table itself, whose bodies may contain media keys.
    grant("ReadUnsettledJobs", true, &["dynamodb:Query"], &[StackPart::Indexes("JobsTable")]),
    grant("ReadAudit", true, &["dynamodb:Query"], &[StackPart::Table("AuditTable")]),
    grant("ListFiles", true, &["s3:ListBucket"], &[StackPart::Bucket]),
    // The verdict of a malware scan is a tag. Tags contain no personal data.
    grant(
        "ReadTags",
        true,
        &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
        &[StackPart::Files],
    ),
    grant("ReadQueues", true, &["sqs:GetQueueAttributes"], QUEUES),
    grant(
        "LookAtParkedJobs",
        true,
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
    grant("WriteAudit", false, &["dynamodb:PutItem"], &[StackPart::Table("AuditTable")]),
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
        "ChangeRetention",
        false,
        &["s3:PutObjectTagging", "s3:PutObjectVersionTagging"],
        &[StackPart::Files],
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

    fn arn_of_part(&self, part: StackPart, session: &Session) -> anyhow::Result<String> {
        let output = |name| session.stack.output(name);
        Ok(match part {
            StackPart::Stack => {
                self.format_arn("cloudformation", &format!("stack/{}/*", session.stack.name))
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
    let meant = |grant: &&Grant| iam.role == Role::Admin || grant.is_read_only;
    let mut statements = Vec::new();
    for grant in GRANTS.iter().filter(meant) {
        let resources = grant.parts.iter().map(|part| place.arn_of_part(*part, session));
        let resources = resources.collect::<anyhow::Result<Vec<_>>>()?;
        statements.push(policy_statement(grant.sid, grant.actions, &resources));
    }
    let own_key = session.stack.parameter("EncryptionKeyArn")?;
    if !own_key.is_empty() {
        let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
        statements.push(policy_statement("UseOwnKey", &actions, &[own_key.to_owned()]));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    session.flags.print(&policy, format!("{policy:#}"))?;
    Ok(Exit::Ok)
}

fn policy_statement(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    use super::{ArnScope, GRANTS};

    /// What each call needs; nothing for those that only functions make, or that need no
    /// permission.
    const NEEDS: [(&str, &[&str]); 36] = [
        ("cloudformation:DescribeStacks", &["cloudformation:DescribeStacks"]),
        ("cloudwatch:DescribeAlarms", &["cloudwatch:DescribeAlarms"]),
        ("dynamodb:DeleteItem", &["dynamodb:DeleteItem"]),
        ("dynamodb:GetItem", &["dynamodb:GetItem"]),
        ("dynamodb:PutItem", &["dynamodb:PutItem"]),
        ("dynamodb:Query", &["dynamodb:Query"]),
        ("dynamodb:Scan", &["dynamodb:Scan"]),
        (
            "dynamodb:TransactWriteItems",
            &["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        ),
        ("dynamodb:UpdateItem", &["dynamodb:UpdateItem"]),
        ("kms:Decrypt", &["kms:Decrypt"]),
        ("kms:Encrypt", &["kms:Encrypt"]),
        ("lambda:GetFunctionConfiguration", &["lambda:GetFunctionConfiguration"]),
        ("lambda:ListEventSourceMappings", &["lambda:ListEventSourceMappings"]),
        ("logs:FilterLogEvents", &["logs:FilterLogEvents"]),
        ("s3:AbortMultipartUpload", &["s3:AbortMultipartUpload"]),
        ("s3:CompleteMultipartUpload", &[]),
        ("s3:CreateMultipartUpload", &[]),
        ("s3:DeleteObjects", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
        ("s3:GetObject", &["s3:GetObject"]),
        ("s3:GetObjectTagging", &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]),
        ("s3:HeadBucket", &[]),
        ("s3:ListMultipartUploads", &["s3:ListBucketMultipartUploads"]),
        ("s3:ListObjectVersions", &["s3:ListBucketVersions"]),
        ("s3:ListObjectsV2", &["s3:ListBucket"]),
        ("s3:PutObject", &[]),
        ("s3:PutObjectTagging", &["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]),
        ("s3:UploadPart", &[]),
        ("sns:ListSubscriptionsByTopic", &["sns:ListSubscriptionsByTopic"]),
        ("sqs:ChangeMessageVisibility", &["sqs:ChangeMessageVisibility"]),
        ("sqs:DeleteMessage", &["sqs:DeleteMessage"]),
        ("sqs:GetQueueAttributes", &["sqs:GetQueueAttributes"]),
        ("sqs:ReceiveMessage", &["sqs:ReceiveMessage"]),
        ("sqs:SendMessage", &["sqs:SendMessage"]),
        ("sqs:SendMessageBatch", &[]),
        ("sqs:StartMessageMoveTask", &["sqs:StartMessageMoveTask"]),
        ("sts:GetCallerIdentity", &[]),
    ];

    /// Every call that the code names in its errors: `"service:Operation"`.
    fn calls(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                calls(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            found.extend(text.split('"').filter(|text| is_call(text)).map(str::to_owned));
        }
    }

    fn is_call(text: &str) -> bool {
        text.split_once(':').is_some_and(|(service, operation)| {
            let is_word = |c: char| c.is_ascii_alphanumeric();
            !service.is_empty()
                && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                && operation.starts_with(|c: char| c.is_ascii_uppercase())
                && operation.chars().all(is_word)
        })
    }

    #[test]
    fn the_admin_policy_allows_exactly_our_calls() {
        let mut called = BTreeSet::new();
        for room in ["aws", "operator"] {
            let sources = format!("../shared/{room}/src");
            calls(&Path::new(env!("CARGO_MANIFEST_DIR")).join(sources), &mut called);
        }
        let needs: BTreeMap<_, _> = NEEDS.into_iter().collect();
        let known: BTreeSet<_> = needs.keys().map(|call| (*call).to_owned()).collect();
        assert_eq!(called, known);
        let needed: BTreeSet<_> = needs.values().flat_map(|actions| actions.iter()).collect();
        let allowed: BTreeSet<_> = GRANTS.iter().flat_map(|grant| grant.actions).collect();
        assert_eq!(allowed, needed);
    }

    #[test]
    fn read_only_opens_no_file_and_no_token() {
        let harmless = [
            "Get",
            "List",
            "Describe",
            "Scan",
            "Query",
            "Filter",
            "Receive",
            "ChangeMessageVisibility",
        ];
        for grant in GRANTS.iter().filter(|grant| grant.is_read_only) {
            for action in grant.actions {
                let (_, verb) = action.split_once(':').expect("an action");
                assert!(harmless.iter().any(|word| verb.starts_with(word)), "{action}");
                assert!(!["s3:GetObject", "kms:Decrypt"].contains(action), "{action}");
            }
        }
    }

    #[test]
    fn the_callers_arn_has_partition_and_account() {
        let place =
            ArnScope::from_arn("arn:aws:sts::123456789012:assumed-role/Admin/someone", "sa-east-1");
        let arn = place.map(|place| place.format_arn("sqs", "wapi-media-parked"));
        assert_eq!(arn.as_deref(), Some("arn:aws:sqs:sa-east-1:123456789012:wapi-media-parked"));
        assert!(ArnScope::from_arn("nobody", "sa-east-1").is_none());
    }
}
