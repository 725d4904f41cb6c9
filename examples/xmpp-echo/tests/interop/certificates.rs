//! Certificates for the two servers of a test.

use std::path::PathBuf;

use comity_testkit::mint::{Authority, Ca, Leaf};

use crate::site::Site;

/// What a server needs for TLS, as PEM files.
pub(crate) struct Identity {
    /// The certificate and those above it, without the root.
    pub(crate) certificate: PathBuf,
    /// The private key of the certificate.
    pub(crate) key: PathBuf,
    /// The root that the server trusts.
    pub(crate) trust: PathBuf,
}

impl Identity {
    /// Gives the server of `domain` a certificate of `authority`, which it also trusts. Each `seed`
    /// gives another key.
    pub(crate) fn issue(site: &Site, authority: &Authority, domain: &str, seed: u8) -> Self {
        let identity = authority.issue(&Leaf::new([seed; 32]).dns(domain));
        Self {
            certificate: site.write(&format!("{domain}.pem"), &identity.chain_pem()),
            key: site.write(&format!("{domain}.key"), &identity.key_pem()),
            trust: site.write(&format!("{domain}.trust.pem"), &authority.certificate_pem()),
        }
    }
}

/// Makes a certificate authority. Each `seed` gives another key.
pub(crate) fn authority(name: &str, seed: u8) -> Authority {
    Ca::new(name, [seed; 32]).self_signed()
}
