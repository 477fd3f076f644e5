//! The parts of a policy: resources of this stack, and statements.

use operator::stack::Stack;
use serde_json::{Value, json};

/// A part of the stack, as the resource of a statement. A name is that of a stack output.
#[derive(Debug, Clone, Copy)]
pub(super) enum StackPart {
    Stack,
    Table(&'static str),
    Indexes(&'static str),
    Bucket,
    Files,
    DeliveriesBucket,
    DeliveryBodies,
    /// Only a stack with a bucket for copies of audit lines has it, and the next.
    AuditBucket,
    AuditCopies,
    /// The lines of the audit table about looks, which are told apart by a condition.
    LookLines,
    /// The copies of the lines about an action.
    LookCopies(&'static str),
    Queue(&'static str),
    TokenKey,
    Function(&'static str),
    Logs(&'static str),
    Topic,
    Alarms,
    /// For actions that AWS does not limit to a resource.
    Everything,
}

/// Whose policy has a statement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// The policies of both roles.
    Both,
    /// That of those who operate the stack.
    Operators,
    /// That of those who only watch: operators have a statement that allows more.
    Watchers,
}

/// The parts of an ARN that all resources of a stack share.
pub(super) struct ArnScope {
    pub(super) partition: String,
    pub(super) region: String,
    account: String,
}

impl StackPart {
    /// Whether the stack has it.
    pub(super) fn is_in(self, stack: &Stack) -> bool {
        let depends = matches!(self, Self::AuditBucket | Self::AuditCopies | Self::LookCopies(_));
        !depends || stack.find_output("AuditBucket").is_some()
    }
}

impl ArnScope {
    /// From the caller's ARN, such as `arn:aws:sts::123456789012:assumed-role/…`.
    pub(super) fn from_arn(who: &str, region: &str) -> Option<Self> {
        let mut parts = who.split(':');
        let (_, partition) = (parts.next()?, parts.next()?);
        let account = parts.nth(2)?;
        Some(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    pub(super) fn format_arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    pub(super) fn arn_of_part(&self, part: StackPart, stack: &Stack) -> anyhow::Result<String> {
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
            StackPart::DeliveriesBucket => {
                format!("arn:{}:s3:::{}", self.partition, output("DeliveriesBucket")?)
            }
            StackPart::DeliveryBodies => {
                format!("arn:{}:s3:::{}/*", self.partition, output("DeliveriesBucket")?)
            }
            StackPart::AuditBucket => {
                format!("arn:{}:s3:::{}", self.partition, output("AuditBucket")?)
            }
            StackPart::AuditCopies => {
                let bucket = output("AuditBucket")?;
                format!("arn:{}:s3:::{bucket}/{}/*", self.partition, stack.name)
            }
            StackPart::LookLines => {
                self.format_arn("dynamodb", &format!("table/{}", output("AuditTable")?))
            }
            StackPart::LookCopies(action) => {
                let (partition, bucket) = (&self.partition, output("AuditBucket")?);
                let action = action.replace(' ', "-");
                format!("arn:{partition}:s3:::{bucket}/{}/*-{action}-*.json", stack.name)
            }
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

/// A statement that allows these actions on these resources.
pub(super) fn policy_statement(
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
