//! Tests that cross the files of the command.

mod any_record;
mod doctor;
mod export;
mod hostile_text;
