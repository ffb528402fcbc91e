//! The checker on small files: each case a source and the finding it must give, by code and place.

mod cases;
mod end_to_end;
mod narrowing;
mod robust;
mod slots;

use crate::diagnostics::{Diagnostic, Severity, Sources};
use crate::language::check::files::library_with;
use crate::language::types::{Facts, Field, Form, Kind, RecordType, Type, TypeSource};
use crate::language::{Inputs, Library};
use crate::value::Text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A few payload types like the real ones.
pub(super) struct Payloads;

fn field(ty: Type) -> Field {
    Field::plain(ty)
}

fn named<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, Field)>) -> Type {
    let fields = fields.into_iter().map(|(name, field)| (Text::from(name), field)).collect();
    Type::record(RecordType { name: Some(name.into()), fields })
}

fn options(kind: Kind, closed: bool, options: &[&str]) -> Type {
    let options = options.iter().map(|option| (Text::from(*option), None)).collect();
    Type { facts: Some(Arc::new(Facts { options, closed, ..Facts::default() })), ..Type::new(kind) }
}

fn limited(length: u32) -> Type {
    Type { facts: Some(Arc::new(Facts { max_length: Some(length), ..Facts::default() })), ..Type::text() }
}

fn noon() -> Type {
    Type { facts: Some(Arc::new(Facts { form: Some(Form::Noon), ..Facts::default() })), ..Type::date() }
}

fn address() -> Type {
    Type::record(RecordType::shape([
        ("line1", Type::text().or_missing().or_null()),
        ("city", Type::text().or_missing().or_null()),
    ]))
}

impl TypeSource for Payloads {
    fn payload(&self, name: &str) -> Option<Type> {
        Some(match name {
            "stripe.charge" => named(
                "stripe.charge",
                [
                    ("id", field(Type::text())),
                    ("amount", field(Type::int())),
                    ("currency", field(Type::text())),
                    ("created", field(Type::int())),
                    ("status", field(options(Kind::Text, true, &["succeeded", "pending", "failed"]))),
                    ("description", field(Type::text().or_null())),
                    ("invoice", field(Type::text().or_missing())),
                    ("address", field(address().or_missing().or_null())),
                    ("metadata", field(Type::map(Type::text()))),
                    ("paid", field(Type::bool())),
                    ("refunds", field(Type::list(self.payload("stripe.refund")?).or_missing())),
                ],
            ),
            "stripe.refund" => named("stripe.refund", [("id", field(Type::text())), ("amount", field(Type::int()))]),
            "finops.Orders" => named(
                "finops.Orders",
                [
                    ("SalesOrderNumber", Field { read_only: true, ..field(Type::text()) }),
                    ("CustomersOrderReference", field(limited(20))),
                    ("CurrencyCode", field(Type::text())),
                    ("Email", field(Type::text())),
                    ("Amount", field(Type::decimal())),
                    ("Lines", field(Type::list(Type::text()).or_missing())),
                    ("OrderDate", field(noon())),
                    ("Origin", field(options(Kind::Text, false, &["Web", "Shop"]))),
                    ("Address", field(address())),
                ],
            ),
            "dataverse.accounts" => named(
                "dataverse.accounts",
                [
                    ("accountid", Field { read_only: true, ..field(Type::text()) }),
                    ("name", field(Type::text().or_null())),
                    ("telephone1", field(Type::text().or_null().or_missing())),
                    ("status", field(options(Kind::Int, false, &["1", "100000000"]))),
                    ("owner@odata.bind", Field { write_only: true, ..field(Type::text().or_missing()) }),
                ],
            ),
            _ => return None,
        })
    }

    fn payload_names(&self) -> Vec<String> {
        ["stripe.charge", "stripe.refund", "finops.Orders", "dataverse.accounts"].map(String::from).to_vec()
    }
}

pub(super) fn settings() -> Arc<RecordType> {
    Arc::new(RecordType::shape([("zone", Type::text()), ("limit", Type::decimal())]))
}

/// Compiles files given as (path, text).
pub(super) fn compile(files: &[(&str, &str)]) -> (Library, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::default();
    let ids: BTreeMap<String, _> =
        files.iter().map(|(path, text)| (path.to_string(), sources.add(*path, *text))).collect();
    let inputs = Inputs { files: &ids, types: &Payloads, settings: settings() };
    let (library, findings) = library_with(&[], &inputs, None, &mut sources);
    (library, findings, sources)
}

/// `F0201 2:5` for each finding, sorted by place; warnings with a `w` in front.
pub(super) fn shown(findings: &[Diagnostic], sources: &Sources) -> Vec<String> {
    let mut all: Vec<_> = findings
        .iter()
        .map(|finding| {
            let position = finding.primary.as_ref().map(|label| sources.position(label.span));
            let (line, column) = position.map_or((0, 0), |position| (position.line, position.column));
            let sign = if finding.severity == Severity::Warning { "w" } else { "" };
            (line, column, format!("{sign}{} {line}:{column}", finding.code))
        })
        .collect();
    all.sort();
    all.into_iter().map(|(.., text)| text).collect()
}

/// Compiles one file and holds its findings against what is expected, comma-separated; `ok` for none.
#[track_caller]
pub(super) fn expect(source: &str, expected: &str) {
    if let Some(difference) = differs(source, expected) {
        panic!("{difference}");
    }
}

/// Holds all cases against what is expected of them, and tells all that differ.
#[track_caller]
pub(super) fn expect_all(cases: &[(&str, &str)]) {
    let different: Vec<String> = cases.iter().filter_map(|(source, expected)| differs(source, expected)).collect();
    assert!(different.is_empty(), "{} of {} cases:\n{}", different.len(), cases.len(), different.join("\n"));
}

fn differs(source: &str, expected: &str) -> Option<String> {
    let (_, findings, sources) = compile(&[("a.map", source)]);
    let got = shown(&findings, &sources).join(", ");
    let got = if got.is_empty() { "ok".to_string() } else { got };
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    (got != expected).then(|| format!("{source}\n  expected {expected}\n  got      {got}: {messages:?}"))
}
