//! `wapi-media tail`: shows the functions' log lines, one per webhook and per media message.

use std::{collections::HashSet, time::Duration};

use boot::clock;
use clap::Args;
use media::ids::InstanceId;
use serde_json::Value;

use crate::{exit::Exit, screen, session::Session};

/// How often CloudWatch Logs is polled.
const EVERY: Duration = Duration::from_secs(2);

/// How late a line may appear in CloudWatch Logs, in milliseconds.
const LATE: i64 = 30_000;

/// Which lines to show.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media tail --instance LITE-AAAAAA-BBBBBB\n  \
    wapi-media tail --since 2h --outcome parked --no-follow")]
pub(crate) struct Tail {
    /// Only lines of this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Only lines of this message.
    #[arg(long)]
    message: Option<String>,
    /// Only lines with this outcome: queued, ignored, refused, stored, duplicate, retrying, parked,
    /// skipped, …
    #[arg(long)]
    outcome: Option<String>,
    /// Begin this long ago, such as 2h.
    #[arg(
        long,
        default_value = "5m",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    since: Duration,
    /// Print the lines up to now, and exit.
    #[arg(long)]
    no_follow: bool,
}

/// The functions: the name that is printed, and the stack output with the name of the log group.
const SOURCES: [(&str, &str); 7] = [
    ("webhook", "WebhookLogs"),
    ("download", "DownloadLogs"),
    ("watch", "WatchLogs"),
    ("backfill", "BackfillLogs"),
    ("links", "LinksLogs"),
    ("deliver", "DeliverLogs"),
    ("events", "EventsLogs"),
];

/// Prints lines until the command is interrupted, or once with `--no-follow`.
pub(crate) async fn run_tail(tail: Tail, session: &Session) -> anyhow::Result<Exit> {
    let since = i64::try_from(tail.since.as_millis()).unwrap_or(i64::MAX);
    let mut from = now_ms().saturating_sub(since);
    let mut shown = HashSet::new();
    loop {
        let mut events = Vec::new();
        let asked = now_ms();
        for (name, output) in SOURCES {
            let group = session.stack.output(output)?;
            let found = session.operator.filter_log_events(group, from).await?;
            events.extend(found.into_iter().map(|event| (name, event)));
        }
        events.sort_by_key(|(_, event)| event.at_ms);
        // Only events of the last poll can come again: earlier ones are before the window.
        let before = std::mem::take(&mut shown);
        for (name, event) in events {
            if !before.contains(&event)
                && let Some(line) = tail.parse_line(&event.text)
            {
                let text = format_line(name, event.at_ms, &line);
                session.flags.print(&line, text)?;
            }
            shown.insert(event);
        }
        if tail.no_follow {
            return Ok(Exit::Ok);
        }
        from = from.max(asked.saturating_sub(LATE));
        tokio::time::sleep(EVERY).await;
    }
}

fn now_ms() -> i64 {
    i64::try_from(clock::since_1970().as_millis()).unwrap_or(i64::MAX)
}

impl Tail {
    /// Parses a line, if it matches the options. Lambda's own lines (START, REPORT) do not.
    fn parse_line(&self, text: &str) -> Option<Value> {
        let line: Value = serde_json::from_str(text.trim()).ok()?;
        let is = |name: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| find_field(&line, name) == Some(wanted))
        };
        let is_meant = line.get("level").is_some()
            && is("instance", self.instance.as_ref().map(InstanceId::as_str))
            && is("message_id", self.message.as_deref())
            && is("outcome", self.outcome.as_deref());
        is_meant.then_some(line)
    }
}

fn find_field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    let of_span = || line.get("span").and_then(|span| span.get(name));
    line.get(name).or_else(of_span)?.as_str()
}

/// Formats a line: time, function, outcome, instance and message id, then the other fields.
pub(crate) fn format_line(source: &str, at_ms: i64, line: &Value) -> String {
    const LEADING: [&str; 4] = ["outcome", "instance", "message_id", "message"];
    const LEFT_OUT: [&str; 5] = ["timestamp", "level", "target", "span", "tenant"];
    let words = LEADING.iter().filter_map(|name| find_field(line, name));
    let words: Vec<_> = words.collect();
    let facts = line.as_object().into_iter().flatten();
    let facts = facts.filter(|(name, _)| {
        !LEADING.contains(&name.as_str()) && !LEFT_OUT.contains(&name.as_str())
    });
    let facts = facts.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    let level = match find_field(line, "level") {
        None | Some("INFO") => String::new(),
        Some(level) => format!("{level} "),
    };
    format!(
        "{} {source:<8} {level}{}  {}",
        screen::format_time(at_ms / 1000),
        words.join(" "),
        facts.collect::<Vec<_>>().join(" ")
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::ids::InstanceId;

    use super::{Tail, format_line};

    const STORED: &str = r#"{"timestamp":"2026-08-22T20:48:00Z","level":"INFO","message":"media",
        "tenant":"acme","instance":"LITE-AAAAAA-BBBBBB","message_id":"3EB0AAAA","outcome":"stored",
        "size_bytes":2048,"target":"download","span":{"name":"record"}}"#;

    fn tail(outcome: Option<&str>) -> Tail {
        Tail {
            instance: InstanceId::parse("LITE-AAAAAA-BBBBBB").ok(),
            message: None,
            outcome: outcome.map(str::to_owned),
            since: Duration::ZERO,
            no_follow: true,
        }
    }

    #[test]
    fn a_line_begins_with_what_matters() {
        let line = tail(Some("stored")).parse_line(STORED).expect("it is meant");
        assert_eq!(
            format_line("download", 1_787_431_680_000, &line),
            "2026-08-22T20:48:00Z download stored LITE-AAAAAA-BBBBBB 3EB0AAAA media  \
             size_bytes=2048"
        );
    }

    /// So are those of Lambda itself.
    #[test]
    fn other_lines_are_left_out() {
        assert_eq!(tail(Some("parked")).parse_line(STORED), None);
        let start = r#"{"time":"2026-08-22T20:48:00Z","type":"platform.start","record":{}}"#;
        assert_eq!(tail(None).parse_line(start), None);
        assert_eq!(tail(None).parse_line("START RequestId: 1"), None);
    }
}
