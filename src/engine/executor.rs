//! Claims runs from the store and drives them: some at a time, in the order the store says (order keys are its
//! business), each on its own, so that a panic in one is that one's. What comes through the door while there is room is
//! begun without being claimed ([`super::inbox`]).
//!
//! When the process is about to go away nothing new is sent; what is under way may finish for a while, and stays open
//! otherwise: the next process looks for it.

use super::cache::Cache;
use super::connector::Connector;
use super::driver::{Driver, Stopped, caught};
use super::inbox::Seen;
use super::machine::{Command, operation_at, operations};
use super::places::{Held, Places, places};
use super::revisions::Revisions;
use crate::graph::{ExecutionGraph, Severity};
use crate::language::evaluate::Limits;
use crate::model::rates::Rates;
use crate::store::{
    AcceptedRun, Claimed, Lease, LoadedRun, NewAlert, Next, Page, RunFilter, RunId, RunState, RunUpdate, Store,
    StoreError,
};
use crate::telemetry::Metrics;
use crate::value::Text;
use crate::value::paths::Paths;
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// The connectors by connection. Swapped whole when credentials or limits change.
pub type Connectors = HashMap<Text, Arc<dyn Connector>>;

/// How an executor works.
#[derive(Clone)]
pub struct Config {
    /// `project:`, part of every key.
    pub project: Text,
    /// Runs at work at the same time.
    pub concurrency: usize,
    /// How long a run is ours without a sign of life.
    pub lease: Duration,
    /// How long what is under way may go on when the process is to go away.
    pub grace: Duration,
    /// How long a run stays in memory for its turn at a place that another write holds. It comes back to its turn.
    pub patience: Duration,
    pub limits: Arc<Limits>,
    /// Where ends and attempts are counted.
    pub metrics: Arc<Metrics>,
}

impl Config {
    pub fn new(project: impl Into<Text>) -> Config {
        Config {
            project: project.into(),
            concurrency: 64,
            lease: Duration::from_secs(60),
            grace: Duration::from_secs(25),
            patience: Duration::from_secs(10),
            limits: Arc::new(Limits::default()),
            metrics: Arc::new(Metrics::new()),
        }
    }
}

/// Runs the runs.
#[derive(Clone)]
pub struct Executor {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub store: Arc<dyn Store>,
    pub revisions: Arc<Revisions>,
    pub config: Config,
    /// Something may be there to be claimed.
    pub wake: Notify,
    pub cache: Cache,
    /// What `one_at_a_time` holds.
    pub places: Places,
    connectors: ArcSwap<Connectors>,
    rates: ArcSwap<Rates>,
    drop: ArcSwap<Paths>,
    active: Mutex<HashMap<RunId, Active>>,
    /// Each run that this process has takes one, at work or not: so many are in memory.
    places_here: Arc<Semaphore>,
    /// Each run at work has one.
    turns: Semaphore,
    /// There may be more to be claimed than there was room for.
    behind: AtomicBool,
    /// While runs are taken up.
    at_work: Mutex<Option<AtWork>>,
}

/// What a run that is begun belongs to.
#[derive(Clone)]
struct AtWork {
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Places for some runs.
pub(super) struct Room {
    at_work: AtWork,
    places: OwnedSemaphorePermit,
}

/// So many runs may wait in memory for those at work.
const AHEAD: usize = 512;
/// So long a delivery waits for a place among them.
const SOON: Duration = Duration::from_millis(100);
/// So many are claimed at a time.
const CLAIMED: usize = 256;

/// A run that this process has.
struct Active {
    lease: Lease,
    lost: CancellationToken,
    /// Boxed: a channel has room for many from the first on.
    commands: mpsc::Sender<Box<Told>>,
}

/// A command for a run at work, and who wants to hear when it has been taken up and is durable.
pub(super) struct Told {
    pub command: Command,
    pub heard: oneshot::Sender<()>,
}

impl Inner {
    pub fn connector(&self, connection: &str) -> Option<Arc<dyn Connector>> {
        self.connectors.load().get(connection).cloned()
    }

    /// Tells a run at work here. True once it has taken that up, durably. False: it is not at work, or went before it
    /// heard.
    pub async fn tell(&self, run: RunId, command: Command) -> bool {
        let Some(commands) = self.active().get(&run).map(|active| active.commands.clone()) else { return false };
        let (heard, hears) = oneshot::channel();
        commands.send(Box::new(Told { command, heard })).await.is_ok() && hears.await.is_ok()
    }

    pub fn rates(&self) -> Arc<Rates> {
        self.rates.load_full()
    }

    /// What is taken out of every answer before anything sees it.
    pub fn drop(&self) -> Arc<Paths> {
        self.drop.load_full()
    }

    fn at_work(&self) -> MutexGuard<'_, Option<AtWork>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> MutexGuard<'_, HashMap<RunId, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a run to whoever claims it next.
    async fn give_back(&self, lease: Lease) -> Result<(), StoreError> {
        let now = Timestamp::now();
        self.store.append(lease, Vec::new(), RunUpdate::to(Next::Waiting { due: now }, now)).await.map(drop)
    }

    pub(super) fn lease_end(&self) -> Timestamp {
        let lease = SignedDuration::try_from(self.config.lease).unwrap_or(SignedDuration::from_secs(60));
        Timestamp::now().checked_add(lease).unwrap_or(Timestamp::MAX)
    }
}

/// Tells when the clock was set back: time passes, and it shows less.
struct Clock {
    shown: Timestamp,
    at: Instant,
}

impl Clock {
    fn new(shown: Timestamp, at: Instant) -> Clock {
        Clock { shown, at }
    }

    fn went_back(&mut self, shown: Timestamp, at: Instant) -> bool {
        let passed = SignedDuration::try_from(at.saturating_duration_since(self.at)).unwrap_or_default();
        let behind = passed.saturating_sub(shown.duration_since(self.shown));
        *self = Clock { shown, at };
        // A clock that is steered runs a little slower.
        behind > SignedDuration::from_secs(1)
    }
}

impl Executor {
    pub fn new(store: Arc<dyn Store>, revisions: Arc<Revisions>, connectors: Connectors, config: Config) -> Executor {
        let places_here = Arc::new(Semaphore::new(config.concurrency + AHEAD));
        let turns = Semaphore::new(config.concurrency);
        let inner = Inner {
            store,
            revisions,
            config,
            wake: Notify::new(),
            cache: Cache::default(),
            places: Places::default(),
            connectors: ArcSwap::from_pointee(connectors),
            rates: ArcSwap::default(),
            drop: ArcSwap::default(),
            active: Mutex::default(),
            places_here,
            turns,
            behind: AtomicBool::new(false),
            at_work: Mutex::default(),
        };
        Executor { inner: Arc::new(inner) }
    }

    /// Runs go on with these from their next request on.
    pub fn set_connectors(&self, connectors: Connectors) {
        self.inner.connectors.store(Arc::new(connectors));
        self.inner.cache.clear();
    }

    /// Runs ask these from their next `rates.get` on. A table that cannot be read leaves the one before it.
    pub fn set_rates(&self, rates: Rates) {
        let rates = rates.or_before(&self.inner.rates());
        self.inner.rates.store(Arc::new(rates));
    }

    /// Answers come without what these name from the next one on.
    pub fn set_drop(&self, drop: Paths) {
        self.inner.drop.store(Arc::new(drop));
    }

    /// An event was accepted: there may be something to do.
    pub fn wake(&self) {
        self.inner.wake.notify_one();
    }

    /// How many runs this process has at the moment.
    pub fn active(&self) -> usize {
        self.inner.active().len()
    }

    /// Works until `stop` is cancelled, and then until what is under way has finished or the grace time is over.
    pub async fn run(&self, stop: CancellationToken) {
        self.retake_places().await;
        let tracker = TaskTracker::new();
        let renewing = tokio::spawn(self.clone().renew());
        let at_work = AtWork { tracker: tracker.clone(), stop: stop.clone() };
        *self.inner.at_work() = Some(at_work.clone());
        let mut clock = Clock::new(Timestamp::now(), Instant::now());
        while !stop.is_cancelled() {
            let now = Timestamp::now();
            if clock.went_back(now, Instant::now()) {
                tracing::warn!("The clock went back; runs that are ready do not wait for it.");
                if let Err(error) = self.inner.store.clock_went_back(now).await {
                    tracing::error!(%error, "runs that are ready may wait for the clock");
                }
            }
            let wait = self.claim(&at_work).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        *self.inner.at_work() = None;
        tracker.close();
        if tokio::time::timeout(self.inner.config.grace, tracker.wait()).await.is_err() {
            tracing::warn!(runs = self.active(), "going away with attempts under way; they are looked for later");
            let left: Vec<Lease> = self.inner.active().values().map(|active| active.lease).collect();
            self.inner.active().values().for_each(|active| active.lost.cancel());
            tracker.wait().await;
            // The next process need not wait for the leases to be over.
            for lease in left {
                if let Err(error) = self.inner.give_back(lease).await {
                    tracing::warn!(%error, run = %lease.run, "a run could not be given back");
                }
            }
        }
        renewing.abort();
    }

    /// The writes that were under way when the last process went away may still be worked on: they have their places until
    /// they have settled.
    async fn retake_places(&self) {
        let graphs = self.inner.revisions.graphs();
        let waits = |graph: &&Arc<ExecutionGraph>| operations(graph).iter().any(|one| one.one_at_a_time.is_some());
        for graph in graphs.iter().filter(waits) {
            if let Err(error) = self.retake_places_of(&graph.flow).await {
                tracing::error!(%error, flow = %graph.flow, "what was under way in the last process cannot be read");
            }
        }
    }

    async fn retake_places_of(&self, flow: &str) -> Result<(), StoreError> {
        let states = vec![RunState::Running, RunState::Waiting, RunState::Ready];
        let filter = RunFilter { flow: Some(flow.to_owned()), states, ..RunFilter::default() };
        let mut page = Page::first(500);
        loop {
            let listed = self.inner.store.runs(filter.clone(), page.clone()).await?;
            for run in listed.items.iter().filter(|run| run.revision.is_some()) {
                let Some(loaded) = self.inner.store.load_run(run.id).await? else { continue };
                // One that cannot be rebuilt sends nothing either.
                let Ok(rebuilt) = self.inner.rebuild(&loaded, None).await else { continue };
                for (node, request) in rebuilt.machine.open_requests() {
                    let Some((_, operation)) = operation_at(rebuilt.machine.graph(), &node) else { continue };
                    for place in places(operation, &request) {
                        // Whoever has it already has it for as long.
                        let held = self.inner.places.take_now(&[place].into(), operation.repeat.settle);
                        drop(held.map(Held::goes_out));
                    }
                }
            }
            match listed.next {
                Some(after) => page.after = Some(after),
                None => return Ok(()),
            }
        }
    }

    /// Takes up what wants a worker. Gives how long to wait before asking again.
    async fn claim(&self, at_work: &AtWork) -> Duration {
        const PAUSE: Duration = Duration::from_secs(1);
        let limit = self.inner.places_here.available_permits().min(CLAIMED);
        let Some(mut room) = self.places_for(limit, at_work.clone()).filter(|_| limit > 0) else {
            self.inner.behind.store(true, Ordering::SeqCst);
            return Duration::from_secs(3600);
        };
        let (now, until) = (Timestamp::now(), self.inner.lease_end());
        let claimed = match self.inner.store.claim(now, until, limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "no runs can be claimed");
                return PAUSE;
            }
        };
        let full = claimed.len() == limit;
        self.inner.behind.store(full, Ordering::SeqCst);
        // Where one cannot be read, each is read by itself.
        let loaded = self.inner.store.load_runs(claimed.iter().map(|claimed| claimed.run.id).collect()).await;
        let mut loaded: HashMap<RunId, LoadedRun> =
            loaded.unwrap_or_default().into_iter().map(|loaded| (loaded.run.id, loaded)).collect();
        for Claimed { run, lease } in claimed {
            let (inner, loaded) = (self.inner.clone(), loaded.remove(&lease.run));
            self.spawn(lease, run.flow, &mut room, async move { Driver::take_up(inner, lease, loaded).await });
        }
        if full {
            return Duration::ZERO;
        }
        match self.inner.store.next_due().await {
            // A moment even where it is past: a run may be due whose lease another process has not given back.
            Ok(Some(due)) => {
                let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO);
                wait.clamp(Duration::from_millis(10), Duration::from_secs(60))
            }
            Ok(None) => Duration::from_secs(60),
            Err(_) => PAUSE,
        }
    }

    /// Places for so many runs that nobody claims, soon at the latest: what is kept without a place has to be claimed and
    /// read again. `None`: there are none, or others wait for them.
    pub(super) async fn room(&self, wanted: usize) -> Option<Room> {
        if wanted == 0 || self.inner.behind.load(Ordering::SeqCst) {
            return None;
        }
        let at_work = self.inner.at_work().clone().filter(|at_work| !at_work.stop.is_cancelled())?;
        if let Some(room) = self.places_for(wanted, at_work.clone()) {
            return Some(room);
        }
        let freed = self.inner.places_here.clone().acquire_many_owned(u32::try_from(wanted).ok()?);
        let places = tokio::time::timeout(SOON, freed).await.ok()?.ok()?;
        let may_begin = !self.inner.behind.load(Ordering::SeqCst) && !at_work.stop.is_cancelled();
        may_begin.then_some(Room { at_work, places })
    }

    fn places_for(&self, wanted: usize, at_work: AtWork) -> Option<Room> {
        let wanted = u32::try_from(wanted).ok()?;
        let places = self.inner.places_here.clone().try_acquire_many_owned(wanted).ok()?;
        Some(Room { at_work, places })
    }

    /// Drives a run that was accepted this moment.
    pub(super) fn begin(&self, lease: Lease, run: AcceptedRun, dedupe: Text, seen: Seen, room: &mut Room) {
        let inner = self.inner.clone();
        self.spawn(lease, run.flow.clone(), room, async move { Driver::begin(inner, lease, run, dedupe, seen) });
    }

    /// Drives a run when its turn comes: those that are here work in the order in which they came.
    fn spawn(
        &self,
        lease: Lease,
        flow: String,
        room: &mut Room,
        taking_up: impl Future<Output = Result<Box<Driver>, Stopped>> + Send + 'static,
    ) {
        let (run, place) = (lease.run, room.places.split(1));
        let AtWork { tracker, stop } = room.at_work.clone();
        let (commands, receiver) = mpsc::channel(8);
        let lost = CancellationToken::new();
        let before = self.inner.active().insert(run, Active { lease, lost: lost.clone(), commands });
        // Our own lease was over before it could be renewed: the older driver must not go on.
        if let Some(before) = before {
            before.lost.cancel();
        }
        let span = tracing::info_span!("run", %run, %flow);
        let executor = self.clone();
        // In a box from its beginning: it is large, and would be copied at every step from here to the runtime.
        let driving = Box::pin(async move {
            let inner = executor.inner.clone();
            let driving = Box::pin(async move {
                let _turn = tokio::select! {
                    biased;
                    () = lost.cancelled() => return Ok(()),
                    () = stop.cancelled() => return Ok(inner.give_back(lease).await?),
                    turn = inner.turns.acquire() => turn,
                };
                taking_up.await?.drive(receiver, stop, lost).await
            });
            let result = caught(driving).await;
            if !matches!(result, Some(Ok(()))) {
                Box::pin(executor.broke_off(lease, flow, result)).await;
            }
            {
                let mut active = executor.inner.active();
                if active.get(&run).is_some_and(|active| active.lease == lease) {
                    active.remove(&run);
                }
            }
            drop(place);
            executor.claim_more();
        });
        tracker.spawn(driving.instrument(span));
    }

    /// Where more waits in the store than there were places for: takes some up as soon as that is worth it.
    fn claim_more(&self) {
        let few = self.inner.config.concurrency.min(CLAIMED / 4);
        if self.inner.behind.load(Ordering::SeqCst) && self.inner.places_here.available_permits() >= few {
            self.wake();
        }
    }

    /// A run came back from its driver before its time. One that cannot go on is parked, with the reason.
    async fn broke_off(&self, lease: Lease, flow: String, result: Option<Result<(), Stopped>>) {
        // It is due again when its lease is over, or freed others.
        self.wake();
        let reason = match result {
            Some(Ok(())) => return,
            Some(Err(Stopped::Store(error @ (StoreError::Fenced { .. } | StoreError::Closed)))) => {
                tracing::warn!(%error, "run given up");
                return;
            }
            Some(Err(Stopped::Store(error))) if error.is_outage() => {
                tracing::error!(%error, "run given up; it is taken up again when its lease is over");
                return;
            }
            Some(Err(other)) => other.to_string(),
            None => "flowctl broke down over this run: please report it".to_owned(),
        };
        tracing::error!(%reason, "run parked");
        let mut update = RunUpdate::to(Next::Parked { reason: reason.clone() }, Timestamp::now());
        update.alerts.push(NewAlert {
            flow: Some(flow),
            run: Some(lease.run),
            severity: Severity::Error,
            code: "run_parked".to_owned(),
            title: "Runs cannot go on until somebody acts".to_owned(),
            detail: Some(reason),
        });
        if let Err(error) = self.inner.store.append(lease, Vec::new(), update).await {
            tracing::error!(%error, "the run could not be parked");
        }
    }

    /// Keeps the leases of what is at work; a run whose lease is lost stops at once.
    async fn renew(self) {
        let every = self.inner.config.lease / 3;
        loop {
            tokio::time::sleep(every).await;
            let leases: Vec<Lease> = self.inner.active().values().map(|active| active.lease).collect();
            if leases.is_empty() {
                continue;
            }
            let asked = leases.clone();
            match self.inner.store.renew(leases, self.inner.lease_end()).await {
                Ok(held) => {
                    let active = self.inner.active();
                    let gone = asked.iter().filter(|lease| !held.contains(lease));
                    gone.filter_map(|lease| active.get(&lease.run).filter(|active| active.lease == *lease))
                        .for_each(|active| active.lost.cancel());
                }
                Err(error) => tracing::error!(%error, "leases could not be renewed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_is_noticed() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let shown = |seconds: i64| Timestamp::from_second(1_772_440_200 + seconds).unwrap();
        let mut clock = Clock::new(shown(0), start);
        assert!(!clock.went_back(shown(60), at(60)));
        assert!(!clock.went_back(shown(3700), at(70)), "forward is nothing new");
        assert!(!clock.went_back(shown(3705), at(75)));
        assert!(clock.went_back(shown(105), at(76)));
        assert!(!clock.went_back(shown(106), at(77)), "once");
    }
}
