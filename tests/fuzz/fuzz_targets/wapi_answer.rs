//! The libFuzzer program of [`fuzz::wapi_answer`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::wapi_answer::run(data));
