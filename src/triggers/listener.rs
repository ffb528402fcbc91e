//! A bound port and the serving of it, for the hooks and for the admin API alike.
//!
//! Binding is apart from serving, so that a port that cannot be had is known before anything else starts. What is
//! served belongs to the caller; a listener never closes because files changed. HTTP/1.1 only: it is what providers send,
//! and whoever says nothing can be told from whoever says it in another way. Invariant: nobody holds a connection by
//! saying nothing, or by saying it slowly.

use super::tls::Tls;
use crate::diagnostics::Code;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The most headers, and the most bytes that they may have together.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 32 << 10;
/// After a failed accept (no more file handles), others get a moment to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a connection is guarded.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// From its first moment, and from the last answer, to the end of the next request's headers: later it is closed.
    pub headers_within: Duration,
    /// Connections at the same time; more wait to be accepted.
    pub connections: usize,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard { headers_within: Duration::from_secs(10), connections: 1024 }
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {address}: another process has it; stop that, or choose another address with {option}")]
    InUse { address: SocketAddr, option: &'static str },
    #[error(
        "cannot listen on {address}: not permitted; choose a port above 1023 with {option}, or give flowctl the right"
    )]
    NotPermitted { address: SocketAddr, option: &'static str },
    #[error("cannot listen on {address}: it is no address of this machine; choose another with {option}")]
    NotHere { address: SocketAddr, option: &'static str },
    #[error("cannot listen on {address}: {error}; choose another address with {option}")]
    Other { address: SocketAddr, option: &'static str, error: io::Error },
    #[error(
        "the admin API is not served on {address}: it has no login, so only loopback addresses are allowed, as \
         127.0.0.1:{}; from elsewhere, forward the port with ssh -L",
        .address.port()
    )]
    NotLoopback { address: SocketAddr },
}

impl BindError {
    /// The page that explains it.
    pub fn code(&self) -> Code {
        match self {
            BindError::NotLoopback { .. } => Code::F0621,
            _ => Code::F0620,
        }
    }
}

/// A port that is ours, not yet served: who connects waits.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the address; `option` is what the person would change. Port 0 takes a free one.
    pub async fn take(address: SocketAddr, option: &'static str) -> Result<Bound, BindError> {
        let told = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address, option },
            io::ErrorKind::PermissionDenied => BindError::NotPermitted { address, option },
            io::ErrorKind::AddrNotAvailable => BindError::NotHere { address, option },
            _ => BindError::Other { address, option, error },
        };
        let listener = TcpListener::bind(address).await.map_err(told)?;
        let address = listener.local_addr().map_err(told)?;
        Ok(Bound { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets what is under way end, for at most `grace`. Encrypted where there is a certificate.
    pub async fn serve(
        self,
        router: Router,
        guard: Guard,
        tls: Option<Arc<Tls>>,
        stop: CancellationToken,
        grace: Duration,
    ) -> io::Result<()> {
        let places = Arc::new(Semaphore::new(guard.connections));
        let connections = TaskTracker::new();
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
            };
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
            connections.spawn(async move {
                let _place = place;
                // Why a connection ended is its sender's business: a scan of ports would fill the log.
                if let Err(error) = greet(stream, router, guard, tls, stop).await {
                    tracing::debug!(%error, "a connection ended");
                }
            });
        }
        connections.close();
        let _ = tokio::time::timeout(grace, connections.wait()).await;
        Ok(())
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn greet(
    stream: TcpStream,
    router: Router,
    guard: Guard,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) -> Result<(), Broken> {
    stream.set_nodelay(true)?;
    match tls {
        None => converse(stream, router, guard, stop).await,
        Some(tls) => {
            let greeted = tokio::time::timeout(guard.headers_within, tls.acceptor().accept(stream)).await??;
            converse(greeted, router, guard, stop).await
        }
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    guard: Guard,
    stop: CancellationToken,
) -> Result<(), Broken> {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(guard.headers_within)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        end = connection.as_mut() => return Ok(end?),
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}
