//! Looking into a stand-in and making things happen in it: `/_sandbox` for people, below it for programs.
//!
//! | | |
//! |---|---|
//! | `GET /_sandbox` | a page with all of it |
//! | `GET /_sandbox/KIND` | objects or rows |
//! | `GET /_sandbox/requests` | what was asked, and answered |
//! | `GET`, `POST`, `DELETE /_sandbox/faults` | faults still to come, one more, none |
//! | `POST /_sandbox/do/ACTION` | what people, banks and time do: a payment, a payout |

use super::faults::Fault;
use super::server::{Call, Reply, Seen, Standin};
use crate::value::{Record, Text, Value, json};

/// How many requests the page shows.
const SHOWN: usize = 50;

/// The answer to a request below `/_sandbox`.
pub fn answer(standin: &dyn Standin, seen: &[Seen], call: &Call, what: &str) -> Reply {
    match (call.method.as_str(), what) {
        ("GET", "") => Reply {
            status: 200,
            headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
            body: page(standin, seen),
        },
        ("GET", "requests") => listed(seen.iter().map(request).collect()),
        ("GET", "faults") => listed(standin.faults().waiting().iter().map(Fault::to_json).collect()),
        ("POST", "faults") => match given(call).and_then(|record| Fault::from_json(&record)) {
            Ok(fault) => {
                standin.faults().add(fault);
                back(call).unwrap_or(Reply::empty(204))
            }
            Err(why) => refused(why),
        },
        ("DELETE", "faults") => {
            standin.faults().clear();
            Reply::empty(204)
        }
        ("POST", what) => {
            let Some(action) = what.strip_prefix("do/") else { return Reply::empty(405) };
            match given(call).map(|with| standin.act(action, &with)) {
                Ok(Some(Ok(made))) => back(call).unwrap_or_else(|| listed_one(made)),
                Ok(Some(Err(why))) | Err(why) => refused(why),
                Ok(None) => {
                    let known: Vec<&str> = standin.actions().iter().map(|(name, _)| *name).collect();
                    Reply { status: 404, headers: vec![], body: format!("there is: {}", known.join(", ")) }
                }
            }
        }
        ("GET", what) => match standin.inspect(what) {
            Some(rows) => listed(rows),
            None => Reply::empty(404),
        },
        _ => Reply::empty(405),
    }
}

/// The object that was sent: as JSON, or by the page's form in its field `with`.
fn given(call: &Call) -> Result<Record, String> {
    let text = match is_form(call) {
        true => {
            url::form_urlencoded::parse(&call.body).find(|(name, _)| name == "with").map(|(_, text)| text.into_owned())
        }
        false => Some(String::from_utf8_lossy(&call.body).into_owned()),
    };
    match json::parse(text.unwrap_or_default().trim().as_bytes()) {
        Ok(Value::Record(record)) => Ok(record),
        _ => Err("a JSON object was expected".into()),
    }
}

fn is_form(call: &Call) -> bool {
    call.header("content-type").starts_with("application/x-www-form-urlencoded") && call.parameter("page").is_some()
}

/// Where the page's form sent it: the page again.
fn back(call: &Call) -> Option<Reply> {
    is_form(call).then(|| Reply::empty(303).with("Location", "/_sandbox"))
}

fn refused(why: String) -> Reply {
    Reply { status: 400, headers: vec![], body: why }
}

fn listed(rows: Vec<Record>) -> Reply {
    pretty(&rows.into_iter().map(Value::Record).collect())
}

fn listed_one(row: Record) -> Reply {
    pretty(&Value::Record(row))
}

fn pretty(value: &Value) -> Reply {
    match json::write_pretty(value) {
        Ok(body) => Reply::json(200, body),
        Err(_) => Reply::empty(500),
    }
}

/// A request, without what proves who sent it.
fn request(seen: &Seen) -> Record {
    let headers = seen.headers.iter().filter(|(name, _)| name.as_str() != "authorization");
    let headers: Record = headers
        .map(|(name, value)| {
            (Text::from(name.as_str()), Value::from(String::from_utf8_lossy(value.as_bytes()).as_ref()))
        })
        .collect();
    let fields = [
        ("method", Value::from(seen.method.as_str())),
        ("path", Value::from(seen.path.as_str())),
        ("status", seen.status.map_or(Value::Null, |status| Value::from(i64::from(status)))),
        ("headers", Value::Record(headers)),
        ("body", Value::from(shown(seen).as_str())),
    ];
    fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect()
}

/// A body, but for that of a token request.
fn shown(seen: &Seen) -> String {
    match seen.path.contains("/oauth2/") {
        true => "(credentials)".into(),
        false => String::from_utf8_lossy(&seen.body).into_owned(),
    }
}

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid #e3e6ea;vertical-align:top}\
code,textarea{font:12px/1.4 ui-monospace,monospace}textarea{width:100%;box-sizing:border-box}\
pre{margin:0;white-space:pre-wrap;word-break:break-all;max-height:12rem;overflow:auto}form{margin:.6rem 0}a{color:#0a58ca}";

fn page(standin: &dyn Standin, seen: &[Seen]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Stand-in</title><style>{STYLE}</style><h1>Stand-in</h1>"
    );
    html.push_str("<h2>What it knows</h2><table>");
    for kind in standin.kinds() {
        let count = standin.inspect(&kind).map_or(0, |rows| rows.len());
        html.push_str(&format!("<tr><td><a href=\"/_sandbox/{0}\">{0}</a><td>{count}", escaped(&kind)));
    }
    html.push_str("</table><h2>Make something happen</h2>");
    for (name, example) in standin.actions() {
        html.push_str(&form(&format!("do/{name}"), name, example));
    }
    html.push_str("<h2>Faults still to come</h2>");
    for fault in standin.faults().waiting() {
        let text = json::write(&Value::Record(fault.to_json())).unwrap_or_default();
        html.push_str(&format!("<pre>{}</pre>", escaped(&text)));
    }
    html.push_str(&form("faults", "one more", r#"{"method":"POST","path":"/","drop":"after","times":1}"#));
    html.push_str("<h2>Requests, the latest first</h2><table>");
    for seen in seen.iter().rev().take(SHOWN) {
        let status = seen.status.map_or("closed".to_string(), |status| status.to_string());
        let (method, path, body) = (escaped(&seen.method), escaped(&seen.path), escaped(&shown(seen)));
        html.push_str(&format!("<tr><td>{status}<td>{method}<td><code>{path}</code><pre>{body}</pre>"));
    }
    html.push_str("</table></html>");
    html
}

fn form(to: &str, button: &str, example: &str) -> String {
    let (to, button, example) = (escaped(to), escaped(button), escaped(example));
    format!(
        "<form method=post action=\"/_sandbox/{to}?page=1\"><textarea name=with rows=2>{example}</textarea><button>{button}</button></form>"
    )
}

/// A text inside HTML, in a value or between tags.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
