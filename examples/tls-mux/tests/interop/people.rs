//! Certificates, as PEM files.

use std::path::PathBuf;

use comity_testkit::mint::{Authority, Ca, Identity, Leaf};
use comity_testkit::site::Site;

/// The CA that the programs trust.
pub(crate) fn root() -> Authority {
    Ca::new("Root", [1; 32]).self_signed()
}

/// A CA that nobody trusts.
pub(crate) fn stranger() -> Authority {
    Ca::new("Stranger", [9; 32]).self_signed()
}

pub(crate) fn leaf() -> Leaf {
    Leaf::new([2; 32])
}

/// Where a certificate and its key are.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

pub(crate) fn files(site: &Site, name: &str, identity: &Identity) -> Files {
    Files {
        certificate: site.write(&format!("{name}.pem"), &identity.chain_pem()),
        key: site.write(&format!("{name}.key"), &identity.key_pem()),
    }
}

pub(crate) fn trust(site: &Site) -> PathBuf {
    site.write("root.pem", &root().certificate_pem())
}
