//! rhai scripts: sandboxed, typed by the signatures in the comment above their `use`.
//!
//! A script calculates and decides; it is never trusted to be exact or to end by itself. Numbers are exact: every operator
//! is ours ([`operators`]), a literal `0.05` means the decimal, and what has no exact result is an error. There is no I/O, no
//! clock, no `eval`, and of rhai's functions only those of [`library`]; operations, depth, sizes and time are bounded.
//! Missing and null are both `()` inside, and `()` is missing outside. Records come back with their fields in
//! alphabetical order. What scripts see is told in `tests/specification/scripts.md`.

mod library;
mod operators;
mod scan;

use super::evaluate::{ErrorCode, EvalError, Failure, describe};
use crate::diagnostics::{FileId, Span};
use crate::value::{Exact, Number, Record, Text, Value, time};
use operators::{exact, from_exact};
use rhai::{
    AST, CallFnOptions, Dynamic, Engine, EvalAltResult, ImmutableString, Map, OptimizationLevel, Position, Scope,
};
use std::cell::Cell;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// How long one call may take.
const TIME: Duration = Duration::from_secs(2);
/// The stack of the thread that a script runs on: rhai recurses over what a script nests.
const STACK: usize = 64 << 20;
/// How deep the data may be that goes in and comes out.
const NESTING: usize = 128;

/// A compiled `.rhai` file.
#[derive(Debug)]
pub struct Script {
    path: Arc<str>,
    file: FileId,
    text: Arc<str>,
    ast: AST,
}

thread_local! {
    static STARTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    operators::register(&mut engine);
    library::register(&mut engine);
    engine
        .set_allow_shadowing(false)
        .set_max_operations(100_000)
        .set_max_call_levels(32)
        .set_max_expr_depths(64, 32)
        .set_max_string_size(1 << 20)
        .set_max_array_size(10_000)
        .set_max_map_size(10_000)
        .set_max_variables(200)
        .set_max_functions(200)
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        // Folding constants would go through rhai's own operators.
        .set_optimization_level(OptimizationLevel::None)
        .set_fast_operators(false)
        .disable_symbol("eval")
        .disable_symbol("print")
        .disable_symbol("debug")
        // It compares by the kind that a number happens to be held in: 1.5 would never be 1.5.
        .disable_symbol("switch")
        .on_progress(|operations| {
            let late = operations % 256 == 0 && STARTED.get().is_some_and(|started| started.elapsed() > TIME);
            late.then(|| Dynamic::from("time"))
        });
    engine
}

impl Script {
    /// Compiles a file. An error has its line and column, from 1.
    pub fn compile(path: &str, file: FileId, text: Arc<str>) -> Result<Script, (usize, usize, String)> {
        let source = &*text;
        scan::check(source)?;
        let compiled = on_own_stack(|| {
            ENGINE.compile(source).map_err(|error| {
                let place = error.position();
                (place.line().unwrap_or(1), place.position().unwrap_or(1), reworded(&error.err_type().to_string()))
            })
        });
        let ast = compiled.unwrap_or_else(|why| Err((1, 1, why)))?;
        Ok(Script { path: path.into(), file, text, ast })
    }

    /// The functions that a mapping may call: name and number of parameters. Closures have names of rhai's own.
    pub fn functions(&self) -> Vec<(Text, usize)> {
        let public = self.ast.iter_functions().filter(|function| function.access == rhai::FnAccess::Public);
        let named = public.filter(|function| !function.name.contains('$'));
        named.map(|function| (Text::from(function.name), function.params.len())).collect()
    }

    /// Calls a function. Its error names the script's own line.
    pub fn call(&self, name: &str, args: &[Value]) -> Result<Value, Failure> {
        let result = on_own_stack(|| {
            STARTED.set(Some(Instant::now()));
            let mut given = Vec::with_capacity(args.len());
            for arg in args {
                given.push(
                    into_script(arg, NESTING).map_err(|why| self.failure(ErrorCode::Script, Position::NONE, &why))?,
                );
            }
            let options = CallFnOptions::new().eval_ast(false);
            let called = ENGINE.call_fn_with_options::<Dynamic>(options, &mut Scope::new(), &self.ast, name, given);
            let value = called.map_err(|error| self.translate(*error))?;
            from_script(&value, NESTING).map_err(|why| {
                self.failure(ErrorCode::Script, Position::NONE, &format!("the result of `{name}` {why}"))
            })
        });
        result.unwrap_or_else(|why| Err(Failure::new(ErrorCode::Script, why)))
    }

    fn failure(&self, code: ErrorCode, at: Position, message: &str) -> Failure {
        let shown = match (at.line(), at.position()) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            (Some(line), None) => format!(":{line}"),
            _ => String::new(),
        };
        let message = format!("{}{shown}: {message}", self.path);
        match at.line().map(|line| place(self.file, &self.text, line, at.position().unwrap_or(1))) {
            Some(span) => EvalError { code, number: code.number(), message, span, trace: vec![] }.into(),
            None => Failure::new(code, message),
        }
    }

    /// rhai's error in the reader's words, at the line and column where it happened.
    fn translate(&self, error: EvalAltResult) -> Failure {
        self.placed(error, Position::NONE)
    }

    /// `call` is where the function was called that has no place itself.
    fn placed(&self, error: EvalAltResult, call: Position) -> Failure {
        use EvalAltResult::*;
        let at = if error.position().is_none() { call } else { error.position() };
        let limit = |message: &str| self.failure(ErrorCode::Limit, at, message);
        let script = |message: &str| self.failure(ErrorCode::Script, at, message);
        match error {
            ErrorInFunctionCall(_, _, inner, _) => self.placed(*inner, at),
            ErrorTooManyOperations(_) => limit("more than 100000 operations"),
            ErrorStackOverflow(_) => limit("more than 32 calls inside one another"),
            ErrorDataTooLarge(what, _) => limit(&format!("{} is too large", reworded(&what))),
            ErrorTooManyVariables(_) => limit("more than 200 variables"),
            ErrorTerminated(..) => limit(&format!("it ran for more than {} s", TIME.as_secs())),
            ErrorPropertyNotFound(name, _) => {
                script(&format!("there is no `{name}`; ask `\"{name}\" in record` where it may be absent"))
            }
            ErrorFunctionNotFound(signature, _) => {
                script(&format!("there is no `{}`", reworded(&signature).replacen(" (", "(", 1)))
            }
            ErrorMismatchDataType(expected, got, _) => {
                match (reworded(&expected), reworded(&got)) {
                    // Numbers inside are Rhai's own while they are small, and never below 0 once they are worked out.
                    (expected, got) if expected == got => script("a position is a whole number from 0"),
                    (expected, got) => script(&format!("expected {expected}, got {got}")),
                }
            }
            ErrorRuntime(value, _) if value.is_unit() => script("stopped by `throw`"),
            ErrorRuntime(value, _) => script(&value.to_string()),
            ErrorArithmetic(message, _) => script(&message),
            other => {
                let mut inner = other;
                inner.set_position(Position::NONE);
                script(&reworded(&inner.to_string()))
            }
        }
    }
}

/// The word, or else the character, at a line and column from 1.
pub(super) fn place(file: FileId, text: &str, line: usize, column: usize) -> Span {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let row = text.get(before..).unwrap_or("").lines().next().unwrap_or("");
    let start = row.char_indices().nth(column.saturating_sub(1)).map_or(row.len(), |(start, _)| start);
    let rest = row.get(start..).unwrap_or("");
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let len = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    Span::new(file, before + start, before + start + len)
}

/// Runs on a thread with stack enough for whatever a script nests within its limits.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("script".into()).stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(|thread| thread.join()) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err("the script engine failed".into()),
            Err(error) => Err(format!("no thread for the script: {error}")),
        }
    })
}

/// rhai's words with ours for its types.
fn reworded(message: &str) -> String {
    let types = [
        ("&str | ImmutableString | String", "text"),
        ("i64", "number"),
        (std::any::type_name::<rhai::FLOAT>(), "number"),
        ("decimal", "number"),
        ("string", "text"),
    ];
    let message = types.iter().fold(message.to_string(), |message, (theirs, ours)| message.replace(theirs, ours));
    let mut letters = message.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

fn into_script(value: &Value, depth: usize) -> Result<Dynamic, String> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(format!("data nested more than {NESTING} deep"));
    };
    Ok(match value {
        Value::Missing | Value::Null => Dynamic::UNIT,
        Value::Bool(value) => Dynamic::from_bool(*value),
        Value::Number(number) => match number.exact() {
            Ok(number) => from_exact(number)?,
            Err(error) => return Err(format!("{}: {error}", describe(value))),
        },
        Value::Text(text) => Dynamic::from(ImmutableString::from(&**text)),
        Value::Date(date) => Dynamic::from(time::write_date(*date).map_err(|error| error.to_string())?),
        Value::Time(instant) => Dynamic::from(time::write_time(*instant).map_err(|error| error.to_string())?),
        Value::Money(money) => {
            let currency = Dynamic::from(ImmutableString::from(money.currency.code()));
            Dynamic::from_map(Map::from([("amount".into(), from_exact(money.amount)?), ("currency".into(), currency)]))
        }
        Value::List(items) => {
            Dynamic::from_array(items.iter().map(|item| into_script(item, below)).collect::<Result<_, _>>()?)
        }
        Value::Record(record) => {
            let fields = record.iter().map(|(name, value)| Ok(((&**name).into(), into_script(value, below)?)));
            Dynamic::from_map(fields.collect::<Result<Map, String>>()?)
        }
        Value::Local(_) => {
            return Err("a local time cannot be given to a script; use `.date()` or `.format(pattern)`".into());
        }
    })
}

fn from_script(value: &Dynamic, depth: usize) -> Result<Value, String> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(format!("is nested more than {NESTING} deep"));
    };
    if let Some(number) = exact(value) {
        return number
            .map(|number: Exact| Value::Number(Number::from(number)))
            .map_err(|why| format!("is no exact number: {why}"));
    }
    if value.is_unit() {
        return Ok(Value::Missing);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(Value::Bool(value));
    }
    if let Ok(letter) = value.as_char() {
        return Ok(Value::Text(letter.to_string().into()));
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::Text(Text::from(text.as_str())));
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(|item| from_script(item, below)).collect();
    }
    if let Ok(fields) = value.as_map_ref() {
        let mut record = vec![];
        for (name, value) in fields.iter() {
            match from_script(value, below)? {
                Value::Missing => {}
                value => record.push((Text::from(name.as_str()), value)),
            }
        }
        return Ok(Value::Record(record.into_iter().collect::<Record>()));
    }
    Err(format!("is a {}, which is nothing that a mapping knows", value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn compile(path: &str, source: &str) -> Result<Script, (usize, usize, String)> {
        Script::compile(path, FileId::default(), source.into())
    }

    fn call(source: &str, args: &str) -> Result<String, Failure> {
        let script = compile("risk.rhai", source).unwrap();
        let Value::List(args) = json::parse(args.as_bytes()).unwrap() else { panic!("a list") };
        script.call("f", &args).map(|value| match value {
            Value::Missing => "missing".into(),
            value => json::write(&value).unwrap(),
        })
    }

    fn fails(source: &str, args: &str) -> (ErrorCode, String) {
        let failure = call(source, args).unwrap_err();
        (failure.code, failure.message.clone())
    }

    #[test]
    fn numbers_are_exact_whatever_their_form() {
        assert_eq!(call("fn f(a, b) { a + b }", "[0.1, 0.2]").unwrap(), "0.3");
        assert_eq!(call("fn f() { 0.1 + 0.2 }", "[]").unwrap(), "0.3");
        assert_eq!(call("fn f(a) { a * 0.05 }", "[19.99]").unwrap(), "0.9995");
        assert_eq!(call("fn f() { 1 / 4 }", "[]").unwrap(), "0.25");
        assert_eq!(call("fn f(a) { let x = a; x += 0.2; x -= 1; x *= 2; x }", "[1.1]").unwrap(), "0.6");
        assert_eq!(call("fn f(a) { -a }", "[1.5]").unwrap(), "-1.5");
        assert_eq!(call("fn f(a) { a % 3 }", "[7.5]").unwrap(), "1.5");
        assert_eq!(call("fn f() { 9223372036854775807 + 1 }", "[]").unwrap(), "9223372036854775808");
    }

    #[test]
    fn what_is_not_exact_fails_at_its_line() {
        let (code, message) = fails("fn f(a) {\n  let b = 3;\n  a / b\n}", "[1]");
        assert_eq!(code, ErrorCode::Script);
        assert!(message.starts_with("risk.rhai:3:5: the result has no end as a decimal"), "{message}");
        assert!(fails("fn f(a) { a * a }", "[12345678901234567.5]").1.contains("digits"));
        assert!(fails("fn f(a) { a / 0 }", "[1]").1.contains("by zero"));
        let long = compile("x.rhai", "fn f() {\n  1.00000000000000000001\n}").unwrap_err();
        assert_eq!((long.0, long.1), (2, 3), "{}", long.2);
        assert!(fails("fn f(a) { a }", "[123456789012345678901234567890]").1.contains("28 digits"));
    }

    #[test]
    fn a_place_is_a_word_of_the_script() {
        let text = "fn f(a) {\n  é + score\n}";
        let at = |line, column| {
            let span = place(FileId::default(), text, line, column);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!([at(1, 1), at(2, 3), at(2, 5), at(2, 7)], ["fn", "é", "+", "score"]);
        assert_eq!([at(2, 99), at(0, 0), at(9, 1)], ["", "fn", ""]);
    }

    #[test]
    fn kinds_are_never_mixed() {
        for source in [
            "10 > \"a\"",
            "() > 1",
            "10 == \"10\"",
            "10 != \"10\"",
            "\"a\" + 1",
            "1 + \"a\"",
            "\"a\" + ()",
            "true < false",
        ] {
            let (code, message) = fails(&format!("fn f() {{ {source} }}"), "[]");
            assert_eq!(code, ErrorCode::Script, "{source}");
            assert!(message.starts_with("risk.rhai:1:") && message.contains(": cannot "), "{source}: {message}");
        }
        assert_eq!(call("fn f(a) { a == 10.0 && a >= 10 && a in [1, 10] }", "[10.00]").unwrap(), "true");
        assert_eq!(call("fn f(a) { a == () }", "[null]").unwrap(), "true");
        assert_eq!(call("fn f(a) { a == () }", "[1]").unwrap(), "false");
        assert_eq!(call("fn f(a, b) { a == b }", r#"[{"x":[1.0]},{"x":[1]}]"#).unwrap(), "true");
    }

    #[test]
    fn records_lists_and_texts_go_in_and_out() {
        let source = r#"fn f(o) { #{ total: o.lines[0].price * o.lines[0].quantity, name: o.name + "!", none: () } }"#;
        let args = r#"[{"name":"Zoë","lines":[{"price":1.10,"quantity":3}]}]"#;
        assert_eq!(call(source, args).unwrap(), r#"{"name":"Zoë!","total":3.3}"#);
        assert_eq!(call("fn f() { }", "[]").unwrap(), "missing");
    }

    #[test]
    fn an_absent_property_is_an_error_not_nothing() {
        let (_, message) = fails("fn f(o) {\n  o.b\n}", r#"[{"a":1}]"#);
        assert_eq!(message, "risk.rhai:2:5: there is no `b`; ask `\"b\" in record` where it may be absent");
        assert_eq!(call(r#"fn f(o) { if "b" in o { o.b } else { 0 } }"#, r#"[{"a":1}]"#).unwrap(), "0");
    }

    #[test]
    fn whatever_a_script_does_it_ends() {
        for source in [
            "fn f() { loop { } }",
            "fn f() { f() }",
            "fn f() { let x = []; loop { x = [x]; } }",
            "fn f() { let x = \"aaaaaaaa\"; loop { x += x; } }",
            "fn f() { let x = [1]; loop { x += x; } }",
            "fn f() { let x = #{}; loop { x = #{ a: x }; } }",
        ] {
            assert_eq!(fails(source, "[]").0, ErrorCode::Limit, "{source}");
        }
        let nested = format!("fn f() {{ {}1{} }}", "(".repeat(5000), ")".repeat(5000));
        assert!(compile("deep.rhai", &nested).is_err());
    }

    #[test]
    fn nothing_reaches_outside() {
        for source in ["eval(\"1\")", "print(1)", "debug(1)", "timestamp()", "import \"x\" as y"] {
            let compiled = compile("x.rhai", &format!("fn f() {{ {source}; }}"));
            assert!(compiled.is_err() || compiled.is_ok_and(|script| script.call("f", &[]).is_err()), "{source}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let (line, column, message) = compile("x.rhai", "fn f() {\n  let = 1;\n}").unwrap_err();
        assert_eq!((line, column), (2, 7));
        assert!(!message.is_empty());
    }

    #[test]
    fn functions_are_listed() {
        let script = compile("x.rhai", "fn score(a, b) { 1 }\nprivate fn inner() { 2 }").unwrap();
        assert_eq!(script.functions(), vec![(Text::from("score"), 2)]);
    }
}
