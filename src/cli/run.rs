//! `flowctl run [DIR]`.

use super::{End, output};
use crate::runtime::{Runtime, Settings, StartError};
use crate::store::{SqliteStore, StoreError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs a project: receives events, keeps them, runs its flows, and reloads what is saved.
///
/// An event is answered with 2xx only when it and its runs are on disk. Logs go to stderr (JSON unless it is a terminal;
/// FLOWCTL_LOG filters them). SIGTERM and Ctrl-C let what is under way finish.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl run my-project\n  flowctl run my-project --env prod --listen 0.0.0.0:8080 --store /var/lib/flowctl"
)]
pub struct Args {
    /// The project's folder.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where webhooks, /healthz and /readyz are served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the admin API and /metrics are served; loopback only.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    admin: SocketAddr,
    /// Serve webhooks encrypted, with this certificate chain (PEM). Read again when it is replaced.
    #[arg(long, value_name = "FILE", env = "FLOWCTL_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(long, value_name = "FILE", env = "FLOWCTL_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The store's folder: what is kept across restarts. Unless written: .flowctl in the project.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The environment whose values hold.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    crate::telemetry::init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(args))
}

async fn run(args: Args) -> anyhow::Result<End> {
    let root = crate::model::load::find_root(&args.dir)
        .ok_or_else(|| anyhow::anyhow!("no flowctl.yaml in {} or a folder above it", args.dir.display()))?;
    let folder = args.store.unwrap_or_else(|| root.join(".flowctl"));
    let store = SqliteStore::open(&folder).map_err(|error: StoreError| match error.code() {
        Some(code) => anyhow::anyhow!("{error} (flowctl explain {code})"),
        None => anyhow::anyhow!("{error}"),
    })?;
    let settings = Settings {
        project: args.dir,
        environment: args.env,
        listen: args.listen,
        admin: args.admin,
        tls: args.tls_cert.zip(args.tls_key),
        store: folder.canonicalize().ok(),
    };
    // Heard from the beginning: a stop in the first moment is a stop, too, and no kill.
    let stopping = tokio::spawn(stopped());
    let runtime = match Runtime::start(settings, Arc::new(store)).await {
        Ok(runtime) => runtime,
        Err(StartError::Project(findings)) => {
            output::tell(&findings);
            output::tell("flowctl: the project is not ready to run; mend what is said above");
            return Ok(End::Findings);
        }
        Err(StartError::Other(why)) => anyhow::bail!("{why}"),
    };
    tracing::info!(hooks = %runtime.hooks, admin = %runtime.admin, "Serving.");
    stopping.await??;
    tracing::info!("Going away: what is under way finishes.");
    runtime.stop().await;
    Ok(End::Fine)
}

/// SIGTERM or Ctrl-C.
pub(super) async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            pressed = tokio::signal::ctrl_c() => pressed,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
