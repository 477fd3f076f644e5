//! The statements about the customer's own key, which other systems may use as well.

use operator::stack::Stack;
use serde_json::{Value, json};

use super::parts::{
    ArnScope, StackPart,
    Whose::{self, Both, Operators, Watchers},
    policy_statement,
};

/// A use of the customer's own key through a service, for parts of this stack alone. The services
/// put the name or the ARN of the part into the encryption context.
pub(super) struct OwnKeyGrant {
    sid: &'static str,
    pub(super) whose: Whose,
    service: &'static str,
    actions: &'static [&'static str],
    context_key: &'static str,
    /// The stack outputs that name the parts.
    outputs: &'static [&'static str],
}

/// Every table of the stack.
const TABLES: &[&str] = &[
    "InstancesTable",
    "TenantsTable",
    "MediaTable",
    "JobsTable",
    "MarksTable",
    "PeopleTable",
    "OrdersTable",
    "CountersTable",
    "AuditTable",
    "LinksTable",
    "ReceiversTable",
];

pub(super) const OWN_KEY_GRANTS: [OwnKeyGrant; 6] = [
    OwnKeyGrant {
        sid: "ReadTablesUnderOwnKey",
        whose: Both,
        service: "dynamodb",
        actions: &["kms:Decrypt"],
        context_key: "kms:EncryptionContext:aws:dynamodb:tableName",
        outputs: TABLES,
    },
    OwnKeyGrant {
        sid: "WriteTablesUnderOwnKey",
        whose: Operators,
        service: "dynamodb",
        actions: &["kms:GenerateDataKey"],
        context_key: "kms:EncryptionContext:aws:dynamodb:tableName",
        outputs: TABLES,
    },
    OwnKeyGrant {
        sid: "AddLookLinesUnderOwnKey",
        whose: Watchers,
        service: "dynamodb",
        actions: &["kms:GenerateDataKey"],
        context_key: "kms:EncryptionContext:aws:dynamodb:tableName",
        outputs: &["AuditTable"],
    },
    OwnKeyGrant {
        sid: "ReadFilesUnderOwnKey",
        whose: Operators,
        service: "s3",
        actions: &["kms:Decrypt"],
        context_key: "kms:EncryptionContext:aws:s3:arn",
        outputs: &["MediaBucket"],
    },
    OwnKeyGrant {
        sid: "WriteFilesUnderOwnKey",
        whose: Operators,
        service: "s3",
        actions: &["kms:GenerateDataKey"],
        context_key: "kms:EncryptionContext:aws:s3:arn",
        outputs: &["MediaBucket", "DeliveriesBucket"],
    },
    OwnKeyGrant {
        sid: "UseQueuesUnderOwnKey",
        whose: Operators,
        service: "sqs",
        actions: &["kms:Decrypt", "kms:GenerateDataKey"],
        context_key: "kms:EncryptionContext:aws:sqs:arn",
        outputs: &["JobsQueueUrl", "ParkedQueueUrl"],
    },
];

impl OwnKeyGrant {
    /// The statement, for the key with this ARN.
    pub(super) fn to_statement(
        &self,
        key: &str,
        place: &ArnScope,
        stack: &Stack,
    ) -> anyhow::Result<Value> {
        let mut parts = Vec::new();
        for name in self.outputs {
            match self.service {
                "dynamodb" => parts.push(stack.output(name)?.to_owned()),
                "s3" => {
                    // The context of an object is the bucket's ARN, or, without a bucket key, its
                    // own.
                    let of_bucket = match *name {
                        "DeliveriesBucket" => {
                            [StackPart::DeliveriesBucket, StackPart::DeliveryBodies]
                        }
                        _ => [StackPart::Bucket, StackPart::Files],
                    };
                    for part in of_bucket {
                        parts.push(place.arn_of_part(part, stack)?);
                    }
                }
                _ => parts.push(place.arn_of_part(StackPart::Queue(name), stack)?),
            }
        }
        let suffix = if place.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let through = format!("{}.{}.{suffix}", self.service, place.region);
        let condition = json!({
            "StringEquals": { "kms:ViaService": through },
            "StringLike": { self.context_key: parts },
        });
        let actions = (self.sid, self.actions);
        Ok(policy_statement(actions, &[key.to_owned()], Some(condition)))
    }
}
