//! The JSON reader against serde_json, and what is written against what is read.

use super::choices::Choices;
use flowctl::value::{Currency, Exact, Money, Number, Record, Text, Value, json, time};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// What serde_json reads we read alike, what it refuses we refuse. Ours refuses more, as the contract says: a name twice in
/// one object, more nesting than the limit, and an exponent that no number needs.
pub fn json_reader(data: &[u8]) {
    let mut choices = Choices::new(data);
    let bytes = match choices.below(4) {
        0 => choices.rest().to_vec(),
        1 => soup(&mut choices).into_bytes(),
        kind => {
            let mut text = String::new();
            written(&mut choices, 6, &mut text);
            if kind == 2 { damaged(text.into_bytes(), &mut choices) } else { text.into_bytes() }
        }
    };
    let shown = String::from_utf8_lossy(&bytes);
    let theirs = serde_json::from_slice::<&RawValue>(&bytes).ok().and_then(|raw| tree(raw.get()));
    match (json::parse(&bytes), theirs) {
        (Ok(ours), Some(theirs)) => {
            assert!(!theirs.refused(0), "{shown}: a name twice, or too deep");
            theirs.same(&ours, &shown);
            read_back(&ours);
        }
        (Err(why), Some(theirs)) => assert!(theirs.refused(0), "{shown}: {why}"),
        (Ok(_), None) => panic!("{shown}: serde_json refuses it"),
        (Err(why), None) => {
            assert!(why.offset <= bytes.len(), "{shown}: {why}");
            assert!(why.line >= 1 && why.column >= 1 && !why.message.is_empty());
        }
    }
}

/// Every value that has a written form is the same when it is read again; tagged, every value but a local time.
pub fn json_writer(data: &[u8]) {
    let mut choices = Choices::new(data);
    let value = value(&mut choices, 5);
    let tagged = json::write_tagged(&value).expect("it has a tagged form");
    let again = json::parse_tagged(&tagged).unwrap_or_else(|why| panic!("{tagged}: {why}"));
    assert_eq!(again, value, "{tagged}");
    assert_eq!(json::write_tagged(&again).expect("it has a tagged form"), tagged);
    read_back(&value);
}

fn read_back(value: &Value) {
    let Ok(text) = json::write(value) else { return };
    let again = json::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"));
    assert_eq!(json::write(&again).expect("it was read"), text);
    let pretty = json::write_pretty(value).expect("it was written");
    assert_eq!(json::parse(pretty.as_bytes()).expect("it was written"), again, "{pretty}");
}

/// What serde_json sees.
enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Tree>),
    Record(Vec<(String, Tree)>),
}

/// `None` where serde_json refuses a part: the whole was only skipped over.
fn tree(raw: &str) -> Option<Tree> {
    Some(match raw.as_bytes().first()? {
        b'n' => Tree::Null,
        b't' => Tree::Bool(true),
        b'f' => Tree::Bool(false),
        b'"' => Tree::Text(serde_json::from_str(raw).ok()?),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            Tree::List(items.iter().map(|item| tree(item.get())).collect::<Option<_>>()?)
        }
        b'{' => {
            let Fields(fields) = serde_json::from_str(raw).ok()?;
            Tree::Record(fields.into_iter().map(|(name, raw)| Some((name, tree(raw.get())?))).collect::<Option<_>>()?)
        }
        _ => Tree::Number(raw.to_string()),
    })
}

/// An object's fields, all of them.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Fields<'de>;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = vec![];
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(All)
    }
}

impl Tree {
    /// Whether the contract refuses it all the same.
    fn refused(&self, depth: usize) -> bool {
        match self {
            Tree::List(items) => depth == json::NESTING || items.iter().any(|item| item.refused(depth + 1)),
            Tree::Record(fields) => {
                let mut names = HashSet::new();
                let twice = fields.iter().any(|(name, _)| !names.insert(name));
                depth == json::NESTING || twice || fields.iter().any(|(_, value)| value.refused(depth + 1))
            }
            Tree::Number(text) => {
                let exponent = text.split(['e', 'E']).nth(1).unwrap_or("");
                exponent.trim_start_matches(['+', '-']).trim_start_matches('0').len() > 18
            }
            _ => false,
        }
    }

    fn same(&self, ours: &Value, shown: &str) {
        match (self, ours) {
            (Tree::Null, Value::Null) => {}
            (Tree::Bool(theirs), Value::Bool(ours)) => assert_eq!(theirs, ours, "{shown}"),
            (Tree::Number(theirs), Value::Number(ours)) => assert_eq!(*theirs, *ours.written(), "{shown}"),
            (Tree::Text(theirs), Value::Text(ours)) => assert_eq!(**theirs, **ours, "{shown}"),
            (Tree::List(theirs), Value::List(ours)) => {
                assert_eq!(theirs.len(), ours.len(), "{shown}");
                theirs.iter().zip(ours.iter()).for_each(|(theirs, ours)| theirs.same(ours, shown));
            }
            (Tree::Record(theirs), Value::Record(ours)) => {
                assert_eq!(theirs.len(), ours.len(), "{shown}");
                for ((name, theirs), (own, ours)) in theirs.iter().zip(ours.iter()) {
                    assert_eq!(**name, **own, "{shown}");
                    theirs.same(ours, shown);
                }
            }
            _ => panic!("{shown}: {} is something else", ours.kind()),
        }
    }
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\"a\":",
    "1",
    "-",
    "0",
    "-0",
    "1.10",
    "1e3",
    "1E+05",
    ".",
    "e",
    "true",
    "false",
    "null",
    "tru",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\\",
    "\\n",
    "\\u0041",
    "\\ud83d",
    "\\ude00",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\u{feff}",
    "é",
    "\u{1}",
    "\"\u{7f}\"",
    "//",
    "NaN",
    "+1",
    "01",
    "\"\\/\"",
    "[[[[",
    "]]]]",
    "123456789012345678901234567890",
    "1e99999999999",
];

fn soup(choices: &mut Choices) -> String {
    let mut text = String::new();
    while !choices.is_over() {
        text.push_str(choices.one_of(PIECES));
    }
    text
}

/// A JSON text that is right but for names that may stand twice and depth.
pub fn written(choices: &mut Choices, depth: usize, out: &mut String) {
    const SCALARS: &[&str] = &[
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0",
        "1",
        "12.50",
        "1.10",
        "1e3",
        "1E-7",
        "-12e+2",
        "9007199254740993",
        "12345678901234567890123",
        "0.1",
        "\"\"",
        "\"a\"",
        "\"é🦀\"",
        "\"\\u00e9\"",
        "\"\\ud83e\\udd80\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\u{7f}\"",
        "\"\\u0000\"",
        "\"12\"",
        "\"2026-03-01\"",
    ];
    const NAMES: &[&str] = &["\"a\"", "\"b\"", "\"\"", "\"$time\"", "\"\\u0061\"", "\"c d\"", "\"@odata.etag\""];
    const BLANKS: &[&str] = &["", "", "", " ", "\n", "\r\n\t"];
    let blank = choices.one_of(BLANKS);
    out.push_str(blank);
    match choices.below(if depth == 0 { 1 } else { 4 }) {
        0 | 1 => out.push_str(choices.one_of(SCALARS)),
        2 => {
            out.push('[');
            for n in 0..choices.below(4) {
                out.push_str(if n > 0 { "," } else { "" });
                written(choices, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            out.push('{');
            for n in 0..choices.below(4) {
                out.push_str(if n > 0 { "," } else { "" });
                out.push_str(choices.one_of(NAMES));
                out.push_str(blank);
                out.push(':');
                written(choices, depth - 1, out);
            }
            out.push('}');
        }
    }
    out.push_str(blank);
}

fn damaged(mut bytes: Vec<u8>, choices: &mut Choices) -> Vec<u8> {
    for _ in 0..=choices.below(3) {
        let at = choices.below(bytes.len().max(1));
        match choices.below(4) {
            0 => drop(bytes.drain(at.min(bytes.len())..(at + 1).min(bytes.len()))),
            1 => bytes.insert(at.min(bytes.len()), choices.byte()),
            2 => bytes.truncate(at),
            _ => bytes = [b"[".repeat(120), bytes, b"]".repeat(120)].concat(),
        }
    }
    bytes
}

/// A value of any kind, as mappings make them: nothing missing inside a record.
fn value(choices: &mut Choices, depth: usize) -> Value {
    const NUMBERS: &[&str] = &["0", "-0.0", "1.10", "1e3", "-12.5", "12345678901234567890123", "1E-400"];
    const TEXTS: &[&str] = &["", "a", "é🦀", "\"\\\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}", "$", "2026-03-01", "\u{2028}"];
    const NAMES: &[&str] = &["a", "b", "", "$", "$time", "$$time", "$missing", "é", "a.b"];
    match choices.below(if depth == 0 { 8 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(choices.chance(50)),
        2 => Value::Number(Number::from_json(Text::from(choices.one_of(NUMBERS)))),
        3 => Value::from(choices.one_of(TEXTS)),
        4 => {
            Value::Date(time::parse_date(choices.one_of(&["2026-03-01", "0001-01-01", "9999-12-31"])).expect("a date"))
        }
        5 => {
            const TIMES: &[&str] =
                &["2026-03-01T09:00:00Z", "1969-12-31T23:59:59.999999999Z", "2026-03-01T09:00:00.5+05:30"];
            Value::Time(time::parse_time(choices.one_of(TIMES)).expect("a time"))
        }
        6 => {
            let amount = Exact::parse(choices.one_of(&["0", "12.5", "-0.001", "100.00"])).expect("a number");
            let currency = Currency::parse(choices.one_of(&["USD", "JPY", "KWD"])).expect("a currency");
            Value::Money(Money { amount, currency })
        }
        7 => Value::Missing,
        8 => (0..choices.below(4)).map(|_| value(choices, depth - 1)).collect(),
        _ => {
            let mut record = Record::new();
            for _ in 0..choices.below(4) {
                let name = choices.one_of(NAMES);
                match value(choices, depth - 1) {
                    Value::Missing => {}
                    value => record.set(name.into(), value),
                }
            }
            Value::Record(record)
        }
    }
}
