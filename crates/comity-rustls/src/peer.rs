use comity_trust::{Policy, Reference, Role, SignatureVerificationAlgorithm, Verdict, evaluate};
use rustls::CommonState;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;

/// Judges the certificates that the peer of a connection presented.
///
/// `role` is the peer's: [`Role::Server`] on a connection that we opened. Before the handshake is
/// complete the peer counts as one that presented no certificate. Ask anew for every connection
/// and every domain, and keep nothing of the answer beyond them.
pub fn peer_verdict(
    connection: &CommonState,
    role: Role,
    now: UnixTime,
    reference: &Reference,
    policy: &Policy,
) -> Verdict {
    let chain = if connection.is_handshaking() {
        None
    } else {
        connection.peer_certificates()
    };
    evaluate(chain.unwrap_or_default(), now, role, reference, policy)
}

/// The signature algorithms of a crypto provider, as [`Policy::new`] takes them.
#[must_use]
pub fn signature_algorithms(
    provider: &CryptoProvider,
) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
    provider.signature_verification_algorithms.all
}
