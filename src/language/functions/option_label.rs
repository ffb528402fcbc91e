//! `option_label`: what people call a value of an option set; and the option sets that it shares with `option_value`.

use super::{Area, Call, Example, Failure, Function, Prepared, Value, give};
use crate::diagnostics::did_you_mean;
use crate::language::evaluate::ErrorCode;
use crate::language::types::{Facts, Kind, Type, TypeSource};
use crate::value::{Number, Text};
use std::sync::Arc;

pub static FUNCTION: Function = Function {
    name: "option_label",
    area: Area::Records,
    signatures: &["(column: const text, value: int) -> text", "(column: const text, value: text) -> text"],
    summary: "What people call a value of a column's option set.",
    doc: "The column is named by its type: `SYSTEM.TABLE.COLUMN`, the project's own columns among them (`x-options` of its types). A value that the set does not list is a `data` error (`no_row`): option sets grow.",
    examples: &[
        Example { source: "option_label(\"dataverse.incidents.prioritycode\", 1)", result: "\"High\"" },
        Example { source: "option_label(\"dataverse.incidents.prioritycode\", int(2.0))", result: "\"Normal\"" },
        Example { source: "option_label(\"dataverse.incidents.prioritycode\", int(7.0)) catch \"?\"", result: "\"?\"" },
        Example {
            source: "option_label(\"dataverse.incidents.prioritycode\", int(7.0))",
            result: "error no_row",
        },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let value = call.value(1)?;
    let Some(set) = call.prepared::<Options>() else { return Err(Failure::kind(WRITTEN_OUT)) };
    let found = set.entries.iter().find(|(known, _)| *known == value);
    found.map(|(_, label)| Value::Text(label.clone())).ok_or_else(|| set.unlisted(&value))
}

pub(super) const WRITTEN_OUT: &str = "the column must be a constant text";

/// An option set: its values with their labels.
pub struct Options {
    column: Text,
    pub(super) entries: Vec<(Value, Text)>,
}

impl Options {
    /// The set that a call names, and the type of what `option_value` gives, while compiling. A constant value or label has
    /// to be one of it.
    pub fn of(
        function: &Function,
        source: &dyn TypeSource,
        types: &[Type],
        constants: &[Option<Value>],
    ) -> Result<(Prepared, Option<Type>), (usize, String)> {
        let Some(Some(Value::Text(column))) = constants.first() else { return Err((0, WRITTEN_OUT.to_owned())) };
        let ty = source.payload(column).ok_or_else(|| (0, unknown(source, column)))?;
        let labelled = |facts: &Arc<Facts>| facts.options.iter().any(|(_, label)| label.is_some());
        let Some(facts) = ty.facts.as_ref().filter(|facts| labelled(facts)) else {
            return Err((0, format!("nothing is known of labels of `{column}`")));
        };
        let entries = facts.options.iter().filter_map(|(value, label)| {
            let value = match ty.kind {
                Kind::Int => Value::Number(Number::from_json(value.clone())),
                _ => Value::Text(value.clone()),
            };
            Some((value, label.clone()?))
        });
        let set = Options { column: column.clone(), entries: entries.collect() };
        let by_label = std::ptr::eq(function, &super::option_value::FUNCTION);
        if let (false, Some(given)) = (by_label, types.get(1))
            && !matches!(&given.kind, kind if *kind == ty.kind || *kind == Kind::Any)
        {
            return Err((1, format!("`{column}` is {}", ty.kind_name())));
        }
        match constants.get(1) {
            Some(Some(Value::Text(label))) if by_label => drop(set.value(label).map_err(|why| (1, why))?),
            Some(Some(value)) if !by_label && set.entries.iter().all(|(known, _)| known != value) => {
                return Err((1, set.unlisted_words(value)));
            }
            _ => {}
        }
        Ok((Arc::new(set), by_label.then_some(ty)))
    }

    /// The one value with that label.
    pub(super) fn value(&self, label: &str) -> Result<Value, String> {
        let mut found = self.entries.iter().filter(|(_, known)| known.as_str() == label).map(|(value, _)| value);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value.clone()),
            (Some(one), Some(other)) => {
                let (one, other) = (shown(one), shown(other));
                Err(format!("`{}` has two options called {label:?}, {one} and {other}: write the value", self.column))
            }
            (None, _) => {
                let near = did_you_mean(label, self.entries.iter().map(|(_, known)| known.as_str()));
                let near = near.map(|near| format!(": did you mean {near:?}?")).unwrap_or_default();
                Err(format!("`{}` has no option {label:?}{near}", self.column))
            }
        }
    }

    fn unlisted_words(&self, value: &Value) -> String {
        format!("`{}` has no option {}", self.column, shown(value))
    }

    fn unlisted(&self, value: &Value) -> Failure {
        Failure::new(ErrorCode::NoRow, self.unlisted_words(value))
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.canonical(),
        Value::Text(text) => format!("{:?}", text.as_str()),
        other => other.kind().to_string(),
    }
}

/// What to say of a column that nobody knows.
fn unknown(source: &dyn TypeSource, column: &str) -> String {
    let names: Vec<String> = match column.rsplit_once('.').and_then(|(table, _)| Some((table, source.payload(table)?))) {
        Some((table, ty)) => {
            let fields = ty.fields().into_iter().flat_map(|record| record.fields.keys());
            fields.map(|field| format!("{table}.{field}")).collect()
        }
        None => source.payload_names(),
    };
    match did_you_mean(column, names.iter().map(String::as_str)) {
        Some(near) => format!("there is no column `{column}`: did you mean `{near}`?"),
        None => format!("there is no column `{column}`: it is written SYSTEM.TABLE.COLUMN"),
    }
}
