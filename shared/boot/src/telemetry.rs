//! The log: JSON lines on standard output, one per event, fields at the top level.

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, format::FmtSpan},
};

use crate::environment::Environment;

/// Our own crates, whose level `LOG_LEVEL` sets: every room that a function is made of. Libraries stay at
/// `warn`: at lower levels they print what they send, and that holds tokens and signed paths.
pub const OURS: [&str; 9] = [
    "aws", "boot", "download", "fetch", "media", "parking", "wapi", "watch", "webhook",
];

/// The levels that there are. Any other text would be read as a filter of its own, and might let libraries speak.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Families of libraries whose names begin like one of ours: the filter goes by prefixes.
const THEIRS: [&str; 7] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sdk",
    "aws_sigv4",
    "aws_smithy",
    "aws_types",
];

/// The filter for a level of our own crates; `info` if it is none.
fn directives(level: &str) -> String {
    let level = level.to_ascii_lowercase();
    let level = LEVELS.into_iter().find(|one| *one == level);
    let level = level.unwrap_or("info");
    let ours = OURS.map(|name| format!("{name}={level}"));
    let theirs = THEIRS.map(|name| format!("{name}=warn"));
    format!("warn,{},{}", ours.join(","), theirs.join(","))
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
    tracing_subscriber::fmt()
        .with_writer(writer)
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        .with_env_filter(EnvFilter::new(directives(level)))
        .finish()
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
