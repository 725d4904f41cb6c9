use std::collections::BTreeMap;
use std::fmt;

use comity_identity::Host;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::certificate::Certificate;
use crate::identifier::{Identifier, Name};
use crate::leaf::never_accepted;
use crate::matching;
use crate::names::{Names, NamesError};
use crate::policy::{CommonName, Limits};
use crate::reason::Reason;
use crate::reference::{Forms, PeerSubject, Service};
use crate::store::{AnchorError, TrustStore};
use crate::tlv::Fault;

/// What followed from a certificate that an operator gave to a store.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Import {
    /// As what the certificate is believed now.
    pub kind: ImportKind,
    /// The TLS peers that it names, which may be asked for by [`Reference::peers`]; none for a CA.
    ///
    /// [`Reference::peers`]: crate::Reference::peers
    pub peers: Vec<PeerSubject>,
    /// The last second of its validity.
    pub not_after: UnixTime,
    /// What the operator should know.
    pub warnings: Vec<ImportWarning>,
}

/// As what an imported certificate is believed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store holds these two kinds")]
pub enum ImportKind {
    /// As a CA: whoever it vouches for is believed.
    Anchor,
    /// As the certificate of the peers that it names, and of nobody else.
    Pin,
}

/// What an operator should know about an imported certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ImportWarning {
    /// A peer's certificate calls itself a CA, as those of `openssl req -x509` do.
    CallsItselfCa,
    /// The peer is named by the common name alone, which counts for it from now on, in the
    /// certificates of every CA that is trusted too.
    CommonName,
    /// A CA issued the peer's certificate. To trust that CA would outlast the next renewal.
    IssuedByCa,
    /// Whatever the policy, it will be refused for this.
    Refused(Reason),
    /// A wildcard names nobody in particular, so that the pin does not cover it.
    Wildcard(Identifier),
}

impl fmt::Display for ImportWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallsItselfCa => f.write_str(
                "the certificate calls itself a CA, and is believed for the peer that it names alone",
            ),
            Self::CommonName => f.write_str(
                "the certificate names its peer by the common name alone, which counts for this peer now, whoever issued the certificate",
            ),
            Self::IssuedByCa => f.write_str(
                "the certificate was issued by a CA: import that of the CA, and renewals are trusted too",
            ),
            Self::Refused(reason) => write!(f, "the certificate will be refused: {reason}"),
            Self::Wildcard(name) => write!(f, "the wildcard {name} covers nobody"),
        }
    }
}

/// Why a certificate cannot be imported.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is a CA, but not one that can be an anchor.
    #[error("the certificate cannot be a trust anchor")]
    Anchor(#[source] AnchorError),
    /// It is not the DER of a certificate, or its names are not.
    #[error("the certificate is malformed")]
    Malformed,
    /// It is no CA and names no host: nobody could be believed on its account.
    #[error("the certificate is not that of a CA and names no host")]
    NamesNobody,
    /// It has more names than the limit.
    #[error("the certificate has more than {limit} names")]
    TooManyNames {
        /// The limit.
        limit: usize,
    },
    /// It is not X.509 version 3.
    #[error("the certificate is not an X.509 version 3 certificate")]
    Version,
}

impl From<Fault> for ImportError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Version => Self::Version,
        }
    }
}

impl TrustStore {
    /// Believes a certificate as what it says it is: that of a CA as an anchor, and that of a peer
    /// as a pin for those that it names.
    ///
    /// A CA that names a host is taken for that host: self-signed certificates of servers often
    /// call themselves CAs, and certificates of CAs name no hosts.
    ///
    /// # Errors
    ///
    /// The certificate is malformed, or could be believed for nobody. The store is unchanged then.
    pub fn import(
        &mut self,
        certificate: &CertificateDer<'_>,
        limits: &Limits,
    ) -> Result<Import, ImportError> {
        let fields = Certificate::parse(certificate)?;
        let limit = limits.max_names;
        let names = Names::of(&fields, limit).map_err(|error| match error {
            NamesError::Malformed => ImportError::Malformed,
            NamesError::TooMany => ImportError::TooManyNames { limit },
        })?;
        let is_ca = fields.is_ca()?;
        let hosts = hosts(&names);
        // The common name of a CA is no host, even where it looks like one.
        let names_host = |by: &HostName| !is_ca || *by == HostName::Alternative;
        let peers: Vec<_> = hosts.into_iter().filter(|(_, by)| names_host(by)).collect();
        let (kind, warnings) = if !peers.is_empty() {
            self.add_pin(certificate, peers.iter().map(|(host, _)| host.clone()));
            let by_common_name = peers.iter().any(|(_, by)| *by == HostName::Common);
            let warnings = [
                (is_ca, ImportWarning::CallsItselfCa),
                (by_common_name, ImportWarning::CommonName),
                (!fields.is_self_issued(), ImportWarning::IssuedByCa),
            ];
            let warnings = warnings.into_iter().filter(|(holds, _)| *holds);
            let warnings = warnings.map(|(_, warning)| warning);
            let refused = never_accepted(certificate, &fields);
            let refused = refused.map(ImportWarning::Refused);
            (
                ImportKind::Pin,
                warnings.chain(refused).chain(wildcards(&names)).collect(),
            )
        } else if is_ca {
            self.add_anchor(certificate).map_err(ImportError::Anchor)?;
            (ImportKind::Anchor, Vec::new())
        } else {
            return Err(ImportError::NamesNobody);
        };
        Ok(Import {
            kind,
            peers: peers.into_iter().map(peer).collect(),
            not_after: fields.not_after,
            warnings,
        })
    }
}

/// How a certificate names a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum HostName {
    /// By a subject alternative name.
    Alternative,
    /// By the common name, as nothing else names anybody.
    Common,
}

/// The hosts that a certificate names in whatever form.
fn hosts(names: &Names<'_>) -> BTreeMap<Host, HostName> {
    let named = |common_name| {
        [
            Forms::PeerSubject,
            Forms::Xmpp(Service::XmppServer),
            Forms::Xmpp(Service::XmppClient),
        ]
        .into_iter()
        .flat_map(move |forms| matching::everyone(names, forms, common_name))
    };
    let alternatives: BTreeMap<_, _> = named(CommonName::Off)
        .map(|found| (found.subject, HostName::Alternative))
        .collect();
    if !alternatives.is_empty() {
        return alternatives;
    }
    named(CommonName::Rfc6125)
        .map(|found| (found.subject, HostName::Common))
        .collect()
}

fn peer((host, by): (Host, HostName)) -> PeerSubject {
    match by {
        HostName::Alternative => PeerSubject::new(host),
        HostName::Common => PeerSubject::with_common_name(host, CommonName::Rfc6125),
    }
}

fn wildcards(names: &Names<'_>) -> impl Iterator<Item = ImportWarning> {
    let wildcards = names.list.iter().filter(|name| match name {
        Name::Dns(bytes) => bytes.starts_with(b"*."),
        Name::Ip(_) | Name::Srv(_) | Name::Subject(_) | Name::Uri(_) | Name::Xmpp(_) => false,
    });
    wildcards
        .filter_map(|name| name.identifier())
        .map(ImportWarning::Wildcard)
}
