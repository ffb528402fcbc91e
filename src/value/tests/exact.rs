use super::super::*;
use super::exact;
use super::model::Decimal;
use proptest::prelude::*;

/// Decimals that fit, with many that only just do, that end in zeros, or whose products do.
pub fn decimals() -> impl Strategy<Value = String> {
    let digits = prop_oneof![
        "[1-9][0-9]{0,27}",
        "[1-9][0-9]{27}",
        "[1-9]0{20,27}",
        "0|[1-9][0-9]{0,3}",
        (0u32..93).prop_map(|power| (1u128 << power).to_string()),
        (0u32..40).prop_map(|power| 5u128.pow(power).to_string()),
    ];
    (any::<bool>(), digits, 0usize..=28).prop_map(|(negative, digits, scale)| {
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        format!("{}{whole}{}{fraction}", if negative { "-" } else { "" }, if scale > 0 { "." } else { "" })
    })
}

fn shortest(result: Result<Exact, NumberError>) -> Option<String> {
    match result {
        Ok(exact) => {
            assert_eq!(exact.decimals(), exact.scale(), "{exact} is not in its shortest form");
            Some(exact.to_string())
        }
        Err(error) => {
            assert_eq!(error, NumberError::TooLarge);
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_operation_is_equal_or_an_error(a in decimals(), b in decimals()) {
        let (x, y) = (Decimal::parse(&a), Decimal::parse(&b));
        let (Ok(a), Ok(b)) = (Exact::parse(&a), Exact::parse(&b)) else {
            prop_assert!(x.text().is_none() || y.text().is_none());
            return Ok(());
        };
        prop_assert_eq!(shortest(a.add(b)), x.plus(&y).text());
        prop_assert_eq!(shortest(a.sub(b)), x.plus(&y.neg()).text());
        prop_assert_eq!(shortest(a.mul(b)), x.times(&y).text());
        prop_assert_eq!(shortest(Ok(a.neg())), x.neg().text());
        let difference = x.plus(&y.neg());
        let order = if difference.digits.is_zero() { 0 } else if difference.negative { -1 } else { 1 };
        prop_assert_eq!(a.cmp(&b) as i32, order);
        prop_assert_eq!(a == b, order == 0);
    }

    #[test]
    fn what_is_parsed_is_written_as_it_was(text in decimals()) {
        if let Ok(exact) = Exact::parse(&text) {
            let zero = exact.is_zero() && text.starts_with('-');
            prop_assert_eq!(exact.to_string(), if zero { &text[1..] } else { &text[..] });
            prop_assert_eq!(shortest(Ok(exact.shortest())), Decimal::parse(&text).text());
        }
    }

    #[test]
    fn rounding_is_to_a_neighbour(text in decimals(), places in 0u32..=28) {
        let Ok(exact) = Exact::parse(&text) else { return Ok(()) };
        let down = exact.round(places, Rounding::Floor).unwrap();
        prop_assert_eq!(down.decimals(), places);
        prop_assert!(down <= exact);
        let Ok(up) = exact.round(places, Rounding::Ceiling) else { return Ok(()) };
        prop_assert!(up >= exact);
        let Ok(gap) = up.sub(down) else { return Ok(()) };
        let step = Decimal { negative: false, digits: super::model::Big::parse("1"), scale: places }.text().unwrap();
        prop_assert_eq!(gap.to_string(), if down == exact { "0".into() } else { step });
        for mode in Rounding::NAMES.map(|name| Rounding::parse(name).unwrap()) {
            let rounded = exact.round(places, mode).unwrap();
            prop_assert!(rounded == down || rounded == up);
        }
    }
}

#[test]
fn parsing_is_strict() {
    for text in ["0", "-1", "1.10", "0.0000000000000000000000000001", "9999999999999999999999999999"] {
        assert_eq!(exact(text).to_string(), text);
    }
    for text in ["", "-", "+1", ".5", "5.", "1_000", "1e3", " 1", "1 ", "1.2.3", "--1", "-.5", "٣", "1,5", "0x1", "NaN"]
    {
        assert_eq!(Exact::parse(text), Err(NumberError::NotANumber(text.into())));
    }
    for text in ["10000000000000000000000000000", "0.00000000000000000000000000001", "79228162514264337593543950335"] {
        assert_eq!(Exact::parse(text), Err(NumberError::TooLarge), "{text}");
    }
    assert_eq!(exact("007").to_string(), "7");
    assert_eq!(exact("-0"), Exact::ZERO);
    assert_eq!(exact("-0.00").to_string(), "0.00");
    // Zeros at the end do not count, whether or not they can all be kept.
    assert_eq!(exact(&format!("1.5{}", "0".repeat(100))), exact("1.5"));
    assert_eq!(exact(&format!("{}1", "0".repeat(100))), Exact::ONE);
}

#[test]
fn results_are_in_their_shortest_form() {
    assert_eq!(exact("1.10").add(exact("0.90")).unwrap().to_string(), "2");
    assert_eq!(exact("1.10").sub(exact("0.60")).unwrap().to_string(), "0.5");
    assert_eq!(exact("2.50").mul(exact("2.0")).unwrap().to_string(), "5");
    assert_eq!(exact("1.10").neg().to_string(), "-1.1");
    assert_eq!(exact("0.00").neg().to_string(), "0");
    // What rust_decimal itself would round.
    assert_eq!(exact("7922816251426433759354395033").add(exact("0.04")), Err(NumberError::TooLarge));
}

#[test]
fn decimals_are_kept_and_padded_but_never_cut() {
    assert_eq!(exact("1.5").with_decimals(3).unwrap().to_string(), "1.500");
    assert_eq!(exact("1.500").with_decimals(1).unwrap().to_string(), "1.5");
    assert_eq!(exact("123").with_decimals(28).unwrap().to_string(), format!("123.{}", "0".repeat(28)));
    assert_eq!(exact("1").with_decimals(29), Err(NumberError::Places(29)));
    let error = exact("1.55").with_decimals(1).unwrap_err().to_string();
    assert_eq!(
        error,
        "1.55 does not fit into 1 decimal places: say how to round it, as in `round(…, 1, \"half_even\")`"
    );
    assert_eq!(exact("1.10"), exact("1.1"));
}

#[test]
fn whole_numbers_convert() {
    assert_eq!(Exact::from(i64::MIN).to_string(), i64::MIN.to_string());
    assert_eq!(exact("12.00").to_i64(), Some(12));
    assert_eq!(exact("12.50").to_i64(), None);
    assert_eq!(exact("9223372036854775808").to_i64(), None);
    assert_eq!(Exact::from_i128(10i128.pow(28)), Err(NumberError::TooLarge));
}

#[test]
fn rounding_modes() {
    // value: half_even half_away up down floor ceiling
    for row in [
        "2.5: 2 3 3 2 2 3",
        "3.5: 4 4 4 3 3 4",
        "-2.5: -2 -3 -3 -2 -3 -2",
        "-3.5: -4 -4 -4 -3 -4 -3",
        "2.4: 2 2 3 2 2 3",
        "2.6: 3 3 3 2 2 3",
        "-2.4: -2 -2 -3 -2 -3 -2",
        "-2.6: -3 -3 -3 -2 -3 -2",
        "0.5: 0 1 1 0 0 1",
        "-0.5: 0 -1 -1 0 -1 0",
        "2.50000000000000000001: 3 3 3 2 2 3",
        "7.00: 7 7 7 7 7 7",
    ] {
        let (value, results) = row.split_once(": ").unwrap();
        for (name, result) in Rounding::NAMES.iter().zip(results.split(' ')) {
            let rounded = exact(value).round(0, Rounding::parse(name).unwrap()).unwrap();
            assert_eq!(rounded.to_string(), result, "{value} {name}");
        }
    }
    let half_even = |text: &str, places| exact(text).round(places, Rounding::HalfEven).unwrap().to_string();
    assert_eq!(half_even("0.35", 1), "0.4");
    assert_eq!(half_even("1.005", 2), "1.00");
    assert_eq!(half_even("7", 2), "7.00");
    assert_eq!(exact("9999999999999999999999999999").round(2, Rounding::Up).unwrap().decimals(), 2);
    assert_eq!(exact("999999999999999999999999999.9").round(0, Rounding::Up).unwrap().to_string().len(), 28);
    assert_eq!(exact("-1.5").floor().unwrap().to_string(), "-2");
    assert_eq!(exact("-1.5").ceil().unwrap().to_string(), "-1");
    assert_eq!(exact("5.00").floor().unwrap().to_string(), "5");
    assert_eq!(Rounding::parse("bankers"), None);
}
