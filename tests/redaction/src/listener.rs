//! Writes the recorded texts into the folder, one file for each sink and process.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
};

use boot::{environment::Environment, telemetry};

use crate::{canary::Canary, sink::Sink};

/// The environment variable that names the folder.
const VARIABLE: &str = "REDACTION";

/// The prefix of the files that hold canaries.
pub(crate) const CANARIES: &str = "canaries";

static LISTENER: LazyLock<Option<Listener>> = LazyLock::new(|| {
    let environment = Environment::from_process();
    let folder = PathBuf::from(environment.optional(VARIABLE)?);
    Some(Listener { folder, files: Mutex::default(), kept: Mutex::default() })
});

struct Listener {
    folder: PathBuf,
    files: Mutex<HashMap<String, File>>,
    kept: Mutex<HashSet<Canary>>,
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// Appends to the file of this name and process.
    fn append_text(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let mut files = lock_mutex(&self.files);
        if !files.contains_key(name) {
            std::fs::create_dir_all(&self.folder)?;
            let path = self.folder.join(format!("{name}-{}.txt", std::process::id()));
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            files.insert(name.to_owned(), file);
        }
        let file = files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.write_all(text)
    }

    /// Appends, or fails the test: a test whose texts are lost must not pass as if it were
    /// recorded.
    fn must_append(&self, name: &str, text: &[u8]) {
        let written = self.append_text(name, text);
        assert!(written.is_ok(), "{}: {written:?}", self.folder.display());
    }
}

/// The folder that texts are recorded into, if recording is on.
#[must_use]
pub fn recording_folder() -> Option<&'static Path> {
    LISTENER.as_ref().map(|listener| listener.folder.as_path())
}

/// Whether recording is on.
#[must_use]
pub fn is_on() -> bool {
    LISTENER.is_some()
}

/// Records this process's log lines from now on, in production's format, at `TRACE`.
pub fn start_listening() {
    if is_on() {
        start_subscriber();
    }
}

/// Installs one subscriber for the whole process: subscribers of single threads lose lines to
/// each other.
fn start_subscriber() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| telemetry::start_writing("trace", || LogWriter));
}

static RECORDED: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// Keeps the log lines in memory as well, from now on.
pub(crate) fn record_in_memory() {
    lock_mutex(&RECORDED).get_or_insert_default();
    start_subscriber();
}

/// The log lines kept in memory.
pub(crate) fn recorded_lines() -> Vec<u8> {
    lock_mutex(&RECORDED).clone().unwrap_or_default()
}

/// Records a text that was written to another place than the log.
///
/// # Panics
/// If it cannot be written.
pub fn note(sink: Sink, text: &str) {
    if let Some(listener) = &*LISTENER {
        listener.must_append(sink.as_str(), format!("{text}\n").as_bytes());
    }
}

/// Records a canary, once.
pub(crate) fn keep_canary(canary: Canary) {
    let Some(listener) = &*LISTENER else {
        return;
    };
    let line = serde_json::to_string(&canary).unwrap_or_default();
    if lock_mutex(&listener.kept).insert(canary) {
        listener.must_append(CANARIES, format!("{line}\n").as_bytes());
    }
}

/// Receives the subscriber's output.
struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(listener) = &*LISTENER {
            listener.append_text(Sink::Log.as_str(), bytes)?;
        }
        if let Some(recorded) = lock_mutex(&RECORDED).as_mut() {
            recorded.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
