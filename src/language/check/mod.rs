//! Tree → code: names, types, narrowing. Every finding of every file, no cascades: what has had a finding has no type
//! (`None`), and nothing more is said about what is built on it.
//!
//! - `files` loads a project's mappings into a [`Library`](super::Library), with `uses`, `typedefs`, `tables`, `scripts`
//!   and `standard`; `scope` and `resolve` are names and types
//! - `relate` says how types relate; `fit` puts a value where a type is wanted
//! - `expression`, `chain`, `branch`, `operator`, `record`, `call`, `builtin` compile what their names say
//! - `narrow` is what conditions establish; `slot` and `condition` compile the slots of flows
//!
//! It evaluates nothing and knows nothing of flows.

mod branch;
mod builtin;
mod call;
mod chain;
mod condition;
mod constant;
mod elsewhere;
mod expression;
mod files;
mod fit;
mod mismatch;
mod narrow;
mod operator;
mod record;
mod relate;
mod resolve;
mod routine;
mod scope;
mod scripts;
mod signature;
mod slot;
mod standard;
mod tables;
#[cfg(test)]
mod tests;
mod typedefs;
mod uses;

pub(super) use files::library;
pub(super) use relate::join;
pub use scope::FileScope;
pub(super) use standard::ALL as STANDARD;

use super::code::{Code, Op};
use super::types::Type;
use super::{Expression, Inputs, Library};
use crate::diagnostics::{Diagnostic, Span};
use crate::value::{Text, Value};
use scope::Names;
use std::rc::Rc;
use std::sync::Arc;

/// What a flow's slot sees beside the built-ins.
pub struct SlotScope<'a> {
    pub library: &'a Library,
    pub inputs: &'a Inputs<'a>,
    /// The flow's `use:` entries, resolved to paths from the project root (or `std:NAME`).
    pub uses: &'a [String],
    /// The slot's inputs in their order: `event`, `trigger`, `steps`, `run`, loop variables, `error`, `row`.
    pub variables: &'a [(Text, Type)],
    /// What a `when` of the step or of the case has established.
    pub facts: &'a [Fact],
}

/// Something that holds of a path, for narrowing: `steps.known` is not missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// `steps`, `known`: a variable and constant steps from it.
    pub path: Vec<Text>,
    /// `true`: is certainly there; `false`: is certainly missing.
    pub not_missing: Option<bool>,
    /// `true`: is certainly not null; `false`: is certainly null.
    pub not_null: Option<bool>,
}

/// A checked slot.
pub struct Checked {
    pub expression: Expression,
    /// What holds where a condition was true, and where it was false.
    pub when_true: Vec<Fact>,
    pub when_false: Vec<Fact>,
    /// Paths from variables that the expression reads (`steps.order.id` → `["steps", "order", "id"]`), for the graph's edges.
    pub reads: Vec<Vec<Text>>,
    /// Record written out or a mapping's call: fields that are assigned on every path, and on some path. `None` where
    /// the checker cannot tell (a value of type `any`, a variable: then the type's fields that may be missing count).
    pub assigns: Option<Assigned>,
}

/// Which fields of a result are always, and which ever, assigned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assigned {
    pub always: Vec<Text>,
    pub sometimes: Vec<Text>,
}

impl Assigned {
    /// What holds of a value that is one or the other.
    fn or(&self, other: &Assigned) -> Assigned {
        let always = self.always.iter().filter(|name| other.always.contains(name)).cloned().collect();
        let mut sometimes = self.sometimes.clone();
        sometimes.extend(other.sometimes.iter().filter(|name| !self.sometimes.contains(name)).cloned());
        Assigned { always, sometimes }
    }
}

/// A compiled expression with what is known of its value.
struct Typed {
    code: Code,
    ty: Type,
    /// What holds where this condition is true, and where it is false.
    when_true: Vec<Fact>,
    when_false: Vec<Fact>,
    assigned: Option<Assigned>,
    /// All values it can have, where they are known: a constant's, a table's.
    values: Option<Arc<Vec<Value>>>,
}

impl Typed {
    fn new(op: Op, span: Span, ty: Type) -> Typed {
        let code = Code::new(op, span);
        Typed { code, ty, when_true: vec![], when_false: vec![], assigned: None, values: None }
    }

    fn span(&self) -> Span {
        self.code.span
    }
}

/// A type that is wanted of a value, and for what: it reaches into every branch.
#[derive(Clone)]
struct Want {
    ty: Type,
    /// Who wants it, as a message begins: "`CurrencyCode`", "argument `amount` of `money`".
    what: Rc<str>,
    /// A field of a body that is written to a system: null means "clear" there, and texts are checked against options.
    writing: bool,
    /// A field of a record that is written out: a constant text is read as the date or time that is wanted.
    target: bool,
    /// A key, or a part of one: what comes out with nothing is judged when the step runs (`blank_key`).
    key: bool,
    /// Its type stands in the project's own text, where it could be another.
    declared: bool,
}

impl Want {
    fn new(ty: Type, what: impl Into<Rc<str>>) -> Want {
        Want { ty, what: what.into(), writing: false, target: false, key: false, declared: false }
    }

    /// The same of what is declared with its type: a parameter, a result, a `let`.
    fn declared(ty: &Type, what: impl Into<Rc<str>>) -> Want {
        Want { declared: true, ..Want::new(ty.clone(), what) }
    }

    /// The same want of a part.
    fn part(&self, ty: Type) -> Want {
        Want { ty, ..self.clone() }
    }
}

/// A name of a body: parameter, `let`, loop variable, or what a slot gives.
struct Variable {
    name: Text,
    slot: usize,
    /// `None` after a finding.
    ty: Option<Type>,
    span: Span,
    origin: Origin,
    used: bool,
    assigned: Option<Assigned>,
}

#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// Given to a slot.
    Input,
    Parameter,
    Let,
    Loop,
    /// `error` of a `catch`.
    Error,
}

/// Compiles one body or slot.
struct Checker<'a> {
    names: &'a Names<'a>,
    findings: Vec<Diagnostic>,
    variables: Vec<Variable>,
    facts: Vec<Fact>,
    /// Size of the frame so far.
    slots: usize,
    reads: Vec<Vec<Text>>,
    /// In `where` a `T?` stands where a T is wanted: it is checked when it runs.
    lenient: bool,
    /// In a table everything is a constant: texts are read as dates and times where those are wanted.
    constants: bool,
}

impl<'a> Checker<'a> {
    fn new(names: &'a Names<'a>) -> Checker<'a> {
        Checker {
            names,
            findings: vec![],
            variables: vec![],
            facts: vec![],
            slots: 0,
            reads: vec![],
            lenient: false,
            constants: false,
        }
    }

    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    fn has_errors(&self) -> bool {
        has_errors(&self.findings)
    }
}

fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|finding| finding.severity == crate::diagnostics::Severity::Error)
}

/// Why a constant does not fit what is known of its type.
pub(super) fn misfit_value(value: &Value, facts: &super::types::Facts) -> Option<String> {
    fit::misfit_value(value, facts, "this column", Span::default()).map(|finding| finding.message)
}

/// The one type of several values, `None` where they have none together.
pub fn one_type(types: &[Type]) -> Option<Type> {
    types.iter().try_fold(Type::never(), |one, other| relate::join(&one, other))
}
