//! What the engine asks of a connector: send a request, and look for what an earlier one did.
//!
//! A [`Request`] is complete: everything evaluated, nothing of the flow left in it, so that it can be written down,
//! sent, looked for and sent again as it was. Connectors deliberately know nothing of runs, retries and keys: they speak
//! to a system, say whether the work may have been done, and leave it to the engine what follows.

use crate::catalog::{self, Classified};
use crate::diagnostics::Code;
use crate::graph::{ErrorClass, Operation};
use crate::language::code::CompareOp;
use crate::language::types::Type;
use crate::store::Place;
use crate::value::paths::Paths;
use crate::value::{Text, Value};
use jiff::Timestamp;
use std::pin::Pin;
use std::time::Duration;

/// A system's side of the engine. Object-safe: the engine holds one for each connection.
pub trait Connector: Send + Sync {
    /// Sends the request. A timeout, a lost connection, an answer that cannot be read are outcomes, not panics; a wait
    /// for a rate limit, a free place or an open circuit happens before anything is sent.
    fn send<'a>(&'a self, request: &'a Request, attempt: &'a Attempt) -> Reply<'a, Outcome>;

    /// Asks what an earlier, uncertain attempt at exactly this request did: the operation's `find`.
    fn look<'a>(&'a self, request: &'a Request, attempt: &'a Attempt) -> Reply<'a, LookOutcome>;

    /// The key of a row that a person says this request has made, as [`Row::key`] would give it. `None`: it is no row of
    /// an entity, or does not hold its whole key.
    fn row_key(&self, request: &Request, attempt: &Attempt, row: &Value) -> Option<Text> {
        let _ = (request, attempt, row);
        None
    }

    /// The same after a refusal that says where the work stands already (`find.at`): `refusal` is its body.
    fn look_there<'a>(
        &'a self,
        request: &'a Request,
        attempt: &'a Attempt,
        refusal: &'a Value,
    ) -> Reply<'a, LookOutcome> {
        let _ = refusal;
        self.look(request, attempt)
    }
}

/// An answer, once it is there.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An operation with everything evaluated: what is written down before it is sent, and sent again unchanged.
#[derive(Clone, Debug)]
pub struct Request {
    /// `finops.create`.
    pub operation: Text,
    pub connection: Text,
    /// Entity set, where the operation has one.
    pub entity: Option<Text>,
    /// Parameters by name in the catalogue's order, without the body.
    pub params: Vec<(Text, Parameter)>,
    /// As it is written, already checked against the operation's type.
    pub body: Option<Value>,
    /// The idempotency key. Reads have none.
    pub key: Option<Text>,
    /// What tells our row from every other: columns of the body with their values.
    pub find_by: Vec<(Text, Value)>,
    /// `run.now` of the step.
    pub now: Timestamp,
}

/// A parameter's value.
#[derive(Clone, Debug)]
pub enum Parameter {
    Value(Value),
    Filter(EvaluatedFilter),
    Columns(Vec<Text>),
    /// The writes of a change set, in order.
    Writes(Vec<Write>),
}

/// One write of a change set. Has no key of its own: the whole set is one work.
#[derive(Clone, Debug)]
pub struct Write {
    /// `header`, `line/1`.
    pub path: Text,
    pub request: Request,
    /// Lookup columns with the place, from 0, of the write whose row they name.
    pub refer: Vec<(Text, usize)>,
}

impl Request {
    /// The writes, where it is a change set.
    pub fn writes(&self) -> &[Write] {
        let found = self.params.iter().find_map(|(_, param)| match param {
            Parameter::Writes(writes) => Some(writes.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }
}

/// A `where` with its values: what a connector renders as the system's own filter.
#[derive(Clone, Debug)]
pub enum EvaluatedFilter {
    And(Vec<EvaluatedFilter>),
    Or(Vec<EvaluatedFilter>),
    Not(Box<EvaluatedFilter>),
    Compare {
        column: EvaluatedColumn,
        op: CompareOp,
        value: Value,
    },
    /// An empty list finds nothing.
    In {
        column: EvaluatedColumn,
        values: Vec<Value>,
    },
    /// `contains`, `starts_with`, `ends_with`.
    Function {
        name: Text,
        column: EvaluatedColumn,
        args: Vec<Value>,
    },
}

/// A column, or a path below it. The type says how its values are written; a request read back from a journal has none
/// and writes each value by its kind.
#[derive(Clone, Debug)]
pub struct EvaluatedColumn {
    pub path: Vec<Text>,
    pub ty: Option<Type>,
}

/// What surrounds one sending or look.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The operation as the graph has it: its types say how values are written and answers read.
    pub operation: &'a Operation,
    /// From 1, within the key.
    pub number: u32,
    /// The step's `timeout`; `None`: the connection's.
    pub timeout: Option<Duration>,
}

/// What became of a sending.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The work is done; `row.value` is what the step gives.
    Done(Row),
    /// A read found nothing; the error is the step's where `on_missing` does not let it go on.
    Missing(StepError),
    /// It failed.
    Failed(StepError),
    /// Nothing was sent: the circuit is open until then. No attempt.
    Held { until: Timestamp, error: StepError },
}

/// What looking found.
#[derive(Clone, Debug)]
pub enum LookOutcome {
    /// The rows that answer to the request, done ones only; none: the work was not done.
    Found(Vec<Row>),
    /// It could not be asked.
    Failed(StepError),
}

/// The code of a look that cannot be made: only a refusal would say where the work stands, and there is none.
pub const NO_LOOK: &str = "no_look";

/// The parameter with the link by which only what has changed is asked for. No flow writes it: whoever polls does.
pub const SINCE: &str = "since";
/// The code of a link that the system remembers no more.
pub const LINK_EXPIRED: &str = "link_expired";

/// A row of a system, or an answer without one.
#[derive(Clone, Debug)]
pub struct Row {
    /// What the step gives: typed as the operation's result.
    pub value: Value,
    /// The row's whole key as canonical text, where the work is a row of an entity.
    pub key: Option<Text>,
    /// The answer's HTTP status.
    pub status: Option<u16>,
}

impl Row {
    /// An answer that is no row.
    pub fn value(value: Value) -> Row {
        Row { value, key: None, status: None }
    }
}

/// Why a step, or an attempt at it, failed: one shape for what providers answer and what expressions give.
#[derive(Clone, Debug, PartialEq)]
pub struct StepError {
    pub class: ErrorClass,
    /// The provider's code, or ours.
    pub code: Text,
    pub message: Text,
    /// What to do about it, from the catalogue.
    pub hint: Option<Text>,
    pub status: Option<u16>,
    /// The provider's body, masked; no JSON: its beginning as text.
    pub body: Option<Value>,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
    /// Nothing before this: the circuit's next probe.
    pub not_before: Option<Timestamp>,
    pub sent: Sent,
    /// What the catalogue's `is:` says of this code.
    pub is: Option<Is>,
    /// Where in the flow's files it happened.
    pub place: Option<Place>,
}

/// How far an attempt that failed may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It went out, or may have. With `unavailable` and `timeout` the work may be done.
    Perhaps,
    /// It never left, or the catalogue says that this answer undoes the work.
    Undone,
}

/// What an error says of the work, where it says more than "refused".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// The work exists: a look gives the result.
    Done,
    /// It may exist: a look and a comparison tell.
    MaybeDone,
}

impl StepError {
    pub fn new(class: ErrorClass, code: impl Into<Text>, message: impl Into<Text>) -> StepError {
        StepError {
            class,
            code: code.into(),
            message: message.into(),
            hint: None,
            status: None,
            body: None,
            retry_after: None,
            not_before: None,
            sent: Sent::Perhaps,
            is: None,
            place: None,
        }
    }

    /// An answer that is no success, as the catalogue understood it.
    pub fn refused(understood: Classified, status: u16, body: Option<Value>) -> StepError {
        let Classified { class, code, message, hint, wait, is, undone, stored, .. } = understood;
        let mut error = StepError::new(class, code, message);
        error.hint = hint.map(Text::from);
        error.status = Some(status);
        error.body = body;
        error.retry_after = wait;
        error.sent = if undone { Sent::Undone } else { Sent::Perhaps };
        error.is = match is {
            catalog::Is::None => None,
            catalog::Is::Done => Some(Is::Done),
            catalog::Is::MaybeDone => Some(Is::MaybeDone),
        };
        if stored && error.leaves_open() {
            // The same key would bring the same stored answer for ever: only a look, or a person, can tell.
            error.is = error.is.or(Some(Is::MaybeDone));
            error.not_before = Some(Timestamp::MAX);
            error.hint = Some("this is the stored answer to the first try: a repeat would only bring it again".into());
        }
        error
    }

    /// A mistake in what came in or was made of it.
    pub fn data(code: impl Into<Text>, message: impl Into<Text>) -> StepError {
        StepError::new(ErrorClass::Data, code, message)
    }

    /// The same with the page that explains it.
    pub fn explained(mut self, page: Code) -> StepError {
        self.hint = Some(format!("flowctl explain {page}").into());
        self
    }

    /// The same at a place in the flow's files.
    pub fn at(mut self, place: Option<Place>) -> StepError {
        self.place = place;
        self
    }

    /// Whether waiting may help.
    pub fn is_passing(&self) -> bool {
        use ErrorClass::*;
        matches!(self.class, Auth | Throttled | Unavailable | Timeout)
    }

    /// Whether a write that failed so may have been done all the same.
    pub fn leaves_open(&self) -> bool {
        matches!(self.class, ErrorClass::Unavailable | ErrorClass::Timeout) && self.sent == Sent::Perhaps
    }
}

impl Outcome {
    /// The same without what a project drops.
    pub fn without(self, drop: &Paths) -> Outcome {
        match self {
            outcome if drop.is_empty() => outcome,
            Outcome::Done(row) => Outcome::Done(row.without(drop)),
            Outcome::Missing(error) => Outcome::Missing(error.without(drop)),
            Outcome::Failed(error) => Outcome::Failed(error.without(drop)),
            held @ Outcome::Held { .. } => held,
        }
    }
}

impl LookOutcome {
    /// The same without what a project drops.
    pub fn without(self, drop: &Paths) -> LookOutcome {
        match self {
            outcome if drop.is_empty() => outcome,
            LookOutcome::Found(rows) => LookOutcome::Found(rows.into_iter().map(|row| row.without(drop)).collect()),
            LookOutcome::Failed(error) => LookOutcome::Failed(error.without(drop)),
        }
    }
}

impl Row {
    /// Paths begin at the row; at each of several.
    fn without(self, drop: &Paths) -> Row {
        let value = match &self.value {
            Value::List(rows) => rows.iter().map(|row| drop.without(row)).collect(),
            value => drop.without(value),
        };
        Row { value, ..self }
    }
}

impl StepError {
    fn without(self, drop: &Paths) -> StepError {
        StepError { body: self.body.as_ref().map(|body| drop.without(body)), ..self }
    }
}
