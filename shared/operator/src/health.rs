//! The state of a stack's parts: functions, triggers, queues, alarms, files.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_sqs::types::QueueAttributeName;
use media::{
    ids::{InstanceId, TenantId},
    object_key::ObjectKey,
};

use aws::error::AwsError;

use crate::Operator;

/// The state of a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionHealth {
    /// `Active`, `Pending`, `Inactive` or `Failed`.
    pub state: String,
    /// The reason, if Lambda gives one.
    pub reason: Option<String>,
}

/// The state of a function's event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerHealth {
    /// The id by which it is enabled.
    pub id: String,
    /// The name of the queue or the table that it reads.
    pub source: String,
    /// `Enabled`, `Disabled`, `Enabling`, …
    pub state: String,
    /// Whether the function reports failures of single messages. Without it, one failed job causes
    /// its whole batch to be retried.
    pub reports_single_failures: bool,
}

/// A queue's settings and its number of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueHealth {
    /// Messages that can be received now.
    pub waiting: u64,
    /// Messages that are being handled, or hidden until they are retried.
    pub hidden: u64,
    /// The visibility timeout: for how long a received message is hidden, in seconds.
    pub visibility_seconds: u64,
    /// For how long the queue keeps a message, in seconds.
    pub retention_seconds: u64,
    /// After how many receives SQS moves a message to the parked queue; `None` if it never does.
    pub max_receives: Option<u64>,
}

/// An alarm of the stack in state `ALARM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedAlarm {
    /// The alarm's name.
    pub name: String,
    /// The alarm's description, which says what to do.
    pub description: String,
}

/// The number of files of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderCount {
    /// Files by the kind in their keys; `other` for keys without one.
    pub by_kind: BTreeMap<String, u64>,
    /// Whether counting stopped before the last file.
    pub is_cut: bool,
}

impl Operator {
    /// Reads the state of a function.
    ///
    /// # Errors
    /// When `GetFunctionConfiguration` fails.
    pub async fn function_health(&self, name: &str) -> Result<FunctionHealth, AwsError> {
        let request = self.lambda.get_function_configuration().function_name(name);
        let found = request
            .send()
            .await
            .map_err(AwsError::in_operation("lambda:GetFunctionConfiguration"))?;
        Ok(FunctionHealth {
            state: found
                .state
                .map_or_else(|| "Active".to_owned(), |state| state.as_str().to_owned()),
            reason: found.state_reason,
        })
    }

    /// Reads the state of a function's event source mappings.
    ///
    /// # Errors
    /// When `ListEventSourceMappings` fails.
    pub async fn list_triggers(&self, function: &str) -> Result<Vec<TriggerHealth>, AwsError> {
        let request = self.lambda.list_event_source_mappings().function_name(function);
        let found = request
            .send()
            .await
            .map_err(AwsError::in_operation("lambda:ListEventSourceMappings"))?;
        let triggers = found.event_source_mappings.unwrap_or_default().into_iter();
        let health = triggers.map(|trigger| TriggerHealth {
            id: trigger.uuid.unwrap_or_default(),
            source: source_name(trigger.event_source_arn.as_deref().unwrap_or_default()),
            state: trigger.state.unwrap_or_default(),
            reports_single_failures: trigger
                .function_response_types
                .is_some_and(|types| !types.is_empty()),
        });
        Ok(health.collect())
    }

    /// Reads a queue's settings and its number of messages.
    ///
    /// # Errors
    /// When `GetQueueAttributes` fails.
    pub async fn queue_health(&self, url: &str) -> Result<QueueHealth, AwsError> {
        let request = self
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::All);
        let found =
            request.send().await.map_err(AwsError::in_operation("sqs:GetQueueAttributes"))?;
        let attributes = found.attributes.unwrap_or_default();
        let number = |name: QueueAttributeName| -> u64 {
            let text = attributes.get(&name).map(String::as_str);
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let redrive = attributes.get(&QueueAttributeName::RedrivePolicy);
        Ok(QueueHealth {
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages),
            hidden: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                + number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            visibility_seconds: number(QueueAttributeName::VisibilityTimeout),
            retention_seconds: number(QueueAttributeName::MessageRetentionPeriod),
            max_receives: redrive.and_then(|policy| parse_max_receives(policy)),
        })
    }

    /// Lists the stack's alarms in state `ALARM`.
    ///
    /// # Errors
    /// When `DescribeAlarms` fails.
    pub async fn list_raised_alarms(&self, stack: &str) -> Result<Vec<RaisedAlarm>, AwsError> {
        let pages = self
            .cloudwatch
            .describe_alarms()
            .alarm_name_prefix(format!("{stack}-"))
            .state_value(StateValue::Alarm)
            .into_paginator()
            .send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(AwsError::in_operation("cloudwatch:DescribeAlarms"))?;
        let alarms = pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default());
        Ok(alarms
            .map(|alarm| RaisedAlarm {
                name: alarm.alarm_name.unwrap_or_default(),
                description: alarm.alarm_description.unwrap_or_default(),
            })
            .collect())
    }

    /// Counts a topic's confirmed subscriptions.
    ///
    /// # Errors
    /// When `ListSubscriptionsByTopic` fails.
    pub async fn count_subscribers(&self, topic: &str) -> Result<usize, AwsError> {
        let pages = self.sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(AwsError::in_operation("sns:ListSubscriptionsByTopic"))?;
        let all = pages.into_iter().flat_map(|page| page.subscriptions.unwrap_or_default());
        // Until it is confirmed, a subscription has no ARN.
        let is_confirmed = |arn: &String| arn.starts_with("arn:");
        Ok(all.filter(|one| one.subscription_arn.as_ref().is_some_and(is_confirmed)).count())
    }

    /// Counts the files of an instance: page by page, until `max` are counted.
    ///
    /// # Errors
    /// When `ListObjectsV2` fails.
    pub async fn count_files(
        &self,
        bucket: &str,
        (tenant, instance): (&TenantId, &InstanceId),
        max: usize,
    ) -> Result<FolderCount, AwsError> {
        let mut pages = self
            .clients
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(ObjectKey::instance_prefix(tenant, instance))
            .into_paginator()
            .send();
        let (mut count, mut seen) = (FolderCount::default(), 0);
        while let Some(page) = pages.next().await {
            let page = page.map_err(AwsError::in_operation("s3:ListObjectsV2"))?;
            for object in page.contents.unwrap_or_default() {
                let key = object.key.unwrap_or_default();
                let kind = ObjectKey::find_kind(&key).unwrap_or("other");
                *count.by_kind.entry(kind.to_owned()).or_default() += 1;
                seen += 1;
            }
            if seen >= max {
                count.is_cut = true;
                break;
            }
        }
        Ok(count)
    }
}

/// The name of a queue, or of the table of a stream, in its ARN.
fn source_name(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let table = resource.strip_prefix("table/").and_then(|rest| rest.split('/').next());
    table.unwrap_or(resource).to_owned()
}

/// Reads `maxReceiveCount` from a redrive policy, where it is a number or a text.
fn parse_max_receives(policy: &str) -> Option<u64> {
    let (_, rest) = policy.split_once("\"maxReceiveCount\"")?;
    let digits = rest.trim_start_matches([':', ' ', '"']);
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_max_receives;

    #[test]
    fn max_receives_are_read_in_either_form() {
        assert_eq!(
            parse_max_receives(r#"{"deadLetterTargetArn":"a","maxReceiveCount":140}"#),
            Some(140)
        );
        assert_eq!(parse_max_receives(r#"{"maxReceiveCount":"5"}"#), Some(5));
        assert_eq!(parse_max_receives("{}"), None);
    }
}
