//! What a witness hears, of real source.

use crate::diagnostics::{FileId, Sources, Span};
use crate::language::check::SlotScope;
use crate::language::code::{Code, Routine, Row, Table};
use crate::language::evaluate::{Bound, Context, Limits, Witness};
use crate::language::types::{RecordType, Type, TypeSource};
use crate::language::{Inputs, Library};
use crate::value::{Record, Text, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

struct NoTypes;

impl TypeSource for NoTypes {
    fn payload(&self, _: &str) -> Option<Type> {
        None
    }
    fn payload_names(&self) -> Vec<String> {
        vec![]
    }
}

/// Writes down what it hears, indented.
struct Recording<'s> {
    source: &'s str,
    depth: usize,
    heard: Vec<String>,
}

impl Recording<'_> {
    fn hear(&mut self, what: String) {
        self.heard.push(format!("{}{what}", "  ".repeat(self.depth)));
    }

    fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "nothing".into(),
        Some(Value::Missing) => "missing".into(),
        Some(value) => json::write(value).unwrap(),
    }
}

impl Witness for Recording<'_> {
    fn enter(&mut self, code: &Code) {
        self.hear(self.text(code.span).to_string());
        self.depth += 1;
    }
    fn leave(&mut self, _: &Code, value: Option<&Value>) {
        self.depth -= 1;
        self.hear(format!("-> {}", shown(value)));
    }
    fn call(&mut self, routine: &Routine) {
        self.hear(format!("call {}", routine.name));
    }
    fn back(&mut self) {
        self.hear("back".into());
    }
    fn bind(&mut self, slot: usize, value: &Value, from: Bound) {
        self.hear(format!("slot {slot} = {} ({from:?})", shown(Some(value))));
    }
    fn assign(&mut self, path: &[Text], span: Span) {
        let path: Vec<&str> = path.iter().map(|name| &**name).collect();
        self.hear(format!("{} by {}", path.join("."), self.text(span)));
    }
    fn assigned(&mut self, value: Option<&Value>) {
        self.hear(format!("assigned {}", shown(value)));
    }
    fn spread(&mut self, record: &Record) {
        self.hear(format!("spread {} fields", record.len()));
    }
    fn row(&mut self, table: &Table, row: Option<&Row>) {
        let row = row.map_or("else".into(), |row| self.text(row.span).to_string());
        self.hear(format!("row {row} of {}", table.name));
    }
}

/// What is heard of `f(input)`, and what it gives; a silent run gives the same.
fn heard(source: &str, input: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let files: BTreeMap<String, FileId> = [("a.map".to_string(), sources.add("a.map", source))].into();
    let inputs = Inputs { files: &files, types: &NoTypes, settings: Arc::new(RecordType::shape([])) };
    let (library, findings) = Library::compile_using(&inputs, &[], &mut sources);
    assert!(findings.is_empty(), "{findings:?}");
    let scope = SlotScope { library: &library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
    let expression = scope.routine("a.map", "f").unwrap();
    let input = json::parse(input.as_bytes()).unwrap();
    let context = Context { settings: &Value::Missing, limits: &Limits::default() };
    let mut recording = Recording { source, depth: 0, heard: vec![] };
    let told = expression.witness(std::slice::from_ref(&input), &context, &mut recording);
    let silent = expression.evaluate(&[input], &context);
    assert_eq!(format!("{told:?}"), format!("{silent:?}"));
    assert_eq!(recording.depth, 0);
    recording.heard
}

#[track_caller]
fn hears(source: &str, input: &str, expected: &str) {
    let expected: Vec<&str> = expected.trim_matches('\n').lines().collect();
    assert_eq!(heard(source, input).join("\n"), expected.join("\n"));
}

#[test]
fn a_witness_hears_fields_rows_calls_and_arithmetic() {
    hears(
        r#"table names: text -> text { "a" => "A"  else => "?" }
fn twice(n: int) -> int = n * 2 + 1
mapping f(e: { k: text, n: int? }) -> any {
  A = names[e.k]
  B = twice(e.n ?? 3)
}"#,
        r#"{"k":"a"}"#,
        r#"
call f
{
  A = names[e.k]
  B = twice(e.n ?? 3)
}
  A by A = names[e.k]
  names[e.k]
    e.k
      e
      -> {"k":"a"}
    -> "a"
    row "a" of names
  -> "A"
  assigned "A"
  B by B = twice(e.n ?? 3)
  twice(e.n ?? 3)
    e.n ?? 3
      e.n
        e.n
          e
          -> {"k":"a"}
        -> nothing
      -> missing
      3
      -> 3
    -> 3
    call twice
    n * 2 + 1
      n * 2
        n
        -> 3
        2
        -> 2
      -> 6
      1
      -> 1
    -> 7
    back
  -> 7
  assigned 7
-> {"A":"A","B":7}
back"#,
    );
}

#[test]
fn a_witness_hears_what_variables_take() {
    hears(
        "fn f(xs: list<int>) -> any = [for x, n in xs => x + n, xs.map(x => x)]",
        "[7]",
        r#"
call f
[for x, n in xs => x + n, xs.map(x => x)]
  for x, n in xs => x + n
    xs
    -> [7]
    slot 1 = 7 (Element(0))
    slot 2 = 0 (Count)
    x + n
      x
      -> 7
      n
      -> 0
    -> 7
  -> [7]
  xs.map(x => x)
    xs
    -> [7]
    slot 3 = 7 (Lambda)
    x
    -> 7
  -> [7]
-> [[7],[7]]
back"#,
    );
    hears(
        "fn f(x: text) -> any = fail(x) catch error.code",
        "\"no\"",
        r#"
call f
fail(x) catch error.code
  fail(x)
    x
    -> "no"
  -> nothing
  slot 1 = {"code":"failed","message":"no"} (Error)
  error.code
    error
    -> {"code":"failed","message":"no"}
  -> "failed"
-> "failed"
back"#,
    );
}
