//! How the parts of a stack are: functions, triggers, queues, alarms, files.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_sqs::types::QueueAttributeName;
use media::ids::{InstanceId, TenantId};

use aws::error::AwsError;

use crate::Operator;

/// A function's state in Lambda's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionHealth {
    /// `Active`, `Pending`, `Inactive`, `Failed`.
    pub state: String,
    /// Why, where Lambda says so.
    pub reason: Option<String>,
}

/// A function's trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerHealth {
    /// `Enabled`, `Disabled`, `Enabling`, …
    pub state: String,
    /// Whether single records can be handed back; without it one failed job brings its batch back.
    pub reports_single_failures: bool,
}

/// A queue's settings and what is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueHealth {
    /// Messages that could be received now.
    pub waiting: u64,
    /// Messages that are worked on, or hidden until their next try.
    pub hidden: u64,
    /// For how long a received message is hidden, in seconds.
    pub visibility_seconds: u64,
    /// For how long a message is kept, in seconds.
    pub retention_seconds: u64,
    /// After how many receives SQS moves a message away; nothing if it never does.
    pub most_receives: Option<u64>,
}

/// An alarm of the stack that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedAlarm {
    /// Its name.
    pub name: String,
    /// What it says to do.
    pub description: String,
}

/// The files of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderCount {
    /// How many there are of each kind, by the word in their names.
    pub of_kind: BTreeMap<String, u64>,
    /// Not all were counted.
    pub is_cut: bool,
}

impl Operator {
    /// How a function is.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn function(&self, name: &str) -> Result<FunctionHealth, AwsError> {
        let asked = self.lambda.get_function_configuration().function_name(name);
        let found = asked.send().await;
        let found = found.map_err(|e| AwsError::new("lambda:GetFunctionConfiguration", &e))?;
        Ok(FunctionHealth {
            state: found
                .state
                .map_or_else(|| "Active".to_owned(), |state| state.as_str().to_owned()),
            reason: found.state_reason,
        })
    }

    /// How a function's first trigger is; nothing if it has none.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn trigger(&self, function: &str) -> Result<Option<TriggerHealth>, AwsError> {
        let asked = self.lambda.list_event_source_mappings().function_name(function);
        let found = asked.send().await;
        let found = found.map_err(|e| AwsError::new("lambda:ListEventSourceMappings", &e))?;
        let first = found.event_source_mappings.unwrap_or_default().into_iter().next();
        Ok(first.map(|trigger| TriggerHealth {
            state: trigger.state.unwrap_or_default(),
            reports_single_failures: trigger
                .function_response_types
                .is_some_and(|types| !types.is_empty()),
        }))
    }

    /// How a queue is.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn queue(&self, url: &str) -> Result<QueueHealth, AwsError> {
        let asked = self
            .clients
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::All);
        let found = asked.send().await;
        let found = found.map_err(|e| AwsError::new("sqs:GetQueueAttributes", &e))?;
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
            most_receives: redrive.and_then(|policy| most_receives(policy)),
        })
    }

    /// The stack's alarms that are on.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn raised_alarms(&self, stack: &str) -> Result<Vec<RaisedAlarm>, AwsError> {
        let pages = self
            .cloudwatch
            .describe_alarms()
            .alarm_name_prefix(format!("{stack}-"))
            .state_value(StateValue::Alarm)
            .into_paginator()
            .send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|e| AwsError::new("cloudwatch:DescribeAlarms", &e))?;
        let alarms = pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default());
        Ok(alarms
            .map(|alarm| RaisedAlarm {
                name: alarm.alarm_name.unwrap_or_default(),
                description: alarm.alarm_description.unwrap_or_default(),
            })
            .collect())
    }

    /// How many confirmed subscriptions a topic has.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn subscribers(&self, topic: &str) -> Result<usize, AwsError> {
        let pages = self.sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|e| AwsError::new("sns:ListSubscriptionsByTopic", &e))?;
        let all = pages.into_iter().flat_map(|page| page.subscriptions.unwrap_or_default());
        // Until it is confirmed, a subscription has no ARN.
        let is_confirmed = |arn: &String| arn.starts_with("arn:");
        Ok(all.filter(|one| one.subscription_arn.as_ref().is_some_and(is_confirmed)).count())
    }

    /// Counts the files of an instance, at most `most` of them.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn count_files(
        &self,
        bucket: &str,
        (tenant, instance): (&TenantId, &InstanceId),
        most: usize,
    ) -> Result<FolderCount, AwsError> {
        let mut pages = self
            .clients
            .s3
            .list_objects_v2()
            .bucket(bucket)
            .prefix(format!("{tenant}/{instance}/"))
            .into_paginator()
            .send();
        let (mut count, mut seen) = (FolderCount::default(), 0);
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| AwsError::new("s3:ListObjectsV2", &e))?;
            for object in page.contents.unwrap_or_default() {
                let kind = kind_in(object.key.as_deref().unwrap_or_default());
                *count.of_kind.entry(kind.to_owned()).or_default() += 1;
                seen += 1;
            }
            if seen >= most {
                count.is_cut = true;
                break;
            }
        }
        Ok(count)
    }
}

/// The kind in a file's name: `{day}-{time}_{in|out}_{kind}_{message}…`.
fn kind_in(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.split('_').nth(2).unwrap_or("other")
}

/// `maxReceiveCount` of a redrive policy, which is a number or a text.
fn most_receives(policy: &str) -> Option<u64> {
    let (_, rest) = policy.split_once("\"maxReceiveCount\"")?;
    let digits = rest.trim_start_matches([':', ' ', '"']);
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{kind_in, most_receives};

    #[test]
    fn the_kind_is_the_third_word_of_a_files_name() {
        let key = "acme/LITE-AAAAAA-BBBBBB/5500900000002/2026-08/20260822-174759_in_image_3EB0.jpg";
        assert_eq!(kind_in(key), "image");
        assert_eq!(kind_in("acme/readme"), "other");
    }

    #[test]
    fn a_redrive_policy_gives_its_number_in_either_form() {
        assert_eq!(
            most_receives(r#"{"deadLetterTargetArn":"a","maxReceiveCount":140}"#),
            Some(140)
        );
        assert_eq!(most_receives(r#"{"maxReceiveCount":"5"}"#), Some(5));
        assert_eq!(most_receives("{}"), None);
    }
}
