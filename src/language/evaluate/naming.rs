//! How messages name an expression, and the place of a step.

use super::machine::Machine;
use super::see;
use crate::diagnostics::Span;
use crate::language::code::{Code, Op};
use crate::value::Value;

impl<W> Machine<'_, '_, W> {
    /// How a message names an expression: its path where it is one.
    pub(super) fn what(&self, code: &Code) -> String {
        match self.path(code) {
            path if path.is_empty() || path.starts_with(['.', '[']) => match &code.op {
                Op::Field { name, .. } => format!("`{name}`"),
                _ => "this".into(),
            },
            path => format!("`{path}`"),
        }
    }

    /// The path that an expression is, as far as names are known: `charge.amount`, `lines[0].price`.
    pub(super) fn path(&self, code: &Code) -> String {
        match &code.op {
            Op::Local(slot) => self.routine.params.get(*slot).map_or(String::new(), |(name, _)| name.to_string()),
            Op::Settings => "settings".into(),
            Op::Field { base, name, .. } => match self.path(base) {
                base if base.is_empty() => name.to_string(),
                base => format!("{base}.{name}"),
            },
            Op::Index { base, index, .. } => {
                let index = match &index.op {
                    Op::Const(value) => describe_constant(value),
                    _ => "…".into(),
                };
                format!("{}[{index}]", self.path(base))
            }
            Op::Chain(inner) | Op::Maybe(inner) | Op::View { value: inner, .. } => self.path(inner),
            Op::Call { routine, .. } => format!("{}(…)", self.program.routines[*routine].name),
            Op::Builtin { function, .. } => format!("{}(…)", function.name),
            Op::Table { table, .. } => format!("{}[…]", self.program.tables[*table].name),
            _ => String::new(),
        }
    }
}

/// Where the step of `code` stands: behind its base.
pub(super) fn step_span(code: &Code) -> Span {
    match &code.op {
        Op::Field { base, .. } | Op::Index { base, .. } => dot(code, base),
        _ => code.span,
    }
}

pub(super) fn dot(code: &Code, base: &Code) -> Span {
    if base.span.file == code.span.file && base.span.end < code.span.end && base.span.start >= code.span.start {
        Span { start: base.span.end, ..code.span }
    } else {
        code.span
    }
}

fn describe_constant(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{text}\""),
        other => see::written(other).unwrap_or_default(),
    }
}
