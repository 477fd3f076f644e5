//! The alarms: how many people receive them, and which are on.

use report::{Setting, Status};

use crate::{examination::Examination, say::say};

/// The number of subscribers of the alarm topic, and the alarms that are on.
pub(crate) async fn alarm_settings(examination: Examination<'_>) -> anyhow::Result<Vec<Setting>> {
    let Examination { session, lang, .. } = examination;
    let topic = session.stack.output("AlarmTopic")?;
    let mut found = Vec::new();
    let name = say!(lang, "people who receive the alarms", "pessoas que recebem os alarmes");
    found.push(match session.operator.count_subscribers(topic).await {
        Ok(0) => Setting {
            name,
            status: Status::Warn,
            value: "0".to_owned(),
            expected: None,
            remedy: Some(format!(
                "aws sns subscribe --protocol email --notification-endpoint you@example.com \
                 --topic-arn {topic}"
            )),
        },
        Ok(count) => Setting {
            name,
            status: Status::Ok,
            value: count.to_string(),
            expected: None,
            remedy: None,
        },
        Err(error) => Setting {
            name,
            status: Status::Unknown,
            value: report::translate_failure(&error, lang),
            expected: None,
            remedy: None,
        },
    });
    match session.operator.list_raised_alarms(&session.stack.name).await {
        Ok(alarms) => found.extend(alarms.into_iter().map(|alarm| Setting {
            status: Status::Warn,
            value: say!(lang, "is on", "está ligado"),
            expected: None,
            remedy: Some(report::translate_alarm(&alarm.name, &alarm.description, lang)),
            name: alarm.name,
        })),
        Err(error) => found.push(Setting {
            name: say!(lang, "alarms that are on", "alarmes ligados"),
            status: Status::Unknown,
            value: report::translate_failure(&error, lang),
            expected: None,
            remedy: None,
        }),
    }
    Ok(found)
}
