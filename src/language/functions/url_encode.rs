//! `url_encode`: text as a part of a URL.

use super::{Area, Call, Example, Failure, Function, Value, give};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub static FUNCTION: Function = Function {
    name: "url_encode",
    area: Area::Encodings,
    signatures: &["(t: text) -> text"],
    summary: "A text percent-encoded, to stand as one part of a URL.",
    doc: "RFC 3986: all but letters, digits and `- . _ ~` become `%XX` of their UTF-8 bytes, `/` and space too. Paths and parameters of an operation are encoded by the connector.",
    examples: &[
        Example { source: "url_encode(\"a b/c&d\")", result: "\"a%20b%2Fc%26d\"" },
        Example { source: "url_encode(\"Zoë\")", result: "\"Zo%C3%AB\"" },
        Example { source: "url_encode(\"A-z_0.9~\")", result: "\"A-z_0.9~\"" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let mut encoded = String::new();
    for part in utf8_percent_encode(text, ENCODED) {
        encoded.push_str(part);
        call.room(encoded.len())?;
    }
    Ok(Value::from(encoded))
}
