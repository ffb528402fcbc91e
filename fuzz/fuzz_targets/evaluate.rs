#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    flowctl_fuzz::evaluate::evaluate(data);
});
