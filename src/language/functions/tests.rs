//! Every function is registered, in order, documented, and does what its examples say.

use super::{ALL, find};
use crate::diagnostics::{Code as Number, FileId, Sources};
use crate::language::check::SlotScope;
use crate::language::evaluate::{Context, ErrorCode, EvalError, Limits};
use crate::language::types::{Facts, RecordType, Type, TypeSource};
use crate::language::{Expression, Inputs, Library, SourceText};
use crate::value::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

struct NoTypes;

impl TypeSource for NoTypes {
    /// The one column that examples name.
    fn payload(&self, name: &str) -> Option<Type> {
        let labels = [("1", "High"), ("2", "Normal"), ("3", "Low"), ("4", "Low")];
        let named = |count| labels.iter().take(count).map(|(value, label)| ((*value).into(), Some((*label).into())));
        let options = match name {
            "dataverse.incidents.prioritycode" => named(3).collect(),
            "twice.called.low" => named(4).collect(),
            _ => return None,
        };
        let facts = Facts { options, ..Facts::default() };
        Some(Type { facts: Some(Arc::new(facts)), ..Type::int() })
    }
    fn payload_names(&self) -> Vec<String> {
        vec![]
    }
}

/// The library in the binary, compiled once, and expressions over `x`.
struct Bench {
    sources: Sources,
    files: BTreeMap<String, FileId>,
    library: Library,
}

impl Bench {
    fn new() -> Bench {
        let mut sources = Sources::default();
        let files = BTreeMap::new();
        let (library, findings) = Library::compile(&inputs(&files), &mut sources);
        // The library in the binary has payload types, which are not there: nothing else may be amiss.
        let systems = ["dataverse", "finops", "paypal", "stripe"];
        let other = findings.iter().find(|finding| {
            let named = |system: &&str| finding.message.starts_with(&format!("there is no type `{system}."));
            finding.code != Number::F0203 || !systems.iter().any(named)
        });
        assert!(other.is_none(), "{other:?}");
        Bench { sources, files, library }
    }

    fn compile(&mut self, uses: &[&str], source: &str, x: Type) -> Result<Expression, String> {
        let file = self.sources.add("<example>", source);
        let uses: Vec<String> = uses.iter().map(|name| name.to_string()).collect();
        let (inputs, variables) = (inputs(&self.files), [("x".into(), x)]);
        let scope =
            SlotScope { library: &self.library, inputs: &inputs, uses: &uses, variables: &variables, facts: &[] };
        let (checked, findings) = scope.expression(&SourceText::file(file, source.into()), None);
        let told: Vec<String> =
            findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
        checked.map(|checked| checked.expression).ok_or_else(|| format!("{source}\n  {}", told.join("; ")))
    }

    fn example(&mut self, uses: &[&str], source: &str, result: &str) -> Result<(), String> {
        let got = run(&self.compile(uses, source, Type::any())?, Value::Null);
        if let Some(code) = result.strip_prefix("error ") {
            return match got {
                Err(error) if error.code.as_str() == code => Ok(()),
                other => Err(format!("{source}\n  expected error {code}, got {other:?}")),
            };
        }
        let expected =
            run(&self.compile(uses, result, Type::any())?, Value::Null).map_err(|error| error.to_string())?;
        // Written too, so that `1.10` is not `1.1`.
        match got {
            Ok(got) if got == expected && json::write(&got) == json::write(&expected) => Ok(()),
            other => Err(format!("{source}\n  expected {expected:?}, got {other:?}")),
        }
    }
}

fn inputs(files: &BTreeMap<String, FileId>) -> Inputs<'_> {
    Inputs { files, types: &NoTypes, settings: Arc::new(RecordType::shape([])) }
}

fn run(expression: &Expression, x: Value) -> Result<Value, EvalError> {
    expression.evaluate(&[x], &Context { settings: &Value::Missing, limits: &Limits::default() })
}

#[test]
fn examples_hold() {
    let mut bench = Bench::new();
    let examples = ALL.iter().flat_map(|function| function.examples);
    let failed: Vec<String> =
        examples.filter_map(|example| bench.example(&[], example.source, example.result).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_file_is_registered_in_order() {
    let names: Vec<&str> = ALL.iter().map(|function| function.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/language/functions");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "mod" && name != "tests")
        .collect();
    files.sort();
    assert_eq!(names, files);
}

#[test]
fn every_function_is_documented() {
    for function in ALL {
        assert!(!function.signatures.is_empty(), "{}", function.name);
        assert!(function.summary.ends_with('.'), "{}: a sentence", function.name);
        assert!(function.examples.len() >= 3, "{}: examples", function.name);
        for example in function.examples {
            assert!(example.source.contains(function.name), "{}: {}", function.name, example.source);
        }
        assert!(std::ptr::eq(find(function.name).unwrap(), *function));
    }
}

#[test]
fn an_any_is_checked_when_it_runs() {
    let mut bench = Bench::new();
    for (source, message) in [
        ("x.upper()", "`x` is null, expected text"),
        ("x.map(n => n)", "map(): expected a list, got null"),
        ("round(x, 2, \"down\")", "round(): expected a number, got null"),
    ] {
        let expression = bench.compile(&[], source, Type::any()).unwrap();
        let error = run(&expression, Value::Null).unwrap_err();
        assert!(matches!(error.code, ErrorCode::Absent | ErrorCode::Type));
        assert_eq!(error.message, message);
    }
}

#[test]
fn constants_are_looked_at_when_compiling() {
    let mut bench = Bench::new();
    for source in [
        "x.query('$.a b')",
        "x.query(' $.a')",
        "x.query('$[')",
        "x.query('$[?@.n > 12345678901234567]')",
        "\"a\".matches('(')",
        "from_unix(0).in_zone(\"Europe/Atlantis\")",
        "date(\"2026-03-01\").format(\"yyyy-QQ\")",
        "option_value(\"dataverse.incidents.prioritycode\", \"Hihg\")",
        "option_value(\"dataverse.incidents.priority\", \"High\")",
        "option_value(\"twice.called.low\", \"Low\")",
        "option_value(x, \"Low\")",
        "option_label(\"dataverse.incidents.prioritycode\", 9)",
        "option_label(\"dataverse.incidents.prioritycode\", \"1\")",
    ] {
        let refused = bench.compile(&[], source, Type::any());
        assert!(refused.is_err(), "{source}");
    }
}

#[test]
fn a_number_keeps_its_decimals_until_it_is_calculated_with() {
    let mut bench = Bench::new();
    for (source, text) in [
        ("\"{-1.10}\"", "-1.10"),
        ("\"{-(1.10)}\"", "-1.10"),
        ("\"{-decimal(\"1.10\")}\"", "-1.1"),
        ("\"{x}\"", "1.10"),
        ("\"{-round(1.1, 2, \"down\")}\"", "-1.1"),
        ("\"{round(10000000000000000000, 9, \"down\")}\"", "10000000000000000000.000000000"),
    ] {
        let expression = bench.compile(&[], source, Type::any()).unwrap_or_else(|_| panic!("{source}"));
        let x = json::parse(b"1.10").unwrap();
        assert_eq!(run(&expression, x).unwrap(), Value::from(text), "{source}");
    }
}

#[test]
fn an_exponent_in_a_text_is_spelt_out_or_an_error() {
    let mut bench = Bench::new();
    let expression = bench.compile(&[], "\"{x}\"", Type::any()).unwrap();
    let number = |text: &str| json::parse(text.as_bytes()).unwrap();
    assert_eq!(run(&expression, number("1.5e500")).unwrap(), Value::from(format!("15{}", "0".repeat(499))));
    let error = run(&expression, number("1e100000")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Number);
    assert!(error.message.contains("without an exponent"), "{}", error.message);
}
