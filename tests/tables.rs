//! Tables from CSV files: what a chapter of the specification cannot hold, because it is too large or no plain text.

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::{Diagnostic, Sources};
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, Limits};
use flowctl::language::types::RecordType;
use flowctl::language::{Inputs, Library, SourceText};
use flowctl::model::Project;
use flowctl::value::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The values of these expressions over `table t` in a file, and the findings as `code line:column message`.
fn read(table: &str, csv: &str, expressions: &[&str]) -> (Vec<String>, Vec<String>) {
    let types = Types::bundled(&Arc::new(Catalog::bundled()));
    let mut sources = Sources::default();
    let files = BTreeMap::from([
        ("a.map".to_string(), sources.add("a.map", table)),
        ("t.csv".to_string(), sources.add("t.csv", csv)),
    ]);
    let inputs = Inputs { files: &files, types: &types, settings: Arc::new(RecordType::shape([])) };
    let (library, found) = Library::compile(&inputs, &mut sources);
    let place = |finding: &Diagnostic| {
        let at = sources.position(finding.primary.as_ref().expect("a place").span);
        format!("{} {}:{} {}", finding.code, at.line, at.column, finding.message)
    };
    let said = found.iter().map(place).collect();
    let uses = ["a.map".to_string()];
    let scope = SlotScope { library: &library, inputs: &inputs, uses: &uses, variables: &[], facts: &[] };
    let value = |expression: &&str| {
        let file = sources.clone().add("<expression>", *expression);
        let (checked, found) = scope.expression(&SourceText::file(file, (*expression).into()), None);
        let expression = checked.unwrap_or_else(|| panic!("{found:?}")).expression;
        let settings = Value::Record(Default::default());
        let limits = Limits::default();
        let value = expression.evaluate(&[], &Context { settings: &settings, limits: &limits });
        value.map_or_else(|error| error.message, |value| json::write(&value).expect("a written form"))
    };
    (expressions.iter().map(value).collect(), said)
}

#[test]
fn a_hundred_thousand_rows_are_read_and_looked_up() {
    let mut csv = String::from("company,item,price,name,since\n");
    for n in 0..100_000 {
        csv += &format!("{},sku-{n},{}.50,\"Item, {n}\",2026-03-01\n", if n % 2 == 0 { "usmf" } else { "dat" }, n + 1);
    }
    let table = "table t: (text, text) -> { price: decimal, name: text, since: date } from \"t.csv\" else fail";
    let begun = Instant::now();
    let (values, found) = read(table, &csv, &["t[\"dat\", \"sku-99999\"].price", "t[\"usmf\", \"sku-0\"].name"]);
    let took = begun.elapsed();
    println!("{took:?}");
    assert_eq!(found, [] as [String; 0]);
    assert_eq!(values, ["100000.50", "\"Item, 0\""]);
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn a_file_of_mistakes_tells_the_first_of_them() {
    let csv = format!("key,n\n{}", "a,x\n".repeat(100_000));
    let (_, found) = read("table t: text -> { n: int } from \"t.csv\" else fail", &csv, &[]);
    assert_eq!(found.len(), 50);
    assert!(found[49].starts_with("F0244 51:3 "), "{}", found[49]);
}

#[test]
fn a_byte_order_mark_and_crlf_change_nothing() {
    let table = "table t: text -> { n: int, note: text } from \"t.csv\" else fail";
    let csv = "\u{feff}key,n,note\r\na,1,\"x\r\ny\"\r\n\r\nb,2,\r\n";
    let (values, found) = read(table, csv, &["t[\"a\"]", "t[\"b\"]"]);
    assert_eq!((values, found), (vec![r#"{"n":1,"note":"x\r\ny"}"#.into(), r#"{"n":2,"note":""}"#.into()], vec![]));
    let (_, found) = read(table, "\u{feff}key,n,note\r\na,1,\"x\r\ny\"\r\nb,two,\r\n", &[]);
    assert_eq!(found, ["F0244 4:3 \"two\" is not an int, written like 12"]);
}

#[test]
fn a_file_that_is_no_utf_8_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flowctl.yaml"), "project: p\nversion: 1\n").expect("written");
    std::fs::write(folder.path().join("t.csv"), b"key,n\na,M\xfcnchen\n").expect("written");
    let (_, _, found) = Project::load(folder.path());
    let said: Vec<String> = found.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect();
    assert_eq!(said, ["F0332 t.csv: not UTF-8 (line 2)"]);
}
