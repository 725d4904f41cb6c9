//! Where the hosts are that messages name.

use comity_identity::DomainName;
use comity_sip::Transport;
use comity_sip::endpoint::Target;
use comity_srv::{Candidate, Outcome, Service, SipService, SipTransport};
use comity_trust::PeerSubject;

use crate::discovery::Discovery;
use crate::locator::Locator;

/// What knows where hosts are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Without one there is no name server to be asked.
    pub(super) discovery: Option<Discovery>,
    pub(super) locator: Option<Locator>,
}

/// How a host is looked up.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Search {
    /// The port that is prescribed.
    pub(super) port: Option<u16>,
    /// The transport without a record that says more.
    pub(super) transport: Transport,
    /// What counts of the servers that records name.
    pub(super) allowed: Vec<Transport>,
}

impl Places {
    /// Whether anything can be asked.
    pub(super) fn check(&self) -> Result<(), Box<str>> {
        match (&self.discovery, &self.locator) {
            (None, None) => Err("no name server is configured".into()),
            (Some(_), _) | (_, Some(_)) => Ok(()),
        }
    }

    /// Those of some names that an operator has entered.
    pub(super) fn entered(&self, names: &[DomainName]) -> Vec<PeerSubject> {
        let locator = self.locator.as_ref();
        locator.map_or_else(Vec::new, |locator| locator.entered(names))
    }

    /// The targets of a name: by routes and records if it has no port, and by its addresses.
    pub(super) async fn locate(
        &self,
        name: DomainName,
        search: Search,
    ) -> Result<Vec<Target>, Box<str>> {
        let mut subjects = Vec::new();
        if let Some(locator) = &self.locator {
            subjects = locator.subjects(&name);
            if search.port.is_none() {
                match locator.locate(&name).await {
                    Ok(candidates) => return search.targets(&candidates, &subjects),
                    // It is a host, as those of a dialog are.
                    Err(unreached) if unreached.is_without_records() => {}
                    Err(unreached) => return Err(unreached.to_string().into()),
                }
            }
        }
        let candidates = self.addresses(name, &search).await?;
        search.targets(&candidates, &subjects)
    }

    async fn addresses(
        &self,
        name: DomainName,
        search: &Search,
    ) -> Result<Vec<Candidate>, Box<str>> {
        let locators = || self.locator.as_ref().map(Locator::discovery);
        let discovery = self.discovery.as_ref().or_else(locators);
        let discovery = discovery.ok_or("no name server is configured")?;
        let mut sip = SipService::new();
        let default = || search.transport.default_port();
        sip.port = Some(search.port.unwrap_or_else(default));
        sip.transport = Some(match search.transport {
            Transport::Tls => SipTransport::Tls,
            Transport::Tcp => SipTransport::Tcp,
            Transport::Udp => SipTransport::Udp,
        });
        let resolution = discovery.resolve(name, Service::Sip(sip)).await;
        let resolution = resolution.map_err(|error| Box::<str>::from(error.to_string()))?;
        match resolution.outcome {
            Outcome::Candidates(candidates) => Ok(candidates),
            Outcome::Failed(failure) => Err(failure.to_string().into()),
            Outcome::Blocked(_) => Err("its addresses may not be dialled".into()),
            Outcome::Bogus => Err("the answer of DNS is bogus".into()),
            Outcome::Absent | Outcome::Refused | _ => Err("it has no address".into()),
        }
    }
}

impl Search {
    /// Those candidates that count.
    fn targets(
        &self,
        candidates: &[Candidate],
        subjects: &[DomainName],
    ) -> Result<Vec<Target>, Box<str>> {
        let targets = candidates
            .iter()
            .filter_map(|candidate| target(candidate, subjects));
        let targets = targets.filter(|target| self.allowed.contains(&target.transport));
        let targets: Vec<_> = targets.collect();
        match targets.is_empty() {
            true => Err("none of its servers has a transport that may be used".into()),
            false => Ok(targets),
        }
    }
}

/// A candidate as a target, of which over TLS one of its identities or of `subjects` is wanted.
fn target(candidate: &Candidate, subjects: &[DomainName]) -> Option<Target> {
    let transport = match candidate.transport {
        comity_srv::Transport::Tls => Transport::Tls,
        comity_srv::Transport::Tcp => Transport::Tcp,
        comity_srv::Transport::Udp => Transport::Udp,
        comity_srv::Transport::StartTls => return None,
    };
    let target = Target::new(transport, candidate.address);
    if transport != Transport::Tls {
        return Some(target);
    }
    let identities = candidate.identities.iter().map(|identity| &identity.name);
    // The one that is asked for in the handshake stands first, if it is good for anything.
    let is_first = |name: &&DomainName| candidate.server_name.as_ref() == Some(*name);
    let first = identities.clone().find(is_first);
    let names = first.into_iter().chain(identities).chain(subjects);
    Some(names.cloned().fold(target, Target::named))
}
