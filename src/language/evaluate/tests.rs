//! The evaluator on code built by hand: what the checker's own tests do not reach.

use super::*;
use crate::diagnostics::FileId;
use crate::language::code::{
    Argument, ArithmeticOp, Code as Compiled, CompareOp, For, MatchArm, Op, Part, Program, Routine, Row, Rows,
    Statement, Step, Table, TableKey,
};
use crate::language::functions;
use crate::language::types::{Facts, Form, RecordType, Type};
use crate::value::{Number, Text, json};
use std::sync::Arc;

fn at(start: usize, end: usize, op: Op) -> Compiled {
    Compiled::new(op, Span::new(FileId(0), start, end))
}

fn code(op: Op) -> Compiled {
    at(0, 1, op)
}

fn boxed(op: Op) -> Box<Compiled> {
    Box::new(code(op))
}

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn constant(text: &str) -> Op {
    Op::Const(read(text))
}

fn number(text: &str) -> Compiled {
    code(constant(text))
}

fn field(base: Op, name: &str, tolerant: bool, ty: Type) -> Op {
    Op::Field { base: boxed(base), name: name.into(), step: Step::new(tolerant, ty) }
}

fn arithmetic(op: ArithmeticOp, left: Compiled, right: Compiled) -> Compiled {
    code(Op::Arithmetic { op, left: Box::new(left), right: Box::new(right) })
}

fn builtin(name: &str, args: Vec<Argument>) -> Op {
    Op::Builtin { function: functions::find(name).unwrap(), overload: 0, args, prepared: None }
}

fn values(ops: Vec<Op>) -> Vec<Argument> {
    ops.into_iter().map(|op| Argument::Value(code(op))).collect()
}

/// A slot with one input, `input`, and room for more.
fn slot(op: Op) -> Routine {
    Routine {
        name: "slot".into(),
        params: vec![("input".into(), Type::any().or_missing())],
        slots: 8,
        result: Type::any().or_missing().or_null(),
        code: code(op),
        span: Span::default(),
    }
}

fn run_in(program: Program, op: Op, input: Value) -> Result<Value, EvalError> {
    let expression = Expression { program: Arc::new(program), routine: Arc::new(slot(op)) };
    let settings = read(r#"{"zone":"UTC"}"#);
    expression.evaluate(&[input], &Context { settings: &settings, limits: &Limits::default() })
}

fn run(op: Op, input: &str) -> Result<Value, EvalError> {
    run_in(Program::default(), op, read(input))
}

fn gives(op: Op, input: &str) -> String {
    match run(op, input).unwrap() {
        Value::Missing => "missing".into(),
        value => json::write(&value).unwrap(),
    }
}

fn fails(op: Op, input: &str) -> (ErrorCode, String) {
    let error = run(op, input).unwrap_err();
    assert_eq!(error.number, error.code.number());
    (error.code, error.message)
}

fn input() -> Op {
    Op::Local(0)
}

#[test]
fn a_step_asserts_and_names_its_path() {
    let step = |tolerant| field(field(input(), "payer", false, Type::any()), "name", tolerant, Type::text());
    assert_eq!(gives(step(false), r#"{"payer":{"name":"Ada"}}"#), r#""Ada""#);
    assert_eq!(
        fails(step(false), r#"{"payer":{}}"#),
        (
            ErrorCode::Absent,
            "`input.payer.name` is absent, expected text; write `input.payer.name?` where it may be".into()
        )
    );
    assert_eq!(
        fails(step(false), r#"{"payer":{"name":12}}"#),
        (ErrorCode::Type, "`input.payer.name` is number 12, expected text".into())
    );
    // Null counts as absent where the type knows none.
    assert_eq!(fails(step(false), r#"{"payer":{"name":null}}"#).0, ErrorCode::Absent);
    assert_eq!(gives(field(input(), "n", false, Type::text().or_null()), r#"{"n":null}"#), "null");
}

#[test]
fn an_error_points_at_the_dot() {
    let base = at(10, 15, Op::Local(0));
    let op = Op::Field { base: Box::new(base), name: "name".into(), step: Step::new(false, Type::text()) };
    let routine = Routine { code: at(10, 20, op), ..slot(constant("1")) };
    let expression = Expression { program: Arc::default(), routine: Arc::new(routine) };
    let context = Context { settings: &Value::Missing, limits: &Limits::default() };
    let error = expression.evaluate(&[read("{}")], &context).unwrap_err();
    assert_eq!((error.span.start, error.span.end), (15, 20));
}

#[test]
fn a_question_mark_skips_the_rest_of_its_chain_and_no_more() {
    let chain = |tolerant| {
        let payer = Op::Maybe(boxed(field(input(), "payer", tolerant, Type::any())));
        let rest = builtin("upper", values(vec![field(payer, "name", false, Type::text())]));
        Op::Chain(boxed(rest))
    };
    assert_eq!(gives(chain(true), r#"{"payer":{"name":"ada"}}"#), r#""ADA""#);
    assert_eq!(gives(chain(true), "{}"), "missing");
    assert_eq!(gives(chain(true), r#"{"payer":null}"#), "missing");
    assert_eq!(fails(chain(true), r#"{"payer":{}}"#).0, ErrorCode::Absent);
    assert_eq!(fails(chain(false), "{}").0, ErrorCode::Absent);
    assert_eq!(gives(Op::Chain(boxed(field(input(), "a", true, Type::text().or_null()))), r#"{"a":null}"#), "null");
    // The `?` belongs to its own step: a base that is null is an error there.
    let below = Op::Chain(boxed(field(field(input(), "a", false, Type::any().or_null()), "b", true, Type::any())));
    assert_eq!(fails(below, r#"{"a":null}"#).0, ErrorCode::Absent);
}

#[test]
fn coalesce_takes_missing_and_null_and_no_error() {
    let coalesce = |left| Op::Coalesce(boxed(left), boxed(constant("0")));
    assert_eq!(gives(coalesce(field(input(), "a", true, Type::any())), "{}"), "0");
    assert_eq!(gives(coalesce(constant("null")), "{}"), "0");
    assert_eq!(gives(coalesce(constant("false")), "{}"), "false");
    assert_eq!(fails(coalesce(Op::Fail(boxed(constant("\"no\"")))), "{}").0, ErrorCode::Failed);
}

#[test]
fn catch_binds_the_error_and_never_takes_a_limit() {
    let message = Op::Template(vec![
        Part::Hole(code(field(Op::Local(3), "code", false, Type::text()))),
        Part::Plain(": ".into()),
        Part::Hole(code(field(Op::Local(3), "message", false, Type::text()))),
    ]);
    let catch = |value| Op::Catch { value: boxed(value), otherwise: boxed(message.clone()), slot: 3 };
    assert_eq!(gives(catch(Op::Fail(boxed(constant("\"no\"")))), "{}"), r#""failed: no""#);
    let long = Op::Template(vec![Part::Plain("x".repeat(2 << 20).into())]);
    assert_eq!(fails(catch(long), "{}").0, ErrorCode::Limit);
}

#[test]
fn values_are_read_as_their_type() {
    let facts = |ty: Type, form| Type { facts: Some(Arc::new(Facts { form: Some(form), ..Facts::default() })), ..ty };
    let step = |ty: Type| field(input(), "v", false, ty);
    assert_eq!(run(step(Type::date()), r#"{"v":"2026-03-01"}"#).unwrap(), Value::Date(jiff::civil::date(2026, 3, 1)));
    let noon = facts(Type::date(), Form::Noon);
    assert_eq!(
        run(step(noon.clone()), r#"{"v":"2026-11-01T12:00:00Z"}"#).unwrap(),
        Value::Date(jiff::civil::date(2026, 11, 1))
    );
    assert_eq!(fails(step(noon.clone()), r#"{"v":"1900-01-01T12:00:00Z"}"#).0, ErrorCode::Absent);
    assert_eq!(gives(step(noon.or_missing()), r#"{"v":"1900-01-01T12:00:00Z"}"#), "missing");
    assert!(matches!(run(step(Type::time()), r#"{"v":"2026-03-01T10:00:00+01:00"}"#), Ok(Value::Time(_))));
    assert_eq!(
        fails(step(Type::date()), r#"{"v":"soon"}"#),
        (ErrorCode::Value, "`input.v` is text \"soon\", expected a date".into())
    );
    assert_eq!(gives(step(facts(Type::decimal(), Form::DecimalText)), r#"{"v":"10.50"}"#), "10.50");
    assert_eq!(fails(step(Type::decimal()), r#"{"v":"10.50"}"#).0, ErrorCode::Type);
    assert_eq!(gives(step(Type::int()), r#"{"v":2.0}"#), "2.0");
    assert_eq!(fails(step(Type::int()), r#"{"v":2.5}"#).0, ErrorCode::Value);
    assert!(matches!(run(step(Type::money()), r#"{"v":{"amount":12.50,"currency":"usd"}}"#), Ok(Value::Money(_))));
    let dates = run(step(Type::list(Type::date())), r#"{"v":["2026-03-01"]}"#).unwrap();
    assert_eq!(dates, Value::from(vec![Value::Date(jiff::civil::date(2026, 3, 1))]));
    let (code, message) = fails(step(Type::list(Type::date())), r#"{"v":["2026-03-01","x"]}"#);
    assert_eq!((code, message.as_str()), (ErrorCode::Value, "`input.v`[1] is text \"x\", expected a date"));
}

#[test]
fn fractions_live_inside_one_tree() {
    use ArithmeticOp::*;
    let third = || arithmetic(Divide, number("1"), number("3"));
    assert_eq!(gives(arithmetic(Multiply, third(), number("3")).op, "{}"), "1");
    let (code, message) = fails(third().op, "{}");
    assert_eq!(code, ErrorCode::Number);
    assert!(message.contains("round("), "{message}");
    let equal = Op::Compare { op: CompareOp::Equal, left: Box::new(third()), right: Box::new(third()) };
    assert_eq!(gives(equal, "{}"), "true");
    let mut args = values(vec![constant("2"), constant("\"half_even\"")]);
    args.insert(0, Argument::Value(arithmetic(Divide, number("2"), number("3"))));
    assert_eq!(gives(builtin("round", args), "{}"), "0.67");
    assert_eq!(fails(arithmetic(Divide, number("1"), number("0")).op, "{}").0, ErrorCode::Number);
    assert_eq!(gives(Op::Negate(boxed(constant("1.50"))), "{}"), "-1.5");
    assert_eq!(gives(arithmetic(Remainder, number("-7"), number("3")).op, "{}"), "-1");
    assert_eq!(gives(arithmetic(Add, number("\"a\""), number("\"b\"")).op, "{}"), r#""ab""#);
    assert_eq!(fails(arithmetic(Add, number("\"a\""), number("1")).op, "{}").0, ErrorCode::Type);
}

#[test]
fn money_is_calculated_in_one_currency() {
    use ArithmeticOp::*;
    let money = |amount: &str, code: &str| {
        code_of(builtin("money", values(vec![constant(amount), constant(&format!("\"{code}\""))])))
    };
    fn code_of(op: Op) -> Compiled {
        code(op)
    }
    let text = |op: Compiled| gives(Op::Template(vec![Part::Hole(op)]), "{}");
    assert_eq!(text(arithmetic(Add, money("1", "USD"), money("2.5", "usd"))), r#""3.50 USD""#);
    assert_eq!(text(arithmetic(Multiply, number("3"), money("2.5", "usd"))), r#""7.50 USD""#);
    assert_eq!(text(arithmetic(Divide, money("5", "USD"), money("2", "USD"))), r#""2.5""#);
    assert_eq!(fails(arithmetic(Add, money("1", "USD"), money("1", "EUR")).op, "{}").0, ErrorCode::Value);
    let equal =
        Op::Compare { op: CompareOp::Equal, left: Box::new(money("1", "USD")), right: Box::new(money("1", "EUR")) };
    assert_eq!(gives(equal, "{}"), "false");
    let less =
        Op::Compare { op: CompareOp::Less, left: Box::new(money("1", "USD")), right: Box::new(money("1", "EUR")) };
    assert_eq!(fails(less, "{}").0, ErrorCode::Value);
    let third = arithmetic(Multiply, arithmetic(Divide, money("10", "USD"), number("3")), number("3"));
    assert_eq!(text(third), r#""10.00 USD""#);
    assert_eq!(gives(field(money("12.5", "USD").op, "amount", false, Type::decimal()), "{}"), "12.50");
}

#[test]
fn equality_asks_of_missing_and_null_but_not_across_kinds() {
    let equal = |a: Op, b: Op| Op::Compare { op: CompareOp::Equal, left: boxed(a), right: boxed(b) };
    let missing = || Op::Const(Value::Missing);
    assert_eq!(gives(equal(missing(), missing()), "{}"), "true");
    assert_eq!(gives(equal(missing(), constant("null")), "{}"), "false");
    assert_eq!(gives(equal(constant("1"), missing()), "{}"), "false");
    assert_eq!(gives(equal(constant("1"), constant("1.0")), "{}"), "true");
    assert_eq!(
        fails(equal(constant("1"), constant("\"1\"")), "{}"),
        (ErrorCode::Type, "cannot compare number 1 with text \"1\"".into())
    );
    assert_eq!(gives(equal(constant("[1]"), constant("[\"1\"]")), "{}"), "false");
    assert_eq!(gives(equal(constant(r#"{"a":1,"b":2}"#), constant(r#"{"b":2.0,"a":1}"#)), "{}"), "true");
}

#[test]
fn only_what_is_needed_is_worked_out() {
    let bang = || boxed(Op::Fail(boxed(constant("\"reached\""))));
    assert_eq!(gives(Op::And(boxed(constant("false")), bang()), "{}"), "false");
    assert_eq!(gives(Op::Or(boxed(constant("true")), bang()), "{}"), "true");
    assert_eq!(gives(Op::Coalesce(boxed(constant("1")), bang()), "{}"), "1");
    assert_eq!(gives(Op::Catch { value: boxed(constant("1")), otherwise: bang(), slot: 3 }, "{}"), "1");
    let choose = Op::If { condition: boxed(constant("true")), then: boxed(constant("1")), otherwise: bang() };
    assert_eq!(gives(choose, "{}"), "1");
    assert_eq!(fails(Op::And(boxed(constant("1")), bang()), "{}").0, ErrorCode::Type);
}

#[test]
fn a_match_takes_the_first_arm_that_fits() {
    let arm = |values: &[&str], result: &str| MatchArm {
        values: values.iter().map(|value| number(value)).collect(),
        result: number(result),
    };
    let choose = |otherwise: Option<&str>| Op::Match {
        subject: Some((boxed(field(input(), "s", true, Type::any().or_null().or_missing())), 2)),
        arms: vec![arm(&["\"A\"", "\"B\""], "1"), arm(&["null"], "2")],
        otherwise: otherwise.map(|value| boxed(constant(value))),
    };
    let choose = |otherwise| Op::Chain(boxed(choose(otherwise)));
    assert_eq!(gives(choose(None), r#"{"s":"B"}"#), "1");
    assert_eq!(gives(choose(None), r#"{"s":null}"#), "2");
    assert_eq!(gives(choose(Some("3")), r#"{"s":"C"}"#), "3");
    assert_eq!(
        fails(choose(None), r#"{"s":"C"}"#),
        (ErrorCode::Value, "no arm fits text \"C\"; add an arm for it, or `else`".into())
    );
}

#[test]
fn for_counts_what_it_keeps() {
    let each = For {
        list: code(input()),
        item: 1,
        element: Type::int(),
        index: Some(2),
        condition: Some(code(Op::Compare {
            op: CompareOp::Greater,
            left: boxed(Op::Local(1)),
            right: boxed(constant("1")),
        })),
        body: code(Op::List(vec![code(Op::Local(2)), code(Op::Local(1))])),
    };
    assert_eq!(gives(Op::For(Box::new(each.clone())), "[1,2,3]"), "[[0,2],[1,3]]");
    assert_eq!(fails(Op::For(Box::new(each)), r#"[1,"2"]"#).0, ErrorCode::Type);
}

#[test]
fn records_leave_missing_out_and_keep_their_order() {
    let assign = |path: &[&str], value: Op| Statement::Assign {
        path: path.iter().map(|name| Text::from(*name)).collect(),
        value: code(value),
        span: Span::default(),
    };
    let missing = || Op::Const(Value::Missing);
    let record = |statements| gives(Op::Record(statements), r#"{"x":1,"y":2}"#);
    assert_eq!(
        record(vec![assign(&["b"], constant("1")), assign(&["a"], missing()), assign(&["c"], constant("null"))]),
        r#"{"b":1,"c":null}"#
    );
    assert_eq!(
        record(vec![
            assign(&["a", "b"], constant("1")),
            assign(&["c"], constant("2")),
            assign(&["a", "d"], constant("3"))
        ]),
        r#"{"a":{"b":1,"d":3},"c":2}"#
    );
    assert_eq!(record(vec![assign(&["a", "b"], missing()), assign(&["c"], constant("2"))]), r#"{"c":2}"#);
    let spread = || Statement::Spread { value: code(input()) };
    assert_eq!(
        record(vec![spread(), assign(&["x"], constant("9")), assign(&["z"], constant("3"))]),
        r#"{"x":9,"y":2,"z":3}"#
    );
    assert_eq!(record(vec![spread(), assign(&["x"], missing())]), r#"{"y":2}"#);
    let require = Statement::Require { condition: number("false"), message: number("\"why\""), span: Span::default() };
    assert_eq!(fails(Op::Record(vec![require]), "{}"), (ErrorCode::Failed, "why".into()));
}

#[test]
fn a_view_keeps_only_the_types_fields() {
    let ty = Type::record(RecordType::shape([("a", Type::date()), ("b", Type::text().or_missing())]));
    let view = |project| Op::View { value: boxed(input()), ty: ty.clone(), project };
    let seen = run(view(true), r#"{"a":"2026-03-01","b":null,"c":3}"#).unwrap();
    let Value::Record(record) = seen else { panic!("a record") };
    assert_eq!(record.iter().count(), 1);
    assert!(matches!(record.get("a"), Some(Value::Date(_))));
    assert_eq!(gives(view(false), r#"{"c":3}"#), r#"{"c":3}"#);
    assert_eq!(fails(view(true), r#"{"a":1}"#), (ErrorCode::Type, "`input`.a is number 1, expected date".into()));
    assert_eq!(fails(view(true), "{}").0, ErrorCode::Absent);
}

#[test]
fn tables_are_asked_by_value() {
    let table = |rows, otherwise| Table { name: "status".into(), rows, otherwise, span: Span::default() };
    let look = |otherwise, key: &str| {
        let mut rows = Rows::default();
        let row = |text: &str| Row { value: Some(read(text)), span: Span::default() };
        rows.insert(vec![TableKey::Number("1".into())], row("\"one\""));
        rows.insert(vec![TableKey::Text("a".into())], row("\"letter\""));
        let program = Program { tables: vec![table(rows, otherwise)], ..Program::default() };
        run_in(program, Op::Table { table: 0, keys: vec![number(key)] }, Value::Null)
    };
    assert_eq!(look(None, "1.00").unwrap(), read("\"one\""));
    assert_eq!(look(None, "\"a\"").unwrap(), read("\"letter\""));
    let error = look(None, "\"b\"").unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::NoRow, "table `status` has no row for \"b\""));
    let error = look(None, "2").unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::NoRow, "table `status` has no row for 2"));
    assert_eq!(look(Some(Value::Missing), "2").unwrap(), Value::Missing);
    assert_eq!(look(None, "null").unwrap_err().code, ErrorCode::Type);
}

#[test]
fn holes_take_what_can_be_written() {
    let hole = || Op::Template(vec![Part::Plain("<".into()), Part::Hole(code(input())), Part::Plain(">".into())]);
    assert_eq!(gives(hole(), "1.50"), r#""<1.50>""#);
    assert_eq!(gives(hole(), "true"), r#""<true>""#);
    assert_eq!(fails(hole(), "[1]").0, ErrorCode::Type);
    assert_eq!(fails(hole(), "null").0, ErrorCode::Type);
}

/// `f0` calls `f1` calls … and the last fails.
fn chain_of_calls(length: usize, nested: usize) -> Program {
    let routine = |n: usize| {
        let mut inner = if n + 1 < length {
            Op::Call { routine: n + 1, args: vec![code(Op::Local(0))] }
        } else {
            Op::Fail(boxed(constant("\"the end\"")))
        };
        for _ in 0..nested {
            let statement = Statement::Assign { path: vec!["a".into()], value: code(inner), span: Span::default() };
            inner =
                Op::Record(vec![Statement::If { condition: number("true"), then: vec![statement], otherwise: vec![] }]);
        }
        Routine {
            name: format!("f{n}").into(),
            params: vec![("x".into(), Type::any())],
            code: at(n, n + 1, inner),
            ..slot(constant("1"))
        }
    };
    Program { routines: (0..length).map(routine).collect(), ..Program::default() }
}

#[test]
fn an_error_says_where_its_fn_was_called() {
    let error =
        run_in(chain_of_calls(3, 0), Op::Call { routine: 0, args: vec![number("1")] }, Value::Null).unwrap_err();
    assert_eq!(error.message, "the end");
    assert_eq!(error.trace.iter().map(|span| span.start).collect::<Vec<_>>(), vec![1, 0, 0]);
}

#[test]
fn deep_calls_are_a_limit_and_no_overflow() {
    let work = || {
        for nested in [0, 1, 7] {
            let call = Op::Call { routine: 0, args: vec![number("1")] };
            let error = run_in(chain_of_calls(2000, nested), call, Value::Null).unwrap_err();
            assert_eq!(error.code, ErrorCode::Limit);
        }
        // Lambdas take the widest frames: a built-in's own lie between two operations.
        let mut op = constant("1");
        for _ in 0..300 {
            let lambda = Argument::Lambda { params: vec![(1, Type::any())], body: code(op) };
            op = builtin("group_by", vec![Argument::Value(number("[1]")), lambda]);
        }
        assert_eq!(fails(op, "{}").0, ErrorCode::Limit);
    };
    // Half of a worker thread's stack, so that whoever calls the evaluator has the other half.
    std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn work_and_size_are_bounded() {
    let numbers = json::write(&Value::from(vec![Value::from(1); 2000])).unwrap();
    let each = |body: Op| {
        Op::For(Box::new(For {
            list: code(input()),
            item: 1,
            element: Type::any(),
            index: None,
            condition: None,
            body: code(body),
        }))
    };
    let (code_of, message) = fails(each(each(constant("1"))), &numbers);
    assert_eq!((code_of, message.as_str()), (ErrorCode::Limit, "more than 1000000 steps (calls and rounds)"));
    let long = "x".repeat(100_000);
    let (code_of, message) = fails(each(constant(&format!("\"{long}\""))), &numbers);
    assert_eq!((code_of, message.as_str()), (ErrorCode::Limit, "a result of more than 16777216 bytes"));
    let mut nested = Op::Const(Value::Null);
    for _ in 0..150 {
        nested = Op::List(vec![code(nested)]);
    }
    assert_eq!(fails(nested, "{}"), (ErrorCode::Limit, "a result nested more than 128 deep".into()));
    // Doubling a shared list is cheap until somebody looks at all of it.
    let mut doubled = constant("[1]");
    for _ in 0..40 {
        doubled = Op::Let {
            slot: 1,
            value: boxed(doubled),
            body: boxed(Op::List(vec![code(Op::Local(1)), code(Op::Local(1))])),
        };
    }
    let equal = Op::Compare { op: CompareOp::Equal, left: boxed(doubled.clone()), right: boxed(doubled.clone()) };
    assert_eq!(fails(equal, "{}").0, ErrorCode::Limit);
    assert_eq!(fails(doubled, "{}").0, ErrorCode::Limit);
}

#[test]
fn untouched_numbers_keep_their_text() {
    let list = Op::List(vec![code(field(input(), "a", false, Type::decimal())), code(input())]);
    assert_eq!(gives(list, r#"{"a":1.10}"#), r#"[1.10,{"a":1.10}]"#);
}

mod witness;

mod exactness {
    //! Any tree of arithmetic equals a model of unbounded-enough rationals, or is an error.

    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Tree {
        Leaf(i64, u32),
        Negate(Box<Tree>),
        Node(ArithmeticOp, Box<Tree>, Box<Tree>),
    }

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = (-9999i64..9999, 0u32..3).prop_map(|(n, scale)| Tree::Leaf(n, scale));
        leaf.prop_recursive(4, 16, 2, |inner| {
            let op = prop_oneof![
                Just(ArithmeticOp::Add),
                Just(ArithmeticOp::Subtract),
                Just(ArithmeticOp::Multiply),
                Just(ArithmeticOp::Divide),
                Just(ArithmeticOp::Remainder)
            ];
            prop_oneof![
                (op, inner.clone(), inner.clone()).prop_map(|(op, a, b)| Tree::Node(op, Box::new(a), Box::new(b))),
                inner.prop_map(|tree| Tree::Negate(Box::new(tree))),
            ]
        })
    }

    fn written(n: i64, scale: u32) -> String {
        let digits = format!("{:0>width$}", n.unsigned_abs(), width = scale as usize + 1);
        let (whole, places) = digits.split_at(digits.len() - scale as usize);
        let sign = if n < 0 { "-" } else { "" };
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{places}") }
    }

    fn compile(tree: &Tree) -> Compiled {
        match tree {
            Tree::Leaf(n, scale) => number(&written(*n, *scale)),
            Tree::Negate(inner) => code(Op::Negate(Box::new(compile(inner)))),
            Tree::Node(op, a, b) => arithmetic(*op, compile(a), compile(b)),
        }
    }

    /// Numerator and denominator in lowest terms; `None` where i128 does not hold them or the divisor is 0.
    fn model(tree: &Tree) -> Option<(i128, i128)> {
        fn lowest(n: i128, d: i128) -> Option<(i128, i128)> {
            let (mut a, mut b) = (n.checked_abs()?, d.checked_abs()?);
            while b != 0 {
                (a, b) = (b, a % b);
            }
            if d == 0 { None } else { Some((n / a.max(1) * d.signum(), d.checked_abs()? / a.max(1))) }
        }
        Some(match tree {
            Tree::Leaf(n, scale) => lowest((*n).into(), 10i128.pow(*scale))?,
            Tree::Negate(inner) => model(inner).map(|(n, d)| (-n, d))?,
            Tree::Node(op, a, b) => {
                let ((a, b), (c, d)) = (model(a)?, model(b)?);
                let bottom = b.checked_mul(d)?;
                let (ad, cb) = (a.checked_mul(d)?, c.checked_mul(b)?);
                match op {
                    ArithmeticOp::Add => lowest(ad.checked_add(cb)?, bottom)?,
                    ArithmeticOp::Subtract => lowest(ad.checked_sub(cb)?, bottom)?,
                    ArithmeticOp::Multiply => lowest(a.checked_mul(c)?, bottom)?,
                    ArithmeticOp::Divide => lowest(ad, b.checked_mul(c)?)?,
                    ArithmeticOp::Remainder => {
                        if c == 0 {
                            return None;
                        }
                        lowest(ad.checked_sub(cb.checked_mul(ad / cb)?)?, bottom)?
                    }
                }
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_tree_equals_the_model_or_is_an_error(tree in trees()) {
            let result = run(compile(&tree).op, "{}");
            match (result, model(&tree)) {
                (Ok(Value::Number(got)), Some((n, d))) => {
                    let text = got.canonical();
                    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
                    let got: i128 = format!("{whole}{places}").parse().unwrap();
                    let scale = 10i128.checked_pow(places.len() as u32);
                    if let Some((left, right)) = scale.and_then(|s| n.checked_mul(s)).zip(got.checked_mul(d)) {
                        prop_assert_eq!(left, right);
                    }
                }
                (Ok(other), _) => prop_assert!(matches!(tree, Tree::Leaf(..)), "{:?}", other),
                (Err(error), Some((_, d))) => {
                    prop_assert_eq!(error.code, ErrorCode::Number);
                    // A short result whose denominator divides a power of ten is no reason to fail.
                    prop_assert!(10i128.pow(6) % d != 0 || error.message.contains("28 digits"), "{} {:?}", error.message, d);
                }
                (Err(error), None) => prop_assert_eq!(error.code, ErrorCode::Number),
            }
        }
    }

    #[test]
    fn long_numbers_pass_but_do_not_calculate() {
        let long = "123456789012345678901234567890";
        assert_eq!(gives(constant(long), "{}"), long);
        assert_eq!(fails(arithmetic(ArithmeticOp::Add, number(long), number("1")).op, "{}").0, ErrorCode::Number);
        let _ = Number::from(crate::value::Exact::ZERO);
    }
}
