//! Which names our certificates need, and which they lack.

use comity_command_line::date;
use comity_identity::DomainName;
use comity_rustls::Identity;
use comity_trust::{
    BothRoles, CertificateDer, Coverage, CoverageError, Fingerprint, Identifier, Inventory, Limits,
    Need, Protocols, Servers, UnixTime,
};

use super::dns;
use crate::Loaded;
use crate::{Config, IdentityFiles, Usage, XmppMode};

/// A certificate of ours beside what it is presented for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// The line where it is named.
    pub line: usize,
    /// The table that names it, such as `tls.inbound`.
    pub key: String,
    /// Its file.
    pub file: String,
    /// By what it is told from others, in SHA-256; none if the file holds no certificate.
    pub fingerprint: Option<Fingerprint>,
    /// For how long it is good.
    pub validity: Validity,
    /// What is wrong with it, for which peers will refuse it.
    pub problems: Vec<String>,
    /// What it names and nothing here needs.
    pub unneeded: Vec<String>,
    /// The same for all protocols together; none if nobody sees it, or if it cannot be read.
    pub coverage: Option<Coverage>,
}

/// For how long a certificate is good. Days are written as in `2027-01-15`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Validity {
    /// No more.
    Expired {
        /// Since when.
        on: String,
    },
    /// It has less than 30 days left.
    Ends {
        /// The last day.
        on: String,
        /// How many are left.
        days: u64,
    },
    /// For 30 days at least.
    Valid {
        /// The last day.
        until: String,
    },
    /// No protocol is spoken for which it would be presented.
    Unknown,
}

impl Certificate {
    /// Whether peers will take it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let is_expired = matches!(self.validity, Validity::Expired { .. });
        self.problems.is_empty() && !is_expired
    }
}

pub(super) fn all(config: &Config, loaded: &Loaded, now: UnixTime) -> Vec<Certificate> {
    let site = Site::new(config, loaded);
    let tls = &config.tls;
    let mut all = Vec::new();
    let inbound = tls.inbound.as_ref().zip(loaded.inbound.as_ref());
    if let Some((files, identity)) = inbound {
        let is_presented = |name: &DomainName| {
            let inbound = !loaded.has_own(name, Usage::is_inbound);
            let outbound = loaded.outbound.is_none() && !loaded.has_own(name, Usage::is_outbound);
            inbound || outbound
        };
        all.push(site.judge("tls.inbound", files, identity, &is_presented, now));
    }
    let outbound = tls.outbound.as_ref().zip(loaded.outbound.as_ref());
    if let Some((files, identity)) = outbound {
        let is_presented = |name: &DomainName| !loaded.has_own(name, Usage::is_outbound);
        all.push(site.judge("tls.outbound", files, identity, &is_presented, now));
    }
    for (index, (domain, (_, _, identity))) in tls.domains.iter().zip(&loaded.domains).enumerate() {
        let key = format!("tls.domains[{index}]");
        let is_presented = |name: &DomainName| *name == domain.name;
        all.push(site.judge(&key, &domain.files, identity, &is_presented, now));
    }
    all
}

impl Loaded {
    /// Whether a domain has a certificate of its own in a direction.
    fn has_own(&self, name: &DomainName, is_for: fn(Usage) -> bool) -> bool {
        let mut own = self.domains.iter();
        own.any(|(own, usage, _)| own == name && is_for(*usage))
    }
}

/// What the site serves by each protocol.
struct Site {
    inventories: Vec<Inventory>,
    /// Whether peers ask for a certificate that is both a server's and a client's.
    has_sip: bool,
}

impl Site {
    fn new(config: &Config, loaded: &Loaded) -> Self {
        let mut inventories = Vec::new();
        if config.xmpp.mode == XmppMode::ServerToServer {
            let published = dns::xmpp_inventory(config, loaded);
            let mut inventory = Inventory::default();
            inventory.local_domains = published.local_domains.into_iter().collect();
            inventory.email_domains = published.email_domains.into_iter().collect();
            inventory.chat_aliases = published.chat_aliases.into_iter().collect();
            inventory.file_transfer_aliases = published.file_transfer_aliases.into_iter().collect();
            inventory.protocols = Protocols::Xmpp;
            inventories.push(inventory);
        }
        let has_sip = config.sip.listeners.iter().any(|one| one.tls.is_some());
        if has_sip {
            let published = dns::sip_inventory(config, loaded);
            let mut inventory = Inventory::default();
            inventory.local_domains = published.local_domains.into_iter().collect();
            inventory.email_domains = published.email_domains.into_iter().collect();
            inventory.nodes = published.edge.into_iter().map(|edge| edge.name).collect();
            inventory.protocols = Protocols::Sip;
            inventories.push(inventory);
        }
        Self {
            inventories,
            has_sip,
        }
    }

    fn judge(
        &self,
        key: &str,
        files: &IdentityFiles,
        identity: &Identity,
        is_presented: &dyn Fn(&DomainName) -> bool,
        now: UnixTime,
    ) -> Certificate {
        let mut certificate = Certificate {
            line: files.chain.line,
            key: key.to_owned(),
            file: files.chain.path.display().to_string(),
            fingerprint: None,
            validity: Validity::Unknown,
            problems: Vec::new(),
            unneeded: Vec::new(),
            coverage: None,
        };
        let Some(own) = identity.chain().first() else {
            return certificate;
        };
        certificate.fingerprint = Some(Fingerprint::sha256(own));
        let coverage = match self.coverage(own, is_presented) {
            Ok(Some(coverage)) => coverage,
            Ok(None) => return certificate,
            Err(error) => {
                certificate.problems.push(error.to_string());
                return certificate;
            }
        };
        certificate.problems = coverage.missing.iter().map(lacks).collect();
        if coverage.both_roles == BothRoles::NotServed {
            certificate.problems.push(NOT_BOTH.to_owned());
        }
        let unneeded = coverage.superfluous.iter();
        certificate.unneeded = unneeded.map(ToString::to_string).collect();
        certificate.validity = validity(coverage.not_after, now);
        certificate.coverage = Some(coverage);
        certificate
    }

    /// What a certificate lacks of what it is presented for, by all protocols together.
    fn coverage(
        &self,
        own: &CertificateDer<'_>,
        is_presented: &dyn Fn(&DomainName) -> bool,
    ) -> Result<Option<Coverage>, CoverageError> {
        let mut all: Option<Coverage> = None;
        for inventory in &self.inventories {
            let mut coverage = inventory.coverage(Servers::All, own, &Limits::default())?;
            coverage.missing.retain(|need| is_presented(&need.name));
            if !self.has_sip {
                coverage.both_roles = BothRoles::Served;
            }
            all = Some(match all {
                None => coverage,
                Some(mut before) => {
                    before.missing.extend(coverage.missing);
                    let needs_not = |name: &Identifier| coverage.superfluous.contains(name);
                    before.superfluous.retain(needs_not);
                    before
                }
            });
        }
        Ok(all)
    }
}

/// What the certificates of a site have to name, by protocol.
pub(super) fn inventories(config: &Config, loaded: &Loaded) -> Vec<Inventory> {
    Site::new(config, loaded).inventories
}

fn lacks(need: &Need) -> String {
    let names = need.expected();
    let names: Vec<_> = names.iter().map(described).collect();
    format!("it does not name {need}: it needs {}", names.join(" or "))
}

fn described(name: &Identifier) -> String {
    let kind = match name {
        Identifier::Dns(_) => "dNSName ",
        Identifier::Srv(_) => "SRVName ",
        Identifier::Uri(_) => "URI ",
        // They say themselves what they are.
        Identifier::CommonName(_) | Identifier::Ip(_) | Identifier::Xmpp(_) | _ => "",
    };
    format!("{kind}{name}")
}

fn validity(not_after: UnixTime, now: UnixTime) -> Validity {
    let on = date(not_after.as_secs());
    match not_after.as_secs().checked_sub(now.as_secs()) {
        None => Validity::Expired { on },
        Some(left) if left < 30 * DAY => Validity::Ends {
            on,
            days: left / DAY,
        },
        Some(_) => Validity::Valid { until: on },
    }
}

const NOT_BOTH: &str =
    "it lacks the extended key usage serverAuth or clientAuth: SIP peers ask for both";
const DAY: u64 = 24 * 60 * 60;
