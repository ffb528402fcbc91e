//! One stand-in's HTTP server on loopback: reads the request, asks the faults, lets the system answer.
//!
//! It is no axum server because a stand-in must be able to close a connection without an answer, which is what a
//! lost answer looks like to a client.

use super::faults::{FaultKind, Faults};
use super::inspect;
use super::keep::{Keep, Kept};
use super::webhooks::{Habits, Outbox};
use crate::value::{Record, Value};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A request as a stand-in sees it.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// Without the query, still percent-encoded.
    pub path: String,
    /// Decoded pairs in their order.
    pub query: Vec<(String, String)>,
    pub headers: axum::http::HeaderMap,
    pub body: Bytes,
}

impl Call {
    /// A header's text, empty where it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a stand-in answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// A JSON body.
    pub fn json(status: u16, body: impl Into<String>) -> Reply {
        Reply { status, headers: vec![("Content-Type".into(), "application/json".into())], body: body.into() }
    }

    /// No body.
    pub fn empty(status: u16) -> Reply {
        Reply { status, headers: vec![], body: String::new() }
    }

    /// The same with a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A system's stand-in: pure answers over its own state.
pub trait Standin: Send + Sync + 'static {
    fn answer(&self, call: &Call) -> Reply;

    /// What a fault's status looks like in this system's words.
    fn fault(&self, status: u16) -> Reply;

    /// The same, stored for the request's idempotency key where the system stores answers.
    fn stored_fault(&self, call: &Call, status: u16) -> Reply {
        let _ = call;
        self.fault(status)
    }

    fn faults(&self) -> &Faults;

    /// What `GET /_sandbox/WHAT` shows: the rows of an entity, the objects of a kind. `None`: there is no such.
    fn inspect(&self, what: &str) -> Option<Vec<Record>>;

    /// The names that [`Standin::inspect`] knows.
    fn kinds(&self) -> Vec<String> {
        vec![]
    }

    /// What people, banks and time do in the real system and can be made to happen here: names, each with an example.
    fn actions(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// `POST /_sandbox/do/WHAT`: makes it happen. `None`: there is no such thing.
    fn act(&self, what: &str, with: &Record) -> Option<Result<Record, String>> {
        let _ = (what, with);
        None
    }

    /// Everything that it knows, to go on from after a restart. `None`: it forgets.
    fn snapshot(&self) -> Option<Value> {
        None
    }

    /// Goes on from a snapshot of its own.
    fn restore(&self, snapshot: &Value) {
        let _ = snapshot;
    }

    /// The events that it sends out, and how often it tries. `None`: it sends nothing.
    fn outbox(&self) -> Option<(&Outbox, Habits)> {
        None
    }
}

/// A request that arrived, for inspection: what was sent under which key, and what became of it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: axum::http::HeaderMap,
    pub body: Bytes,
    /// The status answered; `None` where the connection was closed instead.
    pub status: Option<u16>,
}

/// A running stand-in.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: CancellationToken,
}

const LONGEST_BODY: usize = 16 << 20;

impl Server {
    /// Serves on a loopback address; port 0 takes a free one.
    pub async fn start(address: SocketAddr, standin: Arc<dyn Standin>) -> std::io::Result<Server> {
        Server::start_kept(address, standin, None).await
    }

    /// The same, with a file from which it goes on and into which it writes whatever has changed.
    pub async fn start_kept(
        address: SocketAddr,
        standin: Arc<dyn Standin>,
        file: Option<PathBuf>,
    ) -> std::io::Result<Server> {
        let keep = file.map(|file| Keep::open(file, &*standin)).transpose()?.map(Arc::new);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Server { address, seen: seen.clone(), stop: stop.clone() };
        let (deliveries, ended) = (super::webhooks::deliver(standin.clone()), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = ended.cancelled() => {}
                _ = deliveries => {}
            }
        });
        tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    _ = stop.cancelled() => return,
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => stream,
                        Err(_) => continue,
                    },
                };
                let (standin, seen, stop, keep) = (standin.clone(), seen.clone(), stop.clone(), keep.clone());
                tokio::spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        serve(request, standin.clone(), seen.clone(), keep.clone())
                    });
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
                    tokio::select! {
                        _ = stop.cancelled() => {}
                        _ = connection => {}
                    }
                });
            }
        });
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

async fn serve(
    request: Request<hyper::body::Incoming>,
    standin: Arc<dyn Standin>,
    seen: Arc<Mutex<Vec<Seen>>>,
    keep: Option<Arc<Keep>>,
) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(Body::new(body), LONGEST_BODY).await else { return Err(Closed) };
    let full_path = parts.uri.path_and_query().map(|p| p.as_str()).unwrap_or("/").to_string();
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_string(),
        query: url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
    };
    let note = |status| {
        let (method, headers, body) = (call.method.clone(), call.headers.clone(), call.body.clone());
        lock(&seen).push(Seen { method, path: full_path.clone(), headers, body, status });
    };
    // Written before it is answered, whatever becomes of the answer.
    let kept = Kept { keep: keep.as_deref().filter(|_| call.method != "GET"), standin: &*standin };
    if let Some(what) = call.path.strip_prefix("/_sandbox") {
        let reply = inspect::answer(&*standin, &lock(&seen).clone(), &call, what.trim_matches('/'));
        drop(kept);
        return build(reply);
    }
    let reply = match standin.faults().take(&call.method, &full_path, &call.body) {
        None => standin.answer(&call),
        Some(FaultKind::Status { status, retry_after }) => {
            let reply = standin.fault(status);
            match retry_after {
                Some(seconds) => reply.with("Retry-After", seconds.to_string()),
                None => reply,
            }
        }
        Some(FaultKind::Stored { status }) => standin.stored_fault(&call, status),
        Some(FaultKind::DropBefore) => {
            note(None);
            return Err(Closed);
        }
        Some(FaultKind::DropAfter) => {
            standin.answer(&call);
            note(None);
            return Err(Closed);
        }
        Some(FaultKind::CommitLate(after)) => {
            note(None);
            let (standin, call) = (standin.clone(), call.clone());
            let keep = keep.clone();
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                standin.answer(&call);
                if let Some(keep) = keep {
                    keep.write(&*standin);
                }
            });
            return Err(Closed);
        }
        Some(FaultKind::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            standin.answer(&call)
        }
        // Asked for by name only.
        Some(FaultKind::Deliver(_)) => standin.answer(&call),
    };
    note(Some(reply.status));
    drop(kept);
    build(reply)
}

fn build(reply: Reply) -> Result<Response<Body>, Closed> {
    let status = StatusCode::from_u16(reply.status).map_err(|_| Closed)?;
    let mut response = Response::builder().status(status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).map_err(|_| Closed)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
