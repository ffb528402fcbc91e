//! JSON, records, equality, times. What is calculated with stands in `numbers`.

mod numbers;

use super::*;
use proptest::prelude::*;

fn exact(text: &str) -> Exact {
    Exact::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

#[test]
fn json_is_read_strictly() {
    for (text, why) in [
        ("", "the text ends here"),
        ("nul", "expected a value"),
        ("01", "expected the end"),
        ("1.", "expected a digit"),
        ("[1,]", "expected a value"),
        ("{\"a\":1,}", "expected a name"),
        ("{\"a\":1,\"a\":2}", "stands twice"),
        ("\"\\ud800\"", "surrogate"),
        ("\"\\ud800\\u0041\"", "surrogate"),
        ("\"\\udc00\"", "surrogate"),
        ("\"\\x\"", "escape"),
        ("\"a\nb\"", "control character"),
        ("[1] 2", "expected the end"),
        ("'a'", "expected a value"),
        ("\u{feff}1", "expected a value"),
        ("{\"\\u0061\":1,\"a\":2}", "stands twice"),
        ("1e1000000000000000000", "exponent has more than 18 digits"),
        ("[1E-1000000000000000000]", "exponent has more than 18 digits"),
    ] {
        let error = json::parse(text.as_bytes()).expect_err(text);
        assert!(error.message.contains(why), "{text}: {error}");
    }
    for bytes in [&b"\"\xff\""[..], b"\"\xc3\"", b"\"\xed\xa0\x80\"", b"\"\xc0\xaf\"", b"\xef\xbb\xbf1"] {
        assert!(json::parse(bytes).is_err(), "{bytes:?}");
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json::parse(nested(json::NESTING).as_bytes()).is_ok());
    assert!(json::parse(nested(json::NESTING + 1).as_bytes()).is_err());
    assert!(json::parse_limited(b"[{\"a\":[]}]", 2).is_err() && json::parse_limited(b"[{\"a\":1},[]]", 2).is_ok());
    let order = br#"{"z":1,"a":{"y":2,"b":3},"10":4,"9":5}"#;
    assert_eq!(json::write_bytes(&json::parse(order).unwrap()).unwrap(), order);
    assert!(json::parse(b"[1e999999999999999999, 1e-0000000000000000000000007]").is_ok());
    let error = json::parse(b"{\n  \"a\": x\n}").unwrap_err();
    assert_eq!((error.line, error.column), (2, 8));
    let many: String = (0..40).map(|n| format!("\"k{n}\":1,")).collect();
    assert!(json::parse(format!("{{{many}\"k3\":2}}").as_bytes()).unwrap_err().message.contains("twice"));
    assert_eq!(json::parse(br#""\ud83d\ude00\u00e9\/\b""#).unwrap().as_text().unwrap().as_str(), "😀é/\u{8}");
}

#[test]
fn a_million_brackets_are_an_error() {
    let check = || {
        for open in ["[", "{\"a\":"] {
            let error = json::parse(open.repeat(1_000_000).as_bytes()).unwrap_err();
            assert!(error.message.contains("nested too deeply"), "{error}");
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
}

#[test]
fn json_is_written_as_the_contract_says() {
    let text =
        "{\"a\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001/é\u{7f}\",\"b\":[1.10,1e3,-0.0,12345678901234567890123],\"c\":null}";
    assert_eq!(json::write(&json::parse(text.as_bytes()).unwrap()).unwrap(), text);
    let mut record = Record::new();
    record.set("gone".into(), Value::Missing);
    record.set("day".into(), Value::Date("2026-03-01".parse().unwrap()));
    record.set("at".into(), Value::Time("2026-03-01T09:00:00.500Z".parse().unwrap()));
    assert_eq!(json::write(&Value::Record(record)).unwrap(), r#"{"day":"2026-03-01","at":"2026-03-01T09:00:00.5Z"}"#);
    let pretty = json::write_pretty(&json::parse(br#"{"a":[1,{}],"b":[]}"#).unwrap()).unwrap();
    assert_eq!(pretty, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

#[test]
fn the_tagged_form_carries_every_value() {
    let mut record = Record::new();
    record.set("$time".into(), "no tag".into());
    record.set("missing".into(), Value::Missing);
    record.set("null".into(), Value::Null);
    record.set("day".into(), Value::Date("2026-03-01".parse().unwrap()));
    record.set("at".into(), Value::Time("2026-03-01T09:00:00Z".parse().unwrap()));
    record.set("money".into(), Value::Money(Money::new(exact("1.555"), currency("USD"))));
    record.set("list".into(), vec![Value::Missing, json::parse(b"1.10").unwrap()].into());
    let mut alone = Record::new();
    alone.set("$date".into(), "x".into());
    record.set("alone".into(), alone.into());
    let value = Value::Record(record);
    let written = json::write_tagged(&value).unwrap();
    let read = json::parse_tagged(&written).unwrap();
    assert_eq!(read, value);
    assert_eq!(json::write_tagged(&read).unwrap(), written);
    assert!(written.contains("1.10"));
    assert!(json::parse_tagged(r#"{"$time":"never"}"#).is_err());
}

#[test]
fn what_has_no_written_form_is_refused() {
    let local = Value::Local(Local::new("2026-03-01T08:00:00Z".parse().unwrap(), jiff::tz::TimeZone::UTC));
    let day = jiff::civil::date(-1, 12, 31);
    let instant = day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    for (value, why) in [(local, "local time"), (Value::Date(day), "year -1"), (Value::Time(instant), "year -1")] {
        for written in
            [json::write(&value), json::write_tagged(&value), json::write_tagged(&vec![value.clone()].into())]
        {
            assert!(written.unwrap_err().to_string().contains(why), "{value:?}");
        }
    }
    let last = Value::Time(jiff::Timestamp::MAX);
    assert_eq!(json::parse_tagged(&json::write_tagged(&last).unwrap()).unwrap(), last);
}

#[test]
fn equality_and_order_keep_kinds_apart() {
    let number = |text: &str| json::parse(text.as_bytes()).unwrap();
    assert_eq!(number("1").equal(&number("1.0")), Ok(true));
    assert_eq!(Value::Missing.equal(&Value::Null), Ok(false));
    assert_eq!(Value::Null.equal(&"a".into()), Ok(false));
    assert!(number("1").equal(&"1".into()).is_err());
    assert_eq!(number("[1]").equal(&number("[\"1\"]")), Ok(false));
    assert_eq!(number(r#"{"a":1,"b":2}"#).equal(&number(r#"{"b":2.0,"a":1}"#)), Ok(true));
    assert_eq!(Value::from("a").order(&"b".into()), Ok(Ordering::Less));
    assert!(Value::Bool(true).order(&Value::Bool(false)).is_err());
    let money = |code: &str| Value::Money(Money::new(Exact::ONE, currency(code)));
    assert_eq!(money("USD").equal(&money("EUR")), Ok(false));
    assert!(money("USD").order(&money("EUR")).is_err());
    assert!(Value::from(" \t\r\n").is_blank() && !Value::from("\u{a0}").is_blank());
}

#[test]
fn times_are_read_strictly_and_written_shortest() {
    for text in [
        "2026-03-01",
        "2026-03-01T09:00:00",
        "2026-03-01 09:00:00Z",
        "2026-03-01T09:00Z",
        "2026-03-01T09:00:00.Z",
        "2026-13-01T09:00:00Z",
        "2026-03-01T09:00:00+0100",
        "2026-03-01T09:00:00.1234567890Z",
        "2026-03-01T23:59:60Z",
        "2026-03-01T23:59:60.5+01:00",
        "0000-01-01T00:00:00+01:00",
    ] {
        assert_eq!(time::parse_time(text), None, "{text}");
    }
    let read = |text: &str| time::write_time(time::parse_time(text).unwrap()).unwrap();
    assert_eq!(read("2026-03-01T10:00:00.500+01:00"), "2026-03-01T09:00:00.5Z");
    assert_eq!(read("2026-03-01T09:00:00Z"), "2026-03-01T09:00:00Z");
    assert_eq!(read("0000-01-01T01:00:00+01:00"), "0000-01-01T00:00:00Z");
    assert_eq!(time::parse_date("2026-3-01"), None);
    assert_eq!(time::parse_date("2026-02-29"), None);
    assert!(time::parse_date("2024-02-29").is_some());
    for text in ["", "3", "d", "-3d", "1.5h", "1y", "1mo", "3 d", "99999999999999999999d"] {
        assert!(time::parse_duration(text).is_err(), "{text}");
    }
    assert_eq!(time::parse_duration("1h30m").unwrap().as_secs(), 5400);
}

#[test]
fn patterns_format_local_times() {
    let local = time::parse_time("2026-03-01T23:05:09.123456789Z").unwrap().in_tz("Europe/Oslo").unwrap();
    for (pattern, expected) in [
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-03-02T00:05:09+01:00"),
        ("d.M.yy H:m:s", "2.3.26 0:5:9"),
        ("SSS", "123"),
        ("'it''s' yyyy", "it's 2026"),
        ("''yyyy", "'2026"),
    ] {
        assert_eq!(time::Pattern::parse(pattern).unwrap().format(&local), expected, "{pattern}");
    }
    for pattern in ["YYYY", "yyy", "MMM", "T", "'open", "hh"] {
        assert!(time::Pattern::parse(pattern).is_err(), "{pattern}");
    }
}

proptest! {
    #[test]
    fn large_and_small_records_behave_alike(steps in proptest::collection::vec((0u8..250, any::<bool>()), 0..600)) {
        let (mut record, mut model) = (Record::new(), Vec::<(String, i64)>::new());
        for (n, (name, remove)) in steps.into_iter().enumerate() {
            let name = name.to_string();
            let known = model.iter().position(|(known, _)| *known == name);
            if remove && n % 3 == 0 {
                prop_assert_eq!(record.remove(&name).is_some(), known.is_some());
                model.retain(|(known, _)| *known != name);
            } else {
                record.set(name.as_str().into(), (n as i64).into());
                match known {
                    Some(place) => model[place].1 = n as i64,
                    None => model.push((name, n as i64)),
                }
            }
        }
        prop_assert_eq!(record.len(), model.len());
        for ((name, value), (known, number)) in record.iter().zip(&model) {
            prop_assert_eq!(name.as_str(), known.as_str());
            prop_assert_eq!(value, &Value::from(*number));
            prop_assert_eq!(record.get(name), Some(value));
        }
    }
}

#[test]
fn many_fields_cost_no_more_than_their_length() {
    let fields = 0..30_000i64;
    let body: Vec<String> = fields.clone().map(|n| format!("\"k{n}\":{n}")).collect();
    let value = json::parse(format!("{{{}}}", body.join(",")).as_bytes()).unwrap();
    // Each of these would else search through all names for every name.
    assert_eq!(json::parse_tagged(&json::write_tagged(&value).unwrap()).unwrap(), value);
    assert!(fields.into_iter().all(|n| value.get(&format!("k{n}")) == &Value::from(n)));
}

#[test]
fn a_guess_where_a_field_is_changes_nothing() {
    let few = json::parse(br#"{"a":1,"b":2,"c":3}"#).unwrap();
    let fields: Vec<String> = (0..300).map(|n| format!("\"f{n}\":{n}")).collect();
    let many = json::parse(format!("{{{}}}", fields.join(",")).as_bytes()).unwrap();
    for (value, names) in [(few, ["a", "c", "d"]), (many, ["f0", "f299", "f300"])] {
        let record = value.as_record().unwrap();
        for name in names {
            let text = Text::from(name);
            let found = record.find(&text);
            assert_eq!(found.map(|(_, value)| value), record.get(name), "{name}");
            assert!(found.is_none_or(|(place, value)| record.values().nth(place) == Some(value)));
            for guess in [0, 1, 2, 299, 300, usize::MAX] {
                let guessed = record.at(guess, &Name::from(&text));
                let there = found.filter(|(place, _)| *place == guess).map(|(_, value)| value);
                assert_eq!(guessed, there, "{name} at {guess}");
            }
        }
    }
}

#[test]
fn a_name_is_the_texts_that_are_equal_to_it() {
    let letters = "abcdefghijklmnopqrstuvwxyz";
    let is = |name: &Name, text: &Text| name.is(text.owner(), text.range());
    for length in 0..letters.len() {
        let name = Name::from(&Text::from(&letters[..length]));
        assert!(is(&name, &Text::from(letters).part(0, length)), "{length}");
        for other in 0..length {
            let changed: String =
                letters[..length].chars().enumerate().map(|(n, c)| if n == other { '_' } else { c }).collect();
            assert!(!is(&name, &Text::from(changed)), "{length}, {other}");
        }
        assert!(!is(&name, &Text::from(&letters[..length + 1])), "{length}");
    }
}

#[test]
fn names_that_look_alike_are_two_and_one_that_returns_is_refused() {
    // Of one length, beginning, middle and end.
    let names: Vec<String> = (0..100).map(|n| format!("a{n:03}m{n:03}z")).collect();
    for count in [2, 20, 63, 64, 65, 100] {
        let fields: Vec<String> = names.iter().take(count).map(|name| format!("\"{name}\":1")).collect();
        let body = format!("{{{}}}", fields.join(","));
        assert_eq!(json::parse(body.as_bytes()).unwrap().as_record().unwrap().len(), count);
        for again in [0, count / 2, count - 1] {
            let body = format!("{{{},{}}}", fields.join(","), fields[again]);
            assert!(json::parse(body.as_bytes()).unwrap_err().message.contains("stands twice"), "{count}, {again}");
        }
    }
}
