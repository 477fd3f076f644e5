//! The log: JSON lines on standard output, one per event, fields at the top level.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _,
    filter::FilterFn,
    fmt::{self, MakeWriter, format::FmtSpan},
    layer::SubscriberExt as _,
    registry,
};

use crate::environment::Environment;

/// The crates whose level `LOG_LEVEL` sets: every crate of this repository that a function
/// contains. Libraries stay at `warn`, because at lower levels they print requests with tokens and
/// signed paths.
pub const OURS: [&str; 13] = [
    "aws", "backfill", "boot", "deliver", "download", "events", "fetch", "links", "media",
    "parking", "wapi", "watch", "webhook",
];

/// Parses a level; `info` if the text names none.
fn parse_level(text: &str) -> LevelFilter {
    // `LevelFilter` would also accept numbers and `off`, which would stop the metrics.
    match text.to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    }
}

/// Whether a line is written: at `level` for our crates, at `warn` for libraries.
///
/// The first segment of the target is the whole crate name, so `aws` does not match libraries whose
/// names begin with it.
fn is_written(metadata: &Metadata<'_>, level: LevelFilter) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    let limit = if OURS.contains(&name) { level } else { LevelFilter::WARN };
    *metadata.level() <= limit
}

/// Starts logging. A second call changes nothing.
pub fn start_logging(environment: &Environment) {
    let level = environment.optional("LOG_LEVEL").unwrap_or_default();
    start_writing(level, std::io::stdout);
}

/// Starts logging at `level` to `writer`. A second call changes nothing.
pub fn start_writing<W>(level: &str, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    if tracing::subscriber::set_global_default(build_subscriber(level, writer)).is_err() {
        tracing::debug!("logging is already started");
    }
}

/// Builds the subscriber that writes the log at `level`.
fn build_subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = parse_level(level);
    let filter = FilterFn::new(move |metadata: &Metadata<'_>| is_written(metadata, level))
        .with_max_level_hint(level.max(LevelFilter::WARN));
    let layer = fmt::layer()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE);
    registry().with(layer.with_filter(filter))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines written at `level`, after every crate of ours and some libraries wrote one line at
    /// `INFO` and one at `TRACE`.
    fn written_lines(level: &str) -> Vec<String> {
        let written = LogBuffer::default();
        let writer = written.clone();
        let subscriber = build_subscriber(level, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            macro_rules! speak {
                ($($target:literal),+) => {$(
                    tracing::info!(target: $target, "a line");
                    tracing::trace!(target: $target, "a line");
                )+};
            }
            speak!(
                "aws::bucket",
                "backfill::report",
                "boot",
                "deliver",
                "download::job",
                "events::batch",
                "fetch::client",
                "links",
                "media",
                "parking::redrive",
                "wapi",
                "watch",
                "webhook::answer"
            );
            speak!(
                "aws_config",
                "aws_smithy_runtime::client",
                "aws_sdk_sqs::operation",
                "hyper",
                "lambda_runtime",
                "reqwest"
            );
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// Whether a line comes from this crate or one of its modules.
    fn is_from_crate(line: &str, name: &str) -> bool {
        let targets = [format!(r#""target":"{name}""#), format!(r#""target":"{name}::"#)];
        targets.iter().any(|target| line.contains(target))
    }

    #[test]
    fn own_crates_log_at_the_level() {
        for (level, lines) in [("info", 1), ("TRACE", 2)] {
            let written = written_lines(level);
            for name in OURS {
                let of_it = written.iter().filter(|line| is_from_crate(line, name));
                assert_eq!(of_it.count(), lines, "{name} at {level}: {written:#?}");
            }
        }
    }

    /// This holds at every level, and for libraries whose names begin like one of our crates.
    #[test]
    fn libraries_log_only_warnings() {
        for level in
            ["trace", "info", "", "debug,aws_smithy_runtime=trace", "hyper=trace", "nonsense!"]
        {
            let written = written_lines(level);
            let is_ours = |line: &&String| OURS.iter().any(|name| is_from_crate(line, name));
            let theirs: Vec<_> = written.iter().filter(|line| !is_ours(line)).collect();
            assert!(theirs.is_empty(), "at {level}: {theirs:#?}");
            assert!(written.len() >= OURS.len(), "at {level}: {written:#?}");
        }
    }
}
