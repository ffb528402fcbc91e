use super::super::*;
use super::{exact, number};
use std::cmp::Ordering;

fn read(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn money(amount: &str, currency: &str) -> Value {
    Money::new(exact(amount), Currency::parse(currency).unwrap()).into()
}

#[test]
fn equal_by_value() {
    for (a, b, result) in [
        ("1", "1.0", true),
        ("1e2", "100", true),
        ("[1, [2]]", "[1.0, [2]]", true),
        ("[1]", "[\"1\"]", false),
        ("[1]", "[1, 2]", false),
        (r#"{"a":1,"b":null}"#, r#"{"b":null,"a":1.0}"#, true),
        (r#"{"a":1,"b":null}"#, r#"{"a":1}"#, false),
        (r#"{"a":{"b":1}}"#, r#"{"a":{"b":"1"}}"#, false),
        ("null", "null", true),
        ("null", "0", false),
        ("\"\"", "null", false),
        ("true", "false", false),
    ] {
        assert_eq!(read(a).equal(&read(b)), Ok(result), "{a} {b}");
    }
    assert_eq!(Value::Missing.equal(&Value::Null), Ok(false));
    assert_eq!(Value::Missing.equal(&Value::Missing), Ok(true));
    assert_eq!(money("1.0", "USD").equal(&money("1", "USD")), Ok(true));
    assert_eq!(money("1", "USD").equal(&money("1", "EUR")), Ok(false));
    let error = read("1.5").equal(&read("\"1.5\"")).unwrap_err();
    assert_eq!(error.to_string(), "cannot compare decimal with text");
    assert!(read("[]").equal(&read("{}")).is_err());
}

#[test]
fn order() {
    let day = |text| Value::Date(time::parse_date(text).unwrap());
    let instant = |text| Value::Time(time::parse_time(text).unwrap());
    let number = |text| Value::Number(number(text));
    for (a, b) in [
        (number("1"), number("1.5")),
        (number("1"), number("1e99")),
        (Value::from("Z"), Value::from("a")),
        (Value::from("\u{ffff}"), Value::from("\u{10000}")),
        (day("2026-03-01"), day("2026-10-01")),
        (instant("2026-03-01T10:00:00+02:00"), instant("2026-03-01T09:00:00Z")),
        (money("1", "USD"), money("1.01", "USD")),
    ] {
        assert_eq!(a.order(&b), Ok(Ordering::Less), "{a:?} {b:?}");
    }
    let why = |a: Value, b: Value| a.order(&b).unwrap_err().to_string();
    assert_eq!(why(1i64.into(), "a".into()), "cannot compare int with text");
    assert!(why(true.into(), false.into()).starts_with("bool has no order"));
    assert!(why(money("1", "USD"), money("1", "EUR")).starts_with("cannot order USD and EUR"));
    assert_eq!(why(Value::Null, 1i64.into()), "cannot compare null with int");
}

#[test]
fn helpers() {
    let value = read(r#"{"a":{"b":["x"]},"n":null,"t":" \t\r\n","v":"\u000b"}"#);
    assert_eq!(value.at_path(&["a", "b"]).at(0), &Value::from("x"));
    assert!(value.get("zz").get("y").at(3).is_missing());
    assert!(value.get("n").is_absent() && !value.get("n").is_missing());
    assert!(value.get("t").is_blank() && value.get("n").is_blank() && value.get("zz").is_blank());
    assert!(!value.get("v").is_blank() && !value.get("a").is_blank());
    let kinds: Vec<_> = ["1", "1.0", "1.5", "\"\"", "[]", "{}", "null", "true"].map(|text| read(text).kind()).into();
    assert_eq!(kinds.join(" "), "int int decimal text list record null bool");
    assert_eq!(Value::from(None::<i64>), Value::Missing);
}
