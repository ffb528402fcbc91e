//! A signature over the raw body with a shared secret, as any system may send it: `X-Signature: HEX`, also with the
//! algorithm in front (`sha256=HEX`).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ring::hmac;

/// How the deliveries of a webhook are signed.
#[derive(Clone)]
pub struct Signed {
    pub header: String,
    pub algorithm: Algorithm,
    pub encoding: Encoding,
    pub secret: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Hex,
    Base64,
}

/// Why a delivery is not from the one who has the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the header {0} with the signature is missing")]
    NoHeader(String),
    #[error("the header {0} holds no signature in {1}")]
    Malformed(String, &'static str),
    #[error("the signature does not fit the body and the secret")]
    Mismatch,
}

impl SignatureError {
    /// A malformed header is the sender's mistake (400), anything else a failed proof (401).
    pub fn status(&self) -> u16 {
        match self {
            SignatureError::NoHeader(_) | SignatureError::Malformed(..) => 400,
            SignatureError::Mismatch => 401,
        }
    }
}

impl Signed {
    /// Checks the bytes as they came.
    pub fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
        let header = header.ok_or_else(|| SignatureError::NoHeader(self.header.clone()))?.trim();
        let (algorithm, prefix) = match self.algorithm {
            Algorithm::Sha256 => (hmac::HMAC_SHA256, "sha256="),
            Algorithm::Sha512 => (hmac::HMAC_SHA512, "sha512="),
        };
        let text = header.strip_prefix(prefix).unwrap_or(header);
        let (read, name) = match self.encoding {
            Encoding::Hex => (super::stripe::from_hex(text), "hex"),
            Encoding::Base64 => (STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok(), "base64"),
        };
        let signature = read.filter(|bytes| !bytes.is_empty());
        let signature = signature.ok_or_else(|| SignatureError::Malformed(self.header.clone(), name))?;
        let key = hmac::Key::new(algorithm, self.secret.as_bytes());
        hmac::verify(&key, body, &signature).map_err(|_| SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"o-1"}"#;
    // printf '{"id":"o-1"}' | openssl dgst -sha256 -hmac s3cret (-binary | base64), and with -sha512
    const HEX: &str = "a490376ef11d53363afff91f76a2d24344481dc719c416900ff691baf748e094";
    const BASE64: &str = "pJA3bvEdUzY6//kfdqLSQ0RIHccZxBaQD/aRuvdI4JQ=";
    const HEX512: &str = "cccf6d8b8e9ec2332bdf884c4697d70aa17aa62a9f515765d22290e31d68ae5b8938b77c5a906bf23e8987ef58db18035a3faf52b35f7fab579e0e3825367b5c";

    fn signed(algorithm: Algorithm, encoding: Encoding) -> Signed {
        Signed { header: "X-Shop-Signature".into(), algorithm, encoding, secret: "s3cret".into() }
    }

    #[test]
    fn signatures_of_the_raw_body_fit() {
        let hex = signed(Algorithm::Sha256, Encoding::Hex);
        assert_eq!(hex.verify(Some(HEX), BODY), Ok(()));
        assert_eq!(hex.verify(Some(&format!("sha256={HEX}")), BODY), Ok(()));
        assert_eq!(hex.verify(Some(&HEX.to_uppercase()), BODY), Ok(()));
        assert_eq!(signed(Algorithm::Sha256, Encoding::Base64).verify(Some(BASE64), BODY), Ok(()));
        assert_eq!(signed(Algorithm::Sha512, Encoding::Hex).verify(Some(HEX512), BODY), Ok(()));
    }

    #[test]
    fn anything_else_is_refused() {
        let hex = signed(Algorithm::Sha256, Encoding::Hex);
        assert_eq!(hex.verify(Some(HEX), br#"{"id": "o-1"}"#), Err(SignatureError::Mismatch));
        assert_eq!(hex.verify(Some(&HEX.replacen('6', "7", 1)), BODY), Err(SignatureError::Mismatch));
        assert_eq!(hex.verify(Some(HEX512), BODY), Err(SignatureError::Mismatch));
        assert_eq!(
            Signed { secret: "other".into(), ..hex.clone() }.verify(Some(HEX), BODY),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(hex.verify(Some(&HEX[..62]), BODY), Err(SignatureError::Mismatch));
        for malformed in ["", "zz", "abc", "sha256="] {
            assert_eq!(hex.verify(Some(malformed), BODY).map_err(|error| error.status()), Err(400), "{malformed}");
        }
        assert_eq!(hex.verify(None, BODY).map_err(|error| error.status()), Err(400));
        assert_eq!(SignatureError::Mismatch.status(), 401);
    }
}
