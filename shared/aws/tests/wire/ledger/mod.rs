//! The media table: who may claim, that only the run with the lease writes, and what each write
//! sets.

mod body;
mod claim;
mod count;
mod entry;
mod erase;
mod helpers;
mod intent;
mod missing;
mod notes;
mod retention;
mod write;
