use std::time::Duration;

use comity_trust::{Evidence, Policy, Reason, Reference, RevocationLists, Role, Verdict, evaluate};
use rustls::CommonState;
use rustls::pki_types::{CertificateDer, UnixTime};

/// What a peer presented on a connection, and how it stands with us.
///
/// A verdict holds for a time and for the policy that it was made by. The standing keeps what is
/// needed to judge again: when it is due ([`Standing::due`]), and whenever the policy or the
/// revocation lists change. A stream should end when its peer is no longer trusted
/// (RFC 6120 §13.7.2.3).
///
/// It holds the certificates of the peer, whose size rustls bounds.
#[derive(Clone, Debug)]
pub struct Standing {
    chain: Vec<CertificateDer<'static>>,
    reference: Reference,
    role: Role,
    verdict: Verdict,
}

impl Standing {
    /// Judges what the peer of a connection presented, as [`peer_verdict`](crate::peer_verdict)
    /// does.
    #[must_use]
    pub fn new(
        connection: &CommonState,
        role: Role,
        now: UnixTime,
        reference: Reference,
        policy: &Policy,
        crls: &RevocationLists,
    ) -> Self {
        let chain = presented(connection).to_vec();
        let verdict = evaluate(&chain, now, role, &reference, policy, crls);
        Self {
            chain,
            reference,
            role,
            verdict,
        }
    }

    /// Judges again, and says whether the peer gained or lost our trust.
    ///
    /// That the reason or the time changed is no change of that kind.
    pub fn judge(
        &mut self,
        now: UnixTime,
        policy: &Policy,
        crls: &RevocationLists,
    ) -> Option<Change> {
        let before = self.verdict.trusted().is_some();
        self.verdict = evaluate(&self.chain, now, self.role, &self.reference, policy, crls);
        match (before, self.verdict.trusted().is_some()) {
            (false, true) => Some(Change::Gained),
            (true, false) => Some(Change::Lost),
            (false, false) | (true, true) => None,
        }
    }

    /// Replaces what is known beside the chain, such as TLSA records that were looked up again. It
    /// counts from the next [`Standing::judge`] on.
    pub fn set_evidence(&mut self, evidence: Evidence) {
        self.reference = self.reference.clone().with_evidence(evidence);
    }

    /// The last verdict.
    #[must_use = "a verdict that is not looked at protects nothing"]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// When to judge again if nothing else changes: the first second at which a trusted peer no
    /// longer is, or at which the validity of a refused certificate begins.
    #[must_use]
    pub fn due(&self) -> Option<UnixTime> {
        match self.verdict.outcome() {
            Ok(trusted) => {
                let last = trusted.valid_until().as_secs();
                let first = Duration::from_secs(last.saturating_add(1));
                Some(UnixTime::since_unix_epoch(first))
            }
            Err(Reason::NotYetValid { not_before, .. }) => Some(*not_before),
            Err(_) => None,
        }
    }

    /// The certificates that the peer presented, its own first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Whom they must name.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What the peer acted as in the handshake.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }
}

/// How a peer's standing changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "trust is either there or not")]
pub enum Change {
    /// It is trusted now.
    Gained,
    /// It is trusted no longer.
    Lost,
}

/// What the peer presented. Before the handshake is complete that counts as nothing.
pub(crate) fn presented(connection: &CommonState) -> &[CertificateDer<'static>] {
    if connection.is_handshaking() {
        return &[];
    }
    connection.peer_certificates().unwrap_or_default()
}
