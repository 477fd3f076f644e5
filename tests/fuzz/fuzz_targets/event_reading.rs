//! The libFuzzer program of [`fuzz::event_reading`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::event_reading::run(data));
