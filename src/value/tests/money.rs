use super::super::*;
use super::exact;
use proptest::prelude::*;

fn money(text: &str) -> Money {
    let (amount, currency) = text.split_once(' ').unwrap();
    Money::new(exact(amount), Currency::parse(currency).unwrap())
}

#[test]
fn currencies() {
    for (code, units) in
        [("usd", Some(2)), ("JPY", Some(0)), ("Kwd", Some(3)), ("CLF", Some(4)), ("XAU", None), ("BGN", Some(2))]
    {
        let currency = Currency::parse(code).unwrap();
        assert_eq!(currency.minor_units(), units, "{code}");
        assert_eq!(currency.code(), code.to_uppercase());
    }
    for code in ["", "US", "USDD", "ZZZ", "U D", "€€€", "ußd"] {
        assert_eq!(Currency::parse(code), None, "{code}");
    }
    assert_eq!(Currency::codes().count(), 178);
}

#[test]
fn minor_units_and_back() {
    let usd = Currency::parse("USD").unwrap();
    let jpy = Currency::parse("JPY").unwrap();
    assert_eq!(Money::from_minor(Exact::from(1999), usd).unwrap().to_string(), "19.99 USD");
    assert_eq!(Money::from_minor(Exact::from(-5), usd).unwrap().to_string(), "-0.05 USD");
    assert_eq!(Money::from_minor(Exact::from(1999), jpy).unwrap().to_string(), "1999 JPY");
    assert_eq!(money("12.5 USD").to_minor().unwrap().to_string(), "1250");
    let error = money("0.125 USD").to_minor().unwrap_err().to_string();
    assert_eq!(error, "0.125 USD has more digits than USD (2): say how to round it, as in `m.round(\"half_even\")`");
    assert_eq!(money("1 XAU").to_minor().unwrap_err().to_string(), "XAU has no minor unit");
}

#[test]
fn it_is_written_with_its_currencys_decimals() {
    assert_eq!(money("12.5 USD").to_string(), "12.50 USD");
    assert_eq!(money("12.5000 USD").to_string(), "12.50 USD");
    assert_eq!(money("12.555 USD").to_string(), "12.555 USD");
    assert_eq!(money("12.50 XAU").to_string(), "12.5 XAU");
    assert_eq!(money("12 USD").written().unwrap().to_string(), "12.00");
    assert!(money("12.555 USD").written().is_err());
    assert_eq!(money("12.555 USD").round(Rounding::HalfEven).unwrap().written().unwrap().to_string(), "12.56");
}

#[test]
fn arithmetic_needs_one_currency() {
    let (a, b, c) = (money("12.50 USD"), money("0.755 USD"), money("1 EUR"));
    assert_eq!(a.add(b).unwrap().to_string(), "13.255 USD");
    assert_eq!(a.sub(b).unwrap().to_string(), "11.745 USD");
    assert_eq!(a.neg().to_string(), "-12.50 USD");
    assert_eq!(a.mul(exact("1.5")).unwrap().to_string(), "18.75 USD");
    assert_eq!(a.div(exact("4")).unwrap().to_string(), "3.125 USD");
    assert_eq!(a.div(exact("3")), Err(MoneyError::Number(NumberError::NotExact)));
    assert_eq!(a.ratio(money("5 USD")).unwrap().finish().unwrap().to_string(), "2.5");
    assert!(a.cmp(b).unwrap().is_gt());
    let both = "USD and EUR are two currencies: convert one of them first";
    assert_eq!(a.add(c).unwrap_err().to_string(), both);
    assert_eq!(a.cmp(c).unwrap_err().to_string(), both);
    assert_eq!(a.ratio(c).unwrap_err().to_string(), both);
    assert_ne!(money("1 USD"), c);
    assert_eq!(money("1.00 EUR"), c);
}

#[test]
fn allocation() {
    for (whole, weights, parts) in [
        ("100 USD", "1 1 1", "33.34 33.33 33.33"),
        ("0.05 USD", "1 1", "0.03 0.02"),
        ("0.05 USD", "3 7", "0.02 0.03"), // 1.5 and 3.5: equal remainders, the earlier first
        ("10 USD", "0 1 0", "0.00 10.00 0.00"),
        ("-100 USD", "1 1 1", "-33.34 -33.33 -33.33"),
        ("1000 JPY", "1 1 1", "334 333 333"),
        ("0.10 USD", "0.1 0.2 0.3", "0.02 0.03 0.05"), // 1.67 3.33 5.00
        ("0 USD", "1 2", "0.00 0.00"),
        ("1.000 KWD", "1 1 1", "0.334 0.333 0.333"),
        ("0.02 USD", "1 1 1", "0.01 0.01 0.00"),
    ] {
        let weights: Vec<Exact> = weights.split(' ').map(exact).collect();
        let shared = money(whole).allocate(&weights).unwrap();
        let shared: Vec<String> = shared.iter().map(|part| part.written().unwrap().to_string()).collect();
        assert_eq!(shared.join(" "), parts, "{whole}");
    }
    let usd = money("1 USD");
    assert_eq!(usd.allocate(&[]), Err(MoneyError::NoWeight));
    assert_eq!(usd.allocate(&[Exact::ZERO]), Err(MoneyError::NoWeight));
    assert_eq!(usd.allocate(&[exact("-1"), exact("2")]), Err(MoneyError::NegativeWeight(exact("-1"))));
    assert!(matches!(money("0.001 USD").allocate(&[Exact::ONE]), Err(MoneyError::Digits(_))));
}

proptest! {
    #[test]
    fn allocation_loses_nothing(cents in -10_000_000i64..10_000_000, weights in proptest::collection::vec(0i64..1000, 1..12)) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let whole = Money::from_minor(Exact::from(cents), Currency::parse("EUR").unwrap()).unwrap();
        let exacts: Vec<Exact> = weights.iter().map(|weight| Exact::from(*weight)).collect();
        let parts = whole.allocate(&exacts).unwrap();
        let sum: i64 = parts.iter().map(|part| part.to_minor().unwrap().to_i64().unwrap()).sum();
        prop_assert_eq!(sum, cents);
        let total: i64 = weights.iter().sum();
        for (part, weight) in parts.iter().zip(weights) {
            let got = part.to_minor().unwrap().to_i64().unwrap();
            prop_assert!((got * total - cents * weight).abs() < total, "{} for {} of {}", got, weight, total);
        }
    }
}
