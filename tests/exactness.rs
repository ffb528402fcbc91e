//! Exact or an error, never different: arithmetic, comparison, rounding in every mode, fractions, `allocate` and JSON
//! numbers against whole numbers of any size.
//!
//! The cases are random with a fixed seed, so a failure comes again. `FLOWCTL_CASES` says how many there are, all tests
//! together; a million, optimised, took 40 seconds on two busy cores (about 11 of computing):
//!
//! ```sh
//! FLOWCTL_CASES=1000000 cargo test --release --test exactness
//! ```

use flowctl::value::{Currency, Exact, Fraction, Money, Number, NumberError, Rounding, Text, json};
use num_bigint::{BigInt, Sign};
use std::cmp::Ordering;

const MODES: [Rounding; 6] =
    [Rounding::HalfEven, Rounding::HalfAway, Rounding::Up, Rounding::Down, Rounding::Floor, Rounding::Ceiling];

/// The tests below; each runs as large a part of the cases.
const TESTS: usize = 5;

/// Runs the test so often, each time with other numbers.
fn cases(seed: u64, test: impl Fn(&mut Chance)) {
    let all = std::env::var("FLOWCTL_CASES").map_or(15_000, |cases| cases.parse().expect("FLOWCTL_CASES is a number"));
    let count = usize::div_ceil(all, TESTS);
    let mut chance = Chance(fastrand::Rng::with_seed(seed));
    (0..count).for_each(|_| test(&mut chance));
}

fn ten(zeros: u32) -> BigInt {
    BigInt::from(10).pow(zeros)
}

fn size(value: &BigInt) -> BigInt {
    value.magnitude().clone().into()
}

/// Decimal digits without the zeros at the end, and how many those are.
fn digits(value: &BigInt) -> (u32, u32) {
    let text = size(value).to_string();
    let kept = text.trim_end_matches('0');
    (kept.len() as u32, (text.len() - kept.len()) as u32)
}

/// A number of the model: any fraction. The part below is positive.
#[derive(Clone, Debug)]
struct Ratio {
    above: BigInt,
    below: BigInt,
}

impl Ratio {
    fn new(above: BigInt, below: BigInt) -> Ratio {
        if below.sign() == Sign::Minus { Ratio { above: -above, below: -below } } else { Ratio { above, below } }
    }

    fn of(exact: Exact) -> Ratio {
        let (mantissa, scale) = exact.parts();
        Ratio::new(mantissa.into(), ten(scale))
    }

    fn add(&self, other: &Ratio) -> Ratio {
        Ratio::new(&self.above * &other.below + &other.above * &self.below, &self.below * &other.below)
    }

    fn neg(&self) -> Ratio {
        Ratio::new(-&self.above, self.below.clone())
    }

    fn mul(&self, other: &Ratio) -> Ratio {
        Ratio::new(&self.above * &other.above, &self.below * &other.below)
    }

    fn div(&self, other: &Ratio) -> Ratio {
        Ratio::new(&self.above * &other.below, &self.below * &other.above)
    }

    fn rem(&self, other: &Ratio) -> Ratio {
        // The division of whole numbers cuts toward zero.
        let quotient = self.div(other);
        let cut = Ratio::new(quotient.above / quotient.below, 1.into());
        self.add(&other.mul(&cut).neg())
    }

    fn cmp(&self, other: &Ratio) -> Ordering {
        (&self.above * &other.below).cmp(&(&other.above * &self.below))
    }

    fn is_zero(&self) -> bool {
        self.above == BigInt::ZERO
    }

    fn reduced(&self) -> Ratio {
        let (mut a, mut b) = (size(&self.above), self.below.clone());
        while b != BigInt::ZERO {
            (a, b) = (b.clone(), a % b);
        }
        Ratio::new(&self.above / &a, &self.below / &a)
    }

    /// The decimal it is, where it is one: digits and how many of them are decimals.
    fn decimal(&self) -> Option<(BigInt, u32)> {
        let Ratio { above, below } = self.reduced();
        let places = (0..=120).find(|places| ten(*places) % &below == BigInt::ZERO)?;
        Some((above * ten(places) / below, places))
    }

    /// Whether there must be a result: 28 digits and 28 decimals without the zeros at the end, 38 digits with those
    /// before the point.
    fn fits(&self) -> bool {
        self.decimal().is_some_and(|(mantissa, places)| {
            let whole = size(&(&self.above / &self.below));
            digits(&mantissa).0 <= 28 && places <= 28 && whole < ten(38)
        })
    }

    /// Whether a fraction holds it: 38 digits above and below.
    fn is_small(&self) -> bool {
        let Ratio { above, below } = self.reduced();
        size(&above) < ten(38) && below < ten(38)
    }

    fn round(&self, places: u32, mode: Rounding) -> Ratio {
        let shifted = size(&self.above) * ten(places);
        let (mut cut, rest) = (&shifted / &self.below, &shifted % &self.below);
        let negative = self.above.sign() == Sign::Minus;
        let half = (&rest * 2u8).cmp(&self.below);
        let up = match mode {
            Rounding::HalfEven => half.is_gt() || half.is_eq() && &cut % 2u8 != BigInt::ZERO,
            Rounding::HalfAway => half.is_ge(),
            Rounding::Up => rest != BigInt::ZERO,
            Rounding::Down => false,
            Rounding::Floor => negative && rest != BigInt::ZERO,
            Rounding::Ceiling => !negative && rest != BigInt::ZERO,
        };
        cut += u8::from(up);
        Ratio::new(if negative { -cut } else { cut }, ten(places))
    }
}

/// What was got is the true result, or an error where there can be none.
#[track_caller]
fn hold(what: &str, got: Result<Exact, NumberError>, wanted: &Ratio) {
    match got {
        Ok(got) => assert!(Ratio::of(got).cmp(wanted).is_eq(), "{what} gives {got}, expected {wanted:?}"),
        Err(error) => assert!(!wanted.fits(), "{what}: {error}, expected {wanted:?}"),
    }
}

struct Chance(fastrand::Rng);

impl Chance {
    /// Digits: often few, often as many as there may be, often with zeros at the end.
    fn digits(&mut self) -> String {
        let count = match self.0.u8(0..4) {
            0 => self.0.usize(1..4),
            1 => self.0.usize(1..12),
            2 => self.0.usize(16..22),
            _ => self.0.usize(20..29),
        };
        let mut text: String = match self.0.u8(0..8) {
            0 => "9".repeat(count),
            1 => format!("1{}", "0".repeat(count - 1)),
            _ => (0..count).map(|_| self.0.digit(10)).collect(),
        };
        if self.0.u8(0..4) == 0 {
            text.push_str(&"0".repeat(self.0.usize(0..12)));
        }
        text
    }

    /// `-?digits[.digits]` as JSON has it, and the value.
    fn text(&mut self) -> (String, Ratio) {
        let digits = self.digits();
        let places = match self.0.u8(0..3) {
            0 => 0,
            1 => self.0.usize(0..5),
            _ => self.0.usize(0..30),
        };
        let sign = if self.0.bool() { "-" } else { "" };
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            whole => whole,
        };
        let point = if places > 0 { "." } else { "" };
        let value = Ratio::new(format!("{sign}{digits}").parse().expect("digits"), ten(places as u32));
        (format!("{sign}{whole}{point}{fraction}"), value)
    }

    fn exact(&mut self) -> (Exact, Ratio) {
        loop {
            let (text, value) = self.text();
            let read = Exact::parse(&text);
            hold(&text, read.clone(), &value);
            if let Ok(exact) = read {
                return (exact, value);
            }
        }
    }

    fn mode(&mut self) -> Rounding {
        MODES[self.0.usize(0..MODES.len())]
    }
}

#[test]
fn sums_products_and_order() {
    cases(1, |chance| {
        let ((a, x), (b, y)) = (chance.exact(), chance.exact());
        hold(&format!("{a} + {b}"), a.add(b), &x.add(&y));
        hold(&format!("{a} - {b}"), a.sub(b), &x.add(&y.neg()));
        hold(&format!("{a} * {b}"), a.mul(b), &x.mul(&y));
        hold(&format!("-{a}"), Ok(a.neg()), &x.neg());
        assert_eq!(a.cmp(&b), x.cmp(&y), "{a} {b}");
        assert_eq!(a == b, x.cmp(&y).is_eq(), "{a} {b}");
        assert_eq!(a.is_whole(), &x.above % &x.below == BigInt::ZERO, "{a}");
        assert_eq!((a.is_zero(), a.is_negative()), (x.is_zero(), x.above.sign() == Sign::Minus), "{a}");
        // What is written is what was read, and nothing is lost by it.
        assert_eq!(Exact::parse(&a.to_string()).map(|again| (again, again.decimals())), Ok((a, a.decimals())));
        assert!(!a.to_string().contains('e') && a.to_string() != "-0");
    });
}

#[test]
fn trees_of_arithmetic() {
    cases(2, |chance| {
        let (first, mut value) = chance.exact();
        let mut fraction = Fraction::from(first);
        let mut written = first.to_string();
        for _ in 0..chance.0.u8(1..5) {
            let (operand, other) = chance.exact();
            let right = Fraction::from(operand);
            let sign = ["+", "-", "*", "/", "%"][chance.0.usize(0..5)];
            let (got, wanted) = match sign {
                "+" => (fraction.add(right), value.add(&other)),
                "-" => (fraction.sub(right), value.add(&other.neg())),
                "*" => (fraction.mul(right), value.mul(&other)),
                _ if other.is_zero() => {
                    let got = if sign == "/" { fraction.div(right) } else { fraction.rem(right) };
                    assert_eq!(got, Err(NumberError::ByZero), "{written}");
                    continue;
                }
                "/" => (fraction.div(right), value.div(&other)),
                _ => (fraction.rem(right), value.rem(&other)),
            };
            written = format!("({written} {sign} {operand})");
            match got {
                Ok(got) => (fraction, value) = (got, wanted.reduced()),
                Err(error) => {
                    assert!(!wanted.is_small(), "{written}: {error}");
                    break;
                }
            }
            hold(&written, fraction.finish(), &value);
            assert_eq!(fraction.cmp(&right), value.cmp(&other), "{written} {operand}");
            assert_eq!(fraction.neg().cmp(&right.neg()), other.cmp(&value), "{written} {operand}");
            let (places, mode) = (chance.0.u32(0..29), chance.mode());
            hold(&format!("{written} {mode:?} {places}"), fraction.round(places, mode), &value.round(places, mode));
        }
    });
}

#[test]
fn rounding_in_every_mode() {
    cases(3, |chance| {
        let (number, value) = chance.exact();
        let places = chance.0.u32(0..30);
        for mode in MODES {
            let got = number.round(places, mode);
            if let Ok(got) = &got {
                assert_eq!(got.decimals(), places, "{number} {mode:?} {places}");
            }
            match places {
                29.. => assert_eq!(got, Err(NumberError::TooLarge)),
                _ => hold(&format!("{number} {mode:?} {places}"), got, &value.round(places, mode)),
            }
        }
        hold("floor", number.floor(), &value.round(0, Rounding::Floor));
        hold("ceil", number.ceil(), &value.round(0, Rounding::Ceiling));
        // Halves of a last place: what the modes differ about.
        let half = Exact::from_parts(i128::from(chance.0.i32(-2000..2000)) * 10 + 5, 1 + places.min(20));
        let half = half.expect("few digits");
        for mode in MODES {
            let wanted = Ratio::of(half).round(places.min(20), mode);
            hold(&format!("{half} {mode:?}"), half.round(places.min(20), mode), &wanted);
        }
    });
}

#[test]
fn numbers_of_json() {
    cases(4, |chance| {
        let number = |chance: &mut Chance| {
            let (mut text, mut value) = chance.text();
            if chance.0.u8(0..3) == 0 {
                let exponent = chance.0.i32(-40..40);
                let mark = ["e", "E"][chance.0.usize(0..2)];
                let plus = if exponent >= 0 && chance.0.bool() { "+" } else { "" };
                text = format!("{text}{mark}{plus}{exponent}");
                let factor = ten(exponent.unsigned_abs());
                value = match exponent {
                    0.. => Ratio::new(&value.above * factor, value.below),
                    _ => Ratio::new(value.above, value.below * factor),
                };
            }
            (text, value)
        };
        let ((text, value), (other_text, other)) = (number(chance), number(chance));
        let read = json::parse(text.as_bytes()).expect(&text);
        assert_eq!(json::write(&read).as_deref(), Ok(&*text));
        let (a, b) = (read.as_number().expect(&text), Number::from_json(Text::from(&*other_text)));
        hold(&text, a.exact(), &value);
        assert_eq!(a.written_len(), text.len(), "{text}");
        assert_eq!(a.compare(&b), value.cmp(&other), "{text} {other_text}");
        assert_eq!(a.is_whole(), &value.above % &value.below == BigInt::ZERO, "{text}");
        let shortest = a.shortest().expect("few zeros");
        assert!(Number::from_json(shortest.as_str().into()) == *a, "{text} {shortest}");
        assert_eq!(a.canonical() == b.canonical(), value.cmp(&other).is_eq(), "{text} {other_text}");
        if let Ok(exact) = a.exact() {
            assert_eq!(Number::from(exact).written_len(), exact.to_string().len(), "{text}");
        }
    });
}

#[test]
fn money_in_parts() {
    let currencies = ["JPY", "USD", "KWD", "CLF"].map(|code| Currency::parse(code).expect(code));
    cases(5, |chance| {
        let currency = currencies[chance.0.usize(0..4)];
        let minor = match chance.0.bool() {
            true => BigInt::from(chance.0.i64(-100_000..100_000)),
            false => BigInt::from(chance.0.i128(-10i128.pow(28) + 1..10i128.pow(28))),
        };
        let whole = |value: &BigInt| Exact::from_i128(i128::try_from(value).expect("28 digits")).expect("28 digits");
        let money = Money::from_minor(whole(&minor), currency).expect("28 digits");
        hold("to_minor", money.to_minor(), &Ratio::new(minor.clone(), 1.into()));
        let decimals = currency.minor_units().expect("has decimals");
        hold("amount", Ok(money.amount), &Ratio::new(minor.clone(), ten(decimals)));

        let weights: Vec<(Exact, Ratio)> = (0..chance.0.usize(1..6))
            .map(|_| match chance.0.u8(0..3) {
                0 => Exact::ZERO,
                1 => Exact::from(i64::from(chance.0.u8(..))),
                _ => chance.exact().0,
            })
            .map(|weight| if weight.is_negative() { weight.neg() } else { weight })
            .map(|weight| (weight, Ratio::of(weight)))
            .collect();
        let got = money.allocate(&weights.iter().map(|(weight, _)| *weight).collect::<Vec<_>>());
        let sum = weights.iter().fold(Ratio::of(Exact::ZERO), |sum, (_, weight)| sum.add(weight));
        if sum.is_zero() {
            assert!(matches!(got, Err(NumberError::Weights(_))));
            return;
        }
        // Each share cut toward zero; what is left goes to the largest remainders, the earlier first.
        let shares = weights.iter().map(|(_, weight)| Ratio::new(size(&minor), 1.into()).mul(weight).div(&sum));
        let mut parts: Vec<(BigInt, Ratio)> = shares
            .map(|share| {
                let cut = &share.above / &share.below;
                let rest = share.add(&Ratio::new(-&cut, 1.into()));
                (cut, rest)
            })
            .collect();
        let mut left = size(&minor) - parts.iter().map(|(cut, _)| cut).sum::<BigInt>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1));
        for place in order {
            if left > BigInt::ZERO {
                parts[place].0 += 1;
                left -= 1;
            }
        }
        let got = got.expect("weights above nothing");
        assert_eq!(got.len(), parts.len());
        for (got, (part, _)) in got.iter().zip(parts) {
            let part = if minor.sign() == Sign::Minus { -part } else { part };
            hold("a part", got.to_minor(), &Ratio::new(part, 1.into()));
        }
    });
}
