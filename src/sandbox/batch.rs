//! `POST $batch` with change sets, as the OData services read it: multipart in multipart, CRLF everywhere, a blank line
//! behind each head. Says what is wrong with a body that a real service would refuse; reads nothing kindly.

use super::server::{Call, Reply};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

/// The most operations of one batch.
const MOST: usize = 1000;

/// One write of a change set.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub call: Call,
}

/// The change sets of a batch, each all or nothing.
/// `below`: the path of the service, to which addresses may be relative.
pub fn read(call: &Call, below: &str) -> Result<Vec<Vec<Operation>>, String> {
    let kind = call.header("content-type");
    let parts = multipart(kind, &call.body).map_err(|why| format!("The batch cannot be read: {why}."))?;
    let mut sets = vec![];
    for section in parts {
        let (head, content) = split(&section)?;
        let inner = value(&head, "content-type").unwrap_or_default();
        if !inner.starts_with("multipart/mixed") {
            return Err("Only change sets can stand in this batch.".into());
        }
        let parts = sections(inner, &content)?
            .iter()
            .map(|part| operation(part, call, below))
            .collect::<Result<Vec<_>, _>>()?;
        if parts.len() > MOST {
            return Err(format!("A batch has at most {MOST} operations."));
        }
        sets.push(parts);
    }
    Ok(sets)
}

fn operation(section: &str, outer: &Call, below: &str) -> Result<Operation, String> {
    let (head, content) = split(section)?;
    if value(&head, "content-type") != Some("application/http") {
        return Err("A part of a change set is application/http.".into());
    }
    if value(&head, "content-transfer-encoding") != Some("binary") {
        return Err("A part of a change set has Content-Transfer-Encoding: binary.".into());
    }
    let id = value(&head, "content-id").ok_or("A part of a change set has a Content-ID.")?.to_string();
    let (line, rest) = content.split_once("\r\n").ok_or("A part has no request line.")?;
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("`{line}` is no request line."));
    };
    if method == "GET" {
        return Err("A change set reads nothing.".into());
    }
    let (fields, body) = split(rest)?;
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

/// A part of an answer: the id of its request, and what came of it.
pub type Part = (String, Reply);

/// The answer to one change set: each part's, or the one that failed.
pub fn answer(sets: &[Result<Vec<Part>, Part>]) -> Reply {
    let mut body = String::new();
    for (n, set) in sets.iter().enumerate() {
        body.push_str("--batchresponse_1\r\n");
        match set {
            Ok(parts) => {
                body.push_str(&format!("Content-Type: multipart/mixed; boundary=changesetresponse_{n}\r\n\r\n"));
                for (id, reply) in parts {
                    body.push_str(&format!("--changesetresponse_{n}\r\n"));
                    part(id, reply, &mut body);
                }
                body.push_str(&format!("--changesetresponse_{n}--\r\n"));
            }
            Err((id, reply)) => part(id, reply, &mut body),
        }
    }
    body.push_str("--batchresponse_1--\r\n");
    let headers = vec![("Content-Type".to_string(), "multipart/mixed; boundary=batchresponse_1".to_string())];
    Reply { status: 200, headers, body }
}

fn part(id: &str, reply: &Reply, body: &mut String) {
    body.push_str(&format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {id}\r\n\r\nHTTP/1.1 {} Answer\r\n",
        reply.status
    ));
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
