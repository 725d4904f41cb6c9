use comity_identity::DomainName;

use crate::candidate::{Basis, Dnssec, Identity, Provenance};
use crate::select::Offer;
use crate::service::{Messaging, Transport};

/// What a connection is for, which decides whom it asks for and what the other side may prove.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Xmpp,
    Sip,
    SipFederation,
    NextHop {
        messaging: Messaging,
        /// `None` for an address.
        host: Option<DomainName>,
    },
}

impl Purpose {
    /// The name for the TLS handshake: the domain that is wanted (XEP-0368 §3, RFC 7673 §4.1), or
    /// the host that answers for it where Microsoft and operators name one.
    pub(crate) fn server_name(&self, domain: &DomainName, offer: &Offer) -> Option<DomainName> {
        if !offer.transport.has_certificate() {
            return None;
        }
        match self {
            Self::Xmpp
            | Self::Sip
            | Self::NextHop {
                messaging: Messaging::Xmpp,
                ..
            } => Some(domain.clone()),
            Self::SipFederation => Some(offer.record.target.clone()),
            Self::NextHop { host, .. } => host.clone(),
        }
    }

    pub(crate) fn alpn(&self, transport: Transport) -> Option<&'static str> {
        let is_xmpp = match self {
            Self::Xmpp => true,
            Self::Sip | Self::SipFederation => false,
            Self::NextHop { messaging, .. } => *messaging == Messaging::Xmpp,
        };
        (is_xmpp && transport == Transport::Tls).then_some(XMPP_ALPN)
    }

    /// What the certificate may prove, the domain first.
    pub(crate) fn identities(
        &self,
        domain: &DomainName,
        offer: &Offer,
        provenance: Provenance,
    ) -> Vec<Identity> {
        if !offer.transport.has_certificate() {
            return Vec::new();
        }
        let target = &offer.record.target;
        let named_by_record = provenance == Provenance::ServiceRecord;
        let is_edge = *self == Self::SipFederation && target.is_below(domain);
        let next_hop = match self {
            Self::NextHop { host, .. } => host.clone(),
            Self::Xmpp | Self::Sip | Self::SipFederation => None,
        };
        let bases = [
            Some((domain.clone(), Basis::Domain)),
            next_hop.map(|host| (host, Basis::NextHop)),
            (named_by_record && offer.dnssec == Dnssec::Secure)
                .then(|| (target.clone(), Basis::SecureTarget)),
            is_edge.then(|| (target.clone(), Basis::TargetInDomain)),
        ];
        let mut identities: Vec<Identity> = Vec::with_capacity(bases.iter().flatten().count());
        for (name, basis) in bases.into_iter().flatten() {
            if identities.iter().all(|identity| identity.name != name) {
                identities.push(Identity { name, basis });
            }
        }
        identities
    }
}

/// The name of XMPP between servers in the TLS handshake (XEP-0368 §3).
const XMPP_ALPN: &str = "xmpp-server";
