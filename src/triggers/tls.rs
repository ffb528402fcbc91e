//! The listener's certificate: read from files, and read again when they are replaced.
//!
//! What cannot be used is refused, and the last good one stays: a renewal that went wrong must not close the door.
//! Connections that are open keep the certificate with which they began.

use crate::diagnostics::Code;
use crate::store::Hash;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;

/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("{path} cannot be read: {why}")]
    File { path: PathBuf, why: String },
    #[error("{path} holds no {what} in PEM form")]
    Nothing { path: PathBuf, what: &'static str },
    #[error("the certificate {certificate} and the key {key} cannot be used: {why}")]
    Unfit { certificate: PathBuf, key: PathBuf, why: String },
}

impl TlsError {
    /// The page that explains it.
    pub fn code(&self) -> Code {
        Code::F0642
    }
}

/// A certificate with its key, and where they come from.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
    /// Of both files as they were read last, and what was wrong with them.
    seen: Mutex<(Hash, Option<TlsError>)>,
}

impl Tls {
    /// Reads both files.
    pub fn load(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let (bytes, seen) = read(certificate, key)?;
        let config = config(certificate, key, &bytes)?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Tls { certificate, key, config: ArcSwap::from_pointee(config), seen: Mutex::new((seen, None)) })
    }

    /// Reads them again where they have changed. True: another certificate is served from now on.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let (bytes, now) = read(&self.certificate, &self.key)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0 == now {
            return seen.1.clone().map_or(Ok(false), Err);
        }
        let config = config(&self.certificate, &self.key, &bytes);
        *seen = (now, config.as_ref().err().cloned());
        self.config.store(Arc::new(config?));
        Ok(true)
    }

    /// What greets the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

struct Bytes {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

fn read(certificate: &Path, key: &Path) -> Result<(Bytes, Hash), TlsError> {
    let read = |path: &Path| {
        let refuse = |why: String| TlsError::File { path: path.to_owned(), why };
        let size = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
        if size > LONGEST {
            return Err(refuse(format!("it is longer than {} KiB", LONGEST >> 10)));
        }
        std::fs::read(path).map_err(|error| refuse(error.to_string()))
    };
    let bytes = Bytes { certificate: read(certificate)?, key: read(key)? };
    let length = (bytes.certificate.len() as u64).to_be_bytes();
    let hash = Hash::of(&[&length[..], &bytes.certificate, &bytes.key].concat());
    Ok((bytes, hash))
}

fn config(certificate: &Path, key: &Path, bytes: &Bytes) -> Result<ServerConfig, TlsError> {
    let unfit = |why: String| TlsError::Unfit { certificate: certificate.to_owned(), key: key.to_owned(), why };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&bytes.certificate).collect();
    let chain = chain.map_err(|error| unfit(error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Nothing { path: certificate.to_owned(), what: "certificate" });
    }
    // Why a key does not parse is not said: nothing of it belongs in a log.
    let secret = PrivateKeyDer::from_pem_slice(&bytes.key)
        .map_err(|_| TlsError::Nothing { path: key.to_owned(), what: "private key" })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| unfit(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
    }

    #[test]
    fn a_pair_is_read_again_and_a_bad_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        let put = |name: &str, to: &Path| std::fs::copy(fixture(name), to).map(|_| ()).unwrap();
        put("first.crt", &certificate);
        put("first.key", &key);
        let tls = Tls::load(&certificate, &key).unwrap();
        assert_eq!(tls.reload(), Ok(false));
        // Half of the pair is there already.
        put("second.crt", &certificate);
        assert!(matches!(tls.reload(), Err(TlsError::Unfit { .. })));
        assert!(tls.reload().is_err(), "as long as it is so");
        put("second.key", &key);
        assert_eq!((tls.reload(), tls.reload()), (Ok(true), Ok(false)));
        std::fs::remove_file(&key).unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::File { .. })));
        put("second.key", &key);
        assert_eq!(tls.reload(), Ok(false));
        std::fs::write(&key, "no key").unwrap();
        let error = tls.reload().unwrap_err();
        assert_eq!((error.code(), error.to_string().contains("holds no private key")), (Code::F0642, true));
        std::fs::write(&certificate, "").unwrap();
        assert!(tls.reload().unwrap_err().to_string().contains("holds no certificate"));
    }
}
