//! Code → value, within limits. The one evaluator: pure, bounded, exact.

use super::Expression;
use super::functions::Prepared;
use crate::diagnostics::{Code, Span};
use crate::value::Value;

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

/// Why a built-in gave no value; the evaluator adds the place.
#[derive(Clone, Debug)]
pub struct Failure {
    pub code: ErrorCode,
    pub message: String,
}

/// A built-in's view of its call: arguments, lambdas, what was prepared.
pub struct Call<'c, 'e> {
    pub prepared: Option<&'c Prepared>,
    _evaluator: std::marker::PhantomData<&'e ()>,
}

impl Expression {
    /// Evaluates with the values of its inputs in their order.
    pub fn evaluate(&self, _inputs: &[Value], _context: &Context<'_>) -> Result<Value, EvalError> {
        unimplemented!()
    }
}
