//! The progress output: one line per step, with an animation on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// The interval of the animation.
const TICK: Duration = Duration::from_millis(120);
/// The interval of progress lines where nothing is animated.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The target of progress output.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    kind: ScreenKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScreenKind {
    Terminal,
    Lines,
    Nothing,
}

impl Screen {
    /// Standard output: animated on a terminal, plain lines elsewhere.
    pub fn stdout() -> Self {
        let kind =
            if std::io::stdout().is_terminal() { ScreenKind::Terminal } else { ScreenKind::Lines };
        Self { kind }
    }

    /// Shows nothing, for tests.
    pub fn silent() -> Self {
        Self { kind: ScreenKind::Nothing }
    }

    /// Shows a text unchanged.
    pub fn say(&self, text: impl std::fmt::Display) {
        if self.kind != ScreenKind::Nothing {
            print_line(&text.to_string());
        }
    }

    /// Starts a step. [`Step::done`] ends it; a step dropped before that is shown as failed.
    pub fn step(&self, text: impl Into<String>) -> Step {
        let text = text.into();
        let bar = (self.kind == ScreenKind::Terminal).then(|| progress_bar(&text));
        let reminder = (self.kind == ScreenKind::Lines).then(|| {
            print_line(&format!("… {text}"));
            Reminder::start(text.clone())
        });
        Step { screen: *self, text, bar, reminder, begun: Instant::now(), ended: false }
    }
}

/// A step in progress.
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
    /// Shows the progress within the step, on terminals only.
    pub fn detail(&self, detail: impl std::fmt::Display) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} · {detail}", self.text));
        }
    }

    /// Ends the step as successful, with a note on the result.
    pub fn done(mut self, note: impl std::fmt::Display) {
        self.finish("✓", &note.to_string());
    }

    fn finish(&mut self, sign: &str, note: &str) {
        self.ended = true;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        drop(self.reminder.take());
        let seconds = self.begun.elapsed().as_secs_f32();
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        self.screen.say(format!("{sign} {}{note} ({seconds:.1} s)", self.text));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.finish("✗", "");
        }
    }
}

/// A thread that reports every few seconds that a step still runs, until this is dropped.
#[derive(Debug)]
struct Reminder {
    /// Dropping it ends the thread.
    _open: mpsc::Sender<()>,
}

impl Reminder {
    fn start(text: String) -> Self {
        let (open, closed) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let begun = Instant::now();
            while closed.recv_timeout(LINE_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                print_line(&format!("  {text}: {} s", begun.elapsed().as_secs()));
            }
        });
        Self { _open: open }
    }
}

fn progress_bar(text: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(text.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn print_line(text: &str) {
    // A closed pipe has no reader, which is no reason to stop.
    writeln!(std::io::stdout(), "{text}").ok();
}
