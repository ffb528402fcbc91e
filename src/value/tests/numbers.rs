//! Exact numbers, fractions and money, held against whole numbers of any size.

use super::super::*;
use super::{currency, exact};
use proptest::prelude::*;

/// Whole numbers of any size as decimal digits, schoolbook: the model that the clever code is held against.
mod model {
    use std::cmp::Ordering;

    #[derive(Clone, Debug, PartialEq)]
    pub struct Big {
        pub negative: bool,
        /// Lowest first, without leading zeros.
        pub digits: Vec<u8>,
    }

    impl Big {
        pub fn of(value: i128) -> Big {
            let digits = value.unsigned_abs().to_string().bytes().rev().map(|b| b - b'0').collect();
            Big { negative: value < 0, digits }.trimmed()
        }

        fn trimmed(mut self) -> Big {
            while self.digits.last() == Some(&0) {
                self.digits.pop();
            }
            self.negative &= !self.digits.is_empty();
            self
        }

        fn size(&self, other: &Big) -> Ordering {
            self.digits
                .len()
                .cmp(&other.digits.len())
                .then_with(|| self.digits.iter().rev().cmp(other.digits.iter().rev()))
        }

        pub fn neg(&self) -> Big {
            Big { negative: !self.negative, digits: self.digits.clone() }.trimmed()
        }

        pub fn add(&self, other: &Big) -> Big {
            if self.negative == other.negative {
                let mut digits = Vec::new();
                let mut carry = 0;
                for n in 0..self.digits.len().max(other.digits.len()) {
                    let sum = self.digits.get(n).unwrap_or(&0) + other.digits.get(n).unwrap_or(&0) + carry;
                    digits.push(sum % 10);
                    carry = sum / 10;
                }
                digits.push(carry);
                return Big { negative: self.negative, digits }.trimmed();
            }
            let (large, small) = if self.size(other) == Ordering::Less { (other, self) } else { (self, other) };
            let mut digits = Vec::new();
            let mut borrow = 0i8;
            for n in 0..large.digits.len() {
                let mut digit = large.digits[n] as i8 - *small.digits.get(n).unwrap_or(&0) as i8 - borrow;
                borrow = (digit < 0) as i8;
                digit += 10 * borrow;
                digits.push(digit as u8);
            }
            Big { negative: large.negative, digits }.trimmed()
        }

        pub fn mul(&self, other: &Big) -> Big {
            let mut sums = vec![0u32; self.digits.len() + other.digits.len() + 1];
            for (n, a) in self.digits.iter().enumerate() {
                for (m, b) in other.digits.iter().enumerate() {
                    sums[n + m] += *a as u32 * *b as u32;
                }
            }
            let mut carry = 0;
            let digits = sums.into_iter().map(|sum| {
                let total = sum + carry;
                carry = total / 10;
                (total % 10) as u8
            });
            Big { negative: self.negative != other.negative, digits: digits.collect() }.trimmed()
        }

        pub fn shifted(&self, zeros: u32) -> Big {
            let mut digits = vec![0; zeros as usize];
            digits.extend(&self.digits);
            Big { negative: self.negative, digits }.trimmed()
        }

        pub fn cmp(&self, other: &Big) -> Ordering {
            match (self.negative, other.negative) {
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, false) => self.size(other),
                (true, true) => other.size(self),
            }
        }
    }
}

use model::Big;

/// A decimal of the model: whole · 10^-scale.
type Scaled = (Big, u32);

fn scaled(value: Exact) -> Scaled {
    let (mantissa, scale) = value.parts();
    (Big::of(mantissa), scale)
}

fn same(a: &Scaled, b: &Scaled) -> bool {
    a.0.shifted(b.1) == b.0.shifted(a.1)
}

/// Whether the true result fits 28 digits and 28 places: then there must be one.
fn fits(value: &Scaled) -> bool {
    let zeros = value.0.digits.iter().take_while(|d| **d == 0).count();
    let dropped = zeros.min(value.1 as usize);
    value.0.digits.is_empty() || value.0.digits.len() - dropped <= 28 && value.1 as usize - dropped <= 28
}

fn any_exact() -> impl Strategy<Value = Exact> {
    let small = (-100_000i128..100_000, 0u32..6);
    let large = (-10i128.pow(28) + 1..10i128.pow(28), 0u32..=28);
    prop_oneof![small, large].prop_map(|(mantissa, scale)| Exact::from_parts(mantissa, scale).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_products_are_true_or_an_error(a in any_exact(), b in any_exact()) {
        let ((x, m), (y, n)) = (scaled(a), scaled(b));
        let sum = (x.shifted(n).add(&y.shifted(m)), m + n);
        let difference = (x.shifted(n).add(&y.neg().shifted(m)), m + n);
        let product = (x.mul(&y), m + n);
        for (what, got, true_one) in [("+", a.add(b), sum), ("-", a.sub(b), difference), ("*", a.mul(b), product)] {
            match got {
                Ok(got) => prop_assert!(same(&scaled(got), &true_one), "{a} {what} {b} = {got}"),
                Err(error) => prop_assert!(!fits(&true_one), "{a} {what} {b}: {error}"),
            }
        }
        prop_assert_eq!(a.cmp(&b), x.shifted(n).cmp(&y.shifted(m)));
    }

    #[test]
    fn a_quotient_times_the_divisor_is_the_dividend(a in any_exact(), b in any_exact()) {
        if let Ok(quotient) = Fraction::from(a).div(Fraction::from(b)) {
            if let Ok(back) = quotient.mul(Fraction::from(b)) {
                prop_assert_eq!(back, Fraction::from(a));
            }
            if let Ok(decimal) = quotient.finish() {
                prop_assert_eq!(Fraction::from(decimal), quotient);
            }
        }
    }

    #[test]
    fn a_remainder_is_smaller_than_the_divisor_and_has_the_dividends_sign(a in -10_000i64..10_000, b in -100i64..100, scale in 0u32..3) {
        let (x, y) = (Exact::from_parts(a as i128, scale).unwrap(), Exact::from(b));
        match Fraction::from(x).rem(Fraction::from(y)).and_then(Fraction::finish) {
            Ok(rest) => {
                let model = a as i128 % (b as i128 * 10i128.pow(scale));
                prop_assert_eq!(rest, Exact::from_parts(model, scale).unwrap());
            }
            Err(error) => prop_assert!(b == 0 && error == NumberError::ByZero),
        }
    }

    #[test]
    fn rounding_a_fraction_is_the_nearest_by_its_mode(a in -1_000_000i128..1_000_000, b in 1i128..1000, places in 0u32..6) {
        let fraction = Fraction::from(Exact::from_i128(a).unwrap()).div(Fraction::from(Exact::from_i128(b).unwrap())).unwrap();
        let unit = 10i128.pow(places);
        let (floor, rest) = ((a * unit).div_euclid(b), (a * unit).rem_euclid(b));
        let ceiling = floor + (rest != 0) as i128;
        let (down, up) = if a < 0 { (ceiling, floor) } else { (floor, ceiling) };
        let nearest = |tie: i128| match (2 * rest).cmp(&b) {
            Ordering::Less => floor,
            Ordering::Greater => ceiling,
            Ordering::Equal => tie,
        };
        for (mode, expected) in [
            (Rounding::Floor, floor), (Rounding::Ceiling, ceiling), (Rounding::Down, down), (Rounding::Up, up),
            (Rounding::HalfAway, nearest(up)), (Rounding::HalfEven, nearest(if floor % 2 == 0 { floor } else { ceiling })),
        ] {
            let got = fraction.round(places, mode).unwrap();
            prop_assert_eq!(got, Exact::from_parts(expected, places).unwrap(), "{:?}", mode);
            prop_assert_eq!(got.decimals(), places);
        }
    }

    #[test]
    fn fractions_order_as_their_cross_products(a in -10_000i128..10_000, b in 1i128..500, c in -10_000i128..10_000, d in 1i128..500) {
        let fraction = |n: i128, d: i128| Fraction::from(Exact::from_i128(n).unwrap()).div(Fraction::from(Exact::from_i128(d).unwrap())).unwrap();
        prop_assert_eq!(fraction(a, b).cmp(&fraction(c, d)), (a * d).cmp(&(c * b)));
    }

    #[test]
    fn a_decimal_is_read_as_it_is_written(value in any_exact()) {
        prop_assert_eq!(exact(&value.to_string()), value);
        prop_assert_eq!(exact(&value.to_string()).to_string(), value.to_string());
    }

    #[test]
    fn parts_of_money_add_up(minor in -100_000i64..100_000, weights in proptest::collection::vec(0i64..50, 1..8)) {
        let money = Money::from_minor(Exact::from(minor), currency("USD")).unwrap();
        let weights: Vec<Exact> = weights.into_iter().map(Exact::from).collect();
        match money.allocate(&weights) {
            Ok(parts) => {
                let sum = parts.iter().try_fold(Exact::ZERO, |sum, part| sum.add(part.amount)).unwrap();
                prop_assert_eq!(sum, money.amount);
            }
            Err(_) => prop_assert!(weights.iter().all(|w| w.is_zero())),
        }
    }

    #[test]
    fn an_untouched_number_keeps_its_text(text in "-?(0|[1-9][0-9]{0,45})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?") {
        let value = json::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(json::write(&value).unwrap(), text.clone());
        let number = value.as_number().unwrap();
        prop_assert_eq!(number.compare(&Number::from_json(Text::from(number.canonical()))), Ordering::Equal);
        prop_assert_eq!(number.compare(number), Ordering::Equal);
    }

    #[test]
    fn we_read_what_serde_json_reads(text in "[\\[\\]{}:,\"a0-9.eE+\\- tfnul\\\\]{0,24}") {
        let ours = json::parse(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match (&ours, &theirs) {
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range"), "{text}: {error}"),
            (Err(error), Ok(_)) => prop_assert!(error.message.contains("twice"), "{text}: {error}"),
            _ => {}
        }
    }

    #[test]
    fn a_plain_run_ends_at_the_first_special_byte(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x1eu8..0x24, 0x5au8..0x5e], 0..40)) {
        let model = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(bytes.len());
        prop_assert_eq!(json::plain(&bytes), model);
    }

    #[test]
    fn bytes_never_panic_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = json::parse(&bytes);
    }

    #[test]
    fn durations_are_read_as_they_are_written(milliseconds in 0u64..100_000_000_000) {
        let duration = std::time::Duration::from_millis(milliseconds);
        prop_assert_eq!(time::parse_duration(&time::write_duration(duration)), Ok(duration));
    }
}

#[test]
fn decimals_are_read_strictly() {
    for text in ["", "-", "+1", ".5", "5.", "1e3", "1_000", "0x1", " 1", "1 ", "--1", "1.2.3", "٣"] {
        assert!(matches!(Exact::parse(text), Err(NumberError::NotANumber(_))), "{text}");
    }
    assert_eq!(exact("1.10").to_string(), "1.10");
    assert_eq!(exact("-0").to_string(), "0");
    assert_eq!(exact("-0.00").to_string(), "0.00");
    assert_eq!(exact("007").to_string(), "7");
    assert_eq!(exact("9999999999999999999999999999").to_string(), "9999999999999999999999999999");
    assert_eq!(Exact::parse("99999999999999999999999999999"), Err(NumberError::TooLarge));
    assert_eq!(exact("10000000000000000000000000000").to_string(), "10000000000000000000000000000");
    assert_eq!(Exact::parse("10000000000000000000000000001"), Err(NumberError::TooLarge));
    assert_eq!(exact(&format!("1{}", "0".repeat(37))).parts(), (10i128.pow(37), 0));
    assert_eq!(Exact::parse(&format!("1{}", "0".repeat(38))), Err(NumberError::TooLarge));
    assert_eq!(exact("0.0000000000000000000000000001").decimals(), 28);
    assert_eq!(Exact::parse("0.00000000000000000000000000001"), Err(NumberError::TooLarge));
    assert_eq!(exact(&format!("1.{}", "0".repeat(500))), Exact::ONE);
    assert_eq!(exact("1.10"), exact("1.1"));
}

#[test]
fn rounding_has_its_ties_and_signs_right() {
    use Rounding::*;
    let modes = [HalfEven, HalfAway, Up, Down, Floor, Ceiling];
    // To whole numbers, in the order of the modes.
    for (text, expected) in [
        ("0", ["0", "0", "0", "0", "0", "0"]),
        ("0.1", ["0", "0", "1", "0", "0", "1"]),
        ("-0.1", ["0", "0", "-1", "0", "-1", "0"]),
        ("0.5", ["0", "1", "1", "0", "0", "1"]),
        ("-0.5", ["0", "-1", "-1", "0", "-1", "0"]),
        ("0.9", ["1", "1", "1", "0", "0", "1"]),
        ("-0.9", ["-1", "-1", "-1", "0", "-1", "0"]),
        ("1.5", ["2", "2", "2", "1", "1", "2"]),
        ("-1.5", ["-2", "-2", "-2", "-1", "-2", "-1"]),
        ("2.5", ["2", "3", "3", "2", "2", "3"]),
        ("-2.5", ["-2", "-3", "-3", "-2", "-3", "-2"]),
        ("2.4999999999999999999999999", ["2", "2", "3", "2", "2", "3"]),
        ("2.5000000000000000000000001", ["3", "3", "3", "2", "2", "3"]),
        ("-3", ["-3", "-3", "-3", "-3", "-3", "-3"]),
        ("9.5", ["10", "10", "10", "9", "9", "10"]),
    ] {
        for (mode, expected) in modes.into_iter().zip(expected) {
            assert_eq!(exact(text).round(0, mode).unwrap().to_string(), expected, "{text} {mode:?}");
        }
    }
    // To places, which are written.
    for (text, places, mode, expected) in [
        ("2.45", 1, HalfEven, "2.4"),
        ("2.451", 1, HalfEven, "2.5"),
        ("0.35", 1, HalfAway, "0.4"),
        ("-0.04", 1, HalfAway, "0.0"),
        ("1.01", 1, Up, "1.1"),
        ("-1.09", 1, Down, "-1.0"),
        ("-1.01", 1, Floor, "-1.1"),
        ("-1.09", 1, Ceiling, "-1.0"),
        ("1", 2, HalfEven, "1.00"),
    ] {
        assert_eq!(exact(text).round(places, mode).unwrap().to_string(), expected, "{text} {mode:?}");
    }
    let names = Rounding::NAMES.iter().map(|name| Rounding::parse(name)).collect::<Option<Vec<_>>>();
    assert_eq!(names.as_deref(), Some(&modes[..]));
    assert_eq!(Rounding::parse("half_up"), None);
}

#[test]
fn zeros_that_only_pad_are_no_digits() {
    let round = |text: &str, places| exact(text).round(places, Rounding::HalfEven).map(|number| number.to_string());
    assert_eq!(round("10000000000000000000", 9).unwrap(), "10000000000000000000.000000000");
    assert_eq!(
        round("1234567890123456789012345678", 28).unwrap(),
        format!("1234567890123456789012345678.{}", "0".repeat(28))
    );
    assert_eq!(round("12345678901234567890.5", 12).unwrap(), "12345678901234567890.500000000000");
    assert_eq!(round("1", 29), Err(NumberError::TooLarge));
    let third = Fraction::from(exact("1000000000000000000000000")).div(Fraction::from(exact("3"))).unwrap();
    assert_eq!(third.round(4, Rounding::Down).unwrap().to_string(), "333333333333333333333333.3333");
    assert_eq!(third.round(5, Rounding::Down), Err(NumberError::TooLarge));
    let long = format!("1234567890123456789012345678.{}", "0".repeat(28));
    assert_eq!(exact(&long).to_string(), long);
    let padded = Money::new(exact("12345678901234567890123456"), currency("CLF"));
    assert_eq!(padded.to_string(), "12345678901234567890123456.0000 CLF");
}

#[test]
fn only_what_is_written_keeps_its_decimals() {
    assert_eq!(exact("1.10").neg().to_string(), "-1.1");
    assert_eq!(exact("1.10").add(Exact::ZERO).unwrap().to_string(), "1.1");
    assert_eq!(exact("1.10").mul(Exact::ONE).unwrap().to_string(), "1.1");
    assert_eq!(exact("-1.10").to_string(), "-1.10");
}

#[test]
fn a_step_on_the_way_may_be_larger_than_any_result() {
    let fraction = |a: &str, b: &str| Fraction::from(exact(a)).div(Fraction::from(exact(b))).unwrap();
    let large = fraction("9999999999999999999999999999", "1");
    // The quotient has 56 digits, the remainder none.
    let tiny = fraction("0.0000000000000000000000000001", "1");
    assert_eq!(large.rem(tiny).unwrap(), Fraction::from(Exact::ZERO));
    assert_eq!(large.neg().rem(fraction("7", "10000000000")).unwrap().finish().unwrap(), exact("-0.0000000005"));
    // Over the common denominator each numerator has 39 digits, their difference 29.
    let (a, b) = (
        fraction("9999999999999999999999999999", "100000000003"),
        fraction("9999999999999999999999999999", "100000000009"),
    );
    assert_eq!(a.sub(b), large.mul(fraction("6", "10000000001200000000027")));
    assert_eq!(a.sub(b).and_then(|difference| difference.add(b)), Ok(a));
    assert!(a > b && a.neg() < b.neg() && b.neg() < a);
}

#[test]
fn a_fraction_without_end_is_an_error_outside_its_tree() {
    let third = Fraction::from(Exact::ONE).div(Fraction::from(Exact::from(3))).unwrap();
    assert_eq!(third.finish(), Err(NumberError::NotExact));
    assert_eq!(third.mul(Fraction::from(Exact::from(3))).unwrap().finish(), Ok(Exact::ONE));
    assert_eq!(third.round(2, Rounding::HalfEven).unwrap().to_string(), "0.33");
    assert_eq!(Fraction::from(Exact::ONE).div(Fraction::from(Exact::ZERO)), Err(NumberError::ByZero));
}

#[test]
fn numbers_of_any_length_compare_by_value() {
    let number = |text: &str| Number::from_json(Text::from(text));
    for (a, b, order) in [
        ("1.0", "1", Ordering::Equal),
        ("1e3", "1000", Ordering::Equal),
        ("-0.0", "0", Ordering::Equal),
        ("12345678901234567890123456789012345", "12345678901234567890123456789012346", Ordering::Less),
        ("1e999999999", "1e999999998", Ordering::Greater),
        ("-1e999999999", "1", Ordering::Less),
        ("1e-999999999999999999", "0", Ordering::Greater),
        ("1e999999999999999999", "1e999999999999999998", Ordering::Greater),
        ("0.1e-999999999999999999", "0.01e-999999999999999999", Ordering::Greater),
        ("9007199254740993", "9007199254740992", Ordering::Greater),
        ("0.1e1", "1", Ordering::Equal),
        ("100e-2", "1", Ordering::Equal),
    ] {
        assert_eq!(number(a).compare(&number(b)), order, "{a} {b}");
    }
    assert!(
        number("1e3").is_whole() && number("1.0").is_whole() && !number("1.5").is_whole() && !number("1e-1").is_whole()
    );
    for (text, plain) in [
        ("1.5e3", "1500".to_string()),
        ("15e-3", "0.015".into()),
        ("-0.0", "0.0".into()),
        ("-0e7", "0".into()),
        ("1e1000", format!("1{}", "0".repeat(1000))),
        ("-12e-1000", format!("-0.{}12", "0".repeat(998))),
        ("0e999999999999999999", "0".into()),
    ] {
        assert_eq!(number(text).plain().as_deref(), Ok(&*plain), "{text}");
    }
    for text in ["1e999999999", "-1.5e-999999999999999999"] {
        assert!(matches!(number(text).plain(), Err(NumberError::TooManyZeros(_))), "{text}");
        assert!(matches!(number(text).shortest(), Err(NumberError::TooManyZeros(_))), "{text}");
        assert_eq!(Number::from_json(number(text).canonical().into()), number(text));
    }
    assert_eq!(number("1.50").canonical(), "1.5");
    assert_eq!(number("12345678901234567890123456789012345.0").canonical(), "12345678901234567890123456789012345");
    assert!(number("12345678901234567890123456789").exact().is_err());
    assert_eq!(number("1e27").exact().unwrap().to_string(), format!("1{}", "0".repeat(27)));
    assert_eq!(number("0e999999").exact(), Ok(Exact::ZERO));
}

/// ISO 4217, list one: what has another number of decimals than two, and all else that is in use.
#[test]
fn currencies_have_the_decimals_of_iso_4217() {
    let none = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
    let two = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
               CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL \
               HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
               MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR \
               SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED \
               VES WST XCD XCG YER ZAR ZMW ZWG";
    let three = "BHD IQD JOD KWD LYD OMR TND";
    let four = "CLF UYW";
    for (codes, decimals) in [(none, Some(0)), (two, Some(2)), (three, Some(3)), (four, Some(4)), ("XAU XDR XXX", None)]
    {
        for code in codes.split_ascii_whitespace() {
            assert_eq!(currency(code).minor_units(), decimals, "{code}");
            assert_eq!(currency(&code.to_ascii_lowercase()).code(), code);
        }
    }
    // No other three letters have none, three or four.
    let letters = || 'A'..='Z';
    let odd = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let odd = odd.filter(|code| matches!(Currency::parse(code).and_then(|c| c.minor_units()), Some(0 | 3 | 4)));
    assert_eq!(odd.count(), 17 + 7 + 2);
}

#[test]
fn money_knows_its_currency() {
    for (code, decimals) in
        [("usd", Some(2)), ("JPY", Some(0)), ("KWD", Some(3)), ("CLF", Some(4)), ("XAU", None), ("HRK", Some(2))]
    {
        assert_eq!(currency(code).minor_units(), decimals, "{code}");
    }
    for unknown in ["", "US", "USDX", "ZZZ", "€€€"] {
        assert_eq!(Currency::parse(unknown), None, "{unknown}");
    }
    let money = |amount: &str, code: &str| Money::new(exact(amount), currency(code));
    assert_eq!(Money::from_minor(Exact::from(1999), currency("usd")).unwrap().to_string(), "19.99 USD");
    assert_eq!(Money::from_minor(Exact::from(1999), currency("jpy")).unwrap().to_string(), "1999 JPY");
    assert_eq!(money("12.5", "USD").to_string(), "12.50 USD");
    assert_eq!(money("19.99", "USD").to_minor(), Ok(Exact::from(1999)));
    assert!(money("19.999", "USD").to_minor().unwrap_err().to_string().contains("m.round(\"half_even\")"));
    assert!(money("1", "USD").add(&money("1", "EUR")).is_err());
    assert_eq!(json::write(&Value::Money(money("12.5", "USD"))).unwrap(), r#"{"amount":12.50,"currency":"USD"}"#);
    assert!(json::write(&Value::Money(money("12.555", "USD"))).is_err());
    let parts = |amount: &str, weights: &[i64]| {
        let weights: Vec<Exact> = weights.iter().map(|w| Exact::from(*w)).collect();
        money(amount, "USD")
            .allocate(&weights)
            .map(|parts| parts.iter().map(|p| p.amount.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(parts("10", &[1, 1, 1]).unwrap(), ["3.34", "3.33", "3.33"]);
    assert_eq!(parts("-0.05", &[1, 1]).unwrap(), ["-0.03", "-0.02"]);
    assert_eq!(parts("0.05", &[0, 3, 7]).unwrap(), ["0.00", "0.02", "0.03"]);
    let parted = |amount: &str, weights: &[&str]| {
        let weights: Vec<Exact> = weights.iter().map(|w| exact(w)).collect();
        let parts = money(amount, "USD").allocate(&weights).unwrap();
        parts.iter().map(|part| part.amount.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        parted("99999999999999999999999999.99", &["0.3333333333333333333333333333", "9999999999999999999999999999"]),
        ["0.00", "99999999999999999999999999.99"]
    );
    assert_eq!(
        parted(
            "30000000000000000000000000",
            &["1000000000000000000000000.1", "1000000000000000000000000.1", "1000000000000000000000000.1"]
        ),
        vec!["10000000000000000000000000.00"; 3]
    );
    assert!(parts("1", &[0]).is_err() && parts("1", &[-1, 2]).is_err() && parts("1", &[]).is_err());
}

#[test]
fn small_quotients_are_those_of_large_ones() {
    let modes = Rounding::NAMES.iter().map(|name| Rounding::parse(name).unwrap());
    for mode in modes {
        for (above, below) in [(1, 3), (2, 3), (5, 10), (15, 10), (25, 10), (0, 7), (u64::MAX, 3), (u64::MAX, u64::MAX)]
        {
            for (negative, places) in [(false, 0), (true, 0), (false, 2), (true, 19), (false, 20)] {
                let (above, below) = (u128::from(above), u128::from(below));
                let quick = Exact::divide(negative, above, below, places, mode);
                // The same fraction, made too large for words of 64 bits.
                let long = Exact::divide(negative, above << 40, below << 40, places, mode);
                let written = |exact: Result<Exact, NumberError>| exact.map(|exact| exact.to_string());
                assert_eq!(written(quick), written(long), "{negative} {above}/{below} to {places}, {mode:?}");
            }
        }
    }
}
