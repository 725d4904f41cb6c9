use std::fmt;
use std::sync::Arc;

use comity_identity::{DomainName, Host};
use comity_trust::{
    Forms, PeerSubject, Policy, Reason, Reference, RevocationLists, Role, Verdict, evaluate,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, Error, OtherError};

/// How peers are judged during the handshake.
///
/// What it holds does not change: when the policy or the revocation lists do, make a new
/// configuration for the connections to come.
#[derive(Clone)]
#[non_exhaustive]
pub struct Enforce {
    /// Tells the wall time.
    pub clock: Arc<dyn TimeProvider>,
    /// The revocation lists at hand. Default: none.
    pub crls: Arc<RevocationLists>,
    /// In which forms a certificate may name the peer. Default: [`Forms::Host`]. Clients that are
    /// named one by one ([`TlsContext::peer_subjects`](crate::TlsContext::peer_subjects)) are so in
    /// those of [`Forms::PeerSubject`].
    pub forms: Forms,
    /// By which rules and on whose word.
    pub policy: Arc<Policy>,
    /// Hears every verdict before the handshake goes on or ends; rustls' error has no place for all
    /// that a [`Reason`] tells. It runs within the handshake. Default: nobody listens.
    pub witness: Option<Witness>,
}

/// Who hears the verdicts of handshakes.
pub type Witness = Arc<dyn Fn(&Verdict) + Send + Sync>;

impl Enforce {
    /// Judges by `policy` at the time that `clock` tells; DNS-IDs and IP-IDs count.
    #[must_use]
    pub fn new(policy: Arc<Policy>, clock: Arc<dyn TimeProvider>) -> Self {
        Self {
            clock,
            crls: Arc::default(),
            forms: Forms::Host,
            policy,
            witness: None,
        }
    }

    /// Judges a server of which we asked for `name`.
    pub(crate) fn check_server(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let reference = self.reference(host(name)?);
        self.judge(chain, now, Role::Server, &reference)
            .map_err(|reason| certificate_error(reason, Some(name), now).into())
    }

    /// Judges a client: one of these peers, or whoever it is.
    pub(crate) fn check_client(
        &self,
        chain: &[CertificateDer<'_>],
        peers: Option<&[PeerSubject]>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let reference = match peers {
            Some(peers) => Reference::peers(peers.iter().cloned()),
            None => Reference::anyone(self.forms),
        };
        self.judge(chain, now, Role::Client, &reference)
            .map_err(|reason| certificate_error(reason, None, now).into())
    }

    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
        role: Role,
        reference: &Reference,
    ) -> Result<(), Reason> {
        let verdict = evaluate(chain, now, role, reference, &self.policy, &self.crls);
        if let Some(witness) = &self.witness {
            witness(&verdict);
        }
        verdict.outcome().map(drop).map_err(Clone::clone)
    }

    fn reference(&self, host: Host) -> Reference {
        match (self.forms, host) {
            (Forms::PeerSubject, host) => Reference::peers([PeerSubject::new(host)]),
            (Forms::Sip, Host::Domain(domain)) => Reference::sip(domain),
            (Forms::Xmpp(service), Host::Domain(domain)) => Reference::service(domain, service),
            // What comes later among the forms is asked for a host at least.
            (_, host) => Reference::host(host),
        }
    }
}

impl fmt::Debug for Enforce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforce")
            .field("forms", &self.forms)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn host(name: &ServerName<'_>) -> Result<Host, Error> {
    match name {
        ServerName::DnsName(name) => match DomainName::parse(name.as_ref()) {
            Ok(domain) => Ok(Host::Domain(domain)),
            Err(error) => Err(CertificateError::Other(OtherError(Arc::new(error))).into()),
        },
        ServerName::IpAddress(address) => Ok(Host::Ip((*address).into())),
        // rustls knows no third.
        _ => Err(CertificateError::NotValidForName.into()),
    }
}

/// Puts a reason into rustls' terms, which choose the alert.
///
/// What rustls has no word for travels as it is, under the alert `certificate_unknown`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a reason that comes later has no word in rustls either"
)]
fn certificate_error(
    reason: Reason,
    name: Option<&ServerName<'_>>,
    time: UnixTime,
) -> CertificateError {
    match reason {
        Reason::Expired { not_after, .. } => CertificateError::ExpiredContext { time, not_after },
        Reason::NotYetValid { not_before, .. } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Reason::NameMismatch(mismatch) => match name {
            Some(name) => CertificateError::NotValidForNameContext {
                expected: name.to_owned(),
                presented: mismatch
                    .presented
                    .listed
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            },
            None => CertificateError::NotValidForName,
        },
        Reason::UnknownIssuer | Reason::SelfSigned => CertificateError::UnknownIssuer,
        Reason::BadSignature => CertificateError::BadSignature,
        Reason::ExtendedKeyUsage { .. } => CertificateError::InvalidPurpose,
        Reason::Malformed { .. } | Reason::MalformedNames | Reason::UnsupportedVersion { .. } => {
            CertificateError::BadEncoding
        }
        Reason::Revoked { .. } => CertificateError::Revoked,
        Reason::RevocationUnknown => CertificateError::UnknownRevocationStatus,
        Reason::RevocationListExpired { next_update } => {
            CertificateError::ExpiredRevocationListContext { time, next_update }
        }
        Reason::UnsupportedExtension => CertificateError::UnhandledCriticalExtension,
        reason => CertificateError::Other(OtherError(Arc::new(reason))),
    }
}
