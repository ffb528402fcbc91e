//! `query`: JSONPath, RFC 9535.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give, list};
use crate::value::Text;
use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use jsonpath_rust::query::queryable::Queryable;
use std::cell::Cell;
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "query",
    area: Area::Encodings,
    signatures: &["(x: any, path: const text) -> list<any>"],
    summary: "What a JSONPath finds, in document order.",
    doc: "RFC 9535, compiled with the mapping. Raw quotes spare escapes. A filter compares numbers of at most 15 digits; more is \
          an error, because it could not be told apart exactly: compare such numbers in the language.",
    examples: &[
        Example {
            source: "{ lines = [{ id = \"a\", n = 0 }, { id = \"b\", n = 2 }] }.query('$.lines[?@.n > 0].id')",
            result: "[\"b\"]",
        },
        Example { source: "{ a = 1.10 }.query('$.a').map(n => \"{n}\")", result: "[\"1.10\"]" },
        Example { source: "{ a = 1234567890123456 }.query('$[?@ > 1]')", result: "error value" },
    ],
    prepare: Some(prepare),
    gives: None,
    run: |call, out| give(run(call), out),
};

/// Digits before and behind the point, leading zeros behind it included: what f64 and the crate's epsilon tell apart.
const DIGITS: usize = 15;

fn prepare(args: &[Option<Value>]) -> Result<Prepared, (usize, String)> {
    let Some(Some(Value::Text(path))) = args.get(1) else {
        return Err((1, "the path must be a constant text".into()));
    };
    // The crate takes `$.a b` as the key `a b`, and blanks at the ends.
    let outside_quotes = strip_quoted(path);
    if path.trim() != &**path {
        return Err((1, "a path has no white space at its ends".into()));
    }
    if let Some(bare) = outside_quotes.split('[').next().filter(|bare| bare.contains(char::is_whitespace)) {
        return Err((1, format!("`{}` has white space in a name; write `['a name']`", bare.trim())));
    }
    if outside_quotes.split(|c: char| !c.is_ascii_digit() && c != '.').any(|word| digits(word) > DIGITS) {
        return Err((1, format!("a number of more than {DIGITS} digits cannot be compared exactly in a path")));
    }
    let query = parse_json_path(path).map_err(|error| (1, translate(error)))?;
    Ok(Arc::new(query))
}

/// The path without what stands in quotes.
fn strip_quoted(path: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(_) if c == '\\' => {
                chars.next();
            }
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => plain.push(c),
        }
    }
    plain
}

fn digits(number: &str) -> usize {
    number.bytes().filter(u8::is_ascii_digit).count()
}

/// The crate's errors are its parser's: only the place is of use to a reader.
fn translate(error: JsonPathError) -> String {
    match error {
        JsonPathError::PestError(error) => {
            let column = match error.line_col {
                pest::error::LineColLocation::Pos((_, column)) | pest::error::LineColLocation::Span((_, column), _) => {
                    column
                }
            };
            format!(
                "no JSONPath: it cannot be read from character {column} on; a path is written as in '$.lines[0].id'"
            )
        }
        JsonPathError::MaxNestingDepthExceeded(depth) => format!("the path is nested more than {depth} deep"),
        JsonPathError::InvalidNumber(number) => format!("{number} is no number that a path can hold"),
        _ => "no JSONPath; a path is written as in '$.lines[?@.amount > 0].id'".into(),
    }
}

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let Some(query) = call.prepared::<JpQuery>() else {
        return Err(Failure::kind("the path must be a constant text"));
    };
    let inexact = Cell::new(false);
    let mut size = 0;
    let root = Node::read(&call.value(0)?, &inexact, &mut size);
    call.charge(size)?;
    let found = js_path_process(query, &root).map_err(|error| Failure::value(translate(error)))?;
    if inexact.get() {
        let message = format!(
            "a filter compares a number of more than {DIGITS} digits, which it cannot do exactly; use `filter`"
        );
        return Err(Failure::value(message));
    }
    Ok(list(found.into_iter().map(|found| found.val.value.clone()).collect()))
}

/// A value as the crate wants to walk it: with its children laid out.
#[derive(Clone, Debug)]
struct Node<'a> {
    value: Value,
    items: Vec<Node<'a>>,
    names: Vec<Text>,
    /// A number as the crate compares it. `None` and a set flag where that would not be exact.
    number: Option<f64>,
    /// Set when a number is compared that f64 does not hold exactly.
    inexact: Option<&'a Cell<bool>>,
}

impl<'a> Node<'a> {
    fn plain(value: Value) -> Node<'a> {
        Node { value, items: vec![], names: vec![], number: None, inexact: None }
    }

    fn read(value: &Value, inexact: &'a Cell<bool>, size: &mut usize) -> Node<'a> {
        *size += 1;
        let mut node = Node::plain(value.clone());
        match value {
            Value::List(items) => node.items = items.iter().map(|item| Node::read(item, inexact, size)).collect(),
            Value::Record(record) => {
                for (name, value) in record.iter() {
                    node.names.push(name.clone());
                    node.items.push(Node::read(value, inexact, size));
                }
            }
            Value::Number(number) => {
                match number.plain() {
                    Ok(text) if digits(&text) <= DIGITS => node.number = text.parse().ok(),
                    _ => node.inexact = Some(inexact),
                }
            }
            _ => {}
        }
        node
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.number, other.number) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.value == other.value,
            _ => false,
        }
    }
}

impl Default for Node<'_> {
    fn default() -> Self {
        Node::plain(Value::Null)
    }
}

impl From<&str> for Node<'_> {
    fn from(text: &str) -> Self {
        Node::plain(Value::Text(text.into()))
    }
}

impl From<String> for Node<'_> {
    fn from(text: String) -> Self {
        Node::plain(Value::Text(text.into()))
    }
}

impl From<bool> for Node<'_> {
    fn from(value: bool) -> Self {
        Node::plain(Value::Bool(value))
    }
}

impl From<i64> for Node<'_> {
    fn from(number: i64) -> Self {
        Node { number: Some(number as f64), ..Node::plain(Value::Null) }
    }
}

impl From<f64> for Node<'_> {
    fn from(number: f64) -> Self {
        Node { number: Some(number), ..Node::plain(Value::Null) }
    }
}

impl<'a> From<Vec<Node<'a>>> for Node<'a> {
    fn from(items: Vec<Node<'a>>) -> Self {
        let values = items.iter().map(|item| item.value.clone()).collect();
        Node { items, ..Node::plain(list(values)) }
    }
}

impl Queryable for Node<'_> {
    fn get(&self, key: &str) -> Option<&Self> {
        let n = self.names.iter().position(|name| &**name == key)?;
        self.items.get(n)
    }

    fn as_array(&self) -> Option<&Vec<Self>> {
        matches!(self.value, Value::List(_)).then_some(&self.items)
    }

    fn as_object(&self) -> Option<Vec<(&str, &Self)>> {
        matches!(self.value, Value::Record(_)).then(|| self.names.iter().map(|name| &**name).zip(&self.items).collect())
    }

    fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn as_i64(&self) -> Option<i64> {
        None
    }

    fn as_f64(&self) -> Option<f64> {
        if let Some(inexact) = self.inexact {
            inexact.set(true);
        }
        self.number
    }

    fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn null() -> Self {
        Node::default()
    }
}
