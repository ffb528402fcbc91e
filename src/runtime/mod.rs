//! The process as a whole: store, engine, connectors, listeners, and the reload that swaps what they read.
//!
//! Listeners belong to the runtime and never close before it ends; a reload changes snapshots, never sockets. What is
//! live is compiled from files that were good when they were read; a bad file keeps what was live before it.

mod again;
mod alerts;
mod certificate;
pub mod check;
mod check_rates;
mod control;
mod credentials;
mod endpoints;
mod keeping;
mod paypal;
pub mod rates;
pub mod registration;
mod reload;
pub mod watch;

pub use reload::{Problem, Report};

use crate::catalog::Catalog;
use crate::connectors::Connectors;
use crate::console::{self, Console, Control};
use crate::diagnostics::{Diagnostic, Sources, render};
use crate::engine::connector::Connector;
use crate::engine::{Config, Executor, Revisions};
use crate::graph::project::recompile;
use crate::model::load::{PROJECT_FILE, find_root};
use crate::model::project::{Keeping, Privacy};
use crate::model::rates::{Feed, Rates, Table};
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::triggers::askers::Askers;
use crate::triggers::server::{self, Routes};
use crate::triggers::tls::Tls;
use arc_swap::ArcSwap;
use reload::State;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a runtime is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The project's folder, or one inside it.
    pub project: PathBuf,
    /// Which environment's values hold.
    pub environment: Option<String>,
    /// Where hooks and health are served.
    pub listen: SocketAddr,
    /// Where the admin API and metrics are served; loopback only.
    pub admin: SocketAddr,
    /// The hooks listener's certificate and its key, both PEM files. `None`: in clear.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The store's folder, where it stands inside the project: its changes are no reason to reload.
    pub store: Option<PathBuf>,
}

/// Why a runtime did not start: everything that a person has to mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong with the project; rendered for a terminal.
    #[error("{0}")]
    Project(String),
    #[error("{0}")]
    Other(String),
}

impl StartError {
    fn findings(findings: &[Diagnostic], sources: &Sources) -> StartError {
        StartError::Project(render::text(findings, sources, false).trim_end().to_string())
    }
}

/// A running runtime.
pub struct Runtime {
    pub hooks: SocketAddr,
    pub admin: SocketAddr,
    inner: Arc<Inner>,
    stop: CancellationToken,
    tasks: tokio_util::task::TaskTracker,
}

/// What reload, listeners and executor share.
struct Inner {
    root: PathBuf,
    environment: Option<String>,
    catalog: Catalog,
    store: Arc<dyn Store>,
    revisions: Arc<Revisions>,
    executor: Executor,
    connectors: Arc<Connectors>,
    routes: Arc<ArcSwap<Routes>>,
    metrics: Arc<Metrics>,
    /// What the project says of private data.
    privacy: Arc<ArcSwap<Privacy>>,
    /// How long, and how much, it wants kept.
    keeping: ArcSwap<Keeping>,
    /// The feeds of rates, and what they gave last.
    feeds: ArcSwap<Vec<Feed>>,
    fed: ArcSwap<BTreeMap<String, Arc<Table>>>,
    /// What the project's files say of rates.
    files_rates: ArcSwap<Rates>,
    /// Who wants to be told of alerts.
    told: ArcSwap<Vec<alerts::Told>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<State>,
    /// What the admin API shows of the last one.
    status: ArcSwap<Vec<console::FlowStatus>>,
    /// The triggers that ask by themselves, and how they hear that something else is live.
    askers: Arc<Askers>,
    changed: tokio::sync::watch::Sender<()>,
}

impl Runtime {
    /// Reads, compiles and serves a project. Refuses to start on a project that has no good revision of a flow.
    pub async fn start(settings: Settings, store: Arc<dyn Store>) -> Result<Runtime, StartError> {
        let root = root(&settings.project).ok_or_else(|| {
            let folder = settings.project.display();
            StartError::Other(format!("no flowctl.yaml in {folder} or a folder above it; name the folder of a project"))
        })?;
        let catalog = Catalog::bundled();
        let other = |error: &dyn std::fmt::Display| StartError::Other(error.to_string());
        // Both are bound before anything is done, so that a port in use is the first thing one hears of.
        let hooks = server::bind(settings.listen).await.map_err(|error| other(&error))?;
        let tls = settings.tls.as_ref().map(|(certificate, key)| Tls::load(certificate, key)).transpose();
        let tls = tls.map_err(|error| other(&format!("{error} (flowctl explain {})", error.code())))?.map(Arc::new);
        let admin = console::bind(settings.admin).await.map_err(|error| other(&error))?;
        let connectors = Connectors::new(catalog.clone(), Default::default()).map_err(|error| other(&error))?;
        let again = catalog.clone();
        let revisions = Arc::new(Revisions::new(Arc::new(move |revision| {
            recompile(&revision.sources, &again).map(Arc::new).map_err(|findings| {
                findings.first().map_or_else(|| "it has no flow".into(), |finding| finding.message.clone())
            })
        })));
        let read = reload::read(&root, settings.environment.as_deref(), &catalog).await;
        let project = read.project_name().ok_or_else(|| StartError::findings(&read.findings, &read.sources))?;
        let metrics = Arc::new(Metrics::new());
        let config = Config { metrics: metrics.clone(), ..Config::new(project) };
        let executor = Executor::new(store.clone(), revisions.clone(), HashMap::new(), config);
        let (connectors, routes, privacy) = (Arc::new(connectors), Arc::default(), Arc::default());
        let waking = executor.clone();
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || waking.wake());
        let askers = Arc::new(Askers {
            root: root.clone(),
            revisions: revisions.clone(),
            routes: Arc::clone(&routes),
            store: store.clone(),
            connector: connectors.clone(),
            privacy: Arc::clone(&privacy),
            metrics: metrics.clone(),
            wake,
        });
        let (changed, changes) = tokio::sync::watch::channel(());
        let inner = Arc::new(Inner {
            root,
            environment: settings.environment.clone(),
            catalog,
            store,
            revisions,
            executor,
            connectors,
            routes,
            metrics,
            privacy,
            keeping: ArcSwap::default(),
            feeds: ArcSwap::default(),
            fed: ArcSwap::default(),
            files_rates: ArcSwap::default(),
            told: ArcSwap::default(),
            reloading: tokio::sync::Mutex::new(State::default()),
            status: ArcSwap::default(),
            askers,
            changed,
        });
        inner.begin(read).await?;
        let stop = CancellationToken::new();
        let tasks = tokio_util::task::TaskTracker::new();
        let runtime =
            Runtime { hooks: hooks.address(), admin: admin.address(), inner: inner.clone(), stop: stop.clone(), tasks };
        let serving = server::Hooks {
            routes: inner.routes.clone(),
            store: inner.store.clone(),
            metrics: inner.metrics.clone(),
            inbox: Arc::new(inner.executor.clone()),
            limits: server::Limits::default(),
            tls: tls.clone(),
        };
        runtime.tasks.spawn(server::serve(hooks, serving, stop.clone()));
        let control: Arc<dyn Control> = inner.clone();
        let console = Console { store: inner.store.clone(), control, metrics: inner.metrics.clone() };
        runtime.tasks.spawn(console::serve(admin, console, stop.clone()));
        if let Some(tls) = tls {
            runtime.tasks.spawn(certificate::renew(tls, inner.store.clone(), stop.clone()));
        }
        runtime.tasks.spawn(inner.askers.clone().run(changes, stop.clone()));
        let (executor, stopped) = (inner.executor.clone(), stop.clone());
        runtime.tasks.spawn(async move { executor.run(stopped).await });
        runtime.tasks.spawn(alerts::hand_on(inner.clone(), stop.clone()));
        runtime.tasks.spawn(credentials::watch(inner.clone(), stop.clone()));
        runtime.tasks.spawn(keeping::keep_house(inner.clone(), stop.clone()));
        runtime.tasks.spawn(rates::keep_fed(inner.clone(), stop.clone()));
        {
            let watching = inner.clone();
            let watch = watch::Watch::start(&inner.root, settings.store)
                .map_err(|error| StartError::Other(format!("cannot watch {}: {error}", inner.root.display())))?;
            let stopped = stop.clone();
            runtime.tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = stopped.cancelled() => return,
                        () = watch.changed() => { watching.reload_if_changed().await; }
                    }
                }
            });
        }
        runtime.tasks.close();
        Ok(runtime)
    }

    /// The store it keeps everything in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Reads the project again and swaps what changed.
    pub async fn reload(&self) -> Report {
        self.inner.reload().await
    }

    /// Takes no more events, lets what is under way finish, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }

    /// Ends when `stop` is called elsewhere.
    pub async fn wait(&self) {
        self.tasks.wait().await;
    }
}

/// The project's folder as it was named: where that is a link, another release may stand behind it tomorrow.
fn root(named: &Path) -> Option<PathBuf> {
    let is_root = |folder: &Path| folder.join(PROJECT_FILE).is_file();
    let whole =
        std::path::absolute(named).ok().filter(|path| !path.components().any(|part| part == Component::ParentDir));
    whole.filter(|path| is_root(path)).or_else(|| find_root(named))
}

/// One connector for every connection: they share a client and tell connections apart by name.
fn by_connection(
    connectors: &Arc<Connectors>,
    names: impl Iterator<Item = String>,
) -> HashMap<crate::value::Text, Arc<dyn Connector>> {
    names.map(|name| (name.into(), connectors.clone() as Arc<dyn Connector>)).collect()
}

/// The environment of the process, for `env://`.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
