use super::super::*;
use super::{exact, number};
use proptest::prelude::*;
use std::cmp::Ordering;

#[test]
fn untouched_numbers_keep_their_text() {
    for text in ["12345678901234567890123", "1.10", "1e3", "-0.0", "1E400", "1.50E+2", "-0", "1e-7", "0e999999999999"] {
        assert_eq!(number(text).written(), text);
    }
    assert_eq!(Number::from(exact("1.10")).written(), "1.10");
    for text in [
        "",
        "-",
        "01",
        "+1",
        ".5",
        "5.",
        "1e",
        "1e+",
        "1.e3",
        "0x1",
        "1 ",
        "NaN",
        "1e1e1",
        "--1",
        "1e1234567890123456789",
    ] {
        assert!(Number::from_json(text.into()).is_none(), "{text}");
    }
}

#[test]
fn values_are_exact_up_to_28_digits() {
    for (text, value) in [
        ("1e3", "1000"),
        ("1.50E+2", "150"),
        ("1.50e1", "15.0"),
        ("1.5e-2", "0.015"),
        ("-0.0", "0.0"),
        ("0e999999999999", "0"),
        ("1.10", "1.10"),
        ("1000e-3", "1.000"),
        ("1e27", "1000000000000000000000000000"),
        ("10000000000000000000000000000e-28", "1.0000000000000000000000000000"),
    ] {
        assert_eq!(number(text).exact().unwrap().to_string(), value, "{text}");
    }
    for text in ["1e28", "1e-29", "12345678901234567890123456789", "1E400", "1e-999999999", "1e999999999999999999"] {
        assert_eq!(number(text).exact(), Err(NumberError::TooLarge), "{text}");
    }
}

#[test]
fn whole_is_a_matter_of_value() {
    for text in [
        "1",
        "1.0",
        "1e3",
        "1.5e1",
        "0.0",
        "0e-5",
        "-0",
        "10e-1",
        "123456789012345678901234567890123.000",
        "1e999999999",
    ] {
        assert!(number(text).is_whole(), "{text}");
    }
    for text in ["1.5", "1e-3", "123456789012345678901234567890123.5", "15e-1", "1e-999999999"] {
        assert!(!number(text).is_whole(), "{text}");
    }
}

#[test]
fn plain_text_spells_exponents_out() {
    for (text, plain, canonical) in [
        ("1e3", "1000", "1000"),
        ("1.50e1", "15.0", "15"),
        ("1.50E+2", "150", "150"),
        ("0.15e1", "1.5", "1.5"),
        ("0.001e1", "0.01", "0.01"),
        ("-1.5e-2", "-0.015", "-0.015"),
        ("0.5e1", "5", "5"),
        ("-0", "0", "0"),
        ("-0.0", "0.0", "0"),
        ("-0e5", "0", "0"),
        ("1.10", "1.10", "1.1"),
        ("100", "100", "100"),
        (
            "12345678901234567890123456789012345678901.50",
            "12345678901234567890123456789012345678901.50",
            "12345678901234567890123456789012345678901.5",
        ),
    ] {
        assert_eq!(number(text).plain().unwrap(), plain, "{text}");
        assert_eq!(number(text).canonical(), canonical, "{text}");
    }
    assert_eq!(number("1e999999999").plain(), Err(NumberError::TooLarge));
    assert_eq!(number("-1.0e-999999999").plain(), Err(NumberError::TooLarge));
    assert_eq!(number("-12.0e999999999").canonical(), "-12e999999999");
    assert_eq!(number("1E400").plain().unwrap().len(), 401);
}

#[test]
fn long_numbers_compare_by_value() {
    use Ordering::*;
    for (a, b, order) in [
        ("1.0", "1", Equal),
        ("1e3", "1000", Equal),
        ("-0.0", "0", Equal),
        ("1e999999999", "10e999999998", Equal),
        ("1e999999999", "1e999999998", Greater),
        ("-1e999999999", "1e-999999999", Less),
        ("1e-999999999", "0", Greater),
        ("-1e-999999999", "0", Less),
        ("12345678901234567890123456789012", "12345678901234567890123456789013", Less),
        ("-12345678901234567890123456789012", "-12345678901234567890123456789013", Greater),
        ("12345678901234567890123456789012.50", "12345678901234567890123456789012.5", Equal),
        ("12345678901234567890123456789012.5", "12345678901234567890123456789012.51", Less),
        ("0.1", "0.09999999999999999999999999999999999", Greater),
    ] {
        assert_eq!(number(a).compare(&number(b)), order, "{a} {b}");
        assert_eq!(number(b).compare(&number(a)), order.reverse(), "{b} {a}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn one_canonical_text_for_each_value(whole in "0|[1-9][0-9]{0,40}", fraction in "([0-9]{0,9}[1-9])?", zeros in 0usize..4, shift in -20i64..20) {
        let decimals = |fraction: &str| if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
        let plain = number(&format!("{whole}{}", decimals(&fraction)));
        let padded = number(&format!("{whole}{}", decimals(&format!("{fraction}{}", "0".repeat(zeros)))));
        prop_assert_eq!(plain.canonical(), padded.canonical());
        prop_assert_eq!(plain.compare(&padded), Ordering::Equal);
        // The same digits with the point elsewhere and the exponent to match.
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        let shift = if digits == "0" { 0 } else { shift };
        let zeros = "0".repeat(shift.max(0) as usize);
        let moved = number(&format!("{digits}{zeros}E{}", -(fraction.len() as i64) - shift.max(0)));
        prop_assert_eq!(moved.canonical(), plain.canonical());
        prop_assert_eq!(moved.compare(&plain), Ordering::Equal);
        prop_assert_eq!(number(&moved.plain().unwrap()), plain.clone());
        prop_assert_eq!(plain.is_whole(), fraction.is_empty());
        prop_assert_eq!(moved.is_whole(), fraction.is_empty());
    }
}
