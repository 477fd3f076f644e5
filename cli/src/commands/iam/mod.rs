//! `wapi-media iam`: prints an IAM policy for this command, limited to this stack.

mod own_key;
mod parts;
#[cfg(test)]
mod tests;

use anyhow::Context;
use clap::{Args, ValueEnum};
use operator::stack::Stack;
use serde_json::{Value, json};

use self::{
    own_key::OWN_KEY_GRANTS,
    parts::{
        ArnScope, StackPart,
        Whose::{self, Both, Operators, Watchers},
        policy_statement,
    },
};
use crate::{exit::Exit, session::Session};

/// Which policy to print.
#[derive(Args)]
#[command(after_help = "Example:\n  wapi-media iam read-only > watchers.json\n  \
    aws iam put-role-policy --role-name Watchers --policy-name wapi-media-watchers \
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
    /// skips the steps that call W-API. All that it adds are lines of the audit table about looking
    /// at people.
    ReadOnly,
    /// Allows everything that this command can do.
    Admin,
}

/// A statement of the policy: its id, its actions, its resources, and whose policy has it.
struct Grant {
    sid: &'static str,
    actions: &'static [&'static str],
    parts: &'static [StackPart],
    whose: Whose,
}

impl Grant {
    /// What the statement is limited to, besides its resources.
    fn condition(&self) -> Option<Value> {
        match self.parts {
            [StackPart::TokenKey] => Some(token_condition()),
            // The key of a line is its action.
            [StackPart::LookLines] => Some(json!({
                "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": list_looks() },
            })),
            // S3 refuses a write without the header If-None-Match, so that nothing is overwritten.
            [StackPart::AuditCopies | StackPart::LookCopies(_), ..] => {
                Some(json!({ "Null": { "s3:if-none-match": "false" } }))
            }
            _ => None,
        }
    }
}

/// Whether the policy of a role has a statement.
fn is_meant(role: Role, whose: Whose) -> bool {
    match whose {
        Both => true,
        Operators => role == Role::Admin,
        Watchers => role == Role::ReadOnly,
    }
}

/// The actions of the audit table whose lines whoever only reads may add.
const LOOKS: &[StackPart] = &[
    StackPart::LookCopies("media find"),
    StackPart::LookCopies("media ls"),
    StackPart::LookCopies("media scans"),
    StackPart::LookCopies("media show"),
    StackPart::LookCopies("people show"),
];

fn list_looks() -> Vec<&'static str> {
    let action = |part: &StackPart| {
        if let StackPart::LookCopies(action) = part { Some(*action) } else { None }
    };
    LOOKS.iter().filter_map(action).collect()
}

const TABLES: &[StackPart] =
    &[StackPart::Table("InstancesTable"), StackPart::Table("TenantsTable")];
const LOGS: &[StackPart] = &[
    StackPart::Logs("WebhookLogs"),
    StackPart::Logs("DownloadLogs"),
    StackPart::Logs("WatchLogs"),
    StackPart::Logs("BackfillLogs"),
    StackPart::Logs("LinksLogs"),
    StackPart::Logs("DeliverLogs"),
    StackPart::Logs("EventsLogs"),
];
const QUEUES: &[StackPart] =
    &[StackPart::Queue("JobsQueueUrl"), StackPart::Queue("ParkedQueueUrl")];
const FUNCTIONS: &[StackPart] = &[
    StackPart::Function("WebhookFunction"),
    StackPart::Function("DownloadFunction"),
    StackPart::Function("WatchFunction"),
    StackPart::Function("BackfillFunction"),
    StackPart::Function("LinksFunction"),
    StackPart::Function("DeliverFunction"),
    StackPart::Function("EventsFunction"),
];

const fn grant(
    sid: &'static str,
    whose: Whose,
    actions: &'static [&'static str],
    parts: &'static [StackPart],
) -> Grant {
    Grant { sid, actions, parts, whose }
}

const GRANTS: [Grant; 41] = [
    grant("FindTheStack", Both, &["cloudformation:DescribeStacks"], &[StackPart::Stack]),
    grant("ReadRegister", Both, &["dynamodb:GetItem", "dynamodb:Scan"], TABLES),
    grant(
        "ReadRecords",
        Both,
        &["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"],
        &[StackPart::Table("MediaTable"), StackPart::Indexes("MediaTable")],
    ),
    grant(
        "ReadCounts",
        Both,
        &["dynamodb:Query", "dynamodb:DescribeTable"],
        &[StackPart::Table("CountersTable")],
    ),
    // Not the table itself, whose bodies may contain media keys.
    grant("ReadUnsettledJobs", Both, &["dynamodb:Query"], &[StackPart::Indexes("JobsTable")]),
    grant("ReadPeople", Both, &["dynamodb:Query"], &[StackPart::Table("PeopleTable")]),
    grant(
        "ReadOrders",
        Both,
        &["dynamodb:GetItem", "dynamodb:Query"],
        &[StackPart::Table("OrdersTable")],
    ),
    // URLs and secrets in it are encrypted.
    grant(
        "ReadReceivers",
        Both,
        &["dynamodb:Query", "dynamodb:Scan"],
        &[StackPart::Table("ReceiversTable")],
    ),
    grant("ReadAudit", Both, &["dynamodb:Query"], &[StackPart::Table("AuditTable")]),
    grant("ReadLinks", Both, &["dynamodb:GetItem"], &[StackPart::Table("LinksTable")]),
    grant("ListFiles", Both, &["s3:ListBucket"], &[StackPart::Bucket]),
    // The verdict of a malware scan is a tag. Tags contain no personal data.
    grant(
        "ReadTags",
        Both,
        &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
        &[StackPart::Files],
    ),
    grant("ReadQueues", Both, &["sqs:GetQueueAttributes"], QUEUES),
    // Messages contain media keys and whole webhooks, and who receives one hides it from others.
    grant(
        "LookAtParkedJobs",
        Operators,
        &["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"],
        &[StackPart::Queue("ParkedQueueUrl")],
    ),
    grant("ReadLogs", Both, &["logs:FilterLogEvents"], LOGS),
    grant("ReadFunctions", Both, &["lambda:GetFunctionConfiguration"], FUNCTIONS),
    grant("ReadTriggers", Both, &["lambda:ListEventSourceMappings"], &[StackPart::Everything]),
    grant("ReadAlarms", Both, &["cloudwatch:DescribeAlarms"], &[StackPart::Alarms]),
    grant("ReadSubscribers", Both, &["sns:ListSubscriptionsByTopic"], &[StackPart::Topic]),
    grant(
        "ChangeRegister",
        Operators,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        TABLES,
    ),
    grant(
        "ChangeRecords",
        Operators,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("MediaTable")],
    ),
    grant(
        "ChangeUnsettledJobs",
        Operators,
        &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("JobsTable")],
    ),
    grant(
        "ForgetPeople",
        Operators,
        &["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
        &[StackPart::Table("PeopleTable")],
    ),
    grant(
        "GiveOrders",
        Operators,
        &[
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        ],
        &[StackPart::Table("OrdersTable")],
    ),
    grant(
        "ChangeLinks",
        Operators,
        &["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Scan"],
        &[StackPart::Table("LinksTable")],
    ),
    grant("EraseCounts", Operators, &["dynamodb:DeleteItem"], &[StackPart::Table("CountersTable")]),
    grant(
        "ChangeReceivers",
        Operators,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("ReceiversTable")],
    ),
    grant(
        "EraseMarks",
        Operators,
        &["dynamodb:PutItem", "dynamodb:DeleteItem"],
        &[StackPart::Table("MarksTable")],
    ),
    // An INSERT fails if there is an item with its key: no line can be overwritten or removed.
    grant(
        "AddAuditLines",
        Operators,
        &["dynamodb:PartiQLInsert"],
        &[StackPart::Table("AuditTable")],
    ),
    grant("CopyAuditLines", Operators, &["s3:PutObject"], &[StackPart::AuditCopies]),
    grant("AddLookLines", Watchers, &["dynamodb:PartiQLInsert"], &[StackPart::LookLines]),
    grant("CopyLookLines", Watchers, &["s3:PutObject"], LOOKS),
    grant(
        "ReadAuditLock",
        Both,
        &["s3:GetBucketObjectLockConfiguration"],
        &[StackPart::AuditBucket],
    ),
    grant("UseTokens", Operators, &["kms:Encrypt", "kms:Decrypt"], &[StackPart::TokenKey]),
    grant(
        "SendJobsAgain",
        Operators,
        &["sqs:SendMessage", "sqs:DeleteMessage", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"],
        QUEUES,
    ),
    grant(
        "ListVersions",
        Operators,
        &["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
        &[StackPart::Bucket],
    ),
    grant(
        "ListDeliveryBodies",
        Operators,
        &["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
        &[StackPart::DeliveriesBucket],
    ),
    // Large webhooks of W-API's log are added; those of a person who is erased are found by what is
    // in them.
    grant(
        "ChangeDeliveryBodies",
        Operators,
        &[
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:AbortMultipartUpload",
        ],
        &[StackPart::DeliveryBodies],
    ),
    grant(
        "ChangeRetention",
        Operators,
        &["s3:PutObjectTagging", "s3:PutObjectVersionTagging"],
        &[StackPart::Files],
    ),
    // A copy of a file under another key of the bucket.
    grant("RelinkFiles", Operators, &["s3:PutObject"], &[StackPart::Files]),
    grant(
        "ReadAndEraseFiles",
        Operators,
        &["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"],
        &[StackPart::Files],
    ),
];

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
    let meant = |grant: &&Grant| is_meant(role, grant.whose);
    let mut statements = Vec::new();
    let is_there = |grant: &&Grant| grant.parts.iter().all(|part| part.is_in(stack));
    for grant in GRANTS.iter().filter(meant).filter(is_there) {
        let resources = grant.parts.iter().map(|part| place.arn_of_part(*part, stack));
        let resources = resources.collect::<anyhow::Result<Vec<_>>>()?;
        statements.push(policy_statement(
            (grant.sid, grant.actions),
            &resources,
            grant.condition(),
        ));
    }
    let own_key = stack.parameter("EncryptionKeyArn")?;
    if !own_key.is_empty() {
        for own in OWN_KEY_GRANTS.iter().filter(|own| is_meant(role, own.whose)) {
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
