//! The state machine of one run: pure. No clock, no I/O, no chance: time and jitter come in with each command.
//!
//! A [`Run`] is its event and its journal, folded ([`state`]); a [`Command`] says what happened; the [`Action`]s say what
//! to do about it, in order: what is recorded is durable before what follows it is done, so that nothing is ever sent
//! whose intent is not on disk. One file per command; [`walk`] goes over the graph, [`operation`] through one call.
//!
//! Invariants: the same journal gives the same state, whatever the graph; while an attempt is open, look and repeat use
//! the request as it was sent; a key never stands for two different requests.

mod answered;
mod approve;
mod called;
mod cancel;
mod claimed;
mod compare;
mod decide;
mod drain;
mod each;
mod judged;
mod keep;
mod looked;
mod operation;
mod parallel;
mod plan;
mod replay;
pub mod request;
mod reread;
mod resume;
mod scope;
mod start;
mod state;
mod timer;
mod wait;
mod walk;
mod writes;

pub mod backoff;
pub mod entry;
pub mod key;
pub mod path;

#[cfg(test)]
mod tests;

pub use approve::{EXPIRED, REJECTED};
pub use called::RUN_FAILED;
pub use decide::Verdict;
pub use entry::{Alert, Ask, Done, Effect, Entry, Fact, Failure, Item, Judgement, Ruling};
pub use operation::{operation_at, operations};
pub use path::NodePath;
pub use plan::{Fate, Planned};
pub use replay::{From, Orphan, Replay};
pub(crate) use scope::evaluation_error;
pub use walk::OUTCOME_UNKNOWN;

use super::connector::{LookOutcome, Outcome, Request, StepError};
use crate::graph::ExecutionGraph;
use crate::language::evaluate::Limits;
use crate::value::{Text, Value};
use each::Loop;
use jiff::Timestamp;
use state::{Phase, State};
use std::collections::HashMap;
use std::sync::Arc;

/// What a run is about; never changes.
#[derive(Clone, Debug)]
pub struct Facts {
    pub project: Text,
    pub id: Text,
    /// The dedupe value: part of every key.
    pub dedupe: Text,
    pub revision: Text,
    pub event: Value,
    /// The delivery: `{ id type received_at headers connection own }`.
    pub trigger: Value,
}

/// A run: what it is about, the graph it goes by, and where it stands.
#[derive(Clone, Debug)]
pub struct Run {
    facts: Arc<Facts>,
    graph: Arc<ExecutionGraph>,
    limits: Arc<Limits>,
    state: State,
    memo: Memo,
    /// It has begun, or been taken up again.
    at_work: bool,
    ended: bool,
    draining: bool,
    /// Nothing new begins here: something beside it has ended the run.
    holding: bool,
    // Of the command under way.
    now: Timestamp,
    chance: f64,
    entries: Vec<Entry>,
    actions: Vec<Action>,
    due: Option<Timestamp>,
}

/// What was evaluated and need not be again; the journal and the graph give it anew.
#[derive(Clone, Debug, Default)]
struct Memo {
    cases: HashMap<NodePath, Option<usize>>,
    caught: HashMap<NodePath, Option<usize>>,
    loops: HashMap<NodePath, Loop>,
}

impl Memo {
    /// The step at `path` is to be evaluated again.
    fn forget(&mut self, path: &NodePath) {
        self.cases.remove(path);
        self.caught.remove(path);
        self.loops.remove(path);
    }
}

/// Something that happened to a run.
#[derive(Clone, Debug)]
pub enum Command {
    /// It begins.
    Start,
    /// It goes on from its journal: what was under way then may have been done.
    Resume,
    /// An attempt came to an end.
    Answered { node: NodePath, generation: u32, attempt: u32, outcome: Outcome },
    /// A look came to an end.
    Looked { node: NodePath, outcome: LookOutcome },
    /// The store kept the claim, or said whose the row is.
    Claimed { node: NodePath, taken_by: Option<Text> },
    /// The store started the run that a step calls, or found it there. `outcome`: how it ended; `None`: it is waited for.
    Called { node: NodePath, generation: u32, attempt: u32, run: Text, outcome: Option<Outcome> },
    /// How a called run stands. `None`: it has not ended.
    Joined { node: NodePath, outcome: Option<Outcome> },
    /// Something is due.
    Timer,
    /// A person says what became of an uncertain write.
    /// `row_key`: of the row that it says was made.
    Decide { node: NodePath, verdict: Verdict, row_key: Option<Text>, actor: Text, reason: Text },
    /// A person says yes or no to what an `approve` asks.
    Judged { node: NodePath, judgement: Judgement },
    /// A person sends a run that stands still on its way again.
    Replay { how: Replay, actor: Text, reason: Text },
    /// A person ends it.
    Cancel { actor: Text, reason: Text },
    /// The process is about to go away: nothing more is sent.
    Drain,
}

/// What is to be done, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// To be durable before anything that follows.
    Record(Vec<Entry>),
    /// To be made durable with the claim on its row; the answer is [`Command::Claimed`].
    Claim(Box<Entry>),
    Send {
        node: NodePath,
        generation: u32,
        attempt: u32,
        request: Arc<Request>,
    },
    Look {
        node: NodePath,
        generation: u32,
        attempt: u32,
        request: Arc<Request>,
    },
    /// To start the run that a step calls, its start and the waiting for it written down by the store; the answer is
    /// [`Command::Called`].
    Call {
        node: NodePath,
        generation: u32,
        attempt: u32,
        request: Arc<Request>,
    },
    /// To ask how a called run stands; the answer is [`Command::Joined`].
    Join {
        node: NodePath,
        run: Text,
    },
    /// Nothing more to do by itself before then.
    Wait {
        until: Timestamp,
    },
    /// The run is over, for now at least.
    Finish(End),
    /// The command makes no sense here.
    Refused(String),
}

/// How a run ends. The ends at the door (skipped, ignored, duplicate, superseded) never reach a machine.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Succeeded,
    /// `release`: the dedupe value is given back.
    Stopped {
        reason: Text,
        release: bool,
    },
    DeadLetter {
        step: NodePath,
        error: StepError,
    },
    OutcomeUnknown {
        step: NodePath,
        error: StepError,
    },
}

impl Run {
    /// A run as its journal tells it; nothing of it: a new one.
    pub fn rebuild<'e>(
        facts: Arc<Facts>,
        graph: Arc<ExecutionGraph>,
        limits: Arc<Limits>,
        journal: impl IntoIterator<Item = &'e Entry>,
    ) -> Run {
        let mut state = State::default();
        for entry in journal {
            state.fold(entry);
        }
        Run {
            facts,
            graph,
            limits,
            state,
            memo: Memo::default(),
            at_work: false,
            ended: false,
            draining: false,
            holding: false,
            now: Timestamp::UNIX_EPOCH,
            chance: 0.0,
            entries: Vec::new(),
            actions: Vec::new(),
            due: None,
        }
    }

    /// Takes in what happened. `chance` (0 to 1) decides about jitter.
    pub fn step(&mut self, command: Command, now: Timestamp, chance: f64) -> Vec<Action> {
        if self.ended {
            return Vec::new();
        }
        (self.now, self.chance, self.due) = (now, chance, None);
        match command {
            Command::Start => self.start(),
            Command::Resume => self.resume(),
            Command::Answered { node, generation, attempt, outcome } => {
                self.answered(&node, generation, attempt, outcome);
            }
            Command::Looked { node, outcome } => self.looked(&node, outcome),
            Command::Claimed { node, taken_by } => self.claimed(&node, taken_by),
            Command::Called { node, generation, attempt, run, outcome } => {
                self.called(&node, generation, attempt, run, outcome);
            }
            Command::Joined { node, outcome } => self.joined(&node, outcome),
            Command::Timer => self.timer(),
            Command::Decide { node, verdict, row_key, actor, reason } => {
                self.decide(&node, verdict, row_key, actor, reason);
            }
            Command::Judged { node, judgement } => self.judged(&node, judgement),
            Command::Replay { how, actor, reason } => self.replay(&how, &actor, &reason),
            Command::Cancel { actor, reason } => self.cancel(actor, reason),
            Command::Drain => self.drain(),
        }
        let mut actions = Vec::with_capacity(self.actions.len() + 2);
        if !self.entries.is_empty() {
            actions.push(Action::Record(std::mem::take(&mut self.entries)));
        }
        actions.append(&mut self.actions);
        actions.extend(self.due.filter(|_| !self.ended).map(|until| Action::Wait { until }));
        actions
    }

    /// Whether answers are awaited: the run must stay in memory.
    pub fn in_flight(&self) -> bool {
        let waits = |phase: &Phase| {
            matches!(phase, Phase::Sent | Phase::Looking(_) | Phase::Claiming(_) | Phase::Child { asking: true, .. })
        };
        self.state.nodes.values().filter_map(|node| node.work.as_ref()).any(|work| waits(&work.phase))
    }

    /// How many steps something is known of.
    pub fn nodes(&self) -> usize {
        self.state.nodes.len()
    }

    /// A person has ended it: it only waits for what is under way.
    pub fn is_stopping(&self) -> bool {
        self.state.stopped.is_some()
    }

    /// The revision it goes by.
    pub fn revision(&self) -> &Text {
        &self.facts.revision
    }

    /// What was sent and may still be worked on: no answer came, or none that settles it.
    pub fn open_requests(&self) -> Vec<(NodePath, Arc<Request>)> {
        let open = |work: &state::Work| {
            work.request.key.is_some()
                && (matches!(work.phase, Phase::Sent) || work.open && matches!(work.phase, Phase::Waiting))
        };
        let nodes = self.state.nodes.iter().filter_map(|(path, node)| Some((path, node.work.as_ref()?)));
        nodes.filter(|(_, work)| open(work)).map(|(path, work)| (path.clone(), work.request.clone())).collect()
    }

    /// What was last sent for a step.
    pub fn request(&self, path: &NodePath) -> Option<Arc<Request>> {
        self.state.work(path).map(|work| work.request.clone())
    }

    /// The body of the refusal because of which a step is looked for: it may say where its work stands.
    pub fn refused_with(&self, path: &NodePath) -> Option<Value> {
        let work = self.state.work(path).filter(|work| matches!(work.phase, Phase::Looking(Some(_))))?;
        work.error.as_ref()?.0.body.clone()
    }

    /// The graph it goes by.
    pub fn graph(&self) -> &Arc<ExecutionGraph> {
        &self.graph
    }

    fn record(&mut self, node: NodePath, fact: Fact) {
        let entry = Entry { node, at: self.now, fact };
        self.state.fold(&entry);
        self.entries.push(entry);
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn wait(&mut self, until: Timestamp) -> walk::Progress {
        self.due = Some(self.due.map_or(until, |due| due.min(until)));
        walk::Progress::Waiting
    }

    fn finish(&mut self, end: End) {
        self.ended = true;
        self.act(Action::Finish(end));
    }
}
