//! `sha256`: a digest.

use super::{Area, Call, Example, Failure, Function, Value, give};

pub static FUNCTION: Function = Function {
    name: "sha256",
    area: Area::Encodings,
    signatures: &["(t: text) -> text"],
    summary: "The SHA-256 digest of a text, as 64 lower-case hexadecimal digits.",
    doc: "Of its UTF-8 bytes. Makes a key out of what must not be one itself, such as an e-mail address in a URL. It keeps nothing secret that can be guessed.",
    examples: &[
        Example { source: "sha256(\"\")", result: "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"" },
        Example { source: "sha256(\"abc\")", result: "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"" },
        Example { source: "sha256(\"Zoë\").truncate(8)", result: "\"c6a12698\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let digest = ring::digest::digest(&ring::digest::SHA256, call.text(0)?.as_bytes());
    Ok(Value::from(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
