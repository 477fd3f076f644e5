//! The libFuzzer program of [`fuzz::webhook_body`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::webhook_body::run(data));
