//! Failures in the words of an operator.

use std::fmt;

use crate::decision::Refusal;
use crate::router::{Failure, Unresolved};
use crate::stream::{CloseReason, PairRefusal, PeerError, Rejection, Setback, Stage};
use crate::{StanzaCondition, StreamCondition};

/// Why something failed: where on the way, on whose side, by which rule, and what to do about it.
///
/// ```
/// use comity_xmpp::report::{Party, Report};
/// use comity_xmpp::router::{Failure, Unresolved};
///
/// let failure = Failure::from(Unresolved::NotOffered("no such name".into()));
/// let report = Report::from(&failure);
/// assert_eq!(report.party, Party::Peer);
/// assert_eq!(
///     report.to_string(),
///     "discovery, peer: no XMPP server is published for the domain (no such name); \
///      hint: the domain needs an SRV record _xmpp-server._tcp, or an address record of its own"
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// How far it had come.
    pub step: Step,
    /// Who ended it.
    pub party: Party,
    /// The rule that was applied, or what happened.
    pub rule: Box<str>,
    /// What the operator of this side can do or should look at.
    pub hint: &'static str,
    /// What the peer said about it, as it said it, cut to 256 characters.
    pub peer_text: Option<Box<str>>,
}

/// A step on the way of a stanza to another domain, or of a peer's stream to us.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Step {
    /// The policy of this side.
    Policy,
    /// Finding the domain's server.
    Discovery,
    /// The TCP connection.
    Connection,
    /// The TLS handshake, or whether there is one.
    Tls,
    /// Header, features, and what else comes before a proof.
    Negotiation,
    /// The certificate, as a proof of the domain.
    Authentication,
    /// A dialback key.
    Dialback,
    /// The exchange of stanzas.
    Stanzas,
    /// The end of a stream.
    Closing,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Discovery => "discovery",
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Negotiation => "negotiation",
            Self::Authentication => "authentication",
            Self::Dialback => "dialback",
            Self::Stanzas => "stanzas",
            Self::Closing => "closing",
        })
    }
}

/// Who ended it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Party {
    /// This server.
    Us,
    /// The peer, or what it publishes.
    Peer,
    /// Something between the two, or nobody knows.
    Network,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Us => "this side",
            Self::Peer => "peer",
            Self::Network => "network",
        })
    }
}

impl fmt::Display for Report {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.step, self.party, self.rule)?;
        if !self.hint.is_empty() {
            write!(f, "; hint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl Report {
    fn new(step: Step, party: Party, rule: &dyn fmt::Display, hint: &'static str) -> Self {
        Self {
            step,
            party,
            rule: rule.to_string().into(),
            hint,
            peer_text: None,
        }
    }

    fn with_peer_text(mut self, text: &str) -> Self {
        self.peer_text = (!text.is_empty()).then(|| text.into());
        self
    }
}

impl From<&Failure> for Report {
    fn from(failure: &Failure) -> Self {
        let (step, party, hint) = match failure {
            Failure::Ended(reason) => return reason.into(),
            Failure::NotRetried { last, .. } => {
                let rule = failure.to_string().into();
                return Self {
                    rule,
                    ..Self::from(&**last)
                };
            }
            Failure::Refused(refusal) => return refusal.into(),
            Failure::Denied => (Step::Policy, Party::Us, OWN_POLICY),
            Failure::Redirected(_) => (
                Step::Negotiation,
                Party::Peer,
                "the peer's servers point at each other; its operator has to mend that",
            ),
            Failure::Shutdown => (Step::Closing, Party::Us, ""),
            Failure::TooLong(_) => (
                Step::Stanzas,
                Party::Peer,
                "the peer announces this limit; its operator can raise it",
            ),
            Failure::Unacknowledged => (
                Step::Stanzas,
                Party::Network,
                "the message may have arrived; ask before it is sent again",
            ),
            Failure::Unanswered => (
                Step::Policy,
                Party::Us,
                "our policy or our name servers took too long",
            ),
            Failure::Unreachable(_) => (
                Step::Connection,
                Party::Network,
                "look whether a firewall keeps us from the peer's port, or the peer is down",
            ),
            Failure::Unresolved(Unresolved::NotOffered(_)) => (
                Step::Discovery,
                Party::Peer,
                "the domain needs an SRV record _xmpp-server._tcp, or an address record of its own",
            ),
            Failure::Unresolved(Unresolved::Failed(_)) => (
                Step::Discovery,
                Party::Network,
                "look whether our name servers answer for the domain",
            ),
        };
        Self::new(step, party, failure, hint)
    }
}

impl From<&PairRefusal> for Report {
    fn from(refusal: &PairRefusal) -> Self {
        let (step, party, hint) = match refusal {
            PairRefusal::Certificate(_) => (Step::Authentication, Party::Us, CERTIFICATE),
            PairRefusal::Invalid => (
                Step::Dialback,
                Party::Peer,
                "the SRV record of our domain leads to a server with another dialback secret",
            ),
            PairRefusal::TimedOut => (Step::Dialback, Party::Peer, PEER_LOG),
            PairRefusal::Error(condition) => (Step::Dialback, Party::Peer, key_hint(*condition)),
        };
        Self::new(step, party, refusal, hint)
    }
}

/// What a peer that could not verify our key has met.
fn key_hint(condition: StanzaCondition) -> &'static str {
    let hints = [
        (
            StanzaCondition::RemoteServerNotFound,
            "the peer finds no server for our domain: look at its SRV record",
        ),
        (
            StanzaCondition::RemoteServerTimeout,
            "the peer cannot reach the server of our domain: look whether a firewall keeps it from \
             our port",
        ),
        (
            StanzaCondition::ItemNotFound,
            "the peer does not serve that domain",
        ),
        (StanzaCondition::PolicyViolation, PEER_POLICY),
        (StanzaCondition::NotAuthorized, PEER_POLICY),
    ];
    hint(condition, &hints)
}

/// The hint for a condition that a peer has sent.
fn hint<C: Copy + PartialEq>(condition: C, hints: &[(C, &'static str)]) -> &'static str {
    let found = hints.iter().find(|(known, _)| *known == condition);
    found.map_or(PEER_LOG, |(_, hint)| hint)
}

impl From<&CloseReason> for Report {
    fn from(reason: &CloseReason) -> Self {
        let (step, party, hint) = match reason {
            CloseReason::After { setback, .. } => return after(setback, reason),
            CloseReason::PeerError(error) => return peer_error(error, reason),
            CloseReason::Rejected(rejection) => return rejected(rejection),
            CloseReason::CertificateExpired => (
                Step::Stanzas,
                Party::Us,
                "the peer has to renew its certificate",
            ),
            CloseReason::Closed | CloseReason::Farewell(_) | CloseReason::Idle => {
                (Step::Closing, Party::Us, "")
            }
            CloseReason::ConnectionLost => (
                Step::Connection,
                Party::Network,
                "the peer's log may say why it closed the connection",
            ),
            CloseReason::PeerClosed => (Step::Closing, Party::Peer, ""),
            CloseReason::TlsFailed(_) => (
                Step::Tls,
                Party::Network,
                "look at the TLS versions and certificates of both sides; the peer's log may say \
                 more",
            ),
            CloseReason::TimedOut(stage) => (step_of(*stage), Party::Network, TIMED_OUT),
        };
        Self::new(step, party, reason, hint)
    }
}

fn step_of(stage: Stage) -> Step {
    match stage {
        Stage::Acknowledgement | Stage::Ping | Stage::Stanzas => Step::Stanzas,
        Stage::Close => Step::Closing,
        Stage::Connect => Step::Connection,
        Stage::Negotiation => Step::Negotiation,
        Stage::Tls => Step::Tls,
    }
}

fn after(setback: &Setback, reason: &CloseReason) -> Report {
    match setback {
        Setback::ExternalRefused { text, .. } => Report::new(
            Step::Authentication,
            Party::Peer,
            reason,
            "the peer has to trust the CA of our certificate, which has to name our domain \
             (subjectAltName) and to allow use as a client (extendedKeyUsage)",
        )
        .with_peer_text(text),
        Setback::TlsNotOffered => Report::new(Step::Tls, Party::Peer, reason, TLS_MISSING),
    }
}

fn peer_error(error: &PeerError, reason: &CloseReason) -> Report {
    let hints = [
        (StreamCondition::HostUnknown, PEER_HOST),
        (StreamCondition::HostGone, PEER_HOST),
        (StreamCondition::PolicyViolation, PEER_POLICY),
        (StreamCondition::NotAuthorized, PEER_POLICY),
        (
            StreamCondition::SystemShutdown,
            "the peer is being restarted",
        ),
        (
            StreamCondition::Reset,
            "the peer wants the stream to be negotiated anew",
        ),
    ];
    let hint = hint(error.condition, &hints);
    Report::new(step_of(error.stage), Party::Peer, reason, hint).with_peer_text(&error.text)
}

fn rejected(rejection: &Rejection) -> Report {
    let (step, hint) = match rejection {
        Rejection::Refused { refusal, .. } => return refused(*refusal, rejection),
        Rejection::Denied => (Step::Policy, OWN_POLICY),
        Rejection::HostUnknown(_) | Rejection::HostGone(_) => (
            Step::Negotiation,
            "the DNS of that domain leads here; serve it, or mend the record",
        ),
        Rejection::TlsRequired => (Step::Tls, TLS_MISSING),
        Rejection::DataBeforeTls => (
            Step::Tls,
            "somebody on the way may have put data before the handshake",
        ),
        Rejection::KeyNotVerified(_) => (
            Step::Dialback,
            "look whether the peer's domain has an SRV record that leads to its server",
        ),
        Rejection::NotAuthorized
        | Rejection::InvalidFrom
        | Rejection::PairNotAuthorized
        | Rejection::WrongPeer
        | Rejection::LocalFrom => (
            Step::Authentication,
            "the peer speaks for a domain that it has not proved",
        ),
        Rejection::AcknowledgedTooMany { .. }
        | Rejection::Address(_)
        | Rejection::ContentNamespace
        | Rejection::PrefixedStanza
        | Rejection::NoId
        | Rejection::StreamNamespace
        | Rejection::UnexpectedElement
        | Rejection::UnsupportedElement
        | Rejection::Xml(_) => (
            Step::Negotiation,
            "the peer does not keep to the protocol; its software may be at fault",
        ),
        Rejection::UnsupportedFeature(_) | Rejection::Version => {
            (Step::Negotiation, "the peer's software is of another time")
        }
        Rejection::HeldLimit(_) | Rejection::OutputLimit | Rejection::TooManyAttempts => (
            Step::Negotiation,
            "the peer asks for more than it gets, or does not read what it is sent",
        ),
    };
    Report::new(step, Party::Us, rejection, hint)
}

fn refused(refusal: Refusal, rejection: &Rejection) -> Report {
    let (step, hint) = match refusal {
        Refusal::CertificateAbsent => (
            Step::Authentication,
            "the peer has to present a certificate; where it cannot, do not require one of this \
             domain",
        ),
        Refusal::CertificateUntrusted => (Step::Authentication, CERTIFICATE),
        Refusal::TlsUnavailable => (Step::Tls, TLS_MISSING),
        Refusal::TlsUnwanted => (Step::Tls, "make TLS optional or required for this domain"),
        Refusal::NoMethod => (
            Step::Authentication,
            "set a dialback secret, or trust the CA of the peer's certificate",
        ),
    };
    Report::new(step, Party::Us, rejection, hint)
}

const CERTIFICATE: &str = "trust the CA of the peer's certificate, which has to name the peer's \
     domain (subjectAltName)";
const TLS_MISSING: &str =
    "the peer has to switch on TLS; where it cannot, do not require TLS of this domain";
const OWN_POLICY: &str = "add the domain to the exceptions of the policy, or change the direction \
     of its exception";
const PEER_HOST: &str =
    "the peer does not serve the domain: its DNS leads to the wrong server, or it is not set up";
/// The hint where there is no better one.
pub(crate) const PEER_LOG: &str = "the peer's log may say more";
const PEER_POLICY: &str = "the peer's policy: it may require TLS, or a certificate that it trusts \
     and that names our domain";
const TIMED_OUT: &str = "the peer or something on the way does not answer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_external_is_told_with_the_peer_s_words() {
        let error = PeerError {
            stage: Stage::Negotiation,
            from_proved: true,
            condition: StreamCondition::NotAuthorized,
            text: "".into(),
            other_host: None,
        };
        let reason = CloseReason::After {
            setback: Setback::ExternalRefused {
                condition: "not-authorized".into(),
                text: "unable to verify the first certificate".into(),
            },
            reason: Box::new(CloseReason::PeerError(error)),
        };
        let report = Report::from(&Failure::Ended(reason));
        assert_eq!(
            (report.step, report.party),
            (Step::Authentication, Party::Peer)
        );
        assert_eq!(
            report.peer_text.as_deref(),
            Some("unable to verify the first certificate")
        );
        assert_eq!(
            report.to_string(),
            "authentication, peer: the peer refused our certificate: \
             not-authorized (unable to verify the first certificate); then: closed by the peer: \
             not-authorized; hint: the peer has to trust the CA of our certificate, which has to \
             name our domain (subjectAltName) and to allow use as a client (extendedKeyUsage)"
        );
    }

    #[test]
    fn each_failure_names_its_step_and_side() {
        let refusal = |refusal| {
            Failure::Ended(CloseReason::Rejected(Rejection::Refused {
                refusal,
                reason: "unknown issuer".into(),
            }))
        };
        let table = [
            (Failure::Denied, Step::Policy, Party::Us),
            (
                Failure::Unresolved(Unresolved::Failed("timeout".into())),
                Step::Discovery,
                Party::Network,
            ),
            (
                Failure::Unreachable("refused".into()),
                Step::Connection,
                Party::Network,
            ),
            (
                Failure::Ended(CloseReason::TlsFailed("no common version".into())),
                Step::Tls,
                Party::Network,
            ),
            (refusal(Refusal::TlsUnavailable), Step::Tls, Party::Us),
            (
                refusal(Refusal::CertificateUntrusted),
                Step::Authentication,
                Party::Us,
            ),
            (
                Failure::Refused(PairRefusal::Invalid),
                Step::Dialback,
                Party::Peer,
            ),
            (
                Failure::Ended(CloseReason::TimedOut(Stage::Acknowledgement)),
                Step::Stanzas,
                Party::Network,
            ),
            (Failure::TooLong(10_000), Step::Stanzas, Party::Peer),
        ];
        for (failure, step, party) in table {
            let report = Report::from(&failure);
            assert_eq!((report.step, report.party), (step, party), "{failure}");
            assert!(!report.hint.is_empty(), "{failure}");
            assert!(!report.to_string().contains('\n'), "{failure}");
        }
    }
}
