//! How types relate: what fits where, the one type of several values, what can be compared, and as what a value has
//! to be seen where its type and the wanted one differ. Pure functions; messages are made by whoever asks.

use crate::language::types::{Facts, Field, Kind, RecordType, Type};
use indexmap::IndexMap;
use std::sync::Arc;

/// A payload type's name goes through a system (`stripe.charge`); names of `type` definitions have no dot.
pub(super) fn is_payload(record: &RecordType) -> bool {
    record.name.as_ref().is_some_and(|name| name.contains('.'))
}

/// Why `got` does not fit `want`: the part that does not, with what it has and what it should have.
#[derive(Debug, PartialEq)]
pub(super) struct Misfit {
    /// `a.b`, empty where it is the value itself.
    pub path: String,
    pub reason: Reason,
}

#[derive(Debug, PartialEq)]
pub(super) enum Reason {
    Kind { got: Type, want: Type },
    Missing { got: Type, want: Type },
    NoField,
}

impl Misfit {
    fn new(reason: Reason) -> Misfit {
        Misfit { path: String::new(), reason }
    }
    fn below(mut self, step: &str) -> Misfit {
        self.path = match self.path.is_empty() {
            true => step.to_string(),
            false => format!("{step}.{}", self.path),
        };
        self
    }
}

/// Whether a value of type `got` may stand where `want` is wanted. Null always may (it counts as absent when it runs)
/// unless nothing else is possible; `writing` is a payload's body, whose fields may all be left out.
pub(super) fn fits(got: &Type, want: &Type, writing: bool) -> Result<(), Misfit> {
    let missing = || Misfit::new(Reason::Missing { got: got.clone(), want: want.clone() });
    if got.kind == Kind::Never {
        let absent = got.missing || (got.null && !want.null && want.kind != Kind::Any);
        return if absent && !want.missing { Err(missing()) } else { Ok(()) };
    }
    kinds_fit(got, want, writing)?;
    if got.missing && !want.missing {
        return Err(missing());
    }
    Ok(())
}

fn kinds_fit(got: &Type, want: &Type, writing: bool) -> Result<(), Misfit> {
    match (&got.kind, &want.kind) {
        // A local time has no written type.
        (Kind::Local, Kind::Any) => Err(Misfit::new(Reason::Kind { got: got.clone(), want: want.clone() })),
        (_, Kind::Any) | (Kind::Any, _) | (Kind::Int, Kind::Decimal) => Ok(()),
        (Kind::List(got), Kind::List(want)) | (Kind::Map(got), Kind::Map(want)) => {
            if Arc::ptr_eq(got, want) {
                return Ok(());
            }
            fits(got, want, writing).map_err(|misfit| misfit.below("[]"))
        }
        (Kind::Record(got), Kind::Map(want)) => {
            for (name, field) in &got.fields {
                // A field that may be missing is a key that may be missing.
                let ty = Type { missing: false, ..field.ty.clone() };
                fits(&ty, want, writing).map_err(|misfit| misfit.below(name))?;
            }
            Ok(())
        }
        (Kind::Record(got), Kind::Record(want)) => {
            if Arc::ptr_eq(got, want) || (got.name.is_some() && got == want) {
                return Ok(());
            }
            let writing = writing || is_payload(want);
            for (name, field) in &want.fields {
                match got.fields.get(name) {
                    Some(has) => {
                        let has = Type { missing: has.ty.missing && !writing, ..has.ty.clone() };
                        fits(&has, &field.ty, writing).map_err(|misfit| misfit.below(name))?
                    }
                    None if field.ty.missing || writing => {}
                    None => return Err(Misfit::new(Reason::NoField).below(name)),
                }
            }
            Ok(())
        }
        (a, b) if a == b => Ok(()),
        _ => Err(Misfit::new(Reason::Kind { got: got.clone(), want: want.clone() })),
    }
}

/// The one type of two values that become one, or `None` where there is none.
pub(in crate::language) fn join(a: &Type, b: &Type) -> Option<Type> {
    let missing = a.missing || b.missing;
    let null = a.null || b.null;
    let facts = match (&a.kind, &b.kind) {
        (Kind::Never, _) => b.facts.clone(),
        (_, Kind::Never) => a.facts.clone(),
        _ if a.facts == b.facts => a.facts.clone(),
        _ => None,
    };
    let kind = match (&a.kind, &b.kind) {
        (Kind::Never, kind) | (kind, Kind::Never) => kind.clone(),
        (Kind::Any, _) | (_, Kind::Any) => Kind::Any,
        (Kind::Int, Kind::Decimal) | (Kind::Decimal, Kind::Int) => Kind::Decimal,
        (Kind::List(a), Kind::List(b)) => Kind::List(Arc::new(join(a, b)?)),
        (Kind::Map(a), Kind::Map(b)) => Kind::Map(Arc::new(join(a, b)?)),
        (Kind::Map(values), Kind::Record(record)) | (Kind::Record(record), Kind::Map(values)) => {
            let mut all = (**values).clone();
            for field in record.fields.values() {
                all = join(&all, &Type { missing: false, ..field.ty.clone() })?;
            }
            Kind::Map(Arc::new(all))
        }
        (Kind::Record(a), Kind::Record(b)) if Arc::ptr_eq(a, b) => Kind::Record(a.clone()),
        (Kind::Record(a), Kind::Record(b)) if a.name.is_some() && a == b => Kind::Record(a.clone()),
        (Kind::Record(a), Kind::Record(b)) => Kind::Record(Arc::new(join_records(a, b)?)),
        (a, b) if a == b => a.clone(),
        _ => return None,
    };
    Some(Type { kind, missing, null, facts })
}

fn join_records(a: &RecordType, b: &RecordType) -> Option<RecordType> {
    let mut fields = IndexMap::new();
    for (name, field) in &a.fields {
        let mut joined = field.clone();
        match b.fields.get(name) {
            Some(other) => {
                joined.ty = join(&field.ty, &other.ty)?;
                joined.read_only |= other.read_only;
                joined.write_only |= other.write_only;
                joined.dropped |= other.dropped;
            }
            None => joined.ty.missing = true,
        }
        fields.insert(name.clone(), joined);
    }
    for (name, field) in b.fields.iter().filter(|(name, _)| !a.fields.contains_key(*name)) {
        fields.insert(name.clone(), Field { ty: field.ty.clone().or_missing(), ..field.clone() });
    }
    Some(RecordType { name: None, fields })
}

/// Whether `==` may be asked of the two: one type, int with decimal, `any` with everything.
pub(super) fn comparable(a: &Type, b: &Type) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Never, _) | (_, Kind::Never) => true,
        // A local time is only for its day and its text.
        (Kind::Local, _) | (_, Kind::Local) => false,
        (Kind::Any, _) | (_, Kind::Any) => true,
        (Kind::Int | Kind::Decimal, Kind::Int | Kind::Decimal) => true,
        (Kind::List(a), Kind::List(b)) | (Kind::Map(a), Kind::Map(b)) => comparable(a, b),
        (Kind::Map(values), Kind::Record(record)) | (Kind::Record(record), Kind::Map(values)) => {
            record.fields.values().all(|field| comparable(&field.ty, values))
        }
        (Kind::Record(a), Kind::Record(b)) => {
            let shared = |name| a.fields.get(name).zip(b.fields.get(name));
            Arc::ptr_eq(a, b) || a.fields.keys().filter_map(shared).all(|(a, b)| comparable(&a.ty, &b.ty))
        }
        (a, b) => a == b,
    }
}

/// Whether `<` may be asked of the two.
pub(super) fn ordered(a: &Type, b: &Type) -> bool {
    let orders = |ty: &Type| {
        use Kind::*;
        matches!(ty.kind, Never | Any | Text | Int | Decimal | Date | Time | Money)
    };
    orders(a) && orders(b) && comparable(a, b)
}

/// Whether records are in it, so that what the type does not name has to be kept out of sight.
pub(super) fn holds_records(ty: &Type) -> bool {
    match &ty.kind {
        Kind::Record(_) => true,
        Kind::List(element) | Kind::Map(element) => holds_records(element),
        _ => false,
    }
}

/// How a value of type `got` has to be seen where `want` is wanted and the run has something to do about it: `any` is
/// checked, a null that is not known becomes absent, forms are read, and fields that `got` does not name stay unseen.
/// `None` where the value can go as it is.
pub(super) fn view(got: &Type, want: &Type) -> Option<(Type, bool)> {
    match (&got.kind, &want.kind) {
        (_, Kind::Any) | (Kind::Never, _) => None,
        (Kind::Any, _) => Some((want.clone(), false)),
        _ if !same_sight(got, want) => Some((sight(&seen(got, want)), true)),
        _ if got.null && !want.null => Some((want.clone(), false)),
        _ => None,
    }
}

/// Whether whoever reads the value as `want` sees what was meant as `got`.
fn same_sight(got: &Type, want: &Type) -> bool {
    match (&got.kind, &want.kind) {
        (Kind::List(got), Kind::List(want)) | (Kind::Map(got), Kind::Map(want)) => {
            Arc::ptr_eq(got, want) || (same_sight(got, want) && flat_nulls(got, want))
        }
        // A map shows all its keys: only the named ones may be there.
        (Kind::Record(_), Kind::Map(_)) => false,
        (Kind::Record(got), Kind::Record(want)) => {
            Arc::ptr_eq(got, want)
                || want.fields.iter().all(|(name, field)| {
                    let Some(has) = got.fields.get(name) else { return false };
                    same_sight(&has.ty, &field.ty)
                })
        }
        (Kind::Any, Kind::Any) => true,
        (Kind::Any, _) => false,
        _ => form(got) == form(want),
    }
}

/// Elements are not read one by one, so a null among them has to be looked for.
fn flat_nulls(got: &Type, want: &Type) -> bool {
    !got.null || want.null || want.kind == Kind::Any
}

fn form(ty: &Type) -> Option<crate::language::types::Form> {
    ty.facts.as_ref().and_then(|facts| facts.form)
}

/// `want` without the fields that `got` does not name. Forms are those of `got`: that is how the value is written.
pub(super) fn seen(got: &Type, want: &Type) -> Type {
    let kind = match (&got.kind, &want.kind) {
        (Kind::List(got), Kind::List(want)) => Kind::List(Arc::new(seen(got, want))),
        (Kind::Map(got), Kind::Map(want)) => Kind::Map(Arc::new(seen(got, want))),
        (Kind::Record(got), Kind::Map(want)) => {
            let field = |field: &Field| Field::plain(seen(&field.ty, want).or_missing());
            let fields = got.fields.iter().map(|(name, has)| (name.clone(), field(has))).collect();
            Kind::Record(Arc::new(RecordType { name: None, fields }))
        }
        (Kind::Record(got), Kind::Record(want)) => {
            let shared = |(name, field): (&crate::value::Text, &Field)| {
                let has = got.fields.get(name)?;
                Some((name.clone(), Field { ty: seen(&has.ty, &field.ty), ..field.clone() }))
            };
            let fields = want.fields.iter().filter_map(shared).collect();
            Kind::Record(Arc::new(RecordType { name: want.name.clone(), fields }))
        }
        (_, Kind::Any) => got.kind.clone(),
        _ => want.kind.clone(),
    };
    let facts = match (&got.facts, &want.facts) {
        (Some(got), Some(want)) => Some(Arc::new(Facts { form: got.form, ..(**want).clone() })),
        (Some(got), None) => got.form.map(|form| Arc::new(Facts { form: Some(form), ..Facts::default() })),
        (None, want) => want.clone(),
    };
    Type { kind, facts, missing: want.missing || got.missing, null: want.null }
}

/// The same, where no field has to be there: to look at a record whole asserts nothing.
pub(super) fn sight(ty: &Type) -> Type {
    let kind = match &ty.kind {
        Kind::List(element) => Kind::List(Arc::new(sight(element))),
        Kind::Map(value) => Kind::Map(Arc::new(sight(value))),
        Kind::Record(record) => {
            let field = |field: &Field| Field { ty: sight(&field.ty).or_missing(), ..field.clone() };
            let fields = record.fields.iter().map(|(name, has)| (name.clone(), field(has))).collect();
            Kind::Record(Arc::new(RecordType { name: record.name.clone(), fields }))
        }
        kind => kind.clone(),
    };
    Type { kind, ..ty.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Type)>) -> Type {
        Type::record(RecordType::shape(fields))
    }

    #[test]
    fn records_fit_by_their_fields() {
        let more = record([("a", Type::text()), ("b", Type::int())]);
        let fewer = record([("a", Type::text())]);
        assert_eq!(fits(&more, &fewer, false), Ok(()));
        let misfit = fits(&fewer, &more, false).unwrap_err();
        assert_eq!((misfit.path.as_str(), misfit.reason), ("b", Reason::NoField));
        assert_eq!(fits(&fewer, &record([("a", Type::text()), ("b", Type::int().or_missing())]), false), Ok(()));
        assert_eq!(fits(&fewer, &Type::map(Type::text()), false), Ok(()));
        assert!(fits(&more, &Type::map(Type::text()), false).is_err());
    }

    #[test]
    fn missing_needs_a_place_that_takes_it_and_null_waits_for_the_run() {
        assert!(fits(&Type::text().or_missing(), &Type::text(), false).is_err());
        assert_eq!(fits(&Type::text().or_null(), &Type::text(), false), Ok(()));
        assert!(fits(&Type::never().or_null(), &Type::text(), false).is_err());
        assert_eq!(fits(&Type::never(), &Type::text(), false), Ok(()));
        assert!(fits(&Type::list(Type::text().or_missing()), &Type::list(Type::text()), false).is_err());
    }

    #[test]
    fn several_values_have_one_type() {
        assert_eq!(join(&Type::int(), &Type::decimal()), Some(Type::decimal()));
        assert_eq!(join(&Type::never().or_missing(), &Type::text()), Some(Type::text().or_missing()));
        assert_eq!(join(&Type::text(), &Type::int()), None);
        assert_eq!(join(&Type::list(Type::never()), &Type::list(Type::int())), Some(Type::list(Type::int())));
        let joined = join(&record([("a", Type::int())]), &record([("b", Type::text())])).unwrap();
        let expected = record([("a", Type::int().or_missing()), ("b", Type::text().or_missing())]);
        assert_eq!(joined, expected);
    }

    #[test]
    fn what_a_type_does_not_name_is_kept_out_of_sight() {
        let got = record([("a", Type::text())]);
        let want = record([("a", Type::text()), ("b", Type::text().or_missing())]);
        let (seen, project) = view(&got, &want).unwrap();
        assert!(project);
        assert_eq!(seen.fields().unwrap().fields.len(), 1);
        assert_eq!(view(&want, &got), None);
    }
}
