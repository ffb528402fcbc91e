//! Places in requests and answers that a catalogue entry can name.
//!
//! A deliberately small part of JSONPath, enough to point at one value: fields, positions and one "where" step. Whole
//! queries belong to the mapping language. Reading never fails: what is not there is not there.

use crate::value::Value;
use serde::Deserialize;

/// One value inside a JSON body: `$.error.code`, `$.details[0].issue`, `$["@odata.nextLink"]`,
/// `$.links[?@.rel == "next"].href`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Path {
    steps: Vec<Step>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Field(String),
    Position(usize),
    /// The first element whose field has that text.
    Where {
        field: String,
        equals: String,
    },
}

impl Path {
    /// The value there, if there is one.
    pub fn find<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(body, |at, step| match (step, at) {
            (Step::Field(name), Value::Record(record)) => record.get(name),
            (Step::Position(n), Value::List(items)) => items.get(*n),
            (Step::Where { field, equals }, Value::List(items)) => items.iter().find(|item| match item {
                Value::Record(record) => {
                    matches!(record.get(field), Some(Value::Text(text)) if text.as_str() == equals)
                }
                _ => false,
            }),
            _ => None,
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(text: String) -> Result<Path, String> {
        let steps = parse(&text).ok_or_else(|| format!("{text:?} is no path such as $.error.code"))?;
        Ok(Path { steps, text })
    }
}

fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = vec![];
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Field(name.to_owned()));
            rest = tail;
        } else {
            let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(bracket(inside)?);
            rest = tail;
        }
    }
    Some(steps)
}

fn bracket(inside: &str) -> Option<Step> {
    if let Some(condition) = inside.strip_prefix("?@.") {
        let (field, value) = condition.split_once("==")?;
        return Some(Step::Where { field: field.trim().to_owned(), equals: quoted(value.trim())? });
    }
    match quoted(inside) {
        Some(name) => Some(Step::Field(name)),
        None => Some(Step::Position(inside.parse().ok()?)),
    }
}

fn quoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// A place in a request or an answer: `body.event_type`, `query.page`, `header.If-Match`, `response.header.Request-Id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    /// A field path below the body.
    Body(Vec<String>),
    Query(String),
    /// A header of the request.
    Header(String),
    /// A header of the answer.
    ResponseHeader(String),
}

impl Place {
    /// The value there, where the place is in the body.
    pub fn in_body<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        let Place::Body(path) = self else { return None };
        path.iter().try_fold(body, |at, name| match at {
            Value::Record(record) => record.get(name),
            _ => None,
        })
    }

    /// The answer's header, where the place is one.
    pub fn in_response<'h>(&self, headers: Headers<'h>) -> Option<&'h str> {
        match self {
            Place::ResponseHeader(name) => headers(name),
            _ => None,
        }
    }
}

/// How an answer's headers are read: by name, in any case.
pub type Headers<'h> = &'h dyn Fn(&str) -> Option<&'h str>;

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Place, String> {
        let place = match text.split_once('.') {
            Some(("body", path)) => Place::Body(path.split('.').map(str::to_owned).collect()),
            Some(("query", name)) => Place::Query(name.to_owned()),
            Some(("header", name)) => Place::Header(name.to_owned()),
            Some(("response", rest)) => match rest.split_once('.') {
                Some(("header", name)) => Place::ResponseHeader(name.to_owned()),
                _ => return Err(unknown(&text)),
            },
            _ => return Err(unknown(&text)),
        };
        Ok(place)
    }
}

fn unknown(text: &str) -> String {
    format!("{text:?} is no place: body.FIELD, query.NAME, header.NAME or response.header.NAME")
}
