//! The libFuzzer program of [`fuzz::sqs_event`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::sqs_event::run(data));
