//! PayPal's webhook signature: RSA-SHA256 over `id|time|webhook id|CRC32 of the raw body`, by a certificate that the
//! delivery names and that PayPal serves.
//!
//! - [`transmission`] what the headers say, and what was signed
//! - [`certificate`] whose certificates are taken, and whether one is good
//! - [`verifier`] either of two ways to prove a delivery: here, or by asking PayPal
//!
//! CRC32 is no hash against forgers: whoever has a signed delivery can make another body of the same CRC32. Flows that move
//! money read again what an event speaks of.

pub mod certificate;
pub mod transmission;
pub mod verifier;

pub use verifier::{How, Verifier};

use std::time::Duration;

/// Why a delivery is not proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproved {
    /// It is malformed (400) or not PayPal's (401).
    Refused { status: u16, why: String },
    /// It cannot be told now: the provider is to come again.
    Later { retry_after: Duration, why: String },
}

impl Unproved {
    fn malformed(why: impl Into<String>) -> Unproved {
        Unproved::Refused { status: 400, why: why.into() }
    }

    fn forged(why: impl Into<String>) -> Unproved {
        Unproved::Refused { status: 401, why: why.into() }
    }

    fn later(why: impl Into<String>) -> Unproved {
        Unproved::Later { retry_after: Duration::from_secs(30), why: why.into() }
    }
}
