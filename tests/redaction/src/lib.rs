//! Listens to everything that is written while tests run, and remembers every secret and every person in it.
//!
//! Where the environment's `REDACTION` names a folder, the functions' own log lines of every test process go there, at
//! `TRACE`, in the format of production; so does what other code hands to [`note`]. What must not be in it is planted:
//! every field of every webhook that the stand-in makes, every token, every webhook secret. The program `redaction`
//! then searches the one for the other. Without that variable nothing here does anything.

mod canary;
mod listener;
mod recorder;
mod scan;
mod sink;
mod state;

pub use canary::{Canary, Class, plant, plant_event, plant_url};
pub use listener::{folder, is_on, listen, note};
pub use recorder::Recorder;
pub use scan::{Finding, Scan};
pub use sink::Sink;
pub use state::of_stack;
