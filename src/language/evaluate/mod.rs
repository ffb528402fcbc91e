//! Code → value, within limits. The one evaluator: pure, bounded, exact.
//!
//! - [`machine`] runs the operations on frames of slots: [`steps`] into values, [`decide`], what they [`build`], what they
//!   [`invoke`]; [`naming`] is how messages name them
//! - [`peek`] the short way along a path
//! - [`quantity`] trees of arithmetic, in fractions
//! - [`see`] a value as its declared type: what is checked and converted when it is read
//! - [`fields`] a record as it is written out
//! - [`call`] what a built-in sees of its call
//! - [`witness`] who looks on; [`watch`] what if something else were taken
//!
//! It does no I/O, reads no clock and knows nothing of flows. Invariants: every failure carries its place; a limit is an
//! error and never caught; nothing here rounds.

mod build;
mod call;
mod decide;
mod fields;
mod invoke;
mod machine;
mod naming;
mod peek;
mod quantity;
pub(super) mod see;
mod steps;
#[cfg(test)]
mod tests;
pub(super) mod watch;
mod witness;

use super::Expression;
use crate::diagnostics::{Code, Span};
use crate::value::{NumberError, Value, time};
use machine::Machine;
use std::cmp::Ordering;

pub use call::Call;
pub use quantity::Quantity;
pub(super) use see::{describe, quote, written};
pub use watch::{Instead, Role, Unit, Watch, units};
pub use witness::{Bound, Witness};

/// `==` of two values.
pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, Failure> {
    quantity::same(a, b)
}

/// `<` of two values.
pub(super) fn order(a: &Value, b: &Value) -> Result<Ordering, Failure> {
    quantity::rank(a, b)
}

/// How much an evaluation may use. All are settings.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Depth of data.
    pub nesting: usize,
    /// Calls and rounds of `for` and lambdas.
    pub steps: u64,
    /// Bytes of the result as JSON.
    pub output: usize,
    /// Bytes of one text.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { nesting: 128, steps: 1_000_000, output: 16 << 20, text: 1 << 20 }
    }
}

/// What an evaluation sees beside its inputs.
pub struct Context<'a> {
    /// A record.
    pub settings: &'a Value,
    pub limits: &'a Limits,
}

/// The closed set of `error.code` at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    Absent,
    Type,
    Value,
    Number,
    NoRow,
    Failed,
    Script,
    Limit,
}

impl ErrorCode {
    /// As `error.code` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Absent => "absent",
            ErrorCode::Type => "type",
            ErrorCode::Value => "value",
            ErrorCode::Number => "number",
            ErrorCode::NoRow => "no_row",
            ErrorCode::Failed => "failed",
            ErrorCode::Script => "script",
            ErrorCode::Limit => "limit",
        }
    }

    /// The number that `flowctl explain` knows.
    pub fn number(self) -> Code {
        match self {
            ErrorCode::Absent => Code::F1001,
            ErrorCode::Type => Code::F1002,
            ErrorCode::Value => Code::F1003,
            ErrorCode::Number => Code::F1004,
            ErrorCode::NoRow => Code::F1005,
            ErrorCode::Failed => Code::F1006,
            ErrorCode::Script => Code::F1007,
            ErrorCode::Limit => Code::F1008,
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an evaluation gave no value. Its class is `data`.
#[derive(Clone, Debug)]
pub struct EvalError {
    pub code: ErrorCode,
    /// The F1xxx number.
    pub number: Code,
    /// What was got and expected, and what to do. Never the payload's values beyond a short excerpt.
    pub message: String,
    pub span: Span,
    /// Where the failing fn or mapping was called, innermost first.
    pub trace: Vec<Span>,
}

impl EvalError {
    fn new(code: ErrorCode, message: impl Into<String>, span: Span) -> EvalError {
        EvalError { code, number: code.number(), message: message.into(), span, trace: vec![] }
    }
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

/// Why a built-in gave no value; the evaluator adds the place. One word, so that a result is no larger than its value.
#[derive(Clone, Debug)]
pub struct Failure(Box<Reason>);

#[derive(Clone, Debug)]
pub struct Reason {
    pub code: ErrorCode,
    pub message: String,
    /// An error that has its place already: of a lambda, or of an argument.
    placed: Option<EvalError>,
}

impl Failure {
    #[cold]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Failure {
        Failure(Box::new(Reason { code, message: message.into(), placed: None }))
    }

    /// A kind that does not fit.
    pub fn kind(message: impl Into<String>) -> Failure {
        Failure::new(ErrorCode::Type, message)
    }

    /// The right kind with an unfit value.
    pub fn value(message: impl Into<String>) -> Failure {
        Failure::new(ErrorCode::Value, message)
    }
}

impl std::ops::Deref for Failure {
    type Target = Reason;
    fn deref(&self) -> &Reason {
        &self.0
    }
}

impl From<EvalError> for Failure {
    #[cold]
    fn from(error: EvalError) -> Failure {
        Failure(Box::new(Reason { code: error.code, message: error.message.clone(), placed: Some(error) }))
    }
}

impl From<NumberError> for Failure {
    fn from(error: NumberError) -> Failure {
        use NumberError::*;
        let code = match error {
            TooLarge | TooManyZeros(_) | NotExact | ByZero | MoreDecimals { .. } => ErrorCode::Number,
            NotANumber(_) | NoMinorUnit(_) | TwoCurrencies(..) | Weights(_) => ErrorCode::Value,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<time::YearError> for Failure {
    fn from(error: time::YearError) -> Failure {
        Failure::value(error.to_string())
    }
}

impl Expression {
    /// Evaluates with the values of its inputs in their order.
    pub fn evaluate(&self, inputs: &[Value], context: &Context<'_>) -> Result<Value, EvalError> {
        match self.program.watch.get() {
            None => Machine::run(self, inputs, context, &mut ()),
            Some(watch) => watch.evaluate(self, inputs, context),
        }
    }
}
