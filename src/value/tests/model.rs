//! What exact numbers are tested against: whole numbers without a limit, written for clarity.

use std::cmp::Ordering;

/// An unsigned whole number, least significant digit first, in base 2^32, without zeros at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big(Vec<u32>);

impl Big {
    pub fn parse(digits: &str) -> Big {
        digits.bytes().fold(Big(vec![]), |sum, digit| sum.scaled(10, u32::from(digit - b'0')))
    }

    pub fn power_of_ten(power: u32) -> Big {
        (0..power).fold(Big(vec![1]), |sum, _| sum.scaled(10, 0))
    }

    fn scaled(&self, factor: u32, plus: u32) -> Big {
        let mut carry = u64::from(plus);
        let mut limbs = Vec::new();
        for limb in &self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            limbs.push(carry as u32);
            carry >>= 32;
        }
        limbs.push(carry as u32);
        Big(limbs).trimmed()
    }

    fn trimmed(mut self) -> Big {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub fn plus(&self, other: &Big) -> Big {
        let mut carry = 0u64;
        let mut limbs = Vec::new();
        for at in 0..self.0.len().max(other.0.len()) + 1 {
            carry += u64::from(*self.0.get(at).unwrap_or(&0)) + u64::from(*other.0.get(at).unwrap_or(&0));
            limbs.push(carry as u32);
            carry >>= 32;
        }
        Big(limbs).trimmed()
    }

    pub fn minus(&self, other: &Big) -> Big {
        let mut borrow = 0i64;
        let mut limbs = Vec::new();
        for at in 0..self.0.len() {
            let digit = i64::from(self.0[at]) - i64::from(*other.0.get(at).unwrap_or(&0)) - borrow;
            borrow = i64::from(digit < 0);
            limbs.push((digit + (borrow << 32)) as u32);
        }
        assert_eq!(borrow, 0);
        Big(limbs).trimmed()
    }

    pub fn times(&self, other: &Big) -> Big {
        let mut sum = Big(vec![]);
        for (at, limb) in other.0.iter().enumerate() {
            let mut part = vec![0; at];
            part.extend(self.scaled(*limb, 0).0);
            sum = sum.plus(&Big(part).trimmed());
        }
        sum
    }

    pub fn divided(&self, divisor: &Big) -> (Big, Big) {
        let (mut quotient, mut rest) = (Big(vec![0; self.0.len()]), Big(vec![]));
        for bit in (0..self.0.len() * 32).rev() {
            rest = rest.scaled(2, self.0[bit / 32] >> (bit % 32) & 1);
            if rest.compare(divisor).is_ge() {
                rest = rest.minus(divisor);
                quotient.0[bit / 32] |= 1 << (bit % 32);
            }
        }
        (quotient.trimmed(), rest)
    }

    pub fn gcd(&self, other: &Big) -> Big {
        let (mut a, mut b) = (self.clone(), other.clone());
        while !b.is_zero() {
            (a, b) = (b.clone(), a.divided(&b).1);
        }
        a
    }

    pub fn compare(&self, other: &Big) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    pub fn digits(&self) -> String {
        let (mut limbs, mut digits) = (self.0.clone(), Vec::new());
        while limbs.iter().any(|limb| *limb != 0) {
            let mut rest = 0u64;
            for limb in limbs.iter_mut().rev() {
                rest = rest << 32 | u64::from(*limb);
                *limb = (rest / 10) as u32;
                rest %= 10;
            }
            digits.push(b'0' + rest as u8);
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.iter().rev().map(|digit| char::from(*digit)).collect()
    }
}

/// A decimal without a limit.
#[derive(Clone, Debug)]
pub struct Decimal {
    pub negative: bool,
    pub digits: Big,
    pub scale: u32,
}

impl Decimal {
    pub fn parse(text: &str) -> Decimal {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        Decimal { negative, digits: Big::parse(&format!("{whole}{fraction}")), scale: fraction.len() as u32 }
    }

    fn at(&self, scale: u32) -> Big {
        self.digits.times(&Big::power_of_ten(scale - self.scale))
    }

    pub fn neg(&self) -> Decimal {
        Decimal { negative: !self.negative, ..self.clone() }
    }

    pub fn plus(&self, other: &Decimal) -> Decimal {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.at(scale), other.at(scale));
        let (negative, digits) = if self.negative == other.negative {
            (self.negative, a.plus(&b))
        } else if a.compare(&b).is_ge() {
            (self.negative, a.minus(&b))
        } else {
            (other.negative, b.minus(&a))
        };
        Decimal { negative, digits, scale }
    }

    pub fn times(&self, other: &Decimal) -> Decimal {
        Decimal {
            negative: self.negative != other.negative,
            digits: self.digits.times(&other.digits),
            scale: self.scale + other.scale,
        }
    }

    /// In its shortest form, or nothing where that has more than 28 digits or places.
    pub fn text(&self) -> Option<String> {
        let (mut digits, mut scale) = (self.digits.digits(), self.scale as usize);
        while scale > 0 && digits.ends_with('0') {
            digits.pop();
            scale -= 1;
        }
        if digits.is_empty() {
            digits.push('0');
            scale = 0;
        }
        if digits.len() > 28 || scale > 28 {
            return None;
        }
        let sign = if self.negative && digits != "0" { "-" } else { "" };
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        Some(format!("{sign}{whole}{}{fraction}", if scale > 0 { "." } else { "" }))
    }
}
