//! Where a payload is not what its type says. A run meets only what it reads; a person wants to know all of it.
//!
//! What is absent is no misfit: a payload in one's hands is often shortened, and a run says so where it matters.

use super::Step;
use crate::language::evaluate::see::see;
use crate::language::types::{Kind, Type};
use crate::value::Value;

/// A part of a payload that its type does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub path: Vec<Step>,
    /// Goes on from its name: ` is text "12", expected int`.
    pub message: String,
}

/// All of them, in the payload's order.
pub fn misfits(value: &Value, ty: &Type) -> Vec<Misfit> {
    let (mut found, mut path) = (vec![], vec![]);
    walk(value, ty, &mut path, &mut found);
    found
}

fn walk(value: &Value, ty: &Type, path: &mut Vec<Step>, found: &mut Vec<Misfit>) {
    match (&ty.kind, value) {
        (Kind::List(element), Value::List(items)) => {
            for (n, item) in items.iter().enumerate() {
                below(Step::Index(n), item, element, path, found);
            }
        }
        (Kind::Map(inner), Value::Record(record)) => {
            for (name, value) in record.iter() {
                below(Step::Key(name.clone()), value, inner, path, found);
            }
        }
        (Kind::Record(wanted), Value::Record(record)) => {
            for (name, value) in record.iter() {
                if let Some(field) = wanted.fields.get(name) {
                    below(Step::Field(name.clone()), value, &field.ty, path, found);
                }
            }
        }
        _ => {
            if let Err(misfit) = see(value, ty) {
                found.push(Misfit { path: path.clone(), message: misfit.message });
            }
        }
    }
}

fn below(step: Step, value: &Value, ty: &Type, path: &mut Vec<Step>, found: &mut Vec<Misfit>) {
    path.push(step);
    walk(value, ty, path, found);
    path.pop();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::types::RecordType;
    use crate::value::json;

    #[test]
    fn every_misfit_has_its_path() {
        let line = Type::record(RecordType::shape([("price", Type::decimal()), ("day", Type::date())]));
        let ty = Type::record(RecordType::shape([("lines", Type::list(line)), ("id", Type::text())]));
        let read = |text: &str| json::parse(text.as_bytes()).unwrap();
        let found = misfits(&read(r#"{"id":7,"lines":[{"price":1},{"price":"1","day":"soon"}],"more":[]}"#), &ty);
        let shown: Vec<String> = found
            .iter()
            .map(|one| format!("{}{}", one.path.iter().map(Step::to_string).collect::<String>(), one.message))
            .collect();
        assert_eq!(
            shown,
            [
                ".id is number 7, expected text",
                ".lines[1].price is text \"1\", expected decimal",
                ".lines[1].day is text \"soon\", expected a date"
            ]
        );
        assert_eq!(misfits(&read(r#"{"id":null}"#), &ty), []);
        assert_eq!(misfits(&read("[]"), &ty).len(), 1);
    }
}
