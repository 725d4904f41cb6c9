//! What is wrong with a configuration, and what the world around it has to be like.

mod certificates;
mod dns;
mod page;
mod ports;
mod warnings;

#[cfg(test)]
mod tests;

use std::path::Path;

use comity_trust::UnixTime;

use crate::{Config, ConfigErrors, Loaded};

pub use certificates::{Certificate, Validity};
pub use dns::Publication;
pub use ports::{Opening, Port};
pub use warnings::Warning;

/// What there is to say about a configuration without errors.
///
/// It is shown as people read it; [`Report::to_json`] has the same for programs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// What is allowed and probably not meant: what is about no line, then by line.
    pub warnings: Vec<Warning>,
    /// What has to be in DNS.
    pub publication: Publication,
    /// Our ports, here and as others see them.
    pub ports: Vec<Port>,
    /// What a firewall has to let through.
    pub openings: Vec<Opening>,
    /// Our certificates, in the order of `[tls]`.
    pub certificates: Vec<Certificate>,
    /// What certificates have to name, by protocol.
    pub inventories: Vec<comity_trust::Inventory>,
}

impl Report {
    /// Reads a configuration and all files that it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in the file, or else in the files that it names.
    pub fn read(file: &Path, now: UnixTime) -> Result<Self, ConfigErrors> {
        let config = Config::read(file)?;
        let loaded = Loaded::read(&config)?;
        Ok(Self::new(&config, &loaded, now))
    }

    /// Looks at a configuration and what the files hold that it names. `now` tells whether
    /// certificates have expired.
    #[must_use]
    pub fn new(config: &Config, loaded: &Loaded, now: UnixTime) -> Self {
        Self {
            warnings: warnings::all(config, loaded),
            publication: dns::publication(config, loaded),
            ports: ports::ports(config),
            openings: ports::openings(config, loaded),
            certificates: certificates::all(config, loaded, now),
            inventories: certificates::inventories(config, loaded),
        }
    }

    /// Whether nothing keeps peers from believing us. Warnings are for people to judge.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.certificates.iter().all(Certificate::is_good)
    }
}
