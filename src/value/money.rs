//! Money: an exact amount and its currency.
use super::Exact;

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
}

/// An exact amount in a currency.
#[derive(Clone, Copy, Debug)]
pub struct Money {
    pub amount: Exact,
    pub currency: Currency,
}
