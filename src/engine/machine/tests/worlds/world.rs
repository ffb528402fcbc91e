//! A run with all that is around it, and what can happen to it next.

use super::side::{Side, work_of};
use super::steps::SETTLE;
use super::*;

/// Something outside the machine that has not happened yet.
#[derive(Clone, Debug)]
enum Pending {
    Send { node: NodePath, generation: u32, attempt: u32, request: Arc<Request> },
    Look { node: NodePath, request: Arc<Request> },
    Claim(Box<Entry>),
    Call { node: NodePath, generation: u32, attempt: u32, request: Arc<Request> },
    Join { node: NodePath },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Event {
    /// What is pending at that place arrives, is done, and its answer too.
    Deliver(usize),
    LoseRequest(usize),
    LoseAnswer(usize),
    CommitLate(usize),
    Throttle(usize),
    Refuse(usize),
    LookFails(usize),
    LateCommit,
    /// The last answer comes once more.
    Again,
    /// Time passes until something is due.
    Timer,
    Crash {
        went_out: WentOut,
        edited: bool,
    },
    Judge {
        yes: bool,
    },
    Cancel,
    /// The called run ends, well or in the dead letters.
    ChildEnds {
        well: bool,
    },
    /// Somebody else changes the row that was read.
    Elsewhere,
    BecomesReady,
    Replay {
        from: From,
        edited: bool,
    },
    /// A person looks in the system and says what he sees.
    Decide,
    /// Or does not want to know.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WentOut {
    No,
    Done,
    Late,
}

#[derive(Clone)]
pub(super) struct World {
    graphs: [Arc<ExecutionGraph>; 2],
    run: Run,
    journal: Vec<Entry>,
    claims: BTreeMap<String, NodePath>,
    side: Side,
    pending: Vec<Pending>,
    due: Option<Timestamp>,
    pub(super) end: Option<End>,
    last_answer: Option<Command>,
    edited: bool,
    /// A person's answer that the run has not heard; the last one that it could hear.
    answer: Option<bool>,
    said: Option<bool>,
    cancelled: bool,
    now: i64,
    pub(super) faults: u8,
    pub(super) replays: u8,
    pub(super) elsewhere: u8,
}

impl World {
    pub(super) fn new(flow: &dyn Fn(&str) -> Vec<Node>, faults: u8) -> World {
        let graphs = ["a", "b"].map(|note| Arc::new(graph(flow(note))));
        let mut world = World {
            run: rebuild(&graphs[0], &[]),
            graphs,
            journal: Vec::new(),
            claims: BTreeMap::new(),
            side: Side::default(),
            pending: Vec::new(),
            due: None,
            end: None,
            last_answer: None,
            edited: false,
            answer: None,
            said: None,
            cancelled: false,
            now: 0,
            faults,
            replays: 1,
            elsewhere: 1,
        };
        world.step(Command::Start);
        world
    }

    fn graph(&self) -> Arc<ExecutionGraph> {
        self.graphs[usize::from(self.edited)].clone()
    }

    fn has(&self, id: &str) -> bool {
        operation::find(&self.graph().steps, id).is_some()
    }

    fn by(&self, node: &NodePath) -> RepeatBy {
        operation_at(&self.graph(), node).map_or(RepeatBy::None, |(_, operation)| operation.repeat.by)
    }

    /// What may happen now. Without faults left, only what lets the run go on.
    pub(super) fn events(&self) -> Vec<Event> {
        let (mut events, faulty) = (Vec::new(), self.faults > 0);
        for (n, pending) in self.pending.iter().enumerate() {
            events.push(Event::Deliver(n));
            match pending {
                Pending::Send { .. } if faulty => events.extend([
                    Event::LoseRequest(n),
                    Event::LoseAnswer(n),
                    Event::CommitLate(n),
                    Event::Throttle(n),
                    Event::Refuse(n),
                ]),
                Pending::Look { .. } if faulty => events.push(Event::LookFails(n)),
                _ => {}
            }
        }
        if !self.side.late.is_empty() {
            events.push(Event::LateCommit);
        }
        if self.due.is_some_and(|due| due < Timestamp::MAX) && self.end.is_none() {
            events.push(Event::Timer);
        }
        if self.end.is_none() {
            if self.run.asking().next().is_some() && self.answer.is_none() {
                events.push(Event::Judge { yes: true });
                events.extend(faulty.then_some(Event::Judge { yes: false }));
            }
            if let Some((_, None)) = &self.side.child {
                events.push(Event::ChildEnds { well: true });
                events.extend(faulty.then_some(Event::ChildEnds { well: false }));
            }
            if self.has("ready") && !self.side.ready {
                events.push(Event::BecomesReady);
            }
        }
        if faulty && self.end.is_none() {
            events.extend(self.last_answer.is_some().then_some(Event::Again));
            events.extend((!self.cancelled).then_some(Event::Cancel));
            events.extend((self.has("known") && self.elsewhere > 0).then_some(Event::Elsewhere));
            let sends =
                self.pending.iter().any(|pending| matches!(pending, Pending::Send { .. } | Pending::Call { .. }));
            let outs: &[WentOut] = if sends { &[WentOut::No, WentOut::Done, WentOut::Late] } else { &[WentOut::No] };
            for went_out in outs {
                events.extend([false, true].map(|edited| Event::Crash { went_out: *went_out, edited }));
            }
        }
        match &self.end {
            Some(End::DeadLetter { .. }) if self.replays > 0 => {
                for from in [From::Start, From::Failed] {
                    events.extend([false, true].map(|edited| Event::Replay { from, edited }));
                }
            }
            // Whoever looks too early sees what is not true yet: he waits until all is settled.
            Some(End::OutcomeUnknown { .. }) if self.side.late.is_empty() => {
                events.extend([Event::Decide, Event::Stop]);
            }
            _ => {}
        }
        events
    }

    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Deliver(n) => self.deliver(n),
            Event::LoseRequest(n) => self.lose(n, |_, _, _, _| {}),
            Event::LoseAnswer(n) => self.lose(n, |side, request, by, _| {
                side.receive(request);
                side.commit(request, by);
            }),
            Event::CommitLate(n) => self.lose(n, |side, request, _, now| {
                side.receive(request);
                side.late.push((request.clone(), now + SETTLE - 1));
            }),
            Event::Throttle(n) => self.fail(n, StepError::new(ErrorClass::Throttled, "429", "slow down")),
            Event::Refuse(n) => self.fail(n, StepError::data("400", "no")),
            Event::LookFails(n) => {
                if let Pending::Look { node, .. } = self.pending.remove(n) {
                    let error = StepError::new(ErrorClass::Unavailable, "503", "away");
                    self.step(Command::Looked { node, outcome: LookOutcome::Failed(error) });
                }
            }
            Event::LateCommit => self.commit_late(0),
            Event::Again => {
                let command = self.last_answer.take().unwrap();
                self.step(command);
            }
            Event::Timer => {
                self.pass_to(self.due.unwrap());
                // Given back to the store, or still in memory.
                if self.pending.is_empty() { self.take_up() } else { self.step(Command::Timer) }
            }
            Event::Crash { went_out, edited } => self.crash(went_out, edited),
            Event::Judge { yes } => {
                // The store refuses what comes too late.
                (self.answer, self.said) = (Some(yes), Some(yes));
                if self.pending.is_empty() { self.take_up() } else { self.hear() }
            }
            Event::Cancel => {
                self.cancelled = true;
                self.step(Command::Cancel { actor: "anna".into(), reason: "enough".into() });
            }
            Event::ChildEnds { well } => {
                self.side.child.as_mut().unwrap().1 = Some(well);
                if self.pending.is_empty() {
                    self.take_up();
                }
            }
            Event::Elsewhere => {
                self.elsewhere -= 1;
                self.side.state += 1;
            }
            Event::BecomesReady => self.side.ready = true,
            Event::Replay { from, edited } => {
                self.replays -= 1;
                self.edited |= edited;
                self.side.child.iter_mut().for_each(|(_, ended)| *ended = ended.filter(|well| *well));
                let how = Replay { from, ..Replay::default() };
                self.by_hand(Command::Replay { how, actor: "anna".into(), reason: "mended".into() });
            }
            Event::Decide => {
                let Some(End::OutcomeUnknown { step, .. }) = self.end.clone() else { return };
                let row = self.side.rows.get(step.id()).and_then(|rows| rows.first()).cloned();
                self.decide(step, row.map_or(Verdict::NotDone, Verdict::Done));
            }
            Event::Stop => {
                let Some(End::OutcomeUnknown { step, .. }) = self.end.clone() else { return };
                self.decide(step, Verdict::Stop);
            }
        }
        let costs = match event {
            Event::Deliver(_) | Event::LateCommit | Event::Timer | Event::BecomesReady | Event::Replay { .. } => false,
            Event::Judge { yes } => !yes,
            Event::ChildEnds { well } => !well,
            Event::Decide | Event::Stop => false,
            _ => true,
        };
        self.faults -= u8::from(costs);
    }

    fn step(&mut self, command: Command) {
        let was_over = self.end.is_some();
        let actions = self.run.step(command, at(self.now), 0.0);
        if was_over && !actions.is_empty() {
            self.side.broken = Some(format!("goes on after its end: {actions:?}"));
        }
        self.due = None;
        for action in actions {
            match action {
                Action::Record(entries) => {
                    let heard = entries.iter().any(|entry| matches!(entry.fact, Fact::Judged(_)));
                    self.answer = self.answer.filter(|_| !heard);
                    self.journal.extend(entries);
                }
                Action::Send { node, generation, attempt, request } => {
                    self.pending.push(Pending::Send { node, generation, attempt, request });
                }
                Action::Look { node, request, .. } => self.pending.push(Pending::Look { node, request }),
                Action::Claim(entry) => self.pending.push(Pending::Claim(entry)),
                Action::Call { node, generation, attempt, request } => {
                    self.pending.push(Pending::Call { node, generation, attempt, request });
                }
                Action::Join { node, .. } => self.pending.push(Pending::Join { node }),
                Action::Wait { until } => self.due = Some(until),
                Action::Finish(end) => self.end = Some(end),
                Action::Refused(why) => panic!("refused: {why}"),
            }
        }
    }

    /// A person's answer reaches the run.
    fn hear(&mut self) {
        let (Some(approved), Some(node)) = (self.answer, self.run.asking().next().cloned()) else { return };
        let judgement = Judgement {
            approved,
            without: vec![],
            actor: "ada".into(),
            role: None,
            reason: "so".into(),
            at: at(self.now),
        };
        self.step(Command::Judged { node, judgement });
    }

    /// From the store, as it keeps it.
    fn reload(&mut self) {
        let kept = self.journal.iter().enumerate().map(|(n, entry)| {
            let kept = journal::encode(entry, n as i64 + 1).unwrap();
            let record = Stored::from_json(&kept.record.to_json().unwrap()).unwrap();
            journal::decode(&JournalEntry { record, ..kept }).unwrap().unwrap()
        });
        self.journal = kept.collect();
        self.run = rebuild(&self.graph(), &self.journal);
        self.pending.clear();
        (self.due, self.end, self.last_answer) = (None, None, None);
    }

    fn take_up(&mut self) {
        self.reload();
        self.hear();
        self.step(Command::Resume);
    }

    /// What an operator does is written down, and then taken up.
    fn by_hand(&mut self, command: Command) {
        self.reload();
        self.step(command);
        self.cancelled = false;
        self.take_up();
    }

    fn decide(&mut self, node: NodePath, verdict: Verdict) {
        let row_key = matches!(verdict, Verdict::Done(_)).then(|| Text::from(node.id()));
        self.by_hand(Command::Decide { node, verdict, row_key, actor: "anna".into(), reason: "seen".into() });
    }

    fn crash(&mut self, went_out: WentOut, edited: bool) {
        for pending in std::mem::take(&mut self.pending) {
            match (pending, went_out) {
                (Pending::Send { node, request, .. }, WentOut::Done) => {
                    self.side.receive(&request);
                    let by = self.by(&node);
                    self.side.commit(&request, by);
                }
                (Pending::Send { request, .. }, WentOut::Late) => {
                    self.side.receive(&request);
                    self.side.late.push((request, self.now + SETTLE - 1));
                }
                // The store has done it, and nobody heard.
                (Pending::Call { node, generation, attempt, request }, WentOut::Done) => {
                    self.called(&node, generation, attempt, &request);
                }
                _ => {}
            }
        }
        self.edited |= edited;
        self.take_up();
    }

    /// The store starts the called run, or finds it, and writes that down: one transaction.
    fn called(&mut self, node: &NodePath, generation: u32, attempt: u32, request: &Request) -> Option<Outcome> {
        let key = request.key.clone().unwrap().to_string();
        match &self.side.child {
            Some((known, _)) if *known != key => self.side.broken = Some("two runs are called".into()),
            Some(_) => {}
            None => self.side.child = Some((key, None)),
        }
        let outcome = self.outcome_of_child();
        let fact = Fact::Called { generation, attempt, run: "child-1".into(), waits: outcome.is_none() };
        self.journal.push(Entry { node: node.clone(), at: at(self.now), fact });
        outcome
    }

    fn outcome_of_child(&self) -> Option<Outcome> {
        let (_, ended) = self.side.child.as_ref()?;
        Some(match (*ended)? {
            true => Outcome::Done(Row::value(fields(&[("state", text("succeeded"))]))),
            false => Outcome::Failed(StepError::data(RUN_FAILED, "in the dead letters")),
        })
    }

    fn deliver(&mut self, n: usize) {
        match self.pending.remove(n) {
            Pending::Send { node, generation, attempt, request } => {
                self.side.receive(&request);
                let by = self.by(&node);
                let outcome = self.side.commit(&request, by);
                self.answer(Command::Answered { node, generation, attempt, outcome });
            }
            Pending::Look { node, request } => {
                let outcome = self.side.find(&request);
                self.answer(Command::Looked { node, outcome });
            }
            Pending::Claim(entry) => {
                let Fact::Done { done, .. } = &entry.fact else { panic!("a result") };
                let row = done.effect.clone().unwrap().row_key.to_string();
                let owner = self.claims.entry(row).or_insert(entry.node.clone());
                let taken_by = (*owner != entry.node).then(|| Text::from(owner.as_str()));
                if taken_by.is_none() {
                    self.journal.push((*entry).clone());
                }
                self.step(Command::Claimed { node: entry.node, taken_by });
            }
            Pending::Call { node, generation, attempt, request } => {
                let outcome = self.called(&node, generation, attempt, &request);
                self.answer(Command::Called { node, generation, attempt, run: "child-1".into(), outcome });
            }
            Pending::Join { node } => {
                let outcome = self.outcome_of_child();
                self.answer(Command::Joined { node, outcome });
            }
        }
    }

    fn answer(&mut self, command: Command) {
        self.last_answer = Some(command.clone());
        self.step(command);
    }

    fn lose(&mut self, n: usize, meanwhile: impl Fn(&mut Side, &Arc<Request>, RepeatBy, i64)) {
        if let Some(Pending::Send { node, request, .. }) = self.pending.get(n).cloned() {
            let by = self.by(&node);
            meanwhile(&mut self.side, &request, by, self.now);
        }
        self.fail(n, StepError::new(ErrorClass::Timeout, "timeout", "no answer"));
    }

    fn fail(&mut self, n: usize, error: StepError) {
        if let Pending::Send { node, generation, attempt, .. } = self.pending.remove(n) {
            self.answer(Command::Answered { node, generation, attempt, outcome: Outcome::Failed(error) });
        }
    }

    fn commit_late(&mut self, n: usize) {
        let (request, _) = self.side.late.remove(n);
        let by = self.by(&NodePath::new(work_of(&request)));
        self.side.commit(&request, by);
    }

    fn pass_to(&mut self, due: Timestamp) {
        self.now = self.now.max(due.as_second() - 1_700_000_000);
        while let Some(n) = self.side.late.iter().position(|(_, last)| *last < self.now) {
            self.commit_late(n);
        }
    }

    /// The names of all writes of the flow.
    fn writes(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.graph().walk(&mut |node| {
            if let NodeKind::Call(operation) = &node.kind
                && operation.name.as_str() != RUN_FLOW
            {
                names.push(node.id.to_string());
            }
        });
        names
    }

    /// What is wrong with this world, if anything.
    pub(super) fn loss(&self) -> Option<String> {
        if let Some(broken) = &self.side.broken {
            return Some(broken.clone());
        }
        // What stands behind the question is not done before somebody said yes.
        let behind =
            ["after", "last"].iter().any(|name| self.side.rows.get(*name).is_some_and(|rows| !rows.is_empty()));
        if self.has("approval") && behind && self.said != Some(true) {
            return Some("done without a yes".into());
        }
        if self.end.is_none() && self.pending.is_empty() && self.due.is_none() {
            return Some("stands still".into());
        }
        match &self.end {
            Some(End::Succeeded) => {
                let undone = |name: &String| self.side.rows.get(name).map_or(0, Vec::len) != 1;
                let undone = self.writes().into_iter().find(undone);
                let uncalled = self.has("child") && !matches!(self.side.child, Some((_, Some(true))));
                undone.or(uncalled.then(|| "child".into())).map(|name| format!("succeeded without {name}"))
            }
            Some(End::Stopped { .. }) if self.said != Some(false) && !self.was_stopped() && !self.expired() => {
                Some("stopped for nothing".into())
            }
            _ => None,
        }
    }

    fn was_stopped(&self) -> bool {
        self.run.is_stopping()
    }

    fn expired(&self) -> bool {
        self.journal
            .iter()
            .any(|entry| matches!(&entry.fact, Fact::GaveUp { error, .. } if error.code.as_str() == EXPIRED))
    }

    /// Two worlds with one fingerprint have the same future.
    pub(super) fn fingerprint(&self) -> u64 {
        let nodes: BTreeMap<_, _> = self.run.state.nodes.iter().collect();
        let state = &self.run.state;
        let mut hash = DefaultHasher::new();
        format!(
            "{:?}",
            (
                (
                    self.now,
                    self.faults,
                    self.replays,
                    self.elsewhere,
                    self.edited,
                    self.answer,
                    self.said,
                    self.cancelled
                ),
                (&self.side, &self.pending, &self.last_answer, self.due, &self.end, &self.claims),
                (nodes, &state.failing, state.failures, &state.stopped, state.started_at),
            )
        )
        .hash(&mut hash);
        hash.finish()
    }
}
