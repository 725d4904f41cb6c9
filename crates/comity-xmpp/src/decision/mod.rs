//! Which way of proof a stream takes: the whole table as one pure function, with a reason for each
//! of its cells.
//!
//! [`decide`] is asked by both roles: by the receiving entity when it writes its features, and by
//! the initiating entity after it has read them. `docs/DECISIONS.md` is [`document`]'s rendering of
//! every cell.
//!
//! Sources: RFC 6120 §5.3.1, §6.4 and §13.7.2, RFC 7590 §3, XEP-0178, XEP-0220 §2, XEP-0288 §2,
//! XEP-0368.

mod document;
mod reason;
mod table;

pub use document::document;
pub use reason::{Reason, Refusal};
pub use table::cells;

use crate::{CertificateRule, Security, TlsMode, Transport};

/// What is known on a stream when the next step is chosen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// Our part.
    pub role: Role,
    /// The rules for the domain on the other side.
    pub security: Security,
    /// How the connection began.
    pub transport: Transport,
    /// Whether the stream runs inside TLS, and what the certificate proved.
    pub channel: Channel,
    /// What we are ready to do.
    pub own: Abilities,
    /// What the other side offers; nothing to the receiving entity, which speaks first.
    pub offers: Abilities,
    /// Whether the other side requires the STARTTLS that it offers.
    pub requires_tls: bool,
}

impl Facts {
    /// The facts of a stream without TLS on which nothing is available.
    #[must_use]
    pub fn new(role: Role, security: Security) -> Self {
        Self {
            role,
            security,
            transport: Transport::Tcp,
            channel: Channel::Plain,
            own: Abilities::default(),
            offers: Abilities::default(),
            requires_tls: false,
        }
    }
}

/// Our part in a stream (RFC 6120 §4.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a stream has two ends")]
pub enum Role {
    /// We connected, and send the first header.
    Initiating,
    /// The peer connected; we offer features.
    Receiving,
}

/// The protection of a stream so far.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "the table has these columns")]
pub enum Channel {
    /// No TLS.
    Plain,
    /// TLS, and the other side showed no certificate.
    Anonymous,
    /// TLS, and the certificate does not prove the domain.
    Untrusted,
    /// TLS, and the certificate proves the domain.
    Trusted,
}

/// What one side can do or is ready to do.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the table has these columns")]
pub struct Abilities {
    /// STARTTLS. Of our own it says whether there is a TLS engine.
    pub starttls: bool,
    /// SASL EXTERNAL: on our part when it is switched on, on the initiating side also only as long
    /// as it has not failed on this stream.
    pub external: bool,
    /// Dialback. Only our own counts: servers from before XEP-0220 1.1 do not offer it.
    pub dialback: bool,
    /// Stanzas both ways (XEP-0288).
    pub bidi: bool,
}

/// What to do, and why.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the table has these outcomes")]
pub struct Ruling {
    /// What to do.
    pub action: Action,
    /// The rule that says so.
    pub reason: Reason,
}

/// The next step of a stream.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the table has these outcomes")]
pub enum Action {
    /// The receiving entity sends these features.
    Offer(Offer),
    /// The initiating entity asks for STARTTLS.
    StartTls,
    /// The initiating entity authenticates.
    Authenticate {
        /// In this way.
        by: Proof,
        /// After it has asked for stanzas both ways.
        bidi: bool,
    },
    /// The stream is closed.
    Refuse(Refusal),
}

/// How the initiating entity proves its domain.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "there are these two ways")]
pub enum Proof {
    /// By SASL EXTERNAL, with its certificate.
    External,
    /// By a dialback key.
    Dialback,
}

/// The features of a receiving entity.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the table has these outcomes")]
pub struct Offer {
    /// STARTTLS.
    pub starttls: StartTls,
    /// SASL EXTERNAL.
    pub external: bool,
    /// Dialback.
    pub dialback: bool,
    /// Stanzas both ways.
    pub bidi: bool,
}

/// Whether STARTTLS is among the features.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6120 §5.3.1 knows these")]
pub enum StartTls {
    /// It is not.
    #[default]
    No,
    /// It is a choice beside others.
    Optional,
    /// It is required, and alone.
    Required,
}

/// What a stream does with these facts.
#[must_use]
pub fn decide(facts: &Facts) -> Ruling {
    let before_tls = match facts.role {
        Role::Receiving => receiving_before_tls(facts),
        Role::Initiating => initiating_before_tls(facts),
    };
    if let Some(ruling) = before_tls {
        return ruling;
    }
    if let Some(refusal) = certificate_refusal(facts) {
        return Ruling::refuse(refusal);
    }
    match facts.role {
        Role::Receiving => offer(facts),
        Role::Initiating => authenticate(facts),
    }
}

/// What is decided before TLS; nothing where the stream goes on as it is.
fn receiving_before_tls(facts: &Facts) -> Option<Ruling> {
    let (starttls, reason) = match (facts.channel, facts.security.tls, facts.own.starttls) {
        (Channel::Plain, TlsMode::Required, true) => (StartTls::Required, Reason::TlsRequired),
        (Channel::Plain, TlsMode::Required, false) => {
            return Some(Ruling::refuse(Refusal::TlsUnavailable));
        }
        (Channel::Plain, TlsMode::Optional, true) => match facts.security.certificate {
            CertificateRule::Optional if facts.own.dialback => {
                (StartTls::Optional, Reason::TlsOptional)
            }
            CertificateRule::Optional => (StartTls::Required, Reason::TlsForExternal),
            CertificateRule::Required => (StartTls::Required, Reason::TlsForCertificate),
        },
        (Channel::Plain, TlsMode::Optional, false)
        | (Channel::Plain, TlsMode::Disabled, _)
        | (Channel::Anonymous | Channel::Untrusted | Channel::Trusted, _, _) => return None,
    };
    let beside = starttls == StartTls::Optional;
    let offer = Offer {
        starttls,
        external: false,
        dialback: beside,
        bidi: beside && facts.own.bidi,
    };
    Some(Ruling {
        action: Action::Offer(offer),
        reason,
    })
}

fn initiating_before_tls(facts: &Facts) -> Option<Ruling> {
    let offered = facts.offers.starttls;
    let reason = match (facts.channel, facts.security.tls, facts.own.starttls) {
        (Channel::Plain, TlsMode::Required, true) if offered => Reason::TlsRequired,
        // Not to offer it is what an attacker in the middle would do (RFC 7590 §3.1).
        (Channel::Plain, TlsMode::Required, true) => Reason::TlsNotOffered,
        (Channel::Plain, TlsMode::Required, false) => {
            return Some(Ruling::refuse(Refusal::TlsUnavailable));
        }
        (Channel::Plain, TlsMode::Optional, true) if offered => Reason::TlsOptional,
        // Nothing else would be read (RFC 6120 §5.3.1).
        (Channel::Plain, TlsMode::Optional | TlsMode::Disabled, _)
            if offered && facts.requires_tls =>
        {
            return Some(Ruling::refuse(Refusal::TlsUnwanted));
        }
        (Channel::Plain, TlsMode::Optional | TlsMode::Disabled, _)
        | (Channel::Anonymous | Channel::Untrusted | Channel::Trusted, _, _) => return None,
    };
    Some(Ruling {
        action: Action::StartTls,
        reason,
    })
}

/// Whether the other side's certificate ends the stream.
fn certificate_refusal(facts: &Facts) -> Option<Refusal> {
    match (facts.security.certificate, facts.channel) {
        (CertificateRule::Optional, _) | (CertificateRule::Required, Channel::Trusted) => None,
        (CertificateRule::Required, Channel::Plain | Channel::Anonymous) => {
            Some(Refusal::CertificateAbsent)
        }
        (CertificateRule::Required, Channel::Untrusted) => Some(Refusal::CertificateUntrusted),
    }
}

/// The features behind the question of TLS.
fn offer(facts: &Facts) -> Ruling {
    let external = may_use_external(facts) && facts.channel == Channel::Trusted;
    let dialback = facts.own.dialback;
    let reason = match (external, dialback) {
        (true, _) => Reason::CertificateProves,
        (false, true) => why_not_external(facts),
        (false, false) => return Ruling::refuse(Refusal::NoMethod),
    };
    let offer = Offer {
        starttls: StartTls::No,
        external,
        dialback,
        bidi: facts.own.bidi,
    };
    Ruling {
        action: Action::Offer(offer),
        reason,
    }
}

/// The step of the initiating entity behind the question of TLS.
fn authenticate(facts: &Facts) -> Ruling {
    // The offer says that the peer trusts our certificate. Whether we trust the peer's is a
    // question of the rules alone, because dialback would not tell us more about the peer.
    let external = may_use_external(facts) && facts.offers.external;
    let (by, reason) = match (external, facts.own.dialback) {
        (true, _) => (Proof::External, Reason::ExternalOffered),
        (false, true) => (Proof::Dialback, why_not_external(facts)),
        (false, false) => return Ruling::refuse(Refusal::NoMethod),
    };
    // Stanzas that come back need a proof of their sender: the peer's certificate.
    let trusted = facts.channel == Channel::Trusted;
    let bidi = facts.own.bidi && facts.offers.bidi && trusted;
    Ruling {
        action: Action::Authenticate { by, bidi },
        reason,
    }
}

/// Whether SASL EXTERNAL may be used at all. Where the rules want no TLS, dialback is the proof,
/// even on a connection that the peer began with TLS.
fn may_use_external(facts: &Facts) -> bool {
    facts.own.external && facts.channel != Channel::Plain && facts.security.tls != TlsMode::Disabled
}

/// Why dialback is left.
fn why_not_external(facts: &Facts) -> Reason {
    match (facts.channel, facts.security.tls, facts.role) {
        (Channel::Plain, _, _) => Reason::NoTls,
        (_, TlsMode::Disabled, _) => Reason::TlsUnwanted,
        (_, TlsMode::Optional | TlsMode::Required, _) if !facts.own.external => Reason::ExternalOff,
        (_, TlsMode::Optional | TlsMode::Required, Role::Initiating) => Reason::ExternalNotOffered,
        (_, TlsMode::Optional | TlsMode::Required, Role::Receiving) => Reason::CertificateFails,
    }
}

impl Ruling {
    fn refuse(refusal: Refusal) -> Self {
        Self {
            action: Action::Refuse(refusal),
            reason: Reason::Refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests;
