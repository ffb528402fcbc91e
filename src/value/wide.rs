//! 256-bit whole numbers: room for what lies between two exact results, never a result itself.

/// An unsigned number below 2^256. Its callers stay below 2^255, so sums and shifts never wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wide {
    high: u128,
    low: u128,
}

impl Wide {
    pub(super) fn product(a: u128, b: u128) -> Wide {
        if let (Ok(a), Ok(b)) = (u64::try_from(a), u64::try_from(b)) {
            return Wide::from(u128::from(a) * u128::from(b));
        }
        let (low, high) = a.carrying_mul(b, 0);
        Wide { high, low }
    }

    pub(super) fn plus(self, other: Wide) -> Wide {
        let (low, carry) = self.low.overflowing_add(other.low);
        Wide { high: self.high.wrapping_add(other.high).wrapping_add(u128::from(carry)), low }
    }

    /// `self - other`, which must not be the larger.
    pub(super) fn minus(self, other: Wide) -> Wide {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Wide { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }

    pub(super) fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    pub(super) fn is_odd(self) -> bool {
        self.low & 1 == 1
    }

    /// Where it fits.
    pub(super) fn to_u128(self) -> Option<u128> {
        (self.high == 0).then_some(self.low)
    }

    /// Where it fits.
    pub(super) fn to_i128(self) -> Option<i128> {
        self.to_u128()?.try_into().ok()
    }

    /// Quotient and remainder. `None` for division by zero.
    pub(super) fn div_rem(self, divisor: Wide) -> Option<(Wide, Wide)> {
        if divisor.is_zero() {
            return None;
        }
        if let (Some(Ok(a)), Some(Ok(b))) = (self.to_u128().map(u64::try_from), divisor.to_u128().map(u64::try_from)) {
            return Some((Wide::from(u128::from(a / b)), Wide::from(u128::from(a % b))));
        }
        if self.high == 0 && divisor.high == 0 {
            return Some((Wide::from(self.low / divisor.low), Wide::from(self.low % divisor.low)));
        }
        if self < divisor {
            return Some((Wide::from(0), self));
        }
        let shift = divisor.leading_zeros() - self.leading_zeros();
        let (mut quotient, mut rest, mut part) = (Wide::from(0), self, divisor.shifted_left(shift));
        for _ in 0..=shift {
            quotient = quotient.shifted_left(1);
            if rest >= part {
                rest = rest.minus(part);
                quotient.low |= 1;
            }
            part = part.halved();
        }
        Some((quotient, rest))
    }

    /// The greatest common divisor; that of 0 and n is n.
    pub(super) fn gcd(mut self, mut other: Wide) -> Wide {
        while let Some((_, rest)) = self.div_rem(other) {
            (self, other) = (other, rest);
        }
        self
    }

    fn leading_zeros(self) -> u32 {
        if self.high == 0 { 128 + self.low.leading_zeros() } else { self.high.leading_zeros() }
    }

    fn shifted_left(self, by: u32) -> Wide {
        match by {
            0 => self,
            1..128 => Wide { high: self.high << by | self.low >> (128 - by), low: self.low << by },
            _ => Wide { high: self.low.checked_shl(by - 128).unwrap_or(0), low: 0 },
        }
    }

    fn halved(self) -> Wide {
        Wide { high: self.high >> 1, low: self.high << 127 | self.low >> 1 }
    }
}

impl From<u128> for Wide {
    fn from(low: u128) -> Wide {
        Wide { high: 0, low }
    }
}
