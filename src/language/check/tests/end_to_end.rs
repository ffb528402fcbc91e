//! Source → value: what the checker compiles, evaluated.

use super::{Payloads, compile, settings};
use crate::language::Inputs;
use crate::language::check::SlotScope;
use crate::language::evaluate::{Context, Limits};
use crate::value::{Value, json};
use std::collections::BTreeMap;

/// Calls `f` of a file with arguments in JSON; gives the result as JSON, or `error CODE`.
#[track_caller]
fn run(source: &str, args: &[&str]) -> String {
    let (library, findings, _) = compile(&[("a.map", source)]);
    let errors: Vec<_> =
        findings.iter().filter(|finding| finding.severity == crate::diagnostics::Severity::Error).collect();
    assert!(errors.is_empty(), "{source}\n{errors:#?}");
    let files = BTreeMap::new();
    let inputs = Inputs { files: &files, types: &Payloads, settings: settings() };
    let scope = SlotScope { library: &library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
    let routine = scope.routine("a.map", "f").expect("f");
    let args: Vec<Value> = args.iter().map(|arg| json::parse(arg.as_bytes()).expect("JSON")).collect();
    let settings = json::parse(br#"{"zone":"Europe/Oslo","limit":10.50}"#).expect("JSON");
    let limits = Limits::default();
    match routine.evaluate(&args, &Context { settings: &settings, limits: &limits }) {
        Ok(Value::Missing) => "missing".into(),
        Ok(value) => json::write(&value).expect("a value that can be written"),
        Err(error) => format!("error {}", error.code.as_str()),
    }
}

#[test]
fn a_charge_becomes_an_order() {
    let source = r#"
table origins: text -> text { "web" => "Web"  else => "Shop" }

mapping f(c: stripe.charge) -> finops.Orders {
  let amount = from_minor(c.amount, c.currency)
  require amount.amount > 0 else "nothing to sell in {c.id}"
  CustomersOrderReference = c.id
  CurrencyCode = amount.currency
  Amount       = amount.amount
  Email        = present(c.metadata["email"]?)?.lower() ?? missing
  Origin       = origins[c.metadata["origin"] ?? ""]
  OrderDate    = from_unix(c.created).in_zone(settings.zone).date()
  if c.address?.city? != missing {
    Address.city = c.address.city ?? missing
  }
  Lines = for r, n in c.refunds ?? [] where r.amount > 1 => "{n}:{r.id}"
}"#;
    let charge = r#"{"id":"ch_1","amount":1999,"currency":"usd","created":1772355600,"description":null,"address":{"city":"Oslo","line1":null},
        "metadata":{"email":" A@B.C "},"paid":true,"refunds":[{"id":"re_1","amount":1},{"id":"re_2","amount":2}]}"#;
    let expected = r#"{"CustomersOrderReference":"ch_1","CurrencyCode":"USD","Amount":19.99,"Email":" a@b.c ","Origin":"Shop","OrderDate":"2026-03-01","Address":{"city":"Oslo"},"Lines":["0:re_2"]}"#;
    assert_eq!(run(source, &[charge]), expected);
    let nothing = charge.replace("1999", "0");
    assert_eq!(run(source, &[&nothing]), "error failed");
}

#[test]
fn chains_skip_and_assert() {
    let city = "fn f(c: stripe.charge) -> text? = c.address?.city?.upper()";
    assert_eq!(run(city, &[r#"{"address":{"city":"Oslo"}}"#]), "\"OSLO\"");
    for nothing in [r#"{}"#, r#"{"address":null}"#, r#"{"address":{}}"#, r#"{"address":{"city":null}}"#] {
        assert_eq!(run(city, &[nothing]), "missing", "{nothing}");
    }
    assert_eq!(run("fn f(c: stripe.charge) -> any = c.address.city", &[r#"{"address":null}"#]), "error absent");
    assert_eq!(run("fn f(c: stripe.charge) -> text = c.invoice", &["{}"]), "error absent");
    assert_eq!(
        run("fn f(c: stripe.charge) -> text = c.invoice ?? c.description ?? \"none\"", &[r#"{"description":null}"#]),
        "\"none\""
    );
    assert_eq!(run("fn f(x: any) -> text = x.a?.b?.c ?? \"none\"", &[r#"{"a":null}"#]), "\"none\"");
    assert_eq!(run("fn f(x: any) -> text = x.a?.b ?? \"none\"", &[r#"{"a":{"b":null}}"#]), "\"none\"");
    assert_eq!(run("fn f(x: any) -> int = x", &["\"1\""]), "error type");
    assert_eq!(run("fn f(c: stripe.charge) -> text = c.invoice catch error.code", &["{}"]), "\"absent\"");
}

#[test]
fn what_a_type_does_not_name_is_not_seen() {
    let keys = "fn f(x: { a: int, b: int? }) -> list<text> = x.keys()";
    assert_eq!(run(keys, &[r#"{"a":1,"c":2}"#]), r#"["a"]"#);
    let spread = "fn f(x: { a: int }) -> any = { ...x  d = 1 }";
    assert_eq!(run(spread, &[r#"{"a":1,"c":2}"#]), r#"{"a":1,"d":1}"#);
    let equal = "fn f(x: { a: int }, y: { a: int }) -> bool = x == y";
    assert_eq!(run(equal, &[r#"{"a":1,"c":2}"#, r#"{"a":1.0,"c":3}"#]), "true");
    let hidden = "fn f(x: { a: int, c: int }) -> bool = g(x)\nfn h(x: { a: int }) -> bool = x.a == 1\nfn g(x: { a: int, b: int? }) -> bool = x.b? == missing and h(x)";
    assert_eq!(run(hidden, &[r#"{"a":1,"b":2,"c":2}"#]), "true");
}

#[test]
fn null_counts_as_absent_where_a_type_knows_none() {
    let written = "fn g(t: text?) -> bool = t == missing\nfn f(c: stripe.charge) -> bool = g(c.description)";
    assert_eq!(run(written, &[r#"{"description":null}"#]), "true");
    let needed = "fn g(t: text) -> text = t\nfn f(c: stripe.charge) -> text = g(c.description)";
    assert_eq!(run(needed, &[r#"{"description":null}"#]), "error absent");
}

#[test]
fn matches_and_fractions() {
    assert_eq!(run("fn f(n: int) -> decimal = round(n / 3, 2, \"half_even\")", &["10"]), "3.33");
    assert_eq!(run("fn f(n: int) -> decimal = n / 3", &["10"]), "error number");
    assert_eq!(run("fn f(n: int) -> bool = n / 3 < 4", &["10"]), "true");
    let status = "fn f(c: stripe.charge) -> int = match c.status { \"succeeded\" => 1  \"pending\", \"failed\" => -2 }";
    assert_eq!(run(status, &[r#"{"status":"failed"}"#]), "-2");
    assert_eq!(run(status, &[r#"{"status":"new"}"#]), "error value");
    let table = "table t: int -> { a: text, b: int? } { 1 => { a = \"x\" }  else => missing }\nfn f(k: int) -> text = t[k]?.a ?? \"none\"";
    assert_eq!((run(table, &["1.0"]), run(table, &["2"])), ("\"x\"".into(), "\"none\"".into()));
}
