//! The libFuzzer program of [`fuzz::decrypting_stream`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::decrypting_stream::run(data));
