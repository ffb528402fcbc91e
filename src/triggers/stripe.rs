//! Stripe's webhook signature: `Stripe-Signature: t=…,v1=…[,v1=…]`, HMAC-SHA256 over `t + "." + raw body`.
//!
//! Source: the official clients (stripe-node `Webhooks.js`); several `v1` and several secrets during a rotation: any
//! pair that fits will do. `v0` and unknown schemes are ignored. The tolerance holds in both directions, which is
//! stricter than the clients and allowed.

use ring::hmac;
use std::time::Duration;

/// Why a delivery is not from Stripe, or not fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the Stripe-Signature header is missing")]
    NoHeader,
    #[error("the Stripe-Signature header has no `t=` with a whole number")]
    NoTimestamp,
    #[error("the Stripe-Signature header has no `v1=` signature")]
    NoSignature,
    #[error("no signature fits the body and a configured secret")]
    Mismatch,
    #[error("the signature's time is more than the tolerance away from now")]
    Stale,
}

impl SignatureError {
    /// Malformed headers are the sender's mistake (400); everything else is a failed proof of who sent it (401).
    pub fn status(self) -> u16 {
        match self {
            SignatureError::NoHeader | SignatureError::NoTimestamp | SignatureError::NoSignature => 400,
            SignatureError::Mismatch | SignatureError::Stale => 401,
        }
    }
}

/// Checks a delivery. `now` is in Unix seconds.
///
/// The signature is compared before the time, so that a forger learns nothing from the answer about the clock.
pub fn verify(
    header: Option<&str>,
    body: &[u8],
    secrets: &[String],
    tolerance: Duration,
    now: i64,
) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::NoHeader)?;
    let mut timestamp = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => timestamp = Some(value),
            Some(("v1", value)) => signatures.push(value),
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or(SignatureError::NoTimestamp)?;
    let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::NoTimestamp)?;
    if signatures.is_empty() {
        return Err(SignatureError::NoSignature);
    }
    let signatures: Vec<Vec<u8>> = signatures.iter().filter_map(|hex| from_hex(hex)).collect();
    let message = [timestamp.as_bytes(), b".", body].concat();
    let fits = secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        signatures.iter().any(|signature| hmac::verify(&key, &message, signature).is_ok())
    });
    if !fits {
        return Err(SignatureError::Mismatch);
    }
    if now.abs_diff(seconds) > tolerance.as_secs() {
        return Err(SignatureError::Stale);
    }
    Ok(())
}

/// The header for a body, as Stripe would send it: for the sandbox and for tests.
pub fn sign(body: &[u8], secrets: &[&str], timestamp: i64) -> String {
    let message = [timestamp.to_string().as_bytes(), b".", body].concat();
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        header.push_str(",v1=");
        for byte in hmac::sign(&key, &message).as_ref() {
            header.push_str(&format!("{byte:02x}"));
        }
    }
    header
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW: i64 = 1_760_000_000;
    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    fn check(header: &str, secrets: &[&str], now: i64) -> Result<(), SignatureError> {
        let secrets: Vec<String> = secrets.iter().map(|s| s.to_string()).collect();
        verify(Some(header), BODY, &secrets, FIVE_MINUTES, now)
    }

    #[test]
    fn a_signature_of_any_configured_secret_fits() {
        let header = sign(BODY, &["whsec_old"], NOW);
        assert_eq!(check(&header, &["whsec_new", "whsec_old"], NOW), Ok(()));
        let rolled = sign(BODY, &["whsec_new", "whsec_old"], NOW);
        assert_eq!(check(&rolled, &["whsec_old"], NOW), Ok(()));
        assert_eq!(check(&rolled, &["whsec_new"], NOW), Ok(()));
        assert_eq!(check(&rolled, &["whsec_other"], NOW), Err(SignatureError::Mismatch));
        assert_eq!(check(&rolled, &[], NOW), Err(SignatureError::Mismatch));
    }

    #[test]
    fn the_signature_is_the_one_stripe_documents() {
        // Computed independently: printf '1760000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let header = "t=1760000000,v1=KNOWN,v0=00";
        let known = "66e880d7175fffb43ce10c4e14db1cfb230c8804b5aafb116affbc9a836c7690";
        assert_eq!(check(&header.replace("KNOWN", known), &["whsec_test"], NOW), Ok(()));
    }

    #[test]
    fn raw_bytes_count_not_their_meaning() {
        let header = sign(BODY, &["s"], NOW);
        let secrets = ["s".to_string()];
        let spaced = br#"{"id": "evt_1"}"#;
        assert_eq!(verify(Some(&header), spaced, &secrets, FIVE_MINUTES, NOW), Err(SignatureError::Mismatch));
    }

    #[test]
    fn time_is_checked_both_ways() {
        let header = sign(BODY, &["s"], NOW);
        assert_eq!(check(&header, &["s"], NOW + 300), Ok(()));
        assert_eq!(check(&header, &["s"], NOW - 300), Ok(()));
        assert_eq!(check(&header, &["s"], NOW + 301), Err(SignatureError::Stale));
        assert_eq!(check(&header, &["s"], NOW - 301), Err(SignatureError::Stale));
    }

    #[test]
    fn malformed_headers_are_told_apart_from_forged_ones() {
        let secrets = ["s".to_string()];
        assert_eq!(verify(None, BODY, &secrets, FIVE_MINUTES, NOW), Err(SignatureError::NoHeader));
        assert_eq!(check("v1=00", &["s"], NOW), Err(SignatureError::NoTimestamp));
        assert_eq!(check("t=soon,v1=00", &["s"], NOW), Err(SignatureError::NoTimestamp));
        assert_eq!(check("t=1760000000", &["s"], NOW), Err(SignatureError::NoSignature));
        assert_eq!(check("t=1760000000,v0=00", &["s"], NOW), Err(SignatureError::NoSignature));
        assert_eq!(check("t=1760000000,v1=zz", &["s"], NOW), Err(SignatureError::Mismatch));
        assert_eq!(check("t=-9223372036854775808,v1=00", &["s"], NOW), Err(SignatureError::Mismatch));
        assert_eq!(SignatureError::NoHeader.status(), 400);
        assert_eq!(SignatureError::Mismatch.status(), 401);
    }
}
