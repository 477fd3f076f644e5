//! The log: JSON lines on standard output, one per event, fields at the top level.

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

use crate::environment::Environment;

/// Our own crates, whose level `LOG_LEVEL` sets. Libraries stay at `warn`: at lower levels they print what
/// they send, and that holds tokens and signed paths.
const OURS: [&str; 6] = ["webhook", "download", "fetch", "aws", "media", "wapi"];

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

/// The filter for a level of our own crates.
fn directives(level: &str) -> String {
    let ours = OURS.map(|name| format!("{name}={level}"));
    let theirs = THEIRS.map(|name| format!("{name}=warn"));
    format!("warn,{},{}", ours.join(","), theirs.join(","))
}

/// Starts logging. A second call changes nothing.
pub fn start(environment: &Environment) {
    let level = environment
        .optional("LOG_LEVEL")
        .unwrap_or("info")
        .to_ascii_lowercase();
    let filter = EnvFilter::try_new(directives(&level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        .with_env_filter(filter);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging has been started before");
    }
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

    #[test]
    fn our_crates_may_trace_while_libraries_whose_names_begin_alike_may_not() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(directives("trace")).unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws::bucket", "ours");
            tracing::trace!(target: "download::job", "ours");
            tracing::debug!(target: "aws_smithy_runtime::client", "theirs");
            tracing::trace!(target: "aws_sdk_sqs::operation", "theirs");
            tracing::trace!(target: "aws_config", "theirs");
            tracing::debug!(target: "hyper", "theirs");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            (text.matches("ours").count(), text.matches("theirs").count()),
            (2, 0),
            "{text}"
        );
    }
}
