//! Certificates for the two servers of a test.

use std::path::PathBuf;

use comity_testkit::mint::{Authority, Ca, Leaf};

use crate::mode::Trust;
use comity_testkit::site::Site;

/// What a server needs for TLS, as PEM files.
pub(crate) struct Identity {
    /// The certificate and those above it, without the root.
    pub(crate) certificate: PathBuf,
    /// The private key of the certificate.
    pub(crate) key: PathBuf,
    /// The roots that the server trusts.
    pub(crate) trust: PathBuf,
}

/// The authority of one domain.
pub(crate) struct Root {
    authority: Authority,
    seed: u8,
}

impl Root {
    /// Makes an authority. Each `seed` gives other keys.
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        let authority = Ca::new(name, [seed; 32]).self_signed();
        Self { authority, seed }
    }

    /// Gives the server of `domain` a certificate, and the roots that it is to trust.
    pub(crate) fn issue(&self, site: &Site, domain: &str, trust: Trust, other: &Self) -> Identity {
        // The key of the root has the seed itself.
        let identity = self
            .authority
            .issue(&Leaf::new([!self.seed; 32]).dns(domain));
        let mut roots = self.authority.certificate_pem();
        match trust {
            Trust::Both => roots += &other.authority.certificate_pem(),
            Trust::Own => {}
        }
        Identity {
            certificate: site.write(&format!("{domain}.pem"), &identity.chain_pem()),
            key: site.write(&format!("{domain}.key"), &identity.key_pem()),
            trust: site.write(&format!("{domain}.trust.pem"), &roots),
        }
    }
}
