use comity_trust::{
    Policy, Reference, RevocationLists, Role, SignatureVerificationAlgorithm, Verdict, evaluate,
};
use rustls::CommonState;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;

use crate::standing::presented;

/// Judges the certificates that the peer of a connection presented.
///
/// `role` is the peer's: [`Role::Server`] on a connection that we opened. Before the handshake is
/// complete the peer counts as one that presented no certificate. Ask anew for every connection
/// and every domain, and keep nothing of the answer beyond them. [`Standing`](crate::Standing) keeps
/// what is needed to ask again.
pub fn peer_verdict(
    connection: &CommonState,
    role: Role,
    now: UnixTime,
    reference: &Reference,
    policy: &Policy,
    crls: &RevocationLists,
) -> Verdict {
    evaluate(presented(connection), now, role, reference, policy, crls)
}

/// The signature algorithms of a crypto provider, as [`Policy::new`] takes them.
#[must_use]
pub fn signature_algorithms(
    provider: &CryptoProvider,
) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    provider.signature_verification_algorithms.all
}
