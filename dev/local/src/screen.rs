//! What a person sees: one line per step, with a moving sign while it lasts if somebody watches.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often the moving sign moves.
const TICK: Duration = Duration::from_millis(120);
/// How often a step says, where nothing moves, that it still lasts.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Where steps are shown.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Terminal,
    Lines,
    Nothing,
}

impl Screen {
    /// Standard output: with moving signs on a terminal, plain lines elsewhere.
    pub fn stdout() -> Self {
        let kind = if std::io::stdout().is_terminal() {
            Kind::Terminal
        } else {
            Kind::Lines
        };
        Self { kind }
    }

    /// Shows nothing: for tests.
    pub fn nothing() -> Self {
        Self {
            kind: Kind::Nothing,
        }
    }

    /// Shows a text as it is.
    pub fn say(&self, text: impl std::fmt::Display) {
        if self.kind != Kind::Nothing {
            line(&text.to_string());
        }
    }

    /// Begins a step. End it with [`Step::done`]; dropped before that, it is shown as failed.
    pub fn step(&self, text: impl Into<String>) -> Step {
        let text = text.into();
        let bar = (self.kind == Kind::Terminal).then(|| moving(&text));
        let reminder = (self.kind == Kind::Lines).then(|| {
            line(&format!("… {text}"));
            Reminder::start(text.clone())
        });
        Step {
            screen: *self,
            text,
            bar,
            reminder,
            begun: Instant::now(),
            ended: false,
        }
    }
}

/// A step that has begun.
#[derive(Debug)]
pub struct Step {
    screen: Screen,
    text: String,
    bar: Option<ProgressBar>,
    reminder: Option<Reminder>,
    begun: Instant,
    ended: bool,
}

impl Step {
    /// Says how far it is; shown on terminals only.
    pub fn detail(&self, detail: impl std::fmt::Display) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} · {detail}", self.text));
        }
    }

    /// Ends it well, with a note on what came out.
    pub fn done(mut self, note: impl std::fmt::Display) {
        self.end("✓", &note.to_string());
    }

    fn end(&mut self, sign: &str, note: &str) {
        self.ended = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        drop(self.reminder.take());
        let seconds = self.begun.elapsed().as_secs_f32();
        let note = if note.is_empty() {
            String::new()
        } else {
            format!(": {note}")
        };
        self.screen
            .say(format!("{sign} {}{note} ({seconds:.1} s)", self.text));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.end("✗", "");
        }
    }
}

/// A thread that says every few seconds that a step still lasts, until this is dropped.
#[derive(Debug)]
struct Reminder {
    /// Closed to end the thread.
    _open: mpsc::Sender<()>,
}

impl Reminder {
    fn start(text: String) -> Self {
        let (open, closed) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let begun = Instant::now();
            while closed.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                line(&format!("  {text}: {} s", begun.elapsed().as_secs()));
            }
        });
        Self { _open: open }
    }
}

fn moving(text: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(text.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn line(text: &str) {
    // A closed pipe means that nobody reads any more, which is no reason to stop.
    writeln!(std::io::stdout(), "{text}").ok();
}
