//! The live graph of each flow, swapped whole; and the pinned ones: a run takes the live revision when its first step
//! begins and finishes on it, recompiled from the store's sources when it is live no more.

use crate::graph::ExecutionGraph;
use crate::store::{Hash, Revision, Store, StoreError};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Compiles a revision again from its sources; the error says why this flowctl cannot.
pub type Recompile = Arc<dyn Fn(&Revision) -> Result<Arc<ExecutionGraph>, String> + Send + Sync>;

/// A flow's live revision.
#[derive(Clone, Debug)]
pub struct Live {
    pub revision: Hash,
    pub graph: Arc<ExecutionGraph>,
}

/// Live and pinned graphs.
pub struct Revisions {
    live: ArcSwap<BTreeMap<String, Live>>,
    /// Graphs that runs are still going by.
    pinned: Mutex<HashMap<Hash, Weak<ExecutionGraph>>>,
    recompile: Recompile,
}

/// Why a run has no graph to go by.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoGraph {
    #[error("revision {0} is not in the store")]
    Unknown(Hash),
    #[error("this flowctl cannot compile revision {0}: {1}")]
    Uncompilable(Hash, String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Revisions {
    pub fn new(recompile: Recompile) -> Revisions {
        Revisions { live: ArcSwap::default(), pinned: Mutex::default(), recompile }
    }

    /// Makes a graph the live one of its flow: runs that begin from now on take it.
    pub fn set_live(&self, live: Live) {
        let flow = live.graph.flow.to_string();
        self.live.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(flow.clone(), live.clone());
            all
        });
    }

    /// A flow that is no more: its runs finish on what they have.
    pub fn remove(&self, flow: &str) {
        self.live.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.remove(flow);
            all
        });
    }

    /// The live revision of a flow.
    pub fn live(&self, flow: &str) -> Option<Live> {
        self.live.load().get(flow).cloned()
    }

    /// All live graphs, for the door.
    pub fn graphs(&self) -> Vec<Arc<ExecutionGraph>> {
        self.live.load().values().map(|live| live.graph.clone()).collect()
    }

    /// The graph of a revision that a run began with.
    pub async fn pinned(&self, flow: &str, revision: Hash, store: &dyn Store) -> Result<Arc<ExecutionGraph>, NoGraph> {
        if let Some(live) = self.live(flow).filter(|live| live.revision == revision) {
            return Ok(live.graph);
        }
        if let Some(graph) = self.remembered().get(&revision).and_then(Weak::upgrade) {
            return Ok(graph);
        }
        let sources = store.revision(revision).await?.ok_or(NoGraph::Unknown(revision))?;
        let recompile = self.recompile.clone();
        let compiled = tokio::task::spawn_blocking(move || recompile(&sources)).await;
        let graph = compiled
            .unwrap_or_else(|panic| Err(panic.to_string()))
            .map_err(|why| NoGraph::Uncompilable(revision, why))?;
        let mut remembered = self.remembered();
        remembered.retain(|_, graph| graph.strong_count() > 0);
        remembered.insert(revision, Arc::downgrade(&graph));
        Ok(graph)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Weak<ExecutionGraph>>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
