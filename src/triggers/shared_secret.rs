//! Deliveries that prove themselves by a secret both sides know, in a header or in the address: what Dataverse and
//! Finance & Operations can do. It says nothing of the body: a flow reads the row again before it acts on it.
//!
//! Invariants: how far a wrong secret is right cannot be told from how long the comparison takes; a secret in the
//! address or a header is never kept or logged.

use ring::digest::{SHA256, digest};
use url::form_urlencoded;

/// Where the secret stands in a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretIn {
    /// By lower-case name.
    Header(String),
    Query(String),
}

impl SecretIn {
    /// `header.x-flowctl-key`, `query.code`. `None`: neither.
    pub fn parse(text: &str) -> Option<SecretIn> {
        let (place, name) = text.split_once('.')?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(fits) {
            return None;
        }
        match place {
            "header" => Some(SecretIn::Header(name.to_lowercase())),
            "query" => Some(SecretIn::Query(name.to_owned())),
            _ => None,
        }
    }
}

/// Why a delivery is not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("the delivery carries no secret where the webhook expects it")]
    None,
    #[error("the delivery carries another secret")]
    Wrong,
}

impl SecretError {
    pub fn status(self) -> u16 {
        401
    }
}

/// Whether one of the secrets was given.
pub fn verify(given: Option<&str>, secrets: &[String]) -> Result<(), SecretError> {
    let given = given.filter(|given| !given.is_empty()).ok_or(SecretError::None)?;
    // All are compared, whichever fits.
    let fits = secrets.iter().filter(|secret| !secret.is_empty() && equal(given, secret)).count();
    if fits > 0 { Ok(()) } else { Err(SecretError::Wrong) }
}

/// The value of a query's parameter, decoded; of several with that name the first.
pub fn in_query(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// In a time that depends on neither text: their hashes have one length and are compared whole.
fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (digest(&SHA256, a.as_bytes()), digest(&SHA256, b.as_bytes()));
    a.as_ref().iter().zip(b.as_ref()).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn any_of_the_secrets_will_do_and_nothing_else() {
        let both = secrets(&["new", "old"]);
        assert_eq!(verify(Some("new"), &both), Ok(()));
        assert_eq!(verify(Some("old"), &both), Ok(()));
        for wrong in ["ne", "newer", "NEW", " new", "new "] {
            assert_eq!(verify(Some(wrong), &both), Err(SecretError::Wrong), "{wrong:?}");
        }
        assert_eq!(verify(None, &both), Err(SecretError::None));
        assert_eq!(verify(Some(""), &secrets(&[""])), Err(SecretError::None), "an empty secret proves nothing");
        assert_eq!(verify(Some("x"), &[]), Err(SecretError::Wrong));
    }

    #[test]
    fn places_are_header_and_query() {
        assert_eq!(SecretIn::parse("header.X-Flowctl-Key"), Some(SecretIn::Header("x-flowctl-key".into())));
        assert_eq!(SecretIn::parse("query.code"), Some(SecretIn::Query("code".into())));
        for wrong in ["code", "query.", "body.code", "header.a b", "query.a=b", ""] {
            assert_eq!(SecretIn::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_address_is_decoded() {
        assert_eq!(in_query("a=1&code=a%2Bb+c", "code").as_deref(), Some("a+b c"));
        assert_eq!(in_query("code=1&code=2", "code").as_deref(), Some("1"));
        assert_eq!(in_query("xcode=1", "code"), None);
    }
}
