#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| exuvia_delta::fuzz::round_trip(data));
