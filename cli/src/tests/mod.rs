//! Tests that cross the files of the command.

mod any_record;
