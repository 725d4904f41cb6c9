//! Which way of proof a stream takes: the whole table as two pure functions.
//!
//! Sources: RFC 6120 §5.3.1, §6.4 and §13.7.2, RFC 7590 §3, XEP-0178, XEP-0220 §2.

use crate::{CertificateRule, Security, TlsMode};

/// What is known on a stream when the next step is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// The rules for the domain on the other side.
    pub security: Security,
    /// Whether the stream runs inside TLS, and what the certificate proved.
    pub channel: Channel,
    /// Whether SASL EXTERNAL may be used: on our part when receiving; on both parts, and not tried
    /// before, when initiating.
    pub external: Availability,
    /// Whether dialback may be used on our part.
    pub dialback: Availability,
    /// Whether STARTTLS can be had: from our TLS engine when receiving, from the peer's features
    /// when initiating.
    pub starttls: Availability,
}

impl Facts {
    /// The facts of a stream without TLS on which nothing is available.
    #[must_use]
    pub fn new(security: Security) -> Self {
        Self {
            security,
            channel: Channel::Plain,
            external: Availability::No,
            dialback: Availability::No,
            starttls: Availability::No,
        }
    }
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

/// Whether something can be used.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "it can or it cannot")]
pub enum Availability {
    /// It cannot be used.
    No,
    /// It can be used.
    Yes,
}

impl From<bool> for Availability {
    fn from(available: bool) -> Self {
        if available { Self::Yes } else { Self::No }
    }
}

/// What a receiving entity puts into its features.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "the table has these outcomes")]
pub enum Offer {
    /// STARTTLS, required and alone (RFC 6120 §5.3.1).
    StartTls,
    /// STARTTLS as a choice beside dialback.
    StartTlsOrDialback,
    /// SASL EXTERNAL; dialback beside it if it is available.
    External,
    /// Dialback.
    Dialback,
    /// Nothing: the stream cannot go on.
    Refuse(Refusal),
}

/// What an initiating entity does after it has read the features.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "the table has these outcomes")]
pub enum Step {
    /// It asks for STARTTLS.
    StartTls,
    /// It authenticates with SASL EXTERNAL.
    External,
    /// It sends a dialback key.
    Dialback,
    /// It closes the stream.
    Refuse(Refusal),
}

/// Why no way of proof is left.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The rules demand a certificate and the peer showed none.
    #[error("a certificate is required and none was presented")]
    CertificateAbsent,
    /// The rules demand a certificate and the peer's does not prove its domain.
    #[error("a certificate is required and the one presented does not prove the domain")]
    CertificateUntrusted,
    /// The rules demand TLS, which we cannot offer.
    #[error("TLS is required and not available")]
    TlsUnavailable,
    /// Neither SASL EXTERNAL nor dialback can be used.
    #[error("neither a certificate nor dialback can prove the domain")]
    NoMethod,
}

/// What the receiving entity offers.
#[must_use]
pub fn receiving(facts: &Facts) -> Offer {
    match (facts.channel, facts.security.tls, facts.starttls) {
        (Channel::Plain, TlsMode::Required, Availability::Yes) => return Offer::StartTls,
        (Channel::Plain, TlsMode::Required, Availability::No) => {
            return Offer::Refuse(Refusal::TlsUnavailable);
        }
        (Channel::Plain, TlsMode::Optional, Availability::Yes) => {
            // A peer without TLS cannot meet a certificate rule, so it gets no other choice.
            return match (facts.security.certificate, facts.dialback) {
                (CertificateRule::Optional, Availability::Yes) => Offer::StartTlsOrDialback,
                (CertificateRule::Optional, Availability::No) | (CertificateRule::Required, _) => {
                    Offer::StartTls
                }
            };
        }
        (Channel::Plain, TlsMode::Optional | TlsMode::Disabled, _)
        | (Channel::Anonymous | Channel::Untrusted | Channel::Trusted, _, _) => {}
    }
    // EXTERNAL is offered only if it will succeed.
    let external = facts.external == Availability::Yes && facts.channel == Channel::Trusted;
    match authenticate(facts, external) {
        Ok(Method::External) => Offer::External,
        Ok(Method::Dialback) => Offer::Dialback,
        Err(refusal) => Offer::Refuse(refusal),
    }
}

/// What the initiating entity does next.
#[must_use]
pub fn initiating(facts: &Facts) -> Step {
    match (facts.channel, facts.security.tls, facts.starttls) {
        // Not to offer it is what an attacker in the middle would do (RFC 7590 §3.1).
        (Channel::Plain, TlsMode::Required, _)
        | (Channel::Plain, TlsMode::Optional, Availability::Yes) => return Step::StartTls,
        (Channel::Plain, TlsMode::Optional, Availability::No)
        | (Channel::Plain, TlsMode::Disabled, _)
        | (Channel::Anonymous | Channel::Untrusted | Channel::Trusted, _, _) => {}
    }
    // The offer says that the peer trusts our certificate. Whether we trust the peer's is a
    // question of the rules alone, because dialback would not tell us more about the peer.
    let external = facts.external == Availability::Yes && facts.channel != Channel::Plain;
    match authenticate(facts, external) {
        Ok(Method::External) => Step::External,
        Ok(Method::Dialback) => Step::Dialback,
        Err(refusal) => Step::Refuse(refusal),
    }
}

enum Method {
    External,
    Dialback,
}

/// The way of proof once the question of TLS is settled.
fn authenticate(facts: &Facts, external: bool) -> Result<Method, Refusal> {
    match (facts.security.certificate, facts.channel) {
        (CertificateRule::Required, Channel::Plain | Channel::Anonymous) => {
            return Err(Refusal::CertificateAbsent);
        }
        (CertificateRule::Required, Channel::Untrusted) => {
            return Err(Refusal::CertificateUntrusted);
        }
        (CertificateRule::Required, Channel::Trusted) | (CertificateRule::Optional, _) => {}
    }
    match (external, facts.dialback) {
        (true, _) => Ok(Method::External),
        (false, Availability::Yes) => Ok(Method::Dialback),
        (false, Availability::No) => Err(Refusal::NoMethod),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TLS: [TlsMode; 3] = [TlsMode::Disabled, TlsMode::Optional, TlsMode::Required];
    const RULES: [CertificateRule; 2] = [CertificateRule::Optional, CertificateRule::Required];
    const CHANNELS: [Channel; 4] = [
        Channel::Plain,
        Channel::Anonymous,
        Channel::Untrusted,
        Channel::Trusted,
    ];
    const EITHER: [Availability; 2] = [Availability::No, Availability::Yes];

    fn every_fact() -> impl Iterator<Item = Facts> {
        TLS.into_iter().flat_map(|tls| {
            RULES.into_iter().flat_map(move |certificate| {
                CHANNELS.into_iter().flat_map(move |channel| {
                    (0..8).map(move |bits: usize| Facts {
                        security: Security { tls, certificate },
                        channel,
                        external: EITHER[bits & 1],
                        dialback: EITHER[bits >> 1 & 1],
                        starttls: EITHER[bits >> 2],
                    })
                })
            })
        })
    }

    #[test]
    fn nothing_but_starttls_before_required_tls() {
        let mut cells = 0;
        for facts in every_fact() {
            if facts.channel == Channel::Plain && facts.security.tls == TlsMode::Required {
                cells += 1;
                assert_eq!(initiating(&facts), Step::StartTls, "{facts:?}");
                let offer = match facts.starttls {
                    Availability::Yes => Offer::StartTls,
                    Availability::No => Offer::Refuse(Refusal::TlsUnavailable),
                };
                assert_eq!(receiving(&facts), offer, "{facts:?}");
            }
        }
        assert_eq!(cells, 16);
    }

    #[test]
    fn a_certificate_rule_is_met_by_a_trusted_certificate_only() {
        for facts in every_fact() {
            if facts.security.certificate == CertificateRule::Required
                && facts.channel != Channel::Trusted
            {
                assert!(
                    matches!(initiating(&facts), Step::StartTls | Step::Refuse(_)),
                    "{facts:?}"
                );
                assert!(
                    matches!(receiving(&facts), Offer::StartTls | Offer::Refuse(_)),
                    "{facts:?}"
                );
            }
        }
    }

    #[test]
    fn external_is_offered_only_where_it_succeeds() {
        for facts in every_fact() {
            let succeeds = facts.channel == Channel::Trusted && facts.external == Availability::Yes;
            assert_eq!(receiving(&facts) == Offer::External, succeeds, "{facts:?}");
        }
    }

    #[test]
    fn each_cell_of_the_certificate_table() {
        use Availability::{No, Yes};
        use Refusal::{CertificateAbsent, CertificateUntrusted, NoMethod};
        // certificate, rule, external, dialback, offer, step
        let table = [
            (
                Channel::Trusted,
                RULES[1],
                Yes,
                No,
                Offer::External,
                Step::External,
            ),
            (
                Channel::Trusted,
                RULES[1],
                No,
                Yes,
                Offer::Dialback,
                Step::Dialback,
            ),
            (
                Channel::Trusted,
                RULES[0],
                No,
                No,
                Offer::Refuse(NoMethod),
                Step::Refuse(NoMethod),
            ),
            (
                Channel::Untrusted,
                RULES[0],
                Yes,
                Yes,
                Offer::Dialback,
                Step::External,
            ),
            (
                Channel::Untrusted,
                RULES[0],
                No,
                Yes,
                Offer::Dialback,
                Step::Dialback,
            ),
            (
                Channel::Untrusted,
                RULES[0],
                Yes,
                No,
                Offer::Refuse(NoMethod),
                Step::External,
            ),
            (
                Channel::Untrusted,
                RULES[1],
                Yes,
                Yes,
                Offer::Refuse(CertificateUntrusted),
                Step::Refuse(CertificateUntrusted),
            ),
            (
                Channel::Anonymous,
                RULES[0],
                No,
                Yes,
                Offer::Dialback,
                Step::Dialback,
            ),
            (
                Channel::Anonymous,
                RULES[1],
                No,
                Yes,
                Offer::Refuse(CertificateAbsent),
                Step::Refuse(CertificateAbsent),
            ),
        ];
        for (channel, certificate, external, dialback, offer, step) in table {
            for tls in [TlsMode::Optional, TlsMode::Required] {
                let facts = Facts {
                    security: Security { tls, certificate },
                    channel,
                    external,
                    dialback,
                    starttls: No,
                };
                assert_eq!(receiving(&facts), offer, "{facts:?}");
                assert_eq!(initiating(&facts), step, "{facts:?}");
            }
        }
    }

    #[test]
    fn optional_tls_leaves_a_choice_to_peers_without_it() {
        let facts = Facts {
            security: Security {
                tls: TlsMode::Optional,
                certificate: CertificateRule::Optional,
            },
            channel: Channel::Plain,
            external: Availability::Yes,
            dialback: Availability::Yes,
            starttls: Availability::Yes,
        };
        assert_eq!(receiving(&facts), Offer::StartTlsOrDialback);
        assert_eq!(initiating(&facts), Step::StartTls);
        let without = Facts {
            starttls: Availability::No,
            ..facts
        };
        assert_eq!(receiving(&without), Offer::Dialback);
        assert_eq!(initiating(&without), Step::Dialback);
        let certified = Facts {
            security: Security {
                certificate: CertificateRule::Required,
                ..facts.security
            },
            ..facts
        };
        assert_eq!(receiving(&certified), Offer::StartTls);
    }
}
