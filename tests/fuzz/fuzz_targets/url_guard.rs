//! The libFuzzer program of [`fuzz::url_guard`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::url_guard::run(data));
