//! The hooks listener: deliveries and health over HTTP.
//!
//! Which paths there are is looked up anew for each request, so that a reload never touches the listener. Invariants: a
//! 2xx is sent only for what [`ingress::take`] has kept; a delivery that was read is taken to its end even when its
//! sender hangs up; what we cannot take now is 503 with Retry-After, never 429.

use super::ingress::{self, Answer, Delivery, Endpoint};
use super::listener::{BindError, Bound, Guard};
use super::tls::Tls;
use crate::engine::Inbox;
use crate::graph::{ExecutionGraph, Severity};
use crate::store::{NewAlert, Store};
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

/// What is served now. A reload puts another in its place.
#[derive(Default)]
pub struct Routes {
    /// By path, as `/hooks/stripe`.
    pub endpoints: HashMap<String, Arc<Endpoint>>,
    pub flows: Vec<Arc<ExecutionGraph>>,
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body; a longer one is 413.
    pub body: usize,
    /// From the first byte of a delivery to its answer.
    pub timeout: Duration,
    /// Deliveries under way at the same time; one more is 503.
    pub in_flight: usize,
    /// Connections and their headers.
    pub guard: Guard,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { body: 1 << 20, timeout: Duration::from_secs(10), in_flight: 256, guard: Guard::default() }
    }
}

/// What the listener works with.
pub struct Hooks {
    pub routes: Arc<ArcSwap<Routes>>,
    pub store: Arc<dyn Store>,
    pub metrics: Arc<Metrics>,
    /// Takes what is to be kept.
    pub inbox: Arc<dyn Inbox>,
    pub limits: Limits,
    /// Encrypted with this; `None`: in clear, for a proxy on this machine or in front of it.
    pub tls: Option<Arc<Tls>>,
}

/// Takes the address, without serving it yet.
pub async fn bind(address: SocketAddr) -> Result<Bound, BindError> {
    Bound::take(address, "--listen").await
}

/// Serves until `stop`, then until every delivery that was begun has its answer.
pub async fn serve(bound: Bound, hooks: Hooks, stop: CancellationToken) -> std::io::Result<()> {
    let grace = hooks.limits.timeout;
    let tasks = TaskTracker::new();
    let desk = Arc::new(Desk {
        places: Arc::new(Semaphore::new(hooks.limits.in_flight)),
        alerted: Mutex::default(),
        tasks: tasks.clone(),
        stop: stop.clone(),
        hooks,
    });
    let router = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .fallback(deliver)
        .layer(DefaultBodyLimit::max(desk.hooks.limits.body))
        .with_state(desk.clone())
        .layer(CatchPanicLayer::new());
    let (guard, tls) = (desk.hooks.limits.guard, desk.hooks.tls.clone());
    let end = bound.serve(router, guard, tls, stop, grace).await;
    tasks.close();
    let _ = tokio::time::timeout(grace, tasks.wait()).await;
    end
}

struct Desk {
    hooks: Hooks,
    places: Arc<Semaphore>,
    /// When an alert was last raised, by connection.
    alerted: Mutex<HashMap<String, Instant>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How often refused deliveries of one connection raise an alert: a forger must not keep the store busy.
const BETWEEN_ALERTS: Duration = Duration::from_secs(60);

async fn ready(State(desk): State<Arc<Desk>>) -> Response {
    let why = if desk.stop.is_cancelled() {
        Some("shutting down".to_owned())
    } else if desk.hooks.routes.load().flows.is_empty() {
        Some("no flow is loaded".to_owned())
    } else {
        match tokio::time::timeout(Duration::from_secs(2), desk.hooks.store.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the store does not answer".to_owned()),
        }
    };
    match why {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response(),
    }
}

async fn deliver(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let routes = desk.hooks.routes.load_full();
    let Some(endpoint) = routes.endpoints.get(request.uri().path()).cloned() else {
        // No label holds what a stranger wrote.
        desk.hooks.metrics.delivery("-", "not_found");
        return refusal(StatusCode::NOT_FOUND, "not_found", "there is no webhook at this path");
    };
    if request.method() != Method::POST {
        let answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "a webhook takes POST only");
        return ([(header::ALLOW, "POST")], answer).into_response();
    }
    if let Some(wait) = endpoint.pace.as_ref().and_then(|pace| pace.take(Instant::now()).err()) {
        desk.hooks.metrics.delivery(&endpoint.connection, "too_fast");
        return come_again("too_fast", "more deliveries came than this webhook takes", wait + Duration::from_secs(1));
    }
    let Ok(place) = desk.places.clone().try_acquire_owned() else {
        desk.hooks.metrics.delivery(&endpoint.connection, "too_many");
        return come_again("too_many", "too many deliveries are under way", Duration::from_secs(1));
    };
    let connection = endpoint.connection.clone();
    let (path, begun) = (request.uri().path().to_owned(), Instant::now());
    let receiving = desk.clone().receive(routes, endpoint, place, request);
    let answer = tokio::time::timeout(desk.hooks.limits.timeout, receiving).await;
    desk.hooks.metrics.delivery_took(&path, begun.elapsed());
    match answer {
        Ok(answer) => answer,
        Err(_) => {
            tracing::warn!(%connection, "a delivery took longer than {:?}", desk.hooks.limits.timeout);
            desk.hooks.metrics.delivery(&connection, "timeout");
            come_again("timeout", "the delivery took too long", Duration::from_secs(5))
        }
    }
}

impl Desk {
    async fn receive(
        self: Arc<Self>,
        routes: Arc<Routes>,
        endpoint: Arc<Endpoint>,
        place: OwnedSemaphorePermit,
        request: Request,
    ) -> Response {
        let headers = texts(request.headers());
        let query = request.uri().query().map(str::to_owned);
        let body = match Bytes::from_request(request, &()).await {
            Ok(body) => body,
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                self.hooks.metrics.delivery(&endpoint.connection, "too_long");
                tracing::warn!(connection = %endpoint.connection, limit = self.hooks.limits.body, "a body is too long");
                return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_long", "the body is too long");
            }
            Err(_) => return refusal(StatusCode::BAD_REQUEST, "broken", "the body ended early"),
        };
        let desk = self.clone();
        let taking = async move {
            let _place = place;
            let received_at = Timestamp::now();
            let delivery = Delivery { headers: &headers, query: query.as_deref(), body, received_at };
            let answer = ingress::take(&endpoint, &routes.flows, &*desk.hooks.inbox, delivery).await;
            desk.tell(&endpoint, &answer, received_at);
            answer
        };
        respond(&ToItsEnd { work: Some(Box::pin(taking)), tasks: self.tasks.clone() }.await)
    }

    /// Counts, logs, raises an alert.
    fn tell(self: &Arc<Self>, endpoint: &Endpoint, answer: &Answer, at: Timestamp) {
        let connection = endpoint.connection.as_str();
        self.hooks.metrics.delivery(connection, answer.name());
        match answer {
            Answer::Kept { runs } => {
                tracing::debug!(connection, runs, "an event was kept");
            }
            Answer::Duplicate | Answer::Unrouted | Answer::Ignored => {
                tracing::debug!(connection, answer = answer.name(), "a delivery was answered");
            }
            Answer::Conflicting => tracing::warn!(connection, "another body came under the id of an earlier event"),
            Answer::DeadLetter => tracing::warn!(connection, "an event cannot be read and is kept as a dead letter"),
            Answer::Refused { status, why } => {
                tracing::warn!(connection, status, %why, "a delivery was refused");
                self.raise(connection, why, at);
            }
            Answer::Unavailable { why, .. } => tracing::error!(connection, %why, "an event could not be kept"),
        }
    }

    fn raise(self: &Arc<Self>, connection: &str, why: &str, at: Timestamp) {
        {
            let mut alerted = self.alerted.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if alerted.get(connection).is_some_and(|last| last.elapsed() < BETWEEN_ALERTS) {
                return;
            }
            alerted.insert(connection.to_owned(), Instant::now());
        }
        let alert = NewAlert {
            flow: None,
            run: None,
            severity: Severity::Warning,
            code: "delivery_refused".to_owned(),
            title: format!("Deliveries to {connection} are refused"),
            detail: Some(format!("{why}. Either somebody forges events, or the webhook's secret has changed.")),
        };
        let store = self.hooks.store.clone();
        self.tasks.spawn(async move {
            if let Err(error) = store.raise(alert, at).await {
                tracing::error!(%error, "an alert could not be raised");
            }
        });
    }
}

/// Work that goes on to its end as a task of its own where nobody waits for it any longer: a sender that hangs up cancels
/// its request, not what becomes of the delivery.
struct ToItsEnd<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    tasks: TaskTracker,
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // One that panics is over.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            self.tasks.spawn_on(work, &runtime);
        }
    }
}

/// Headers that are texts; names are in lower case already.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn respond(answer: &Answer) -> Response {
    match answer {
        Answer::Refused { status, why } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::UNAUTHORIZED);
            refusal(status, "refused", why)
        }
        // Why is for our log: it may speak of folders and disks.
        Answer::Unavailable { retry_after, .. } => {
            come_again("unavailable", "events cannot be kept at the moment", *retry_after)
        }
        other => json(StatusCode::OK, serde_json::json!({ "answer": other.name() })),
    }
}

fn come_again(code: &str, message: &str, after: Duration) -> Response {
    let answer = refusal(StatusCode::SERVICE_UNAVAILABLE, code, message);
    ([(header::RETRY_AFTER, after.as_secs().max(1).to_string())], answer).into_response()
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    json(status, serde_json::json!({ "error": { "code": code, "message": message } }))
}

fn json(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
