//! What compiles gives a value of its type or an error of the closed set, twice the same, whatever comes in.

use super::choices::Choices;
use super::kinds::{Ty, any_type};
use super::programs::Generator;
use super::{findings, json as jsons, texts};
use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::{Diagnostic, FileId, Severity, Sources, explain};
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, ErrorCode, EvalError, Limits};
use flowctl::language::shape::conform;
use flowctl::language::types::{Kind, RecordType, Type};
use flowctl::language::{Expression, Inputs, Library, SourceText};
use flowctl::value::{Text, Value, json, time};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

static TYPES: LazyLock<Types> = LazyLock::new(|| Types::bundled(&Arc::new(Catalog::bundled())));

/// How often what was generated was taken by the checker: a generator that only makes errors tests nothing.
#[derive(Default, Debug, Clone, Copy)]
pub struct Count {
    pub made: usize,
    pub compiled: usize,
    pub gave: usize,
}

/// Programs of any text: the checker takes or refuses them, and what it takes runs.
pub fn check(data: &[u8]) {
    let mut choices = Choices::new(data);
    let text = match choices.below(4) {
        0 => texts::damaged(&mut choices),
        1 => {
            let body = texts::soup(&mut choices);
            format!("fn f(a: int, event: any, order: {{ a: text?, b: list<int> }}) -> any = {body}\n")
        }
        2 => {
            let body = texts::soup(&mut choices);
            format!("mapping m(event: any, x: stripe.charge) -> any {{ a = event.a  {body} }}\n")
        }
        _ => {
            let bytes: Vec<u8> = (0..400).map(|_| choices.byte()).collect();
            let program = Generator::new(&mut Choices::new(&bytes)).definitions();
            texts::damage(&program, &mut choices)
        }
    };
    let bench = Bench::of(&text);
    let broken = bench.found.iter().any(is_error);
    let mut choices = Choices::new(data);
    for name in names(&text) {
        let routine = bench.scoped(&[], |scope| scope.routine("a.map", name));
        assert!(!broken || routine.is_none(), "`{name}` can be called, with errors:\n{text}");
        if let Some(expression) = routine {
            let count = expression.routine.params.len();
            let values: Vec<Value> = (0..count).map(|_| any_value(&mut choices)).collect();
            run(&bench.sources, &expression, &values, false, &text);
        }
    }
}

/// Programs whose types fit.
pub fn evaluate(data: &[u8]) -> Count {
    let mut choices = Choices::new(data);
    let mut generator = Generator::new(&mut choices);
    let definitions = generator.definitions();
    let bench = Bench::of(&definitions);
    let mut variables = variables();
    for n in 0..2 {
        variables.push((format!("q{n}"), any_type(generator.choices, 2)));
    }
    let declared: Vec<(Text, Type)> =
        variables.iter().map(|(name, ty)| (Text::from(name.as_str()), ty.declared())).collect();
    let mut count = Count::default();
    for _ in 0..3 {
        let source = generator.slot(&variables);
        let mut sources = bench.sources.clone();
        let file = sources.add("<expression>", source.as_str());
        let slot = SourceText::file(file, source.as_str().into());
        let (checked, found) = bench.scoped(&declared, |scope| scope.expression(&slot, None));
        findings::hold(&found, &sources, &source);
        assert_eq!(checked.is_none(), found.iter().any(is_error), "{source}");
        count.made += 1;
        let Some(checked) = checked else { continue };
        count.compiled += 1;
        let whole = format!("{definitions}\n---\n{source}");
        let fitting: Vec<Value> = variables.iter().map(|(_, ty)| value_of(ty, generator.choices)).collect();
        count.gave += usize::from(run(&sources, &checked.expression, &fitting, true, &whole));
        let hostile: Vec<Value> = fitting.iter().map(|value| spoilt(value, generator.choices)).collect();
        run(&sources, &checked.expression, &hostile, false, &whole);
    }
    count
}

/// What every slot has.
fn variables() -> Vec<(String, Ty)> {
    let address = Ty::Record(vec![("city".into(), Ty::Text), ("zip".into(), Ty::Text.maybe())]);
    let fields = [("id", Ty::Text), ("n", Ty::Decimal.maybe()), ("day", Ty::Date), ("to", address.clone().maybe())];
    let order = Ty::Record(fields.into_iter().map(|(name, ty)| (name.into(), ty)).collect());
    let all = [
        ("event", Ty::Any),
        ("i", Ty::Int),
        ("d", Ty::Decimal.maybe()),
        ("t", Ty::Text.maybe()),
        ("b", Ty::Bool),
        ("day", Ty::Date),
        ("at", Ty::Time),
        ("m", Ty::Money),
        ("xs", Ty::list(Ty::Decimal)),
        ("order", order.clone()),
        ("orders", Ty::list(order)),
        ("to", address),
        ("mp", Ty::Map(Box::new(Ty::Decimal))),
    ];
    all.into_iter().map(|(name, ty)| (name.to_string(), ty)).collect()
}

fn is_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error
}

/// The names that a text may define.
fn names(text: &str) -> Vec<&str> {
    let word = |rest: &'_ str| rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let starts =
        ["fn ", "mapping "].into_iter().flat_map(|word| text.match_indices(word).map(|(at, word)| at + word.len()));
    starts.map(|at| &text[at..at + word(&text[at..])]).filter(|name| !name.is_empty()).collect()
}

/// A compiled file.
struct Bench {
    sources: Sources,
    files: BTreeMap<String, FileId>,
    library: Library,
    found: Vec<Diagnostic>,
}

impl Bench {
    fn of(text: &str) -> Bench {
        let mut sources = Sources::default();
        let files = BTreeMap::from([("a.map".to_string(), sources.add("a.map", text))]);
        let (library, found) = Library::compile(&inputs(&files), &mut sources);
        findings::hold(&found, &sources, text);
        Bench { sources, files, library, found }
    }

    fn scoped<T>(&self, variables: &[(Text, Type)], work: impl FnOnce(&SlotScope<'_>) -> T) -> T {
        let inputs = inputs(&self.files);
        let uses = ["a.map".to_string()];
        work(&SlotScope { library: &self.library, inputs: &inputs, uses: &uses, variables, facts: &[] })
    }
}

fn inputs(files: &BTreeMap<String, FileId>) -> Inputs<'_> {
    let settings = Arc::new(RecordType::shape([("zone", Type::text()), ("limit", Type::decimal())]));
    Inputs { files, types: &*TYPES, settings }
}

/// Evaluates twice and looks at what comes out. True where it is a value.
fn run(sources: &Sources, expression: &Expression, values: &[Value], fitting: bool, shown: &str) -> bool {
    let settings = json::parse(br#"{"zone":"Europe/Berlin","limit":10.50}"#).expect("JSON");
    let limits = Limits { steps: 20_000, ..Limits::default() };
    let evaluate = || expression.evaluate(values, &Context { settings: &settings, limits: &limits });
    let (first, second) = (evaluate(), evaluate());
    match (&first, &second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(told(first), told(second), "twice the same:\n{shown}");
            let ty = expression.result();
            if let Err(why) = belongs(first, ty, fitting) {
                panic!("{} is no {ty}: {why}\n{shown}\n{values:?}", told(first));
            }
            if let Ok(value) = conform(first, ty)
                && !matches!(value, Value::Missing)
            {
                let text = json::write(&value).unwrap_or_else(|why| panic!("{why}: {}\n{shown}", told(&value)));
                let again = json::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}\n{shown}"));
                assert_eq!(again, value, "{text}\n{shown}");
            }
        }
        (Err(first), Err(second)) => {
            assert_eq!(
                (first.code, &first.message, first.span),
                (second.code, &second.message, second.span),
                "{shown}"
            );
            hold(first, sources, shown);
        }
        _ => panic!("once a value, once an error:\n{shown}"),
    }
    first.is_ok()
}

fn told(value: &Value) -> String {
    json::write_tagged(value).unwrap_or_else(|_| format!("{value:?}"))
}

fn hold(error: &EvalError, sources: &Sources, shown: &str) {
    // `fail("")` says what its author wrote.
    assert!(error.code == ErrorCode::Failed || !error.message.trim().is_empty(), "{shown}");
    assert_eq!(error.number, error.code.number());
    assert!(explain(error.number.0).is_some());
    for span in std::iter::once(&error.span).chain(&error.trace) {
        findings::inside(*span, sources, &format!("{}\n{shown}", error.message));
    }
}

/// Whether the value is of the type. What came from outside is looked at when it is read, so that its inner parts are only
/// asked where it was well formed, and what stands in them may still be in its written form.
fn belongs(value: &Value, ty: &Type, deep: bool) -> Result<(), String> {
    let fits = match (&ty.kind, value) {
        (_, Value::Missing) => ty.missing,
        (Kind::Any, _) => true,
        (_, Value::Null) => ty.null,
        (Kind::Int, Value::Number(number)) => number.is_whole(),
        (Kind::Text, Value::Text(_))
        | (Kind::Decimal, Value::Number(_))
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Date, Value::Date(_))
        | (Kind::Time, Value::Time(_))
        | (Kind::Local, Value::Local(_))
        | (Kind::Money, Value::Money(_)) => true,
        (Kind::List(of), Value::List(items)) => {
            return items.iter().filter(|_| deep).try_for_each(|item| inner(item, of));
        }
        (Kind::Map(of), Value::Record(record)) => {
            return record.values().filter(|_| deep).try_for_each(|item| inner(item, of));
        }
        (Kind::Record(wanted), Value::Record(record)) => {
            let field = |(name, field): (&Text, &flowctl::language::types::Field)| {
                inner(record.get(name).unwrap_or(&Value::Missing), &field.ty).map_err(|why| format!(".{name} {why}"))
            };
            return wanted.fields.iter().filter(|_| deep).try_for_each(field);
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{} is {}", ty, value.kind())) }
}

fn inner(value: &Value, ty: &Type) -> Result<(), String> {
    match (&ty.kind, value) {
        (_, Value::Null) if ty.missing => Ok(()),
        (Kind::Date, Value::Text(text)) if time::parse_date(text).is_some() => Ok(()),
        (Kind::Time, Value::Text(text)) if time::parse_time(text).is_some() => Ok(()),
        (Kind::Money, Value::Record(record)) if record.contains("amount") && record.contains("currency") => Ok(()),
        _ => belongs(value, ty, true),
    }
}

/// Values as they come from outside, of the type.
fn value_of(ty: &Ty, choices: &mut Choices) -> Value {
    let text = |choices: &mut Choices, these: &[&str]| Value::from(choices.one_of(these));
    let read = |choices: &mut Choices, these: &[&str]| json::parse(choices.one_of(these).as_bytes()).expect("JSON");
    match ty {
        Ty::Int => read(choices, &["0", "1", "-7", "1.0", "1e3", "12345678901234567890123456789012"]),
        Ty::Decimal => read(choices, &["0", "1.10", "-0.0", "1e-3", "12", "12345678901234567890123456789012.5"]),
        Ty::Text => text(choices, &["", "a", " ", "12.50", "é🦀", "2026-03-01", "\u{0}", "USD"]),
        Ty::Bool => Value::from(choices.chance(50)),
        Ty::Date => text(choices, &["2026-03-01", "1999-12-31"]),
        Ty::Time => text(choices, &["2026-03-01T09:00:00Z", "2026-10-25T02:30:00.5+02:00"]),
        Ty::Money => read(
            choices,
            &[
                r#"{"amount":12.5,"currency":"USD"}"#,
                r#"{"amount":-3,"currency":"jpy"}"#,
                r#"{"amount":1.001,"currency":"EUR"}"#,
            ],
        ),
        Ty::List(of) => Value::from((0..choices.below(4)).map(|_| present(of, choices)).collect::<Vec<_>>()),
        Ty::Map(of) => {
            let names = ["k", "a", "", "b c"];
            let count = choices.below(4);
            Value::Record(names[..count].iter().map(|name| (Text::from(*name), present(of, choices))).collect())
        }
        Ty::Record(fields) => {
            let fields = fields.iter().map(|(name, ty)| (Text::from(name.as_str()), value_of(ty, choices)));
            Value::Record(
                fields.collect::<Vec<_>>().into_iter().filter(|(_, value)| !matches!(value, Value::Missing)).collect(),
            )
        }
        Ty::Maybe(of) => match choices.below(4) {
            0 => Value::Missing,
            1 => Value::Null,
            _ => value_of(of, choices),
        },
        _ => any_value(choices),
    }
}

fn present(ty: &Ty, choices: &mut Choices) -> Value {
    match ty {
        Ty::Maybe(of) => value_of(of, choices),
        other => value_of(other, choices),
    }
}

/// Anything that JSON can hold.
fn any_value(choices: &mut Choices) -> Value {
    let mut text = String::new();
    jsons::written(choices, 4, &mut text);
    json::parse(text.as_bytes()).unwrap_or(Value::Null)
}

/// The same with other things in some places: null, other kinds, nothing.
fn spoilt(value: &Value, choices: &mut Choices) -> Value {
    match choices.below(12) {
        0 => return Value::Null,
        1 => return Value::from("x"),
        2 => return any_value(choices),
        3 => return Value::from(-1),
        _ => {}
    }
    match value {
        Value::List(items) => Value::from(items.iter().map(|item| spoilt(item, choices)).collect::<Vec<_>>()),
        Value::Record(record) => {
            let fields = record.iter().map(|(name, value)| (name.clone(), spoilt(value, choices), choices.chance(10)));
            Value::Record(fields.filter(|(.., gone)| !gone).map(|(name, value, _)| (name, value)).collect())
        }
        other => other.clone(),
    }
}
