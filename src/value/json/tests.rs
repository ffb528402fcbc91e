use super::*;
use crate::value::{Currency, Exact, Money, Value};
use proptest::prelude::*;

fn read(text: &str) -> Value {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn why(text: &str) -> String {
    parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn what_is_not_touched_comes_out_byte_for_byte() {
    for text in [
        r#"{"id":12345678901234567890123,"a":1.10,"b":1e3,"c":-0.0,"d":1E400,"e":1.50E+2,"f":[],"g":{}}"#,
        r#"["ü€😀","\"\\\b\f\n\r\t\u0001\u001f",null,true,false,-0]"#,
        "\"\u{7f}\u{2028}/\"",
        "0",
    ] {
        assert_eq!(write(&read(text)).unwrap(), text);
    }
    assert_eq!(write(&read("\t[ 1 ,\r\n{ \"a\" : 2 } ] ")).unwrap(), r#"[1,{"a":2}]"#);
    assert_eq!(write(&read(r#""\u00e9\/\ud83d\ude00\u0000""#)).unwrap(), "\"é/😀\\u0000\"");
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (text, message) in [
        ("", "line 1, column 1: expected a value, but the body ends here"),
        ("{\n  \"é\": tru\n}", "line 2, column 8: expected a value, found `t`"),
        ("[1,]", "line 1, column 4: expected a value, found `]`"),
        ("[1 2]", "line 1, column 4: expected `,` or `]`, found `2`"),
        ("{\"a\":1,}", "line 1, column 8: expected a name in quotes, found `}`"),
        ("{\"a\" 1}", "line 1, column 6: expected `:`, found `1`"),
        ("{a:1}", "line 1, column 2: expected a name in quotes, found `a`"),
        ("1 1", "line 1, column 3: expected nothing more after the value, found `1`"),
        ("[1", "line 1, column 3: expected `,` or `]`, but the body ends here"),
        ("\"a", "line 1, column 1: a text does not end"),
        ("\"a\\", "line 1, column 3: a text does not end"),
        ("\"a\nb\"", "line 1, column 3: a control character stands in a text: it must be escaped"),
        ("01", "line 1, column 1: a number begins with a needless 0"),
        ("-", "line 1, column 2: expected a digit, but the body ends here"),
        ("1.", "line 1, column 3: expected a digit after the point, but the body ends here"),
        ("1e+", "line 1, column 4: expected a digit of the exponent, but the body ends here"),
        ("1e1234567890123456789", "line 1, column 1: a number's exponent has more than 18 digits"),
        (r#"{"a":1,"b":2,"a":3}"#, "line 1, column 14: the name \"a\" stands twice in one object"),
        (r#"{"a":1,"\u0061":3}"#, "line 1, column 8: the name \"a\" stands twice in one object"),
        (r#""\x""#, "line 1, column 2: an unknown escape: a `\\` in a text must be written `\\\\`"),
        (r#""\u12g4""#, "line 1, column 6: expected four hexadecimal digits after `\\u`, found `g`"),
        ("\u{feff}1", "line 1, column 1: the body begins with a byte order mark, which JSON does not allow"),
    ] {
        assert_eq!(why(text), message);
    }
    for text in
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800\u0061""#, r#""\ud800\ud800""#, r#""\ud800x""#, r#""\ud800\n""#]
    {
        assert!(why(text).contains("half a surrogate pair"), "{text}");
    }
    let error = parse(b"[\"a\xff\"]").unwrap_err();
    assert_eq!((error.offset, error.column, error.message.as_str()), (3, 4, "the body is not UTF-8"));
    assert_eq!(parse_file("\u{feff}1".as_bytes()).unwrap(), Value::from(1i64));
}

#[test]
fn a_name_twice_is_found_in_large_objects_too() {
    let mut fields: Vec<String> = (0..1000).map(|at| format!("\"k{at}\":{at}")).collect();
    let body = |fields: &[String]| format!("{{{}}}", fields.join(","));
    assert_eq!(read(&body(&fields)).get("k777"), &Value::from(777i64));
    fields.push("\"k500\":1".into());
    assert!(why(&body(&fields)).contains("the name \"k500\" stands twice"));
}

/// Debug builds have the largest frames and test threads 2 MiB of stack.
#[test]
fn nesting_is_an_error_and_never_a_crash() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(NESTING).as_bytes()).is_ok());
    assert!(why(&nested(NESTING + 1)).contains("lists and objects are nested more than 128 deep"));
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        assert!(parse_limited(open.repeat(1_000_000).as_bytes(), usize::MAX).is_err());
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(MOST_NESTING), "}".repeat(MOST_NESTING));
    for text in [nested(MOST_NESTING), objects] {
        let value = parse_limited(text.as_bytes(), usize::MAX).unwrap();
        let again = parse_limited(text.as_bytes(), usize::MAX).unwrap();
        assert_eq!(write(&value).unwrap(), text);
        assert_eq!(parse_tagged(write_tagged(&value).unwrap().as_bytes()).unwrap(), again);
        assert!(write(&Value::list([value])).unwrap_err().message.contains("nested more than 512 deep"));
    }
}

#[test]
fn what_json_has_no_kind_for() {
    let money = |amount| Value::Money(Money::new(Exact::parse(amount).unwrap(), Currency::parse("USD").unwrap()));
    let instant: jiff::Timestamp = "2026-03-01T09:00:00.5Z".parse().unwrap();
    let date: jiff::civil::Date = "2026-03-01".parse().unwrap();
    let record =
        Value::Record([("d", Value::from(date)), ("t", instant.into()), ("m", money("12.5"))].into_iter().collect());
    let text = r#"{"d":"2026-03-01","t":"2026-03-01T09:00:00.5Z","m":{"amount":12.50,"currency":"USD"}}"#;
    assert_eq!(write(&record).unwrap(), text);

    let digits = Value::Record([("lines", Value::list([1i64.into(), money("0.125")]))].into_iter().collect());
    let error = write(&digits).unwrap_err().to_string();
    assert!(
        error.starts_with("lines[1]: 0.125 USD has more digits") && error.contains("m.round(\"half_even\")"),
        "{error}"
    );
    let local = Value::Local(std::sync::Arc::new(instant.in_tz("Europe/Berlin").unwrap()));
    assert!(write(&local).unwrap_err().to_string().contains(".format("));
    assert!(write(&Value::Missing).is_err());

    for value in [record, digits, Value::list([Value::Missing, Value::Null]), Value::Missing, local] {
        let text = write_tagged(&value).unwrap();
        assert_eq!(parse_tagged(text.as_bytes()).unwrap(), value, "{text}");
    }
}

#[test]
fn shared_values_cannot_make_the_output_explode() {
    let mut value = Value::from("x");
    for _ in 0..64 {
        value = Value::list([value.clone(), value]);
    }
    assert_eq!(write(&value).unwrap_err().to_string(), "the value is longer than 16777216 bytes as JSON");
    assert!(write_limited(&Value::from("12345"), 4).is_err());
    assert!(write_limited(&Value::from("12"), 4).is_ok());
}

#[test]
fn tags_and_data_are_never_confused() {
    for text in [r#"{"$time":"2026-03-01T09:00:00Z"}"#, r#"{"$missing":true}"#, r#"{"$$a":1,"b":{"$":2}}"#] {
        let tagged = write_tagged(&read(text)).unwrap();
        let back = parse_tagged(tagged.as_bytes()).unwrap();
        assert_eq!(write(&back).unwrap(), text, "{tagged}");
    }
    let time = parse_tagged(br#"{"$time":"2026-03-01T09:00:00Z"}"#).unwrap();
    assert_eq!(time.kind(), "time");
    for text in [r#"{"$new":1}"#, r#"{"$time":1}"#, r#"{"$time":"x","a":1}"#, r#"{"$money":"1"}"#] {
        assert!(parse_tagged(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn pretty() {
    let text = write_pretty(&read(r#"{"a":[1,{"b":[]}],"c":{}}"#)).unwrap();
    assert_eq!(text, "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
}

/// Any JSON text, as compact as the writer's.
fn json() -> impl Strategy<Value = String> {
    let text = proptest::collection::vec(any::<char>(), 0..8)
        .prop_map(|characters| write(&Value::from(characters.into_iter().collect::<String>())).unwrap());
    let leaf = prop_oneof![
        Just("null".to_string()),
        Just("true".to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,17})?",
        text.clone(),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let fields = proptest::collection::btree_map(text.clone(), inner.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            fields.prop_map(|fields| {
                let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// Whether serde_json takes it. It knows nothing of our limits; numbers go through nothing, as texts are ignored.
fn serde_accepts(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
        && serde_json::from_slice::<Box<serde_json::value::RawValue>>(body).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_what_was_read(text in json()) {
        let value = read(&text);
        prop_assert_eq!(&write(&value).unwrap(), &text);
        prop_assert_eq!(parse(write_pretty(&value).unwrap().as_bytes()).unwrap(), value.clone());
        prop_assert_eq!(write(&parse_tagged(write_tagged(&value).unwrap().as_bytes()).unwrap()).unwrap(), text);
    }

    #[test]
    fn accepts_what_serde_json_accepts(text in json(), at in any::<proptest::sample::Index>(), with in "[\\[\\]{}\",:0-9eE.+tfn\\\\u \n-]{0,2}", drop in 0usize..3) {
        // A small change somewhere, most often one that breaks it.
        let mut body = text.into_bytes();
        let start = at.index(body.len() + 1);
        let end = (start + drop).min(body.len());
        body.splice(start..end, with.bytes());
        let ours = parse(&body);
        // Ours alone: names twice, half pairs, exponents out of any reach.
        let stricter = ours.as_ref().is_err_and(|error| {
            ["stands twice", "half a surrogate", "exponent has more"].iter().any(|text| error.message.contains(text))
        });
        let utf8 = std::str::from_utf8(&body).is_ok();
        prop_assert!(stricter || ours.is_ok() == (utf8 && serde_accepts(&body)), "{:?} {:?}", String::from_utf8_lossy(&body), ours);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(parse(&body).is_ok(), std::str::from_utf8(&body).is_ok() && serde_accepts(&body));
    }
}
