//! Whose certificates are taken, and whether one is good.
//!
//! A delivery says where its certificate is: a forger would name his own place. So the place is one of PayPal's hosts, for
//! the connection's mode; the certificate leads to a root that this machine trusts, bears PayPal's name, and was valid
//! when the transmission was made.

use super::Unproved;
use super::transmission::Transmission;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::sync::LazyLock;
use std::time::Duration;
use url::{Host, Url};

/// Below this PayPal serves its certificates.
const PATH: &str = "/v1/notifications/certs/";
/// Longest chain that is read.
const LONGEST: usize = 64 << 10;
const DEEPEST: usize = 6;

/// Who may sign deliveries of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    Live,
    Sandbox,
    /// A stand-in on this machine, at its own address.
    StandIn(Url),
}

impl Authority {
    /// The one of a connection with that mode and address.
    pub fn of(live: bool, base: &Url) -> Authority {
        let own = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match (live, own) {
            (true, _) => Authority::Live,
            (false, true) => Authority::StandIn(base.clone()),
            (false, false) => Authority::Sandbox,
        }
    }

    /// The address of a certificate, where it is this authority's.
    pub fn address(&self, written: &str) -> Result<Url, Unproved> {
        let foreign =
            || Unproved::forged("the certificate is not at one of PayPal's own addresses for this connection");
        let url = Url::parse(written).map_err(|_| Unproved::malformed("the header paypal-cert-url is no address"))?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path().strip_prefix(PATH).is_some_and(|name| !name.is_empty() && !name.contains('/'));
        let is_own = match self {
            Authority::StandIn(base) => {
                url.scheme() == base.scheme()
                    && url.host() == base.host()
                    && url.port_or_known_default() == base.port_or_known_default()
            }
            Authority::Live => is_paypals(&url, ["api.paypal.com", "api-m.paypal.com"]),
            Authority::Sandbox => is_paypals(&url, ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"]),
        };
        (is_plain && is_own).then_some(url).ok_or_else(foreign)
    }

    fn name(&self) -> &'static str {
        match self {
            Authority::Live => "messageverificationcerts.paypal.com",
            Authority::Sandbox | Authority::StandIn(_) => "messageverificationcerts.sandbox.paypal.com",
        }
    }

    fn roots(&self) -> &'static [TrustAnchor<'static>] {
        match self {
            Authority::StandIn(_) => &STAND_IN,
            Authority::Live | Authority::Sandbox => &SYSTEM,
        }
    }
}

/// https, the usual port, and exactly one of these hosts.
fn is_paypals(url: &Url, hosts: [&str; 2]) -> bool {
    url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(|host| hosts.contains(&host))
}

/// A certificate with those between it and a root, as they were served.
#[derive(Clone, Debug)]
pub struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    /// Reads PEM.
    pub fn read(pem: &[u8]) -> Result<Chain, String> {
        if pem.len() > LONGEST {
            return Err("it is too long".into());
        }
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(DEEPEST + 1).collect();
        match read.map_err(|error| error.to_string())? {
            chain if chain.is_empty() => Err("there is none in it".into()),
            chain if chain.len() > DEEPEST => Err("there are too many in it".into()),
            chain => Ok(Chain(chain)),
        }
    }

    /// Whether it leads to a root now; else the issuer of its last certificate is missing.
    pub fn is_whole(&self, authority: &Authority) -> bool {
        let Some((own, between)) = self.0.split_first() else { return false };
        let Ok(own) = webpki::EndEntityCert::try_from(own) else { return true };
        let (roots, usage) = (authority.roots(), webpki::KeyUsage::server_auth());
        let path =
            own.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, roots, between, UnixTime::now(), usage, None, None);
        !matches!(path, Err(webpki::Error::UnknownIssuer))
    }

    /// Where the issuer of the last certificate can be fetched, as that says itself (its authority information access).
    pub fn issuer_address(&self) -> Option<Url> {
        /// The identifier of "CA issuers", and the mark of an address behind it.
        const CA_ISSUERS: &[u8] = &[0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86];
        let certificate: &[u8] = self.0.last()?;
        let found = certificate.windows(CA_ISSUERS.len()).position(|bytes| bytes == CA_ISSUERS)?;
        let (length, rest) = certificate.get(found + CA_ISSUERS.len()..)?.split_first()?;
        // A longer one has its length in another form.
        let text = rest.get(..usize::from(*length)).filter(|text| text.len() < 0x80)?;
        let url = Url::parse(std::str::from_utf8(text).ok()?).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }

    /// Adds what was fetched there, DER or PEM. Whether it is the issuer shows when the chain is verified.
    pub fn add(&mut self, issuer: &[u8]) {
        if self.0.len() >= DEEPEST || issuer.len() > LONGEST {
            return;
        }
        match Chain::read(issuer) {
            Ok(Chain(more)) => self.0.extend(more),
            Err(_) => self.0.push(CertificateDer::from(issuer.to_vec())),
        }
    }

    /// Whether it is the authority's and signed this transmission of this body for one of those webhooks.
    pub fn verify(
        &self,
        authority: &Authority,
        transmission: &Transmission<'_>,
        webhook_ids: &[&str],
        body: &[u8],
    ) -> Result<(), Unproved> {
        self.verify_with(authority.roots(), authority.name(), transmission, webhook_ids, body)
    }

    /// The same with other roots.
    pub(crate) fn verify_with(
        &self,
        roots: &[TrustAnchor<'_>],
        name: &str,
        transmission: &Transmission<'_>,
        webhook_ids: &[&str],
        body: &[u8],
    ) -> Result<(), Unproved> {
        let unfit = |why: &dyn std::fmt::Display| Unproved::forged(format!("the certificate is not PayPal's: {why}"));
        if roots.is_empty() {
            return Err(Unproved::later(
                "this machine has no list of trusted roots: set SSL_CERT_FILE, or `verify: postback` at the connection",
            ));
        }
        let Some((own, between)) = self.0.split_first() else { return Err(unfit(&"there is none")) };
        let own = webpki::EndEntityCert::try_from(own).map_err(|error| unfit(&error))?;
        let seconds = u64::try_from(transmission.at.as_second()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let usage = webpki::KeyUsage::server_auth();
        let path = own.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, roots, between, at, usage, None, None);
        path.map_err(|error| match error {
            // It came from PayPal's own address: rather we do not know whom PayPal trusts.
            webpki::Error::UnknownIssuer => Unproved::later(
                "PayPal's certificate leads to no root that this machine trusts: set SSL_CERT_FILE, or `verify: postback` at the connection",
            ),
            error => unfit(&error),
        })?;
        let name = ServerName::try_from(name).map_err(|error| unfit(&error))?;
        own.verify_is_valid_for_subject_name(&name).map_err(|error| unfit(&error))?;
        let algorithm = webpki::ring::RSA_PKCS1_2048_8192_SHA256;
        let fits = |id: &&str| {
            let signed = transmission.signed(id, body);
            own.verify_signature(algorithm, signed.as_bytes(), &transmission.signature).is_ok()
        };
        match webhook_ids.iter().any(fits) {
            true => Ok(()),
            false => Err(Unproved::forged("the signature does not fit the body and the webhook's id")),
        }
    }
}

/// Roots of a PEM text.
pub(crate) fn roots(pem: &[u8]) -> Vec<TrustAnchor<'static>> {
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    certificates.filter_map(|root| Some(webpki::anchor_from_trusted_cert(&root).ok()?.to_owned())).collect()
}

/// What signs for the stand-in; its key is no secret, so it counts on this machine only.
static STAND_IN: LazyLock<Vec<TrustAnchor<'static>>> = LazyLock::new(|| roots(include_bytes!("stand-in-ca.pem")));

/// What this machine trusts: the file that SSL_CERT_FILE names, else where systems keep theirs.
static SYSTEM: LazyLock<Vec<TrustAnchor<'static>>> = LazyLock::new(|| {
    const PLACES: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let named = std::env::var("SSL_CERT_FILE").ok();
    let mut places = named.iter().map(String::as_str).chain(PLACES.into_iter().filter(|_| named.is_none()));
    let found = places.find_map(|place| Some(roots(&std::fs::read(place).ok()?)).filter(|roots| !roots.is_empty()));
    if found.is_none() {
        tracing::warn!("No list of trusted roots was found on this machine; set SSL_CERT_FILE.");
    }
    found.unwrap_or_default()
});
