//! Records everything that is written while tests run, and every secret and personal text that
//! was planted.
//!
//! If the environment variable `REDACTION` names a folder, each test process writes the
//! functions' own log lines there, at `TRACE`, in production's format, and other code passes its
//! output to [`note`]. What must not appear is planted: every field of every webhook that the
//! stand-in makes, every token, every webhook secret. The program `redaction` then searches the
//! recorded texts for the planted ones. Without the variable nothing here has an effect.

mod canary;
mod listener;
mod recorder;
mod scan;
mod sink;
mod state;

pub use canary::{Canary, Class, plant, plant_event, plant_url};
pub use listener::{is_on, note, recording_folder, start_listening};
pub use recorder::Recorder;
pub use scan::{Finding, Scan};
pub use sink::Sink;
pub use state::read_stack_texts;
