//! Writes what is heard into the folder, one file for each place and process.

use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
};

use boot::{environment::Environment, telemetry};

use crate::{canary::Canary, sink::Sink};

/// The variable that names the folder.
const VARIABLE: &str = "REDACTION";

/// The name that files of canaries begin with.
pub(crate) const CANARIES: &str = "canaries";

static LISTENER: LazyLock<Option<Listener>> = LazyLock::new(|| {
    let environment = Environment::from_process();
    let folder = PathBuf::from(environment.optional(VARIABLE)?);
    Some(Listener {
        folder,
        files: Mutex::default(),
        kept: Mutex::default(),
    })
});

struct Listener {
    folder: PathBuf,
    files: Mutex<HashMap<String, File>>,
    kept: Mutex<HashSet<Canary>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// Appends to the file of this name and process.
    fn append(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let mut files = locked(&self.files);
        if !files.contains_key(name) {
            std::fs::create_dir_all(&self.folder)?;
            let path = self
                .folder
                .join(format!("{name}-{}.txt", std::process::id()));
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            files.insert(name.to_owned(), file);
        }
        let file = files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.write_all(text)
    }

    /// A test whose words get lost is not recorded, and must not pass as if it were.
    fn must_append(&self, name: &str, text: &[u8]) {
        let written = self.append(name, text);
        assert!(written.is_ok(), "{}: {written:?}", self.folder.display());
    }
}

/// The folder, where somebody listens.
#[must_use]
pub fn folder() -> Option<&'static Path> {
    LISTENER.as_ref().map(|listener| listener.folder.as_path())
}

/// Whether somebody listens.
#[must_use]
pub fn is_on() -> bool {
    LISTENER.is_some()
}

/// From now on the log lines of this process are written down, in production's format, at `TRACE`.
pub fn listen() {
    if is_on() {
        start();
    }
}

/// One subscriber for the whole process: those of single threads lose lines to each other.
fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| telemetry::start_writing("trace", || Lines));
}

static RECORDED: Mutex<Option<Vec<u8>>> = Mutex::new(None);

/// From now on they are kept in memory as well.
pub(crate) fn record() {
    locked(&RECORDED).get_or_insert_default();
    start();
}

/// The lines in memory.
pub(crate) fn recorded() -> Vec<u8> {
    locked(&RECORDED).clone().unwrap_or_default()
}

/// Writes down a text that came to rest somewhere else.
///
/// # Panics
/// If it cannot be written.
pub fn note(sink: Sink, text: &str) {
    if let Some(listener) = &*LISTENER {
        listener.must_append(sink.as_str(), format!("{text}\n").as_bytes());
    }
}

/// Writes down a canary, once.
pub(crate) fn keep(canary: Canary) {
    let Some(listener) = &*LISTENER else {
        return;
    };
    let line = serde_json::to_string(&canary).unwrap_or_default();
    if locked(&listener.kept).insert(canary) {
        listener.must_append(CANARIES, format!("{line}\n").as_bytes());
    }
}

/// Where the log goes.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(listener) = &*LISTENER {
            listener.append(Sink::Log.as_str(), bytes)?;
        }
        if let Some(recorded) = locked(&RECORDED).as_mut() {
            recorded.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
