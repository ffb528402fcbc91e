//! Every interleaving, up to a number of faults, of a flow with two creates (one found by a natural key, one by a key we
//! choose) against a small server: answers lost before and after the work, commits that come late, refusals, answers
//! delivered twice, crashes before and after anything, a changed mapping, replays. Breadth first, so that the trace
//! shown for a loss is the shortest there is.

use super::super::state::Standing;
use super::*;
use crate::engine::connector::{Is, Row};
use crate::engine::journal;
use crate::store::JournalEntry;
use crate::store::journal::Record as Stored;
use crate::value::json;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Write;

/// How long the server may go on working after we stopped waiting for it.
const SETTLE: i64 = 60;

/// The mapping before and after it is edited.
fn flow(note: &str, settle: u64) -> Arc<ExecutionGraph> {
    let header = record(vec![("ref", constant(text("CAP-1"))), ("note", constant(text(note)))]);
    let line = record(vec![
        ("order", path("steps.header.number")),
        ("line", constant(Value::from(1_i64))),
        ("note", constant(text(note))),
    ]);
    let retry = Retry {
        budget: Duration::from_secs(150),
        initial: Duration::from_secs(10),
        factor: 2.0,
        max: Duration::from_secs(40),
        jitter: 0.0,
    };
    let mut steps = vec![
        create("header", header, repeat(RepeatBy::FindBy, settle)),
        create("line", line, repeat(RepeatBy::Key, 0)),
    ];
    steps.iter_mut().for_each(|step| step.retry = retry.clone());
    Arc::new(graph(steps))
}

/// What the server holds. Orders get their numbers from it, lines have the key that the caller chose.
#[derive(Clone, Default)]
struct Server {
    orders: Vec<Value>,
    lines: Vec<Value>,
    numbers: u32,
    /// Work that it has taken up and not yet committed, with the last moment at which it will be.
    late: Vec<(Arc<Request>, i64)>,
    /// Every body received, by key.
    bodies: BTreeMap<String, String>,
    broken: Option<String>,
}

impl Server {
    fn receive(&mut self, request: &Request) {
        let key = request.key.clone().unwrap().to_string();
        let body = json::write(request.body.as_ref().unwrap()).unwrap();
        if *self.bodies.entry(key.clone()).or_insert(body.clone()) != body {
            self.broken = Some(format!("two bodies under the key {key}"));
        }
    }

    fn commit(&mut self, request: &Request) -> Outcome {
        let Some(Value::Record(body)) = &request.body else { panic!("a body") };
        if body.contains("line") {
            let taken = |row: &&Value| is_line(row, body);
            if self.lines.iter().any(|row| taken(&row)) {
                let mut error = StepError::data("duplicate_key", "exists");
                error.is = Some(Is::MaybeDone);
                return Outcome::Failed(error);
            }
            self.lines.push(Value::Record(body.clone()));
            let row = self.lines.last().unwrap().clone();
            return Outcome::Done(line_row(row));
        }
        self.numbers += 1;
        let number = (Text::from("number"), text(&format!("SO-{}", self.numbers)));
        let all = body.iter().map(|(name, value)| (name.clone(), value.clone())).chain([number]);
        let row = Value::Record(all.collect());
        self.orders.push(row.clone());
        if self.orders.len() > 1 {
            self.broken = Some("two orders for one capture".into());
        }
        Outcome::Done(order_row(row))
    }

    fn find(&self, request: &Request) -> LookOutcome {
        let Some(Value::Record(body)) = &request.body else { panic!("a body") };
        if body.contains("line") {
            let fits = |row: &&Value| is_line(row, body);
            return LookOutcome::Found(self.lines.iter().filter(fits).cloned().map(line_row).collect());
        }
        let (column, value) = &request.find_by[0];
        let fits = |row: &&Value| row.get(column) == value;
        LookOutcome::Found(self.orders.iter().filter(fits).cloned().map(order_row).collect())
    }
}

/// Whether a row has the key that a body chooses.
fn is_line(row: &Value, body: &crate::value::Record) -> bool {
    ["order", "line"].iter().all(|column| Some(row.get(column)) == body.get(column))
}

fn order_row(value: Value) -> Row {
    let key = json::write(value.get("number")).unwrap();
    Row { value, key: Some(key.into()), status: Some(201) }
}

fn line_row(value: Value) -> Row {
    let key = json::write(&list(&[value.get("order").clone(), value.get("line").clone()])).unwrap();
    Row { value, key: Some(key.into()), status: Some(201) }
}

/// Something outside the machine that has not happened yet.
#[derive(Clone)]
enum Pending {
    Send { node: NodePath, generation: u32, attempt: u32, request: Arc<Request> },
    Look { node: NodePath, request: Arc<Request> },
    Claim(Box<Entry>),
}

#[derive(Clone)]
struct World {
    run: Run,
    journal: Vec<Entry>,
    claims: BTreeMap<String, NodePath>,
    server: Server,
    pending: Vec<Pending>,
    due: Option<Timestamp>,
    end: Option<End>,
    last_answer: Option<Command>,
    edited: bool,
    now: i64,
    faults: u8,
    replays: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// The request arrives, is done, and its answer too.
    Deliver,
    LoseRequest,
    LoseAnswer,
    /// We stop waiting; the server does it later.
    CommitLate,
    Refuse,
    /// The look cannot be made.
    LookFails,
    /// What the server took up is committed now.
    LateCommit,
    /// The last answer comes once more.
    Again,
    Timer,
    Crash {
        went_out: WentOut,
        edited: bool,
    },
    Replay {
        edited: bool,
    },
}

/// What became of a request that was on its way when we crashed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum WentOut {
    No,
    Done,
    Late,
}

/// The rules that the walk goes by, and one of them broken.
struct Walk {
    graphs: [Arc<ExecutionGraph>; 2],
    faults: u8,
    /// A repeat that evaluates the step anew instead of sending what was held.
    forgets_requests: bool,
}

impl Walk {
    fn graph(&self, edited: bool) -> &Arc<ExecutionGraph> {
        &self.graphs[usize::from(edited)]
    }

    fn start(&self) -> World {
        let mut world = World {
            run: rebuild(self.graph(false), &[]),
            journal: Vec::new(),
            claims: BTreeMap::new(),
            server: Server::default(),
            pending: Vec::new(),
            due: None,
            end: None,
            last_answer: None,
            edited: false,
            now: 0,
            faults: self.faults,
            replays: 1,
        };
        world.step(Command::Start);
        world
    }

    fn events(&self, world: &World) -> Vec<Event> {
        let mut events = Vec::new();
        let faulty = world.faults > 0;
        match world.pending.first() {
            Some(Pending::Send { .. }) => {
                events.push(Event::Deliver);
                if faulty {
                    events.extend([Event::LoseRequest, Event::LoseAnswer, Event::CommitLate, Event::Refuse]);
                }
            }
            Some(Pending::Look { .. }) => {
                events.push(Event::Deliver);
                if faulty {
                    events.push(Event::LookFails);
                }
            }
            Some(Pending::Claim(_)) => events.push(Event::Deliver),
            None => {}
        }
        if !world.server.late.is_empty() {
            events.push(Event::LateCommit);
        }
        if world.pending.is_empty() && world.due.is_some() && world.end.is_none() {
            events.push(Event::Timer);
        }
        if faulty && world.end.is_none() {
            if world.last_answer.is_some() {
                events.push(Event::Again);
            }
            let sends = matches!(world.pending.first(), Some(Pending::Send { .. }));
            let outs: &[WentOut] = if sends { &[WentOut::No, WentOut::Done, WentOut::Late] } else { &[WentOut::No] };
            for went_out in outs {
                for edited in [false, true] {
                    events.push(Event::Crash { went_out: *went_out, edited });
                }
            }
        }
        if matches!(world.end, Some(End::DeadLetter { .. })) && world.replays > 0 {
            events.extend([Event::Replay { edited: false }, Event::Replay { edited: true }]);
        }
        events
    }

    fn apply(&self, world: &mut World, event: Event) {
        match event {
            Event::Deliver => world.deliver(),
            Event::LoseRequest => world.lose(|_, _, _| {}),
            Event::LoseAnswer => world.lose(|server, request, _| {
                server.receive(request);
                server.commit(request);
            }),
            Event::CommitLate => world.lose(|server, request, now| {
                server.receive(request);
                server.late.push((request.clone(), now + SETTLE - 1));
            }),
            Event::Refuse => world.fail(StepError::new(ErrorClass::Throttled, "429", "slow down")),
            Event::LookFails => {
                let Some(Pending::Look { node, .. }) = world.take() else { return };
                let error = StepError::new(ErrorClass::Unavailable, "503", "away");
                world.step(Command::Looked { node, outcome: LookOutcome::Failed(error) });
            }
            Event::LateCommit => {
                let (request, _) = world.server.late.remove(0);
                world.server.commit(&request);
            }
            Event::Again => {
                let command = world.last_answer.take().unwrap();
                world.step(command);
            }
            Event::Timer => {
                world.pass_to(world.due.unwrap());
                world.step(Command::Timer);
            }
            Event::Crash { went_out, edited } => self.crash(world, went_out, edited),
            Event::Replay { edited } => {
                world.replays -= 1;
                self.rebuild(world, edited);
                let (actor, reason) = ("anna".into(), "mended".into());
                world.step(Command::Replay { how: Replay::default(), actor, reason });
                self.rebuild(world, edited);
                world.step(Command::Resume);
            }
        }
        if !matches!(event, Event::Deliver | Event::LateCommit | Event::Timer | Event::Replay { .. }) {
            world.faults -= 1;
        }
    }

    fn crash(&self, world: &mut World, went_out: WentOut, edited: bool) {
        if let Some(Pending::Send { request, .. }) = world.take() {
            match went_out {
                WentOut::No => {}
                WentOut::Done => {
                    world.server.receive(&request);
                    world.server.commit(&request);
                }
                WentOut::Late => {
                    world.server.receive(&request);
                    world.server.late.push((request, world.now + SETTLE - 1));
                }
            }
        }
        if self.forgets_requests {
            world.journal.retain(|entry| !matches!(entry.fact, Fact::Intent { .. } | Fact::Failed { .. }));
        }
        self.rebuild(world, edited);
        world.step(Command::Resume);
    }

    fn rebuild(&self, world: &mut World, edited: bool) {
        world.edited |= edited;
        // As the store keeps it.
        let kept = world.journal.iter().enumerate().map(|(n, entry)| {
            let kept = journal::encode(entry, n as i64 + 1).unwrap();
            let record = Stored::from_json(&kept.record.to_json().unwrap()).unwrap();
            journal::decode(&JournalEntry { record, ..kept }).unwrap().unwrap()
        });
        world.journal = kept.collect();
        world.run = rebuild(self.graph(world.edited), &world.journal);
        world.pending.clear();
        world.due = None;
        world.end = None;
        world.last_answer = None;
    }

    /// What is wrong with this world, if anything.
    fn loss(&self, world: &World) -> Option<String> {
        if let Some(broken) = &world.server.broken {
            return Some(broken.clone());
        }
        match &world.end {
            Some(End::Succeeded) if world.server.orders.len() != 1 || world.server.lines.len() != 1 => {
                Some(format!("succeeded with {} orders, {} lines", world.server.orders.len(), world.server.lines.len()))
            }
            Some(End::Succeeded | End::DeadLetter { .. }) => None,
            Some(end) => Some(format!("ended as {end:?}")),
            None if world.pending.is_empty() && world.due.is_none() => Some("stands still".into()),
            None => None,
        }
    }

    /// The shortest way to a loss, and how many worlds were seen.
    fn search(&self) -> (Option<String>, usize) {
        let start = self.start();
        let mut seen = HashSet::from([start.fingerprint()]);
        let mut steps: Vec<(usize, Event)> = vec![(0, Event::Timer)];
        let mut queue = VecDeque::from([(start, 0_usize)]);
        while let Some((world, came_by)) = queue.pop_front() {
            for event in self.events(&world) {
                let mut next = world.clone();
                self.apply(&mut next, event);
                if let Some(loss) = self.loss(&next) {
                    return (Some(trace(&steps, came_by, event, &loss)), seen.len());
                }
                if seen.insert(next.fingerprint()) {
                    steps.push((came_by, event));
                    queue.push_back((next, steps.len() - 1));
                }
            }
        }
        (None, seen.len())
    }
}

fn trace(steps: &[(usize, Event)], came_by: usize, last: Event, loss: &str) -> String {
    let mut events = vec![last];
    let mut at = came_by;
    while at != 0 {
        events.push(steps[at].1);
        at = steps[at].0;
    }
    events.reverse();
    let lines: Vec<String> = events.iter().enumerate().map(|(n, event)| format!("{:>3}. {event:?}", n + 1)).collect();
    format!("{loss}\n{}", lines.join("\n"))
}

impl World {
    fn step(&mut self, command: Command) {
        let actions = self.run.step(command, at(self.now), 0.0);
        self.due = None;
        for action in actions {
            match action {
                Action::Record(entries) => self.journal.extend(entries),
                Action::Send { node, generation, attempt, request } => {
                    self.pending.push(Pending::Send { node, generation, attempt, request });
                }
                Action::Look { node, request, .. } => self.pending.push(Pending::Look { node, request }),
                Action::Claim(entry) => self.pending.push(Pending::Claim(entry)),
                Action::Wait { until } => self.due = Some(until),
                Action::Finish(end) => self.end = Some(end),
                Action::Refused(why) => panic!("refused: {why}"),
                Action::Call { .. } | Action::Join { .. } => panic!("nothing is called here"),
            }
        }
    }

    fn take(&mut self) -> Option<Pending> {
        (!self.pending.is_empty()).then(|| self.pending.remove(0))
    }

    fn deliver(&mut self) {
        match self.take() {
            Some(Pending::Send { node, generation, attempt, request }) => {
                self.server.receive(&request);
                let outcome = self.server.commit(&request);
                self.answer(Command::Answered { node, generation, attempt, outcome });
            }
            Some(Pending::Look { node, request }) => {
                let outcome = self.server.find(&request);
                self.answer(Command::Looked { node, outcome });
            }
            Some(Pending::Claim(entry)) => {
                let Fact::Done { done, .. } = &entry.fact else { panic!("a result") };
                let row = done.effect.clone().unwrap().row_key.to_string();
                let owner = self.claims.entry(row).or_insert(entry.node.clone());
                let taken_by = (*owner != entry.node).then(|| Text::from(owner.as_str()));
                if taken_by.is_none() {
                    self.journal.push((*entry).clone());
                }
                self.step(Command::Claimed { node: entry.node, taken_by });
            }
            None => {}
        }
    }

    fn answer(&mut self, command: Command) {
        self.last_answer = Some(command.clone());
        self.step(command);
    }

    /// No answer comes; `meanwhile` says what the server did.
    fn lose(&mut self, meanwhile: impl Fn(&mut Server, &Arc<Request>, i64)) {
        if let Some(Pending::Send { request, .. }) = self.pending.first() {
            meanwhile(&mut self.server, &request.clone(), self.now);
        }
        self.fail(StepError::new(ErrorClass::Timeout, "timeout", "no answer"));
    }

    fn fail(&mut self, error: StepError) {
        let Some(Pending::Send { node, generation, attempt, .. }) = self.take() else { return };
        self.answer(Command::Answered { node, generation, attempt, outcome: Outcome::Failed(error) });
    }

    fn pass_to(&mut self, due: Timestamp) {
        self.now = self.now.max(due.as_second() - 1_700_000_000);
        while let Some(n) = self.server.late.iter().position(|(_, last)| *last < self.now) {
            let (request, _) = self.server.late.remove(n);
            self.server.commit(&request);
        }
    }

    /// Two worlds with one fingerprint have the same future.
    fn fingerprint(&self) -> String {
        let mut text = format!("{} {} {} {}", self.now, self.faults, self.replays, self.edited);
        let server = &self.server;
        let rows = list(&[list(&server.orders), list(&server.lines)]);
        let late: Vec<_> = server.late.iter().map(|(request, last)| (&request.key, last)).collect();
        let _ = write!(text, "{}{late:?}{:?}", json::write(&rows).unwrap(), self.claims);
        for pending in &self.pending {
            text.push_str(match pending {
                Pending::Send { .. } => "S",
                Pending::Look { .. } => "L",
                Pending::Claim(_) => "C",
            });
        }
        if let Some(Command::Answered { node, generation, attempt, .. }) = &self.last_answer {
            let _ = write!(text, "{node}{generation}{attempt}");
        }
        let _ = write!(text, "{:?}{:?}", self.due, self.end);
        for path in ["header", "line"].map(NodePath::new) {
            let Some(node) = self.run.state.node(&path) else { continue };
            let standing = match node.standing {
                Standing::Going => "g",
                Standing::Done => "d",
                Standing::Skipped => "s",
                Standing::Failed(_) => "f",
            };
            let _ = write!(text, "|{standing}");
            if let Some(work) = &node.work {
                let _ = write!(
                    text,
                    "{} {} {} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                    work.generation,
                    work.attempts,
                    work.failures,
                    work.open,
                    work.first_sent,
                    work.retry_at,
                    work.look_at,
                    work.error,
                    work.request.key,
                    std::mem::discriminant(&work.phase),
                );
            }
        }
        text
    }
}

#[test]
fn nothing_is_lost_or_done_twice() {
    let walk =
        Walk { graphs: [flow("a", SETTLE as u64), flow("b", SETTLE as u64)], faults: 3, forgets_requests: false };
    let started = std::time::Instant::now();
    let (loss, worlds) = walk.search();
    println!("{worlds} worlds in {:?}", started.elapsed());
    assert!(loss.is_none(), "{}", loss.unwrap_or_default());
    assert!(worlds > 1000, "the walk has seen {worlds} worlds only");
}

#[test]
fn looking_before_the_server_has_settled_is_caught() {
    let walk = Walk { graphs: [flow("a", 0), flow("b", 0)], faults: 1, forgets_requests: false };
    let loss = walk.search().0.expect("a duplicate");
    assert!(loss.starts_with("two orders for one capture"), "{loss}");
    // The shortest way there: a commit that comes after the look.
    assert!(loss.contains("LateCommit") && loss.lines().count() == 5, "{loss}");
}

#[test]
fn forgetting_what_was_sent_is_caught() {
    let walk = Walk { graphs: [flow("a", SETTLE as u64), flow("b", SETTLE as u64)], faults: 1, forgets_requests: true };
    let loss = walk.search().0.expect("a loss");
    assert!(loss.contains("Crash"), "{loss}");
}
