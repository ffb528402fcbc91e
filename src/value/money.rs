//! Money: an exact amount and its currency, with ISO 4217's minor units.

use super::wide::Wide;
use super::{Exact, NumberError, Rounding};
use std::cmp::Ordering;
use std::fmt;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
}

/// ISO 4217 list one of 2026-01-01 by number of decimals, and codes that were withdrawn but still stand in old data.
const DECIMALS: &[(u32, &str)] = &[
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW \
         CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
         IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK \
         MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
         SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG \
         YER ZAR ZMW ZWG",
    ),
    // Withdrawn.
    (2, "ANG BGN CUC HRK SLL VEF ZWL"),
];

/// No minor unit: metals, funds, tests.
const WITHOUT: &str = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX";

impl Currency {
    /// The currency of a code in any case; `None` for a code that ISO 4217 does not have.
    pub fn parse(code: &str) -> Option<Currency> {
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        let currency = Currency { code: code.map(|b| b.to_ascii_uppercase()) };
        let known = DECIMALS.iter().map(|(_, codes)| *codes).chain([WITHOUT]).any(|codes| currency.is_in(codes));
        known.then_some(currency)
    }

    /// In upper case.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// How many decimals it has; `None` for gold and the like.
    pub fn minor_units(&self) -> Option<u32> {
        DECIMALS.iter().find(|(_, codes)| self.is_in(codes)).map(|(decimals, _)| *decimals)
    }

    fn is_in(&self, codes: &str) -> bool {
        // Three letters and a space each.
        codes.as_bytes().chunks(4).any(|code| matches!(code, [a, b, c, ..] if [*a, *b, *c] == self.code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An exact amount in a currency. While calculated with, it may have more decimals than its currency; it cannot be
/// written then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    pub amount: Exact,
    pub currency: Currency,
}

impl Money {
    pub fn new(amount: Exact, currency: Currency) -> Money {
        Money { amount, currency }
    }

    /// From whole minor units: 1999 of USD is 19.99.
    pub fn from_minor(minor: Exact, currency: Currency) -> Result<Money, NumberError> {
        let places = currency.minor_units().ok_or_else(|| NumberError::NoMinorUnit(currency.to_string()))?;
        let (mantissa, scale) = minor.parts();
        Ok(Money { amount: Exact::from_parts(mantissa, scale + places)?, currency }.with_decimals())
    }

    /// Whole minor units; an error where the amount has more decimals than the currency.
    pub fn to_minor(&self) -> Result<Exact, NumberError> {
        let places = self.places()?;
        let (mantissa, scale) = self.amount.parts();
        if scale > places {
            return Err(self.more_decimals());
        }
        let factor = 10i128.pow(places - scale);
        Exact::from_i128(mantissa.checked_mul(factor).ok_or(NumberError::TooLarge)?)
    }

    /// The amount with the currency's decimals, more where it has more: what `m.amount` is.
    pub fn with_decimals(mut self) -> Money {
        if let Some(places) = self.currency.minor_units() {
            self.amount = self.amount.with_decimals(places).unwrap_or(self.amount.shortest());
        }
        self
    }

    /// The amount as it is written; an error where it has more decimals than the currency.
    pub fn written_amount(&self) -> Result<Exact, NumberError> {
        match self.currency.minor_units() {
            None => Ok(self.amount.shortest()),
            Some(places) if self.amount.shortest().decimals() > places => Err(self.more_decimals()),
            Some(places) => self.amount.with_decimals(places),
        }
    }

    fn more_decimals(&self) -> NumberError {
        NumberError::MoreDecimals { written: self.amount.to_string(), currency: self.currency.to_string() }
    }

    fn places(&self) -> Result<u32, NumberError> {
        self.currency.minor_units().ok_or_else(|| NumberError::NoMinorUnit(self.currency.to_string()))
    }

    fn same(&self, other: &Money) -> Result<(), NumberError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(NumberError::TwoCurrencies(self.currency.to_string(), other.currency.to_string()))
    }

    pub fn add(&self, other: &Money) -> Result<Money, NumberError> {
        self.same(other)?;
        Ok(Money { amount: self.amount.add(other.amount)?, currency: self.currency })
    }

    pub fn sub(&self, other: &Money) -> Result<Money, NumberError> {
        self.add(&other.neg())
    }

    pub fn neg(&self) -> Money {
        Money { amount: self.amount.neg(), currency: self.currency }
    }

    /// Amounts of one currency by size.
    pub fn compare(&self, other: &Money) -> Result<Ordering, NumberError> {
        self.same(other)?;
        Ok(self.amount.cmp(&other.amount))
    }

    /// To the currency's decimals.
    pub fn round(&self, mode: Rounding) -> Result<Money, NumberError> {
        Ok(Money { amount: self.amount.round(self.places()?, mode)?, currency: self.currency })
    }

    /// Splits into whole minor units by weights: each part cut toward zero, the rest one unit each by largest remainder,
    /// earlier first. No negative weight, sum above zero. The parts add up to the whole.
    pub fn allocate(&self, weights: &[Exact]) -> Result<Vec<Money>, NumberError> {
        let minor = self.to_minor()?.to_i128().ok_or(NumberError::TooLarge)?;
        if weights.iter().any(|weight| weight.is_negative()) {
            return Err(NumberError::Weights("a weight is negative"));
        }
        // As whole numbers of one unit: each below 10^56, so that no memory holds enough of them for the sum to wrap.
        let scale = weights.iter().map(|weight| weight.parts().1).max().unwrap_or(0);
        let whole = |weight: &Exact| {
            let (mantissa, own) = weight.parts();
            Wide::product(mantissa.unsigned_abs(), 10u128.pow(scale - own))
        };
        let sum = weights.iter().map(whole).fold(Wide::from(0), Wide::plus);
        if sum.is_zero() {
            return Err(NumberError::Weights("the weights add up to nothing"));
        }
        let total = minor.unsigned_abs();
        let mut parts: Vec<(u128, Wide)> = weights.iter().map(|weight| share(total, whole(weight), sum)).collect();
        let left = total - parts.iter().map(|(cut, _)| cut).sum::<u128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1));
        for place in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
            parts[place].0 += 1;
        }
        let sign = minor.signum();
        parts
            .into_iter()
            .map(|(cut, _)| Money::from_minor(Exact::from_i128(sign * cut as i128)?, self.currency))
            .collect()
    }
}

/// `total · weight / sum` cut, and the remainder: bit by bit, because the product itself may not fit. No weight is above
/// the sum.
fn share(total: u128, weight: Wide, sum: Wide) -> (u128, Wide) {
    let (mut cut, mut rest) = (0, Wide::from(0));
    for bit in (0..u128::BITS - total.leading_zeros()).rev() {
        cut *= 2;
        rest = rest.plus(rest);
        if total >> bit & 1 == 1 {
            rest = rest.plus(weight);
        }
        // Below three sums: at most two fit.
        while rest >= sum {
            rest = rest.minus(sum);
            cut += 1;
        }
    }
    (cut, rest)
}

impl fmt::Display for Money {
    /// `12.50 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.with_decimals().amount, self.currency)
    }
}
