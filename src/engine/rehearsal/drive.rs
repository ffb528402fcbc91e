//! One run of a case: the real door and the real machine, with the case's answers for a world and a clock that only
//! moves when the run waits.

use super::answers::{AnswerKind, Answers};
use super::reply::Asked;
use super::tree::wrong;
use crate::catalog::Catalog;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::engine::cache::Cache;
use crate::engine::connector::{LookOutcome, Outcome, Request, Row, StepError, Write};
use crate::engine::door;
use crate::engine::machine::{Action, Alert, Command, End, Entry, Fact, Facts, Judgement, NodePath, Run, operation_at};
use crate::graph::{ExecutionGraph, Operation, RepeatBy};
use crate::language::evaluate::Limits;
use crate::store::{RunError, Start, in_sequence};
use crate::value::paths::Paths;
use crate::value::{Record, Text, Value};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// How much a run may do before it is said never to end.
const MOST_COMMANDS: usize = 100_000;

/// What several runs of a case have in common: what the store would know.
pub struct World<'a> {
    pub catalog: &'a Catalog,
    pub graph: Arc<ExecutionGraph>,
    pub project: &'a str,
    /// What is taken out of every answer.
    pub drop: &'a Paths,
    pub answers: Answers,
    /// Where the case stands.
    pub case: Span,
    dedupes: HashSet<String>,
    sequences: HashMap<String, String>,
    /// Connection, entity and key of a row → the run and step whose work it is.
    rows: HashMap<(Text, Text, Text), (usize, NodePath)>,
    runs: usize,
    /// What lookups may use again.
    cache: Cache,
}

/// An event as it comes to the door.
pub struct Arrival {
    pub event: Value,
    pub trigger: Value,
    pub id: String,
    pub own: bool,
    pub at: Timestamp,
}

/// What a run did.
#[derive(Default)]
pub struct Ran {
    pub end: Option<Ended>,
    /// Its writes, in the order in which they were first sent.
    pub calls: Vec<Call>,
    /// What its steps gave, by path.
    pub steps: HashMap<String, Value>,
    pub alerts: Vec<Alert>,
    pub waited: SignedDuration,
}

/// How a run, or the event at the door, ended.
pub enum Ended {
    Succeeded,
    Skipped,
    Ignored,
    Duplicate,
    Superseded,
    Stopped { reason: Text },
    DeadLetter { step: Option<String>, error: RunError },
    OutcomeUnknown { step: Option<String>, error: RunError },
}

/// A write.
pub struct Call {
    pub node: NodePath,
    pub request: Arc<Request>,
    pub attempts: u32,
    pub adopted: bool,
}

impl Ended {
    /// Its word in a test.
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Succeeded => "succeeded",
            Ended::Skipped => "skipped",
            Ended::Ignored => "ignored",
            Ended::Duplicate => "duplicate",
            Ended::Superseded => "superseded",
            Ended::Stopped { .. } => "stopped",
            Ended::DeadLetter { .. } => "dead_letter",
            Ended::OutcomeUnknown { .. } => "outcome_unknown",
        }
    }

    /// All of them.
    pub const WORDS: &[&str] =
        &["succeeded", "skipped", "ignored", "duplicate", "superseded", "stopped", "dead_letter", "outcome_unknown"];
}

impl<'a> World<'a> {
    pub fn new(
        catalog: &'a Catalog,
        graph: Arc<ExecutionGraph>,
        project: &'a str,
        drop: &'a Paths,
        answers: Answers,
        case: Span,
    ) -> World<'a> {
        World {
            catalog,
            graph,
            project,
            drop,
            answers,
            case,
            dedupes: HashSet::new(),
            sequences: HashMap::new(),
            rows: HashMap::new(),
            runs: 0,
            cache: Cache::default(),
        }
    }

    /// Takes an event through the door and its run to the end; an error is the case's own.
    pub fn take(&mut self, arrival: &Arrival) -> Result<Ran, Diagnostic> {
        self.answers.rewind();
        let new = door::ask(&self.graph, &arrival.event, &arrival.trigger, &arrival.id, arrival.own);
        let at_the_door = |end| Ok(Ran { end: Some(end), ..Ran::default() });
        match new.start {
            Start::Ignored => return at_the_door(Ended::Ignored),
            Start::Skipped => return at_the_door(Ended::Skipped),
            Start::Failed(error) => return at_the_door(Ended::DeadLetter { step: None, error }),
            Start::Run => {}
        }
        let dedupe = new.dedupe.unwrap_or_default();
        if self.dedupes.contains(&dedupe) {
            return at_the_door(Ended::Duplicate);
        }
        let place = new.order_key.zip(new.sequence);
        if let Some((key, sequence)) = &place
            && self.sequences.get(key).is_some_and(|done| in_sequence(sequence, done) == Ordering::Less)
        {
            return at_the_door(Ended::Superseded);
        }
        self.dedupes.insert(dedupe.clone());
        let (ran, releases) = self.run(arrival, &dedupe)?;
        if releases {
            self.dedupes.remove(&dedupe);
        }
        if let (Some((key, sequence)), Some(Ended::Succeeded | Ended::Stopped { .. })) = (place, &ran.end) {
            self.sequences.insert(key, sequence);
        }
        Ok(ran)
    }

    fn run(&mut self, arrival: &Arrival, dedupe: &str) -> Result<(Ran, bool), Diagnostic> {
        self.runs += 1;
        let facts = Facts {
            project: self.project.into(),
            id: format!("00000000-0000-7000-8000-{:012}", self.runs).into(),
            dedupe: dedupe.into(),
            revision: "test".into(),
            event: arrival.event.clone(),
            trigger: arrival.trigger.clone(),
        };
        let mut run = Run::rebuild(Arc::new(facts), self.graph.clone(), Arc::new(Limits::default()), []);
        let (mut now, mut ran, mut releases) = (arrival.at, Ran::default(), false);
        let mut commands = VecDeque::from([Command::Start]);
        for _ in 0..MOST_COMMANDS {
            let Some(command) = commands.pop_front() else { return Err(self.endless("waits for nothing")) };
            let mut due = None;
            for action in run.step(command, now, 0.0) {
                match action {
                    Action::Record(entries) => {
                        for entry in &entries {
                            self.kept(entry, &mut ran)?;
                            ran.note(entry);
                            commands.extend(self.judge(entry, now)?);
                        }
                    }
                    Action::Claim(entry) => commands.push_back(self.claim(&entry, &mut ran)),
                    Action::Send { node, generation, attempt, request } => {
                        ran.sent(&node, &request);
                        let outcome = match request.writes() {
                            // Its writes are answered one by one, unless the whole is.
                            writes if !writes.is_empty() && !self.answers.has(node.as_str()) => {
                                self.change(&node, writes)?
                            }
                            _ => self.send(&node, &request, now)?,
                        };
                        let outcome = outcome.without(self.drop);
                        commands.push_back(Command::Answered { node, generation, attempt, outcome });
                    }
                    Action::Call { node, generation, attempt, request } => {
                        ran.sent(&node, &request);
                        let answer = self.answers.ask(node.as_str(), "asked", self.case)?;
                        let asked = Asked::new(self.catalog, &request, node.as_str());
                        let outcome = asked.ok_or_else(|| self.unknown(&request))?.called(&answer)?;
                        let run = "00000000-0000-7000-8000-ffffffffffff".into();
                        commands.push_back(Command::Called { node, generation, attempt, run, outcome: Some(outcome) });
                    }
                    Action::Join { node, .. } => commands.push_back(Command::Joined { node, outcome: None }),
                    Action::Look { node, request, .. } => {
                        let answer = self.answers.ask(node.as_str(), "looked for", self.case)?;
                        let asked = Asked::new(self.catalog, &request, node.as_str());
                        let asked = asked.ok_or_else(|| self.unknown(&request))?;
                        let outcome = match (asked.looked(&answer)?, request.writes().first()) {
                            (LookOutcome::Found(rows), Some(first)) => {
                                let of_set = |row| in_set(&first.path, row);
                                LookOutcome::Found(rows.into_iter().map(of_set).collect())
                            }
                            (outcome, _) => outcome,
                        };
                        let outcome = outcome.without(self.drop);
                        commands.push_back(Command::Looked { node, outcome });
                    }
                    Action::Wait { until } => due = Some(until),
                    Action::Finish(end) => {
                        ran.waited = now.duration_since(arrival.at);
                        ran.end = Some(match end {
                            End::Succeeded => Ended::Succeeded,
                            End::Stopped { reason, release } => {
                                releases = release;
                                Ended::Stopped { reason }
                            }
                            End::DeadLetter { step, error } => {
                                Ended::DeadLetter { error: told(&error), step: Some(step.to_string()) }
                            }
                            End::OutcomeUnknown { step, error } => {
                                Ended::OutcomeUnknown { error: told(&error), step: Some(step.to_string()) }
                            }
                        });
                    }
                    Action::Refused(why) => return Err(self.endless(&why)),
                }
            }
            if ran.end.is_some() {
                return Ok((ran, releases));
            }
            if let (true, Some(due)) = (commands.is_empty(), due) {
                now = now.max(due);
                commands.push_back(Command::Timer);
            }
        }
        Err(self.endless("goes on and on"))
    }

    /// What the engine keeps itself is written down with its result: no system is asked, and yet the case has to know.
    fn kept(&mut self, entry: &Entry, ran: &mut Ran) -> Result<(), Diagnostic> {
        let Fact::Intent { request, .. } = &entry.fact else { return Ok(()) };
        let is_kept = |(_, operation): (_, &Operation)| operation.repeat.by == RepeatBy::Transaction;
        if !operation_at(&self.graph, &entry.node).is_some_and(is_kept) {
            return Ok(());
        }
        ran.sent(&entry.node, request);
        let answer = self.answers.ask(entry.node.as_str(), "asked", self.case)?;
        let asked = Asked::new(self.catalog, request, entry.node.as_str());
        asked.ok_or_else(|| self.unknown(request))?.kept(&answer)
    }

    /// The answers to a change set's writes, as the answer to the whole. One that refuses is the refusal of all.
    fn change(&mut self, node: &NodePath, writes: &[Write]) -> Result<Outcome, Diagnostic> {
        let mut rows = Record::new();
        let mut first: Option<Row> = None;
        for write in writes {
            let path = format!("{node}/{}", write.path);
            let answer = self.answers.ask(&path, "asked", self.case)?;
            let asked = Asked::new(self.catalog, &write.request, &path);
            let row = match asked.ok_or_else(|| self.unknown(&write.request))?.sent(&answer)? {
                Outcome::Done(row) => row,
                other => return Ok(other),
            };
            first.get_or_insert_with(|| row.clone());
            match write.path.split_once('/') {
                None => rows.set(write.path.clone(), row.value),
                Some((id, _)) => {
                    let mut list = rows.get(id).and_then(Value::as_list).unwrap_or_default().to_vec();
                    list.push(row.value);
                    rows.set(id.into(), Value::from(list));
                }
            }
        }
        let (key, status) = first.map_or((None, None), |row| (row.key, row.status));
        Ok(Outcome::Done(Row { value: Value::Record(rows), key, status }))
    }

    /// The store's answer to a claim: a row found may not be another step's work.
    fn claim(&mut self, entry: &Entry, ran: &mut Ran) -> Command {
        let node = entry.node.clone();
        if let Fact::Done { done, .. } = &entry.fact
            && let Some(effect) = &done.effect
        {
            let row = (effect.connection.clone(), effect.entity.clone(), effect.row_key.clone());
            let claimant = (self.runs, node.clone());
            let owner = self.rows.entry(row).or_insert_with(|| claimant.clone());
            if done.adopted && *owner != claimant {
                return Command::Claimed { node, taken_by: Some(owner.1.as_str().into()) };
            }
        }
        ran.note(entry);
        Command::Claimed { node, taken_by: None }
    }

    /// What becomes of a request: the next answer of the step, or what its lookup may use again.
    fn send(&mut self, node: &NodePath, request: &Request, now: Timestamp) -> Result<Outcome, Diagnostic> {
        let cached = operation_at(&self.graph, node).and_then(|(_, operation)| operation.cache);
        let cached = cached.and_then(|time| Some((time, Cache::place("test", request)?)));
        if let Some((time, place)) = &cached
            && let Some(value) = self.cache.get(place, *time, now)
        {
            return Ok(Outcome::Done(Row::value(value)));
        }
        let answer = self.answers.ask(node.as_str(), "asked", self.case)?;
        let asked = Asked::new(self.catalog, request, node.as_str());
        let outcome = asked.ok_or_else(|| self.unknown(request))?.sent(&answer)?;
        if let (Some((_, place)), Outcome::Done(row)) = (cached, &outcome) {
            self.cache.put(place, &row.value, now);
        }
        Ok(outcome)
    }

    /// What a person says to what is asked; nothing where nobody answers.
    fn judge(&mut self, entry: &Entry, now: Timestamp) -> Result<Option<Command>, Diagnostic> {
        let Fact::Asked(ask) = &entry.fact else { return Ok(None) };
        let path = entry.node.as_str();
        let answer = self.answers.ask(path, "asked", self.case)?;
        match answer.kind {
            AnswerKind::Judged { approved, by, reason, without } => {
                let items = ask.items.as_deref().unwrap_or_default();
                if let Some(key) = without.iter().find(|key| !items.iter().any(|item| item.key == **key)) {
                    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
                    let finding = wrong(format!("`{path}` asks about no item `{key}`"), answer.span);
                    return Err(finding.help(format!("its items: {}", keys.join(", "))));
                }
                let judgement = Judgement {
                    approved,
                    without,
                    actor: by,
                    // Whoever answers in a test is one of those who may.
                    role: ask.roles.first().cloned(),
                    reason,
                    at: now,
                };
                Ok(Some(Command::Judged { node: entry.node.clone(), judgement }))
            }
            AnswerKind::Expired if ask.expires_at.is_none() => {
                Err(wrong(format!("`{path}` never expires: it has no `expires`"), answer.span))
            }
            AnswerKind::Expired => Ok(None),
            _ => {
                let forms = "`{ approved: { by } }`, `{ rejected: { by, reason } }` or `expired`";
                let message = format!("this is no answer for `{path}`, which asks a person");
                Err(wrong(message, answer.span).help(format!("answer with {forms}")))
            }
        }
    }

    fn endless(&self, why: &str) -> Diagnostic {
        Diagnostic::error(Code::F0508, format!("the run does not come to an end: it {why}"), self.case)
    }

    fn unknown(&self, request: &Request) -> Diagnostic {
        Diagnostic::error(Code::F0508, format!("the catalogue has no operation `{}`", request.operation), self.case)
    }
}

impl Ran {
    fn sent(&mut self, node: &NodePath, request: &Arc<Request>) {
        if request.key.is_none() {
            return;
        }
        match self.calls.iter_mut().find(|call| call.node == *node && call.request.key == request.key) {
            Some(call) => call.attempts += 1,
            None => self.calls.push(Call { node: node.clone(), request: request.clone(), attempts: 1, adopted: false }),
        }
    }

    fn note(&mut self, entry: &Entry) {
        let Fact::Done { done, .. } = &entry.fact else { return };
        self.steps.insert(entry.node.to_string(), done.value.clone());
        if let Some(call) = self.calls.iter_mut().rfind(|call| call.node == entry.node) {
            call.adopted = done.adopted;
        }
        // Two of one code and title are one while the first is open.
        if let Some(alert) = &done.alert
            && !self.alerts.iter().any(|known| known.code == alert.code && known.title == alert.title)
        {
            self.alerts.push(alert.clone());
        }
    }
}

/// A row as the set gives it that it is the first write of.
fn in_set(path: &Text, row: Row) -> Row {
    let mut rows = Record::new();
    rows.set(path.clone(), row.value);
    Row { value: Value::Record(rows), ..row }
}

fn told(error: &StepError) -> RunError {
    RunError {
        class: error.class,
        code: error.code.to_string(),
        message: error.message.to_string(),
        hint: error.hint.as_ref().map(Text::to_string),
        status: error.status,
        step: None,
        position: error.place.clone(),
        body: None,
    }
}
