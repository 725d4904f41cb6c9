use std::collections::BTreeMap;
use std::sync::Arc;

use comity_identity::DomainName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::identity::Identity;

/// What we present in one direction.
///
/// A TLS proxy or a server with many domains has one of its own for each direction and domain.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Identities {
    /// Where no domain is known, or one without an identity of its own. Default: that of
    /// [`TlsContext::identity`](crate::TlsContext::identity). Without either, a client that asks for
    /// another domain is turned away with the alert `access_denied`.
    pub default: Option<Identity>,
    /// Those of single domains of ours. Default: none.
    pub domains: BTreeMap<DomainName, Identity>,
}

impl Identities {
    /// Chooses what is presented for a domain of ours, or where none is known.
    pub(crate) fn choose<'a>(
        &'a self,
        domain: Option<&DomainName>,
        fallback: Option<&'a Identity>,
    ) -> Option<&'a Identity> {
        domain
            .and_then(|domain| self.domains.get(domain))
            .or(self.default.as_ref())
            .or(fallback)
    }
}

/// Presents what belongs to the server that the client asks for by SNI.
#[derive(Debug)]
pub(crate) struct ByServerName {
    pub(crate) identities: Identities,
    pub(crate) fallback: Option<Identity>,
}

impl ResolvesServerCert for ByServerName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let domain = hello.server_name().and_then(|name| name.parse().ok());
        let chosen = self
            .identities
            .choose(domain.as_ref(), self.fallback.as_ref());
        chosen.map(Identity::certified)
    }
}
