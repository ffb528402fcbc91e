//! `url_decode`: a part of a URL as text.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::quote;
use percent_encoding::percent_decode_str;

pub static FUNCTION: Function = Function {
    name: "url_decode",
    area: Area::Encodings,
    signatures: &["(t: text) -> text"],
    summary: "A percent-encoded text decoded.",
    doc: "Every `%XX` is a byte of UTF-8; an error where it is not. `+` stays what it is: in form bodies `.replace(\"+\", \" \")` stands before.",
    examples: &[
        Example { source: "url_decode(\"a%20b%2Fc\")", result: "\"a b/c\"" },
        Example { source: "url_decode(\"a+b\")", result: "\"a+b\"" },
        Example { source: "url_decode(\"100%\")", result: "error value" },
        Example { source: "url_decode(\"%FF\")", result: "error value" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let text = call.text(0)?;
    let two_digits = |rest: &str| rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(two_digits) {
        return Err(Failure::value(format!("expected two hexadecimal digits behind each %, got {}", quote(text))));
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(Value::from(&*decoded)),
        Err(_) => Err(Failure::value("the bytes are no UTF-8, so they are no text")),
    }
}
