//! A change set as one OData `$batch` with one `multipart/mixed` change set in it, and its answer read part by part.
//!
//! The server does all of it or nothing. The batch itself may be 200 whatever became of it: each part has a status of its
//! own, and one that is an error is the error of the whole. An answer that does not say what became of every write
//! leaves open whether it was done.

use super::http::Answer;
use super::request::{Bound, Call};
use super::{Stop, undone};
use crate::engine::connector::{Request, Row, StepError};
use crate::graph::{self, ErrorClass};
use crate::value::{Record, Text, Value};
use bytes::Bytes;

/// More writes than this are refused by the systems.
const MOST: usize = 1000;

const TYPE: &str = "multipart/mixed;boundary=batch_flowctl";

/// The member of the set's operation that a write (`line/1`) belongs to.
pub(super) fn member<'g>(set: &'g graph::Operation, path: &str) -> Option<&'g graph::Member> {
    let id = path.split_once('/').map_or(path, |(id, _)| id);
    set.members().iter().find(|member| member.id.as_str() == id)
}

/// The idempotency key of one write: the set's, and which of its writes it is.
pub(super) fn key_of(set: &Request, path: &Text) -> Option<Text> {
    set.key.as_ref().map(|key| format!("{key}/{path}").into())
}

/// The whole set as one request. `writes`: each with its own operation, in order.
pub(super) fn call(set: &Bound<'_>, writes: &[(&Text, Bound<'_>)]) -> Result<Call, StepError> {
    let refuse = |code: &str, message: String| undone(StepError::data(code, message));
    if writes.is_empty() {
        return Err(refuse("empty_set", "the change set has nothing to write".into()));
    }
    if writes.len() > MOST {
        let message = format!("the change set has {} writes, at most {MOST} are taken at once", writes.len());
        return Err(refuse("too_many_writes", message));
    }
    // JSON on one line cannot hold a boundary at a line's beginning.
    let mut body =
        String::from("\r\n--batch_flowctl\r\nContent-Type: multipart/mixed;boundary=changeset_flowctl\r\n\r\n");
    for (n, (path, write)) in writes.iter().enumerate() {
        let calls = write.calls().map_err(undone)?;
        let [one] = calls.as_slice() else {
            return Err(refuse("empty_set", format!("`{path}` is no single request")));
        };
        body.push_str("--changeset_flowctl\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
        body.push_str(&format!("Content-ID: {}\r\n\r\n{} {} HTTP/1.1\r\n", n + 1, one.method, one.url));
        for (name, value) in one.headers.iter().filter(|(_, value)| !value.contains(['\r', '\n'])) {
            body.push_str(&format!("{name}: {value}\r\n"));
        }
        match &one.body {
            Some((text, kind)) => {
                let kind = kind.split(';').next().unwrap_or(kind);
                body.push_str(&format!("Content-Type: {kind}\r\n\r\n{text}\r\n\r\n"));
            }
            None => body.push_str("\r\n\r\n"),
        }
    }
    body.push_str("--changeset_flowctl--\r\n\r\n--batch_flowctl--\r\n");
    let mut calls = set.calls().map_err(undone)?;
    let mut call = calls.pop().ok_or_else(|| refuse("empty_set", "the change set has no address".into()))?;
    call.body = Some((body, TYPE));
    Ok(call)
}

/// What became of the set: the rows of its writes, by entry.
pub(super) fn result(set: &Bound<'_>, writes: &[(&Text, Bound<'_>)], answer: &Answer) -> Result<Row, Stop> {
    let unread = |why: &str| Stop::Failed(set.unread(answer, why));
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    let mut parts = vec![];
    read(&kind, &answer.body, 0, &mut parts).ok_or_else(|| unread("is no multipart answer"))?;
    if let Some(part) = parts.iter().find(|part| !(200..300).contains(&part.answer.status)) {
        let of = part.id.and_then(|id| writes.get(id.checked_sub(1)?));
        let error = of.map_or(set, |(_, bound)| bound).refusal(&part.answer);
        let message = match of {
            Some((path, _)) => format!("`{path}`: {}", error.message).into(),
            None => error.message.clone(),
        };
        return Err(Stop::Failed(StepError { message, ..error }));
    }
    if parts.len() != writes.len() {
        return Err(unread(&format!("has {} parts for {} writes", parts.len(), writes.len())));
    }
    let mut rows = Record::new();
    let mut first: Option<Row> = None;
    for (n, (path, bound)) in writes.iter().enumerate() {
        let part = parts.iter().find(|part| part.id == Some(n + 1)).or_else(|| parts.get(n));
        let part = part.ok_or_else(|| unread("does not tell of every write"))?;
        let row = bound.row(bound.result(&part.answer)?, true, Some(part.answer.status));
        first.get_or_insert_with(|| row.clone());
        match path.split_once('/') {
            None => rows.set((*path).clone(), row.value),
            Some((id, _)) => {
                let mut list = rows.get(id).and_then(Value::as_list).unwrap_or_default().to_vec();
                list.push(row.value);
                rows.set(id.into(), Value::from(list));
            }
        }
    }
    // An entry of no items is an empty list.
    for member in set.graph.members().iter().filter(|member| member.each.is_some()) {
        if !rows.contains(&member.id) {
            rows.set(member.id.clone(), Value::from(Vec::<Value>::new()));
        }
    }
    let (key, status) = first.map_or((None, None), |row| (row.key, row.status));
    Ok(Row { value: Value::Record(rows), key, status })
}

/// What is wrong with a set whose answer as a whole is an error: the part that failed says it.
pub(super) fn refusal(set: &Bound<'_>, answer: &Answer) -> Option<StepError> {
    let kind = answer.header("content-type").filter(|kind| kind.starts_with("multipart/"))?.to_owned();
    let mut parts = vec![];
    read(&kind, &answer.body, 0, &mut parts)?;
    let part = parts.into_iter().find(|part| !(200..300).contains(&part.answer.status))?;
    let write = part.id.and_then(|id| set.request.writes().get(id.checked_sub(1)?));
    let Some(write) = write else { return Some(set.refusal(&part.answer)) };
    let name = write.request.operation.split_once('.').map_or("", |(_, name)| name);
    let operation = set.system.operations.get(name).unwrap_or(set.operation);
    let error = Bound { operation, ..*set }.refusal(&part.answer);
    Some(StepError { message: format!("`{}`: {}", write.path, error.message).into(), ..error })
}

/// A look's row as the set gives it: only the first write's is known.
pub(super) fn found(path: &Text, row: Row) -> Row {
    let mut rows = Record::new();
    rows.set(path.clone(), row.value);
    Row { value: Value::Record(rows), ..row }
}

/// One answer within the answer.
struct Part {
    /// `Content-ID`: the write, from 1.
    id: Option<usize>,
    answer: Answer,
}

/// All answers in a multipart body, those of a change set within it among them. `None`: it cannot be read.
fn read(kind: &str, body: &[u8], depth: usize, parts: &mut Vec<Part>) -> Option<()> {
    let boundary = boundary(kind).filter(|_| depth < 3)?;
    for section in sections(body, &boundary)? {
        let (headers, content) = split_head(section)?;
        let inner = header(&headers, "content-type").unwrap_or_default();
        if inner.starts_with("multipart/") {
            read(inner, content, depth + 1, parts)?;
        } else if inner.starts_with("application/http") {
            let id = header(&headers, "content-id").and_then(|id| id.trim().parse().ok());
            parts.push(one(id, content)?);
        } else {
            return None;
        }
    }
    Some(())
}

fn one(id: Option<usize>, content: &[u8]) -> Option<Part> {
    let end = content.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(content.get(..end)?).ok()?;
    let status = line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let (headers, body) = split_head(content.get(end + 2..)?)?;
    let id = id.or_else(|| header(&headers, "content-id").and_then(|id| id.trim().parse().ok()));
    let mut map = reqwest::header::HeaderMap::new();
    for (name, value) in &headers {
        let name = reqwest::header::HeaderName::try_from(*name);
        if let (Ok(name), Ok(value)) = (name, reqwest::header::HeaderValue::try_from(*value)) {
            map.append(name, value);
        }
    }
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    Some(Part { id, answer: Answer { status, headers: map, body: Bytes::copy_from_slice(body) } })
}

fn boundary(kind: &str) -> Option<String> {
    let (_, rest) = kind.split_once("boundary=")?;
    let name = rest.split(';').next()?.trim().trim_matches('"');
    (!name.is_empty()).then(|| format!("--{name}"))
}

/// What stands between the boundaries. `None`: the last one is not there.
fn sections<'b>(body: &'b [u8], boundary: &str) -> Option<Vec<&'b [u8]>> {
    let mark = boundary.as_bytes();
    let mut sections = vec![];
    let mut begun: Option<usize> = None;
    let mut at = 0;
    while at < body.len() {
        let end = body[at..].windows(2).position(|pair| pair == b"\r\n").map_or(body.len(), |found| at + found);
        let line = body.get(at..end)?;
        if let Some(rest) = line.strip_prefix(mark)
            && (rest.trim_ascii().is_empty() || rest.trim_ascii() == b"--")
        {
            if let Some(begun) = begun {
                // The line break before a boundary belongs to it.
                sections.push(body.get(begun..at.saturating_sub(2).max(begun))?);
            }
            if rest.starts_with(b"--") {
                return Some(sections);
            }
            begun = Some(end + 2);
        }
        at = end + 2;
    }
    None
}

type Headers<'b> = Vec<(&'b str, &'b str)>;

/// Headers, and what stands behind the blank line.
fn split_head(section: &[u8]) -> Option<(Headers<'_>, &[u8])> {
    let mut headers = vec![];
    let mut at = 0;
    loop {
        let rest = section.get(at..)?;
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return rest.is_empty().then_some((headers, rest));
        };
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        at += end + 2;
        if line.is_empty() {
            return Some((headers, section.get(at..).unwrap_or_default()));
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.trim(), value.trim()));
    }
}

fn header<'b>(headers: &Headers<'b>, name: &str) -> Option<&'b str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

/// The columns that name rows of earlier writes: `"salesorderid@odata.bind": "$1"`.
pub(super) fn binds(refer: &[(Text, usize)], body: Option<Value>) -> Option<Value> {
    if refer.is_empty() {
        return body;
    }
    let mut record = match body {
        Some(Value::Record(record)) => record,
        _ => Record::new(),
    };
    for (column, place) in refer {
        record.set(format!("{column}@odata.bind").into(), Value::from(format!("${}", place + 1)));
    }
    Some(Value::Record(record))
}

/// The revision has no such entry.
pub(super) fn no_member(path: &str) -> StepError {
    let message = format!("the revision has no write `{path}`");
    undone(StepError::new(ErrorClass::Config, "no_step", message))
}
