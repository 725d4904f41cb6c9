//! On which terms two domains federate, and how each then proves its name to the other.

/// The terms of both domains and what must come of them.
#[derive(Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) ours: Terms,
    pub(crate) theirs: Terms,
    /// How our name is proved to the peer.
    pub(crate) our_proof: Proof,
    /// How the peer's name is proved to us.
    pub(crate) their_proof: Proof,
}

/// Terms on which the domains cannot federate, and what the echo domain says about it.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) ours: Terms,
    pub(crate) theirs: Terms,
    pub(crate) prosody: Reasons,
    pub(crate) ejabberd: Reasons,
    /// The stream error that names our reason to the peer, if we are the ones who refuse.
    pub(crate) told: Option<&'static str>,
}

/// Why, in the words of the echo domain, a stream ended before it could carry a stanza.
#[derive(Clone, Copy)]
pub(crate) struct Reasons {
    /// A stream of the peer.
    pub(crate) inbound: &'static str,
    /// A stream of ours.
    pub(crate) outbound: &'static str,
}

/// On which terms a domain federates.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) tls: Tls,
    pub(crate) trust: Trust,
    pub(crate) demand: Demand,
    pub(crate) extension: Extension,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tls {
    /// Required. It comes first on the only port (XEP-0368).
    Direct,
    Disabled,
    /// Offered by STARTTLS.
    Optional,
    /// Required by STARTTLS.
    Required,
}

/// Whose certificates a domain takes for good.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trust {
    /// Those of its own authority and of the other domain's.
    Both,
    /// Those of its own authority alone.
    Own,
}

/// What a domain wants for a proof of the other's name.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Demand {
    /// A certificate that it trusts, and nothing else.
    Certificate,
    /// Such a certificate, or dialback.
    Either,
}

/// What a server has in addition. We always have both.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extension {
    /// Stanzas are acknowledged (XEP-0198).
    Acknowledgements,
    /// One stream carries stanzas both ways (XEP-0288).
    BothWays,
    Nothing,
}

/// How a domain proves its name on the stream that carries its stanzas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Proof {
    /// SASL EXTERNAL inside TLS.
    Certificate,
    /// Dialback inside TLS.
    Dialback,
    /// Dialback without TLS.
    PlainDialback,
}

/// A domain, as the echo domain sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Whose {
    Ours,
    Theirs,
}

impl Mode {
    /// Both demand certificates, and trust them.
    pub(crate) const CERTIFICATES: Self = Self {
        ours: STRICT,
        theirs: STRICT,
        our_proof: Proof::Certificate,
        their_proof: Proof::Certificate,
    };

    /// The peer does not trust our certificate.
    pub(crate) const OURS_UNTRUSTED: Self = Self {
        ours: STRICT,
        theirs: LENIENT.trusting(Trust::Own),
        our_proof: Proof::Dialback,
        their_proof: Proof::Certificate,
    };

    /// We do not trust the peer's certificate.
    pub(crate) const THEIRS_UNTRUSTED: Self = Self {
        ours: LENIENT.trusting(Trust::Own),
        theirs: LENIENT,
        our_proof: Proof::Certificate,
        their_proof: Proof::Dialback,
    };

    /// Neither trusts the other's certificate.
    pub(crate) const NEITHER_TRUSTED: Self = Self {
        ours: LENIENT.trusting(Trust::Own),
        theirs: LENIENT.trusting(Trust::Own),
        our_proof: Proof::Dialback,
        their_proof: Proof::Dialback,
    };

    /// Neither demands TLS, and both have it.
    pub(crate) const TLS_OPTIONAL: Self = Self {
        ours: LENIENT.with(Tls::Optional),
        theirs: LENIENT.with(Tls::Optional),
        our_proof: Proof::Certificate,
        their_proof: Proof::Certificate,
    };

    /// Neither demands TLS, both have it, and neither trusts the other's certificate.
    pub(crate) const TLS_OPTIONAL_NEITHER_TRUSTED: Self = Self {
        ours: LENIENT.with(Tls::Optional).trusting(Trust::Own),
        theirs: LENIENT.with(Tls::Optional).trusting(Trust::Own),
        our_proof: Proof::Dialback,
        their_proof: Proof::Dialback,
    };

    /// Both connect to a port where TLS comes first.
    pub(crate) const DIRECT_TLS: Self = Self {
        ours: STRICT.with(Tls::Direct),
        theirs: STRICT.with(Tls::Direct),
        our_proof: Proof::Certificate,
        their_proof: Proof::Certificate,
    };

    /// Both connect to a port where TLS comes first, and neither trusts the other's certificate.
    pub(crate) const DIRECT_TLS_NEITHER_TRUSTED: Self = Self {
        ours: LENIENT.with(Tls::Direct).trusting(Trust::Own),
        theirs: LENIENT.with(Tls::Direct).trusting(Trust::Own),
        our_proof: Proof::Dialback,
        their_proof: Proof::Dialback,
    };

    /// The peer connects to a port where TLS comes first, and we start TLS by STARTTLS.
    pub(crate) const DIRECT_TLS_TO_US: Self = Self {
        ours: STRICT.with(Tls::Direct),
        theirs: STRICT,
        our_proof: Proof::Certificate,
        their_proof: Proof::Certificate,
    };

    /// The peer has no TLS, and we do not demand it.
    pub(crate) const TLS_NOT_THEIRS: Self = Self {
        ours: LENIENT.with(Tls::Optional),
        theirs: LENIENT.with(Tls::Disabled),
        our_proof: Proof::PlainDialback,
        their_proof: Proof::PlainDialback,
    };

    /// We have no TLS, and the peer does not demand it.
    pub(crate) const TLS_NOT_OURS: Self = Self {
        ours: LENIENT.with(Tls::Disabled),
        theirs: LENIENT.with(Tls::Optional),
        our_proof: Proof::PlainDialback,
        their_proof: Proof::PlainDialback,
    };

    /// Neither has TLS.
    pub(crate) const NO_TLS: Self = Self {
        ours: LENIENT.with(Tls::Disabled),
        theirs: LENIENT.with(Tls::Disabled),
        our_proof: Proof::PlainDialback,
        their_proof: Proof::PlainDialback,
    };

    /// Both acknowledge stanzas.
    pub(crate) const ACKNOWLEDGEMENTS: Self = Self {
        theirs: STRICT.extended(Extension::Acknowledgements),
        ..Self::CERTIFICATES
    };

    /// Both can write on the stream that one of them opened.
    pub(crate) const BOTH_WAYS: Self = Self {
        theirs: STRICT.extended(Extension::BothWays),
        ..Self::CERTIFICATES
    };

    /// Both can write on the stream that one of them opened, and neither trusts the other's
    /// certificate.
    pub(crate) const BOTH_WAYS_NEITHER_TRUSTED: Self = Self {
        theirs: LENIENT.trusting(Trust::Own).extended(Extension::BothWays),
        ..Self::NEITHER_TRUSTED
    };
}

impl Refusal {
    /// We demand a certificate, and do not trust the peer's.
    pub(crate) const THEIRS_UNTRUSTED: Self = Self {
        ours: STRICT.trusting(Trust::Own),
        theirs: LENIENT,
        prosody: UNTRUSTED,
        ejabberd: UNTRUSTED,
        told: Some("policy-violation"),
    };

    /// The peer demands a certificate, and does not trust ours.
    pub(crate) const OURS_UNTRUSTED: Self = Self {
        ours: LENIENT,
        theirs: STRICT.trusting(Trust::Own),
        prosody: Reasons {
            inbound: "closed by the peer: not-authorized (Your server's certificate is not trusted)",
            outbound: "closed by the peer: not-authorized (Your server's certificate is not trusted)",
        },
        ejabberd: Reasons {
            inbound: "closed by the peer",
            outbound: "the peer refused our certificate: \
                not-authorized (unable to verify the first certificate); \
                then: closed by the peer: not-authorized",
        },
        told: None,
    };

    /// We demand TLS, and the peer has none.
    pub(crate) const TLS_NOT_THEIRS: Self = Self {
        ours: LENIENT,
        theirs: LENIENT.with(Tls::Disabled),
        prosody: Reasons {
            inbound: "TLS is required first",
            outbound: "TLS is required, and the peer does not offer it; \
                then: closed by the peer: unsupported-stanza-type",
        },
        ejabberd: Reasons {
            inbound: "closed by the peer: \
                unsupported-feature (STARTTLS is disabled in local configuration)",
            outbound: "TLS is required and not available",
        },
        told: None,
    };

    /// The peer demands TLS, and we have none.
    pub(crate) const TLS_NOT_OURS: Self = Self {
        ours: LENIENT.with(Tls::Disabled),
        theirs: LENIENT,
        prosody: Reasons {
            inbound: "the peer requires TLS, which is off here",
            outbound: "the peer requires TLS, which is off here",
        },
        ejabberd: Reasons {
            inbound: "closed by the peer: policy-violation (Use of STARTTLS required)",
            outbound: "the peer requires TLS, which is off here",
        },
        told: None,
    };
}

const UNTRUSTED: Reasons = Reasons {
    inbound: UNTRUSTED_CERTIFICATE,
    outbound: UNTRUSTED_CERTIFICATE,
};

const UNTRUSTED_CERTIFICATE: &str = "a certificate is required and the one presented does not prove \
    the domain: the certificate chain does not lead to a trusted CA";

impl Terms {
    const fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    const fn extended(self, extension: Extension) -> Self {
        Self { extension, ..self }
    }

    const fn with(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }
}

const STRICT: Terms = Terms {
    tls: Tls::Required,
    trust: Trust::Both,
    demand: Demand::Certificate,
    extension: Extension::Nothing,
};

const LENIENT: Terms = Terms {
    demand: Demand::Either,
    ..STRICT
};
