//! A run as a machine: from the journal that the store has of it, or from what came through the door this moment.

use super::super::door;
use super::super::executor::Inner;
use super::super::inbox::Seen;
use super::super::journal::decode;
use super::super::machine::{Entry, Facts, Run};
use super::super::revisions::{Live, NoGraph};
use super::attempts::Calls;
use super::{Driver, Stopped};
use crate::graph::ExecutionGraph;
use crate::store::journal::{Judged, Record as Stored};
use crate::store::{AcceptedRun, Hash, Lease, LoadedRun, StoreError};
use crate::value::{Text, Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What of a run its machine does not know.
struct About {
    flow: String,
    holds_key: bool,
    number: i64,
}

/// A loaded run as a machine.
pub(in crate::engine) struct Rebuilt {
    pub machine: Run,
    pub next_seq: i64,
    /// The revision it takes now, where it has none yet.
    pub takes: Option<Hash>,
}

impl Inner {
    /// What new runs of a flow go by.
    fn live(&self, flow: &str) -> Result<Live, Stopped> {
        self.revisions.live(flow).ok_or_else(|| Stopped::Parked(format!("there is no flow `{flow}` any more")))
    }

    /// The machine of a run, with its pinned graph, or the live one where it has not begun, or `revision`.
    pub(in crate::engine) async fn rebuild(
        &self,
        loaded: &LoadedRun,
        revision: Option<Hash>,
    ) -> Result<Rebuilt, Stopped> {
        let flow = loaded.run.flow.as_str();
        let (revision, graph, takes) = match revision.or(loaded.run.revision) {
            Some(revision) => {
                let graph = self.revisions.pinned(flow, revision, &*self.store).await;
                let graph = graph.map_err(|error| match error {
                    NoGraph::Store(error) => Stopped::Store(error),
                    other => Stopped::Parked(other.to_string()),
                });
                (revision, graph?, None)
            }
            None => {
                let live = self.live(flow)?;
                (live.revision, live.graph, Some(live.revision))
            }
        };
        let facts = facts(&self.config.project, loaded, revision, &graph)?;
        let entries = loaded.journal.iter().filter_map(|entry| decode(entry).transpose());
        let entries = entries.collect::<Result<Vec<Entry>, _>>()?;
        let next_seq =
            loaded.journal.iter().map(|entry| entry.seq).max().map_or(1, |last| last.saturating_add(1)).max(1);
        let machine = Run::rebuild(Arc::new(facts), graph, self.config.limits.clone(), &entries);
        Ok(Rebuilt { machine, next_seq, takes })
    }
}

/// What the run goes by: the event as it came in, or as a person mended it.
pub(in crate::engine) fn payload(loaded: &LoadedRun) -> Result<Value, Stopped> {
    let mended = loaded.journal.iter().rev().find_map(|entry| match &entry.record {
        Stored::Payload(payload) => Some(&payload.event),
        _ => None,
    });
    let read = match mended {
        Some(mended) => json::parse_tagged(mended.as_str()),
        None => door::event_value(&loaded.event, &loaded.body),
    };
    read.map_err(|error| Stopped::Parked(format!("the kept event cannot be read: {error}")))
}

fn facts(project: &Text, loaded: &LoadedRun, revision: Hash, graph: &ExecutionGraph) -> Result<Facts, Stopped> {
    let accepted = loaded.journal.iter().find_map(|entry| match &entry.record {
        Stored::Accepted(accepted) => accepted.dedupe.clone(),
        _ => None,
    });
    Ok(Facts {
        project: project.clone(),
        id: loaded.run.id.to_string().into(),
        dedupe: accepted.unwrap_or_else(|| loaded.event.provider_id.clone()).into(),
        revision: revision.to_string().into(),
        event: graph.trigger.kind.event(payload(loaded)?),
        trigger: door::trigger(&loaded.event),
    })
}

impl Driver {
    /// `loaded`: where it was read already.
    pub(in crate::engine) async fn take_up(
        inner: Arc<Inner>,
        lease: Lease,
        loaded: Option<LoadedRun>,
    ) -> Result<Box<Driver>, Stopped> {
        let loaded = match loaded {
            Some(loaded) => Some(loaded),
            None => inner.store.load_run(lease.run).await?,
        };
        let loaded = loaded.ok_or_else(|| StoreError::NotFound(format!("run {}", lease.run)))?;
        let rebuilt = inner.rebuild(&loaded, None).await?;
        let holds_key = loaded.run.holds_key && loaded.run.order_key.is_some();
        let about = About { flow: loaded.run.flow, holds_key, number: loaded.run.number };
        Ok(Driver::new(inner, lease, about, rebuilt, loaded.answers))
    }

    /// A run that was accepted this moment, on the live revision: nothing of it is to be read.
    pub(in crate::engine) fn begin(
        inner: Arc<Inner>,
        lease: Lease,
        run: AcceptedRun,
        dedupe: Text,
        seen: Seen,
    ) -> Result<Box<Driver>, Stopped> {
        let Live { revision, graph } = inner.live(&run.flow)?;
        let facts = Facts {
            project: inner.config.project.clone(),
            id: lease.run.to_string().into(),
            dedupe,
            revision: revision.to_string().into(),
            event: graph.trigger.kind.event(seen.event),
            trigger: seen.trigger,
        };
        let machine = Run::rebuild(Arc::new(facts), graph, inner.config.limits.clone(), &[]);
        let rebuilt = Rebuilt { machine, next_seq: 1, takes: Some(revision) };
        let about = About { flow: run.flow, holds_key: run.holds_key, number: run.number };
        Ok(Driver::new(inner, lease, about, rebuilt, Vec::new()))
    }

    fn new(
        inner: Arc<Inner>,
        lease: Lease,
        about: About,
        rebuilt: Rebuilt,
        answers: Vec<(String, Judged)>,
    ) -> Box<Driver> {
        let About { flow, holds_key, number } = about;
        let Rebuilt { machine, next_seq, takes } = rebuilt;
        Box::new(Driver {
            lease,
            flow,
            holds_key,
            number,
            machine,
            takes,
            seq: next_seq,
            due: None,
            calls: Calls::default(),
            turns: JoinSet::new(),
            unsent: false,
            given: VecDeque::new(),
            answers,
            answered: Vec::new(),
            inner,
        })
    }
}
