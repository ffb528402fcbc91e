//! A bound port and the serving of it, for the hooks and for the admin API alike.
//!
//! Binding is apart from serving, so that a port that cannot be had is known before anything else starts. What is
//! served belongs to the caller; a listener never closes because files changed.

use crate::diagnostics::Code;
use axum::Router;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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

    /// Serves until `stop`, then lets what is under way end, for at most `grace`.
    pub async fn serve(self, router: Router, stop: CancellationToken, grace: Duration) -> io::Result<()> {
        let served = axum::serve(self.listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            end = served => end,
            _ = async { stop.cancelled().await; tokio::time::sleep(grace).await } => Ok(()),
        }
    }
}
