//! Certificates for the servers of a test.

use std::path::PathBuf;

use comity_testkit::mint::{Authority, Ca, Leaf};

use comity_testkit::site::Site;

/// What a server needs for TLS, as PEM files.
pub(crate) struct Identity {
    /// The certificate and those above it, without the root.
    pub(crate) certificate: PathBuf,
    /// The private key of the certificate.
    pub(crate) key: PathBuf,
    /// The root that the server trusts.
    pub(crate) trust: PathBuf,
}

/// An authority that every server of a test trusts.
pub(crate) struct Root(Authority);

impl Root {
    pub(crate) fn new() -> Self {
        Self(Ca::new("Test Root", [0; 32]).self_signed())
    }

    /// Gives a server a certificate for these names, the first of which is that of the files too.
    pub(crate) fn issue(&self, site: &Site, names: &[&str]) -> Identity {
        let [first, ..] = names else {
            panic!("a certificate without names");
        };
        // Each server has a key of its own.
        let mut seed = [1; 32];
        for (byte, letter) in seed.iter_mut().zip(first.bytes()) {
            *byte = letter;
        }
        let leaf = Leaf::new(seed);
        let leaf = names.iter().fold(leaf, |leaf, name| leaf.dns(name));
        let identity = self.0.issue(&leaf);
        Identity {
            certificate: site.write(&format!("{first}.pem"), &identity.chain_pem()),
            key: site.write(&format!("{first}.key"), &identity.key_pem()),
            trust: site.write(&format!("{first}.trust.pem"), &self.0.certificate_pem()),
        }
    }
}
