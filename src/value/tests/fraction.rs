use super::super::*;
use super::exact;
use super::exact::decimals;
use super::model::Big;
use proptest::prelude::*;

/// A fraction without a limit.
#[derive(Clone, Debug)]
struct Ratio(bool, Big, Big);

impl Ratio {
    fn new(negative: bool, above: Big, below: Big) -> Ratio {
        let common = above.gcd(&below);
        Ratio(negative && !above.is_zero(), above.divided(&common).0, below.divided(&common).0)
    }

    fn of(text: &str) -> Ratio {
        let decimal = super::model::Decimal::parse(text);
        Ratio::new(decimal.negative, decimal.digits, Big::power_of_ten(decimal.scale))
    }

    fn plus(&self, other: &Ratio) -> Ratio {
        let (a, b) = (self.1.times(&other.2), other.1.times(&self.2));
        let below = self.2.times(&other.2);
        if self.0 == other.0 {
            Ratio::new(self.0, a.plus(&b), below)
        } else if a.compare(&b).is_ge() {
            Ratio::new(self.0, a.minus(&b), below)
        } else {
            Ratio::new(other.0, b.minus(&a), below)
        }
    }

    fn times(&self, other: &Ratio) -> Ratio {
        Ratio::new(self.0 != other.0, self.1.times(&other.1), self.2.times(&other.2))
    }

    fn neg(&self) -> Ratio {
        Ratio(!self.0, self.1.clone(), self.2.clone())
    }

    fn rem(&self, other: &Ratio) -> Ratio {
        let (a, b) = (self.1.times(&other.2), other.1.times(&self.2));
        Ratio::new(self.0, a.divided(&b).1, self.2.times(&other.2))
    }

    fn text(&self) -> Option<String> {
        let (above, below) = (self.1.digits(), self.2.digits());
        let fits = above.len() <= 38 && below.len() <= 38;
        fits.then(|| format!("{}{above}/{below}", if self.0 { "-" } else { "" }))
    }
}

fn text(result: Result<Fraction, NumberError>) -> Option<String> {
    match result {
        Ok(fraction) => Some(format!("{}/{}", fraction.numerator(), fraction.denominator())),
        Err(error) => {
            assert_eq!(error, NumberError::TooLarge);
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_operation_is_equal_or_an_error(a in decimals(), b in decimals(), c in decimals(), d in decimals()) {
        let parsed = [&a, &b, &c, &d].map(|text| Exact::parse(text).ok().filter(|exact| !exact.is_zero()));
        let [Some(_), Some(_), Some(_), Some(_)] = parsed else { return Ok(()) };
        let [e, f, g, h] = parsed.map(|exact| Fraction::from(exact.unwrap()));
        let over = |x: &str, y: &str| {
            let (x, y) = (Ratio::of(x), Ratio::of(y));
            x.times(&Ratio(y.0, y.2, y.1))
        };
        let (x, y) = (over(&a, &b), over(&c, &d));
        prop_assert_eq!(text(e.div(f)), x.text());
        prop_assert_eq!(text(g.div(h)), y.text());
        let (Ok(left), Ok(right)) = (e.div(f), g.div(h)) else { return Ok(()) };
        prop_assert_eq!(text(left.add(right)), x.plus(&y).text());
        prop_assert_eq!(text(left.sub(right)), x.plus(&y.neg()).text());
        prop_assert_eq!(text(left.mul(right)), x.times(&y).text());
        prop_assert_eq!(text(left.rem(right)), x.rem(&y).text());
        let difference = x.plus(&y.neg());
        let order = if difference.1.is_zero() { 0 } else if difference.0 { -1 } else { 1 };
        prop_assert_eq!(left.cmp(&right) as i32, order);
    }

    #[test]
    fn a_product_divided_gives_its_factor(a in decimals(), b in decimals()) {
        let (Ok(a), Ok(b)) = (Exact::parse(&a), Exact::parse(&b)) else { return Ok(()) };
        let Ok(product) = a.mul(b) else { return Ok(()) };
        if !b.is_zero() {
            prop_assert_eq!(Fraction::from(product).div(Fraction::from(b)).unwrap().finish(), Ok(a.shortest()));
        }
    }
}

fn quotient(a: &str, b: &str) -> Fraction {
    Fraction::from(exact(a)).div(Fraction::from(exact(b))).unwrap()
}

#[test]
fn a_fraction_lives_until_it_is_finished() {
    let third = quotient("1", "3");
    assert_eq!(third.finish(), Err(NumberError::NotExact));
    assert_eq!(third.mul(Fraction::from(Exact::from(3))).unwrap().finish(), Ok(Exact::ONE));
    assert_eq!(third.round(4, Rounding::HalfEven).unwrap().to_string(), "0.3333");
    assert_eq!(third.neg().floor().unwrap().to_string(), "-1");
    assert_eq!(third.neg().ceil().unwrap().to_string(), "0");
    assert_eq!(quotient("1", "8").finish().unwrap().to_string(), "0.125");
    assert_eq!(quotient("-1.50", "0.5").finish().unwrap().to_string(), "-3");
    let tiny = quotient("1", "1000000000000000000000000000").mul(quotient("1", "1000")).unwrap();
    assert_eq!(tiny.finish(), Err(NumberError::TooLarge));
    assert_eq!(Fraction::from(Exact::ONE).div(Fraction::from(Exact::ZERO)), Err(NumberError::ByZero));
    assert_eq!(Fraction::from(Exact::ONE).rem(Fraction::from(Exact::ZERO)), Err(NumberError::ByZero));
    assert!(NumberError::NotExact.to_string().contains("round(…, 2, \"half_even\")"));
}

#[test]
fn a_tie_of_a_fraction_is_seen_exactly() {
    let half = |a: &str, b: &str, places| quotient(a, b).round(places, Rounding::HalfEven).unwrap().to_string();
    assert_eq!(half("1", "8", 2), "0.12");
    assert_eq!(half("3", "8", 2), "0.38");
    assert_eq!(half("1000000000000000000000000001", "8000000000000000000000000000", 2), "0.13");
}

#[test]
fn the_remainder_has_the_sign_of_what_is_divided() {
    for (a, b, rest) in [("7", "3", "1"), ("-7", "3", "-1"), ("7", "-3", "1"), ("5.5", "2", "1.5")] {
        let result = Fraction::from(exact(a)).rem(Fraction::from(exact(b))).unwrap();
        assert_eq!(result.finish().unwrap().to_string(), rest, "{a} % {b}");
    }
    // The quotient in between has more digits than any result may have.
    let (huge, tiny) = (exact("9999999999999999999999999999"), exact("0.0000000000000000000000000007"));
    assert_eq!(Fraction::from(huge).rem(Fraction::from(tiny)).unwrap().finish().unwrap().scale(), 28);
}
