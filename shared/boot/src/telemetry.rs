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

/// Our own crates, whose level `LOG_LEVEL` sets: every room that a function is made of. Libraries stay at
/// `warn`: at lower levels they print what they send, and that holds tokens and signed paths.
pub const OURS: [&str; 9] = [
    "aws", "boot", "download", "fetch", "media", "parking", "wapi", "watch", "webhook",
];

/// The level that a text names; `info` if it names none.
fn parse_level(text: &str) -> LevelFilter {
    // `LevelFilter` would also read numbers and `off`, which would blind the metrics.
    match text.to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    }
}

/// Whether a line may be written: of our crates at `level`, of libraries at `warn`.
///
/// A target begins with its crate's whole name, so `aws` lets no library speak whose name begins so.
fn is_written(metadata: &Metadata<'_>, level: LevelFilter) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    let limit = if OURS.contains(&name) {
        level
    } else {
        LevelFilter::WARN
    };
    *metadata.level() <= limit
}

/// Starts logging. A second call changes nothing.
pub fn start(environment: &Environment) {
    let level = environment.optional("LOG_LEVEL").unwrap_or_default();
    start_writing(level, std::io::stdout);
}

/// The same at this level, to this writer.
pub fn start_writing<W>(level: &str, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    if tracing::subscriber::set_global_default(subscriber(level, writer)).is_err() {
        tracing::debug!("logging has been started before");
    }
}

/// What writes the log at this level.
fn subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync
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
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written at this level, of a line at `INFO` and one at `TRACE` of every crate of ours and of libraries.
    fn written(level: &str) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(level, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            macro_rules! speak {
                ($($target:literal),+) => {$(
                    tracing::info!(target: $target, "a line");
                    tracing::trace!(target: $target, "a line");
                )+};
            }
            speak!(
                "aws::bucket",
                "boot",
                "download::job",
                "fetch::client",
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

    /// Whether a line is of this crate, or of a module of it.
    fn is_of(line: &str, name: &str) -> bool {
        let targets = [
            format!(r#""target":"{name}""#),
            format!(r#""target":"{name}::"#),
        ];
        targets.iter().any(|target| line.contains(target))
    }

    #[test]
    fn each_of_our_crates_speaks_at_its_level() {
        for (level, lines) in [("info", 1), ("TRACE", 2)] {
            let written = written(level);
            for name in OURS {
                let of_it = written.iter().filter(|line| is_of(line, name));
                assert_eq!(of_it.count(), lines, "{name} at {level}: {written:#?}");
            }
        }
    }

    #[test]
    fn libraries_say_nothing_whatever_the_level_is_also_those_whose_names_begin_like_ours() {
        for level in [
            "trace",
            "info",
            "",
            "debug,aws_smithy_runtime=trace",
            "hyper=trace",
            "nonsense!",
        ] {
            let written = written(level);
            let is_ours = |line: &&String| OURS.iter().any(|name| is_of(line, name));
            let theirs: Vec<_> = written.iter().filter(|line| !is_ours(line)).collect();
            assert!(theirs.is_empty(), "at {level}: {theirs:#?}");
            assert!(written.len() >= OURS.len(), "at {level}: {written:#?}");
        }
    }
}
