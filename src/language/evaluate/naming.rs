//! How messages name an expression, and the place of a step.

use super::machine::Machine;
use super::see;
use crate::diagnostics::Span;
use crate::language::code::{Code, Op};
use crate::value::{Record, Value};

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

/// What there is where a step found nothing: the names of the record, those like its own first. Never a value.
pub(super) fn instead(code: &Code, base: &Value) -> String {
    let wanted = match &code.op {
        Op::Field { name, .. } => &**name,
        Op::Index { index, .. } => match &index.op {
            Op::Const(Value::Text(key)) => key,
            _ => "",
        },
        _ => "",
    };
    match base {
        Value::Record(record) if record.is_empty() => ": the record is empty".into(),
        Value::Record(record) => format!(": there is {}", names(record, wanted)),
        Value::List(_) if is_negative(code) => ": positions count from 0, and `xs.last()` is the last element".into(),
        Value::List(items) => match items.len() {
            0 => ": the list is empty".into(),
            1 => ": the list has 1 element".into(),
            n => format!(": the list has {n} elements"),
        },
        _ => String::new(),
    }
}

fn is_negative(code: &Code) -> bool {
    let Op::Index { index, .. } = &code.op else { return false };
    matches!(&index.op, Op::Const(Value::Number(number)) if number.written().starts_with('-'))
}

/// At most eight names. Of a huge record only the first are looked at, and only those about as long: a mapping may meet
/// this error a million times and `catch` it.
fn names(record: &Record, wanted: &str) -> String {
    const SHOWN: usize = 8;
    const LOOKED_AT: usize = 256;
    let wanted = wanted.to_lowercase();
    let distance = |name: &str| match name.len().abs_diff(wanted.len()) {
        0..=3 => Some(strsim::damerau_levenshtein(&name.to_lowercase(), &wanted)),
        _ => None,
    };
    let near = |name: &str| distance(name).filter(|far| *far <= 1 + wanted.len() / 3).unwrap_or(usize::MAX);
    let mut names: Vec<&str> = record.iter().map(|(name, _)| &**name).take(LOOKED_AT).collect();
    names.sort_by_cached_key(|name| near(name));
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{}`", see::shorten(name, 40))).collect();
    match record.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn describe_constant(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{text}\""),
        other => see::written(other).unwrap_or_default(),
    }
}
