//! OData as the systems of the catalogue read it: literals, keys and filters as texts.
//!
//! Texts are written before percent-encoding, except keys: those stand in a path, where each value is encoded by
//! itself. A value never widens what is asked for: its quotes are doubled, and a `*`, which Finance & Operations takes
//! for "anything", is compared by order instead.

use crate::catalog::{EnumForm, FilterRules};
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, StepError};
use crate::language::code::CompareOp;
use crate::language::types::{Form, Kind, Type};
use crate::value::{NumberError, Value, time};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but what RFC 3986 calls unreserved.
pub const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the enumerations of Finance & Operations live.
const ENUMS: &str = "Microsoft.Dynamics.DataEntities";

/// How F&O stores "no date".
const NO_DATE: [&str; 2] = ["1900-01-01T00:00:00Z", "1900-01-01T12:00:00Z"];

/// The types of an entity's columns, as far as they are known.
pub type ColumnTypes<'t> = &'t dyn Fn(&str) -> Option<Type>;

/// `dataAreaId='usmf',LineNumber=1`, encoded for a path.
pub fn key(columns: &[(String, Value)], types: ColumnTypes<'_>) -> Result<String, StepError> {
    let parts = columns.iter().map(|(column, value)| {
        if value.is_absent() {
            return Err(StepError::data("blank_key", format!("the key has no value for `{column}`")));
        }
        let literal = literal(column, value, types(column).as_ref(), EnumForm::Typed)?;
        let encoded = match literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(text) => format!("'{}'", utf8_percent_encode(text, SEGMENT)),
            None => literal,
        };
        Ok(format!("{column}={encoded}"))
    });
    Ok(parts.collect::<Result<Vec<_>, StepError>>()?.join(","))
}

/// A row named by its own key: one GUID stands alone, anything else with its column's name.
pub fn row(columns: &[(String, Value)], types: ColumnTypes<'_>) -> Result<String, StepError> {
    if let [(column, value)] = columns
        && is_guid(types(column).as_ref())
        && !value.is_absent()
    {
        return literal(column, value, types(column).as_ref(), EnumForm::Text);
    }
    key(columns, types)
}

fn is_guid(ty: Option<&Type>) -> bool {
    ty.and_then(|ty| ty.facts.as_deref()).is_some_and(|facts| facts.form == Some(Form::Guid))
}

/// The value as it stands in a filter or key, by its column's type; without one, by its own kind.
pub fn literal(column: &str, value: &Value, ty: Option<&Type>, enums: EnumForm) -> Result<String, StepError> {
    let facts = ty.and_then(|ty| ty.facts.as_deref());
    let noon = facts.and_then(|facts| facts.form) == Some(Form::Noon);
    let kind = ty.map(|ty| &ty.kind);
    let refuse =
        |why: &str| StepError::data("filter_value", format!("{why}; it is compared with the column `{column}`"));
    let date = |date| {
        let day = time::write_date(date).map_err(|why| refuse(&why.to_string()))?;
        Ok::<_, StepError>(if noon { format!("{day}T12:00:00Z") } else { day })
    };
    let at = |at| time::write_time(at).map_err(|why| refuse(&why.to_string()));
    let number = |written: Result<String, NumberError>| written.map_err(|why| refuse(&why.to_string()));
    let unfit = || {
        let message = format!("{} cannot be compared with the column `{column}`", value.kind());
        Err(StepError::data("filter_value", message))
    };
    Ok(match value {
        Value::Text(text) => match kind {
            Some(Kind::Date) => match time::parse_date(text) {
                Some(day) => date(day)?,
                None => return unfit(),
            },
            Some(Kind::Time) => match time::parse_time(text) {
                Some(instant) => at(instant)?,
                None => return unfit(),
            },
            _ if is_guid(ty) => match uuid::Uuid::try_parse(text) {
                Ok(guid) => guid.hyphenated().to_string(),
                Err(_) => {
                    return Err(StepError::data("filter_value", format!("`{column}` is a GUID, and this is none")));
                }
            },
            _ => match facts.and_then(|facts| facts.enum_name.as_ref()).filter(|_| enums == EnumForm::Typed) {
                Some(name) => format!("{ENUMS}.{name}'{}'", text.replace('\'', "''")),
                None => format!("'{}'", text.replace('\'', "''")),
            },
        },
        Value::Number(int) if kind == Some(&Kind::Int) => number(int.shortest())?,
        Value::Number(decimal) => number(decimal.plain().map(|text| text.into_owned()))?,
        Value::Bool(value) => value.to_string(),
        Value::Date(day) => date(*day)?,
        Value::Time(instant) => at(*instant)?,
        Value::Missing | Value::Null => "null".into(),
        Value::Local(_) | Value::Money(_) | Value::List(_) | Value::Record(_) => return unfit(),
    })
}

/// A filter that can be fulfilled, in the parts that have to be asked for one by one: where a list is longer than the
/// system takes, each part has a piece of it, so that no row is in two. Nothing: no row can meet it.
pub fn parts(filter: &EvaluatedFilter, rules: &FilterRules) -> Result<Vec<EvaluatedFilter>, StepError> {
    match simplify(filter) {
        Simple::Never => Ok(vec![]),
        Simple::Always => Ok(vec![EvaluatedFilter::And(vec![])]),
        Simple::Filter(filter) => split(filter, rules.within.map_or(usize::MAX, |rule| rule.at_most.max(1))),
    }
}

enum Simple {
    Never,
    Always,
    Filter(EvaluatedFilter),
}

/// Without empty and repeated lists.
fn simplify(filter: &EvaluatedFilter) -> Simple {
    match filter {
        EvaluatedFilter::And(inner) => {
            let mut kept = vec![];
            for part in inner {
                match simplify(part) {
                    Simple::Never => return Simple::Never,
                    Simple::Always => {}
                    Simple::Filter(part) => kept.push(part),
                }
            }
            if kept.is_empty() { Simple::Always } else { Simple::Filter(EvaluatedFilter::And(kept)) }
        }
        EvaluatedFilter::Or(inner) => {
            let mut kept = vec![];
            for part in inner {
                match simplify(part) {
                    Simple::Never => {}
                    Simple::Always => return Simple::Always,
                    Simple::Filter(part) => kept.push(part),
                }
            }
            if kept.is_empty() { Simple::Never } else { Simple::Filter(EvaluatedFilter::Or(kept)) }
        }
        EvaluatedFilter::Not(inner) => match simplify(inner) {
            Simple::Never => Simple::Always,
            Simple::Always => Simple::Never,
            Simple::Filter(inner) => Simple::Filter(EvaluatedFilter::Not(Box::new(inner))),
        },
        EvaluatedFilter::In { column, values } => {
            let mut seen = std::collections::HashSet::new();
            let values: Vec<Value> = values.iter().filter(|value| seen.insert(identity(value))).cloned().collect();
            if values.is_empty() {
                return Simple::Never;
            }
            Simple::Filter(EvaluatedFilter::In { column: column.clone(), values })
        }
        other => Simple::Filter(other.clone()),
    }
}

/// Two values with one identity are one to the system: its databases compare texts without regard to case.
fn identity(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("t{}", text.to_lowercase()),
        Value::Number(number) => format!("n{}", number.canonical()),
        other => format!("{other:?}"),
    }
}

/// The pieces of long lists. They can be taken apart where the rest of the filter is joined to them by `and`.
fn split(filter: EvaluatedFilter, at_most: usize) -> Result<Vec<EvaluatedFilter>, StepError> {
    match filter {
        EvaluatedFilter::In { column, values } if values.len() > at_most => Ok(values
            .chunks(at_most)
            .map(|piece| EvaluatedFilter::In { column: column.clone(), values: piece.to_vec() })
            .collect()),
        EvaluatedFilter::And(inner) => {
            let mut whole = vec![vec![]];
            for part in inner {
                let pieces = split(part, at_most)?;
                let joined = whole.iter().flat_map(|begun: &Vec<EvaluatedFilter>| {
                    pieces.iter().map(|piece| begun.iter().cloned().chain([piece.clone()]).collect())
                });
                whole = joined.collect();
            }
            Ok(whole.into_iter().map(EvaluatedFilter::And).collect())
        }
        other if longest_list(&other) > at_most => {
            let message = format!("a list in `or` and `not` can have at most {at_most} values here");
            Err(StepError::data("too_many_values", message))
        }
        other => Ok(vec![other]),
    }
}

fn longest_list(filter: &EvaluatedFilter) -> usize {
    match filter {
        EvaluatedFilter::And(inner) | EvaluatedFilter::Or(inner) => inner.iter().map(longest_list).max().unwrap_or(0),
        EvaluatedFilter::Not(inner) => longest_list(inner),
        EvaluatedFilter::In { values, .. } => values.len(),
        EvaluatedFilter::Compare { .. } | EvaluatedFilter::Function { .. } => 0,
    }
}

/// The text of `$filter`; empty where everything meets it.
pub fn filter(filter: &EvaluatedFilter, rules: &FilterRules, types: ColumnTypes<'_>) -> Result<String, StepError> {
    Writer { rules, types }.filter(filter)
}

struct Writer<'w> {
    rules: &'w FilterRules,
    types: ColumnTypes<'w>,
}

impl Writer<'_> {
    fn filter(&self, filter: &EvaluatedFilter) -> Result<String, StepError> {
        match filter {
            EvaluatedFilter::And(parts) => self.joined(parts, " and "),
            EvaluatedFilter::Or(parts) => self.joined(parts, " or "),
            EvaluatedFilter::Not(inner) => Ok(format!("not ({})", self.filter(inner)?)),
            EvaluatedFilter::Compare { column, op, value } => self.compare(column, *op, value),
            EvaluatedFilter::In { column, values } => {
                let each = values.iter().map(|value| self.compare(column, CompareOp::Equal, value));
                Ok(each.collect::<Result<Vec<_>, _>>()?.join(" or "))
            }
            EvaluatedFilter::Function { name, column, args } => {
                let Some(function) = self.rules.functions.get(name.as_str()) else {
                    return Err(StepError::data("filter", format!("`{name}` cannot be asked of this system")));
                };
                let path = path(column);
                let args = args.iter().map(|arg| literal(&path, arg, None, EnumForm::Text));
                Ok(format!("{function}({path},{})", args.collect::<Result<Vec<_>, _>>()?.join(",")))
            }
        }
    }

    fn joined(&self, parts: &[EvaluatedFilter], word: &str) -> Result<String, StepError> {
        let each = parts.iter().map(|part| match part {
            EvaluatedFilter::Compare { .. } | EvaluatedFilter::Function { .. } | EvaluatedFilter::Not(_) => {
                self.filter(part)
            }
            other => Ok(format!("({})", self.filter(other)?)),
        });
        Ok(each.collect::<Result<Vec<_>, StepError>>()?.join(word))
    }

    fn compare(&self, column: &EvaluatedColumn, op: CompareOp, value: &Value) -> Result<String, StepError> {
        let path = path(column);
        let ty = column.ty.clone().or_else(|| (self.types)(&path));
        let noon = ty.as_ref().and_then(|ty| ty.facts.as_ref()).is_some_and(|facts| facts.form == Some(Form::Noon));
        match (op, value) {
            (CompareOp::Equal, value) if noon && value.is_absent() => {
                Ok(format!("({path} eq {} or {path} eq {})", NO_DATE[0], NO_DATE[1]))
            }
            (CompareOp::NotEqual, value) if noon && value.is_absent() => {
                Ok(format!("({path} ne {} and {path} ne {})", NO_DATE[0], NO_DATE[1]))
            }
            _ => {
                let literal = literal(&path, value, ty.as_ref(), self.rules.enums)?;
                let stars = literal.starts_with('\'') && literal.contains('*');
                Ok(match op {
                    CompareOp::Equal if stars => format!("({path} ge {literal} and {path} le {literal})"),
                    CompareOp::NotEqual if stars => format!("({path} lt {literal} or {path} gt {literal})"),
                    op => format!("{path} {} {literal}", operator(op)),
                })
            }
        }
    }
}

fn path(column: &EvaluatedColumn) -> String {
    column.path.iter().map(|part| part.as_str()).collect::<Vec<_>>().join("/")
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "eq",
        CompareOp::NotEqual => "ne",
        CompareOp::Less => "lt",
        CompareOp::LessEqual => "le",
        CompareOp::Greater => "gt",
        CompareOp::GreaterEqual => "ge",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use url::Url;

    fn read(literal: &str) -> Option<String> {
        let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
        let undoubled = inner.replace("''", "");
        (!undoubled.contains('\'')).then(|| inner.replace("''", "'"))
    }

    proptest! {
        #[test]
        fn a_text_is_one_literal_and_one_segment_whatever_is_in_it(text in "\\PC*") {
            let literal = literal("A", &Value::from(text.as_str()), None, EnumForm::Typed).unwrap();
            prop_assert_eq!(read(&literal), Some(text.clone()));
            let key = key(&[("A".into(), Value::from(text.as_str())), ("B".into(), Value::from(1))], &|_| None).unwrap();
            let url = Url::parse(&format!("https://a.example/data/Rows({key})?x=1")).unwrap();
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 2);
            prop_assert_eq!(url.query(), Some("x=1"));
            let decoded = percent_decode_str(segments[1]).decode_utf8().unwrap();
            prop_assert_eq!(decoded, format!("Rows(A={literal},B=1)"));
        }

        #[test]
        fn a_list_in_parts_is_the_list(values in proptest::collection::vec(0i64..200, 0..200), at_most in 1usize..60) {
            let rules = FilterRules {
                dialect: crate::catalog::Dialect::Odata,
                operators: vec![],
                functions: Default::default(),
                within: Some(crate::catalog::InRule { form: crate::catalog::InForm::Or, at_most }),
                enums: EnumForm::Text,
            };
            let column = EvaluatedColumn { path: vec!["A".into()], ty: None };
            let filter = EvaluatedFilter::In { column, values: values.iter().map(|n| Value::from(*n)).collect() };
            let mut found = vec![];
            for part in parts(&filter, &rules).unwrap() {
                let EvaluatedFilter::In { values, .. } = part else { panic!("{part:?}") };
                prop_assert!(!values.is_empty() && values.len() <= at_most);
                found.extend(values);
            }
            let mut wanted: Vec<i64> = vec![];
            values.iter().for_each(|n| if !wanted.contains(n) { wanted.push(*n) });
            prop_assert_eq!(found, wanted.into_iter().map(Value::from).collect::<Vec<_>>());
        }
    }
}
