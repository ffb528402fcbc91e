//! `POST $batch`, as the OData services read it: multipart in multipart, CRLF everywhere, a blank line behind each head.
//! Change sets are all or nothing; beside them stand single requests, reads among them. Says what is wrong with a body
//! that a real service would refuse; reads nothing kindly.

use super::server::{Call, Reply};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

/// The most operations of one batch.
const MOST: usize = 1000;

/// One request of a batch.
#[derive(Debug)]
pub struct Operation {
    /// Its `Content-ID`; every write of a change set has one.
    pub id: Option<String>,
    pub call: Call,
}

/// A part of a batch.
#[derive(Debug)]
pub enum Section {
    /// A request by itself, a read or a write.
    One(Operation),
    /// Writes that are done together or not at all.
    Set(Vec<Operation>),
}

/// The parts of a batch. `below`: the path of the service, to which addresses may be relative.
pub fn read(call: &Call, below: &str) -> Result<Vec<Section>, String> {
    let kind = call.header("content-type");
    let parts = multipart(kind, &call.body).map_err(|why| format!("The batch cannot be read: {why}."))?;
    let mut sections = vec![];
    let mut count = 0;
    for section in parts {
        let (head, content) = split(&section)?;
        let inner = value(&head, "content-type").unwrap_or_default();
        let section = if inner.starts_with("multipart/mixed") {
            let writes = self::sections(inner, &content)?
                .iter()
                .map(|part| operation(part, call, below, true))
                .collect::<Result<Vec<_>, _>>()?;
            count += writes.len();
            Section::Set(writes)
        } else {
            count += 1;
            Section::One(operation(&section, call, below, false)?)
        };
        if count > MOST {
            return Err(format!("A batch has at most {MOST} operations."));
        }
        sections.push(section);
    }
    Ok(sections)
}

fn operation(section: &str, outer: &Call, below: &str, in_set: bool) -> Result<Operation, String> {
    let (head, content) = split(section)?;
    if value(&head, "content-type") != Some("application/http") {
        return Err("A request of a batch is application/http.".into());
    }
    if value(&head, "content-transfer-encoding") != Some("binary") {
        return Err("A request of a batch has Content-Transfer-Encoding: binary.".into());
    }
    let id = value(&head, "content-id").map(str::to_string);
    if in_set && id.is_none() {
        return Err("A part of a change set has a Content-ID.".into());
    }
    let (line, rest) = content.split_once("\r\n").ok_or("A part has no request line.")?;
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("`{line}` is no request line."));
    };
    if in_set && method == "GET" {
        return Err("A change set reads nothing.".into());
    }
    // The line break before a boundary belongs to it: where nothing follows the head, it may be the blank line's.
    let without_body = matches!(method, "GET" | "DELETE") && !rest.contains("\r\n\r\n");
    let (fields, body) = if without_body { split(&format!("{rest}\r\n"))? } else { split(rest)? };
    // Absolute, or relative to the service.
    let url = url::Url::parse(target)
        .or_else(|_| url::Url::parse(&format!("http://relative{below}")).and_then(|base| base.join(target)));
    let url = url.map_err(|_| format!("`{target}` is no address."))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &fields {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            headers.insert(name, value);
        }
    }
    if let Some(bearer) = outer.headers.get("authorization") {
        headers.insert("authorization", bearer.clone());
    }
    let call = Call {
        method: method.to_string(),
        path: url.path().to_string(),
        query: url.query_pairs().into_owned().collect(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    Ok(Operation { id, call })
}

/// What came of a request, with its id.
pub type Part = (Option<String>, Reply);

/// What came of a part of a batch.
pub enum Done {
    One(Part),
    Set(Vec<Part>),
}

impl Done {
    /// The status of what was refused.
    pub fn refused(&self) -> Option<u16> {
        match self {
            Done::One((_, reply)) => Some(reply.status).filter(|status| *status >= 400),
            Done::Set(_) => None,
        }
    }
}

/// The whole answer. A change set that failed has one part, the one that did.
pub fn answer(done: &[Done], status: u16) -> Reply {
    let mut body = String::new();
    for (n, done) in done.iter().enumerate() {
        body.push_str("--batchresponse_1\r\n");
        match done {
            Done::One((id, reply)) => part(id.as_deref(), reply, &mut body),
            Done::Set(parts) => {
                body.push_str(&format!("Content-Type: multipart/mixed; boundary=changesetresponse_{n}\r\n\r\n"));
                for (id, reply) in parts {
                    body.push_str(&format!("--changesetresponse_{n}\r\n"));
                    part(id.as_deref(), reply, &mut body);
                }
                body.push_str(&format!("--changesetresponse_{n}--\r\n"));
            }
        }
    }
    body.push_str("--batchresponse_1--\r\n");
    let headers = vec![("Content-Type".to_string(), "multipart/mixed; boundary=batchresponse_1".to_string())];
    Reply { status, headers, body }
}

fn part(id: Option<&str>, reply: &Reply, body: &mut String) {
    body.push_str("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n");
    if let Some(id) = id {
        body.push_str(&format!("Content-ID: {id}\r\n"));
    }
    body.push_str(&format!("\r\nHTTP/1.1 {} Answer\r\n", reply.status));
    reply.headers.iter().for_each(|(name, value)| body.push_str(&format!("{name}: {value}\r\n")));
    body.push_str(&format!("\r\n{}\r\n", reply.body));
}

fn multipart(kind: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    sections(kind, text)
}

fn sections(kind: &str, text: &str) -> Result<Vec<String>, String> {
    let boundary = kind.strip_prefix("multipart/mixed").and_then(|rest| rest.split_once("boundary="));
    let boundary = boundary.map(|(_, name)| name.trim_matches('"')).filter(|name| !name.is_empty());
    let boundary = boundary.ok_or("it is no multipart/mixed with a boundary")?;
    if text.replace("\r\n", "").contains('\n') {
        return Err("lines end with CRLF".into());
    }
    // An empty line may stand before the first boundary.
    let text = text.strip_prefix("\r\n").unwrap_or(text);
    let inside = text.strip_prefix(&format!("--{boundary}\r\n")).ok_or("it does not begin with its boundary")?;
    let end = inside.rfind(&format!("\r\n--{boundary}--")).ok_or("its last boundary is not there")?;
    Ok(inside[..end].split(&format!("\r\n--{boundary}\r\n")).map(str::to_string).collect())
}

type Head = Vec<(String, String)>;

/// The head's fields and what stands behind the blank line.
fn split(section: &str) -> Result<(Head, String), String> {
    let (head, rest) = match section.strip_prefix("\r\n") {
        Some(rest) => ("", rest),
        None => section.split_once("\r\n\r\n").ok_or("A part has no blank line behind its head.")?,
    };
    let fields = head.split("\r\n").filter(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("`{line}` is no header."))?;
        Ok((name.to_ascii_lowercase(), value.to_string()))
    });
    Ok((fields.collect::<Result<_, String>>()?, rest.to_string()))
}

fn value<'h>(head: &'h Head, name: &str) -> Option<&'h str> {
    head.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
