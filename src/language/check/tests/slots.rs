//! Slots of flows: what they see, what they report, `where` taken apart.

use super::{Payloads, settings, shown};
use crate::diagnostics::Sources;
use crate::language::check::files::library_with;
use crate::language::check::{Checked, Fact, SlotScope};
use crate::language::code::CompareOp;
use crate::language::filter::Filter;
use crate::language::types::{RecordType, Type, TypeSource};
use crate::language::{Inputs, SourceText};
use crate::value::Text;
use std::collections::BTreeMap;

const LIB: &str = "mapping order(c: stripe.charge) -> finops.Orders {\n  Email = c.id\n  if c.paid { Amount = c.amount / 100 }\n  CurrencyCode = c.invoice?\n}";

/// Runs `work` on a scope with `event` (a charge), `steps` and the library above.
fn with<T>(source: &str, facts: &[Fact], work: impl FnOnce(&SlotScope<'_>, &SourceText) -> T) -> (T, Sources) {
    let mut sources = Sources::default();
    let lib = sources.add("lib.map", LIB);
    let broken = sources.add("broken.map", "fn bad() -> int = \"x\"");
    let slot = sources.add("slot", source);
    let files = BTreeMap::from([("lib.map".to_string(), lib), ("broken.map".to_string(), broken)]);
    let inputs = Inputs { files: &files, types: &Payloads, settings: settings() };
    let (library, _) = library_with(&[], &inputs, None, &mut sources);
    let charge = Payloads.payload("stripe.charge").unwrap();
    let steps = RecordType::shape([
        ("known", Type::text().or_missing()),
        ("order", charge.clone()),
        ("gone", charge.clone().or_missing()),
    ]);
    let variables = [(Text::from("event"), charge), (Text::from("steps"), Type::record(steps))];
    let uses = ["lib.map".to_string(), "broken.map".to_string()];
    let scope = SlotScope { library: &library, inputs: &inputs, uses: &uses, variables: &variables, facts };
    let text = SourceText::file(slot, source.into());
    (work(&scope, &text), sources)
}

#[track_caller]
fn expression(source: &str, facts: &[Fact], want: Option<&Type>, expected: &str) -> Option<Checked> {
    let ((checked, findings), sources) = with(source, facts, |scope, text| scope.expression(text, want));
    assert_eq!(shown(&findings, &sources).join(", "), expected, "{source}\n{findings:#?}");
    checked
}

fn texts(path: &[&str]) -> Vec<Text> {
    path.iter().map(|step| Text::from(*step)).collect()
}

#[test]
fn a_slot_says_what_it_reads_and_gives() {
    let checked = expression("steps.order.id + event.currency.upper()", &[], Some(&Type::text()), "").unwrap();
    assert_eq!(checked.reads, [texts(&["steps", "order", "id"]), texts(&["event", "currency"])]);
    assert_eq!(checked.expression.result().kind, Type::text().kind);
    assert_eq!(checked.assigns, None);
    expression("steps.order.idd", &[], None, "F0204 1:13");
    expression("evnt.id", &[], None, "F0201 1:1");
    expression("event.amount", &[], Some(&Type::text()), "F0205 1:1");
}

#[test]
fn a_body_says_which_fields_it_assigns() {
    let orders = Payloads.payload("finops.Orders").unwrap();
    let checked = expression("order(event)", &[], Some(&orders), "").unwrap();
    let assigned = checked.assigns.unwrap();
    assert_eq!(assigned.always, texts(&["Email"]));
    assert_eq!(assigned.sometimes, texts(&["Email", "Amount", "CurrencyCode"]));
    let checked = expression("{ ...order(event)  Amount = 1 }", &[], Some(&orders), "").unwrap();
    assert_eq!(checked.assigns.unwrap().always, texts(&["Email", "Amount"]));
}

#[test]
fn a_step_that_may_be_missing_is_a_value() {
    let checked = expression("steps.known != missing", &[], Some(&Type::bool()), "").unwrap();
    assert_eq!(checked.when_true.last().unwrap().path, texts(&["steps", "known"]));
    expression("steps.known", &[], Some(&Type::text()), "F0206 1:1");
    expression("steps.known", &checked.when_true, Some(&Type::text()), "");
    // Any step below asserts.
    expression("steps.gone.id", &[], Some(&Type::text()), "");
    expression("steps.gone", &[], Some(&Type::any()), "F0206 1:1");
}

#[test]
fn a_broken_file_is_told_where_it_is_used() {
    expression("bad()", &[], None, "F0228 1:1");
}

#[test]
fn what_could_not_be_read_is_told_where_it_is_used() {
    let mut sources = Sources::default();
    let lib = sources.add("lib.map", "fn good() -> int = 1\nfn bad( -> int = 2");
    let slot = sources.add("slot", "bad()");
    let files = BTreeMap::from([("lib.map".to_string(), lib)]);
    let inputs = Inputs { files: &files, types: &Payloads, settings: settings() };
    let (library, _) = library_with(&[], &inputs, None, &mut sources);
    let uses = ["lib.map".to_string()];
    let scope = SlotScope { library: &library, inputs: &inputs, uses: &uses, variables: &[], facts: &[] };
    let (_, findings) = scope.expression(&SourceText::file(slot, "bad()".into()), None);
    assert_eq!(shown(&findings, &sources), ["F0228 1:1"]);
}

#[test]
fn texts_have_holes() {
    let ((checked, findings), _) =
        with("Order {steps.order.id} of {event.amount}", &[], |scope, text| scope.text(text));
    assert!(checked.is_some(), "{findings:#?}");
    let ((_, findings), sources) = with("Order {steps.known}", &[], |scope, text| scope.text(text));
    assert_eq!(shown(&findings, &sources), ["F0206 1:8"]);
}

#[test]
fn routines_are_found_by_name() {
    let (found, _) = with("1", &[], |scope, _| {
        (scope.routine("lib.map", "order").is_some(), scope.routine("broken.map", "bad").is_some())
    });
    assert_eq!(found, (true, false));
}

#[track_caller]
fn filter(source: &str, expected: &str) -> Option<Filter> {
    let row = Payloads.payload("stripe.charge").unwrap();
    let ((filter, findings), sources) = with(source, &[], |scope, text| scope.filter(text, &row));
    assert_eq!(shown(&findings, &sources).join(", "), expected, "{source}\n{findings:#?}");
    filter
}

#[test]
fn a_where_is_taken_apart() {
    let Some(Filter::Compare { column, op, value, .. }) = filter("row.id == steps.known", "") else {
        panic!("a comparison")
    };
    assert_eq!((column.path, op, value.constant), (texts(&["id"]), CompareOp::Equal, false));
    let Some(Filter::Compare { op, value, .. }) = filter("100 < row.amount", "") else { panic!("a comparison") };
    assert_eq!((op, value.constant), (CompareOp::Greater, true));
    let Some(Filter::And(all)) = filter("row.paid and row.id.contains(\"x\") and (row.amount > 1 or not row.paid)", "")
    else {
        panic!("an and")
    };
    assert!(matches!(all.as_slice(), [Filter::Compare { .. }, Filter::Function { .. }, Filter::Or(_)]));
    assert!(matches!(filter("row.id in [\"a\", \"b\"]", ""), Some(Filter::In { .. })));
    assert!(filter("row.amount < steps.order.amount", "").is_some());
    assert!(filter("row.address?.city? == \"Oslo\"", "").is_some());
}

#[test]
fn what_no_system_can_be_asked_is_an_error() {
    filter("row.id.upper() == \"A\"", "F0260 1:1");
    filter("steps.known == \"a\"", "F0260 1:1");
    filter("row.id == row.currency", "F0260 1:1");
    filter("if row.paid then true else false", "F0260 1:1");
    filter("row.idd == \"a\"", "F0204 1:5");
    filter("row.id == 1", "F0208 1:1");
    filter("row.status == \"payed\"", "F0217 1:15");
    filter("row.amount", "F0205 1:1");
    filter("row.id == event.idd", "F0204 1:17");
}
