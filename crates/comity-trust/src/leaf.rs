//! The rules about a peer's own certificate that no policy changes.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::certificate::Certificate;
use crate::evaluate::fault;
use crate::purpose::{EkuPolicy, Purposes, Role};
use crate::reason::{Position, Reason};

/// Why no policy accepts a peer's own certificate, apart from time and trust.
pub(crate) fn never_accepted(der: &CertificateDer<'_>, fields: &Certificate<'_>) -> Option<Reason> {
    let (policy, role, position) = (EkuPolicy::SipDomainOrTls, Role::Server, Position::Leaf);
    let purposes = || {
        let purposes = fields.extended_key_usage().and_then(Purposes::parse);
        let checked = policy.check(role, purposes.map_err(fault(position))?);
        checked.map_err(|lacking| Reason::ExtendedKeyUsage {
            lacking,
            policy,
            position,
            role,
        })
    };
    EndEntityCert::try_from(der)
        .map(drop)
        .map_err(leaf_reason)
        .and_then(|()| check_constrains_nothing(fields))
        .and_then(|()| check_may_sign_handshakes(fields))
        .and_then(|()| purposes())
        .err()
}

pub(crate) fn check_constrains_nothing(leaf: &Certificate<'_>) -> Result<(), Reason> {
    match leaf.name_constraints().map_err(fault(Position::Leaf))? {
        Some(_) if !leaf.is_ca().map_err(fault(Position::Leaf))? => Err(Reason::ConstraintsInLeaf),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn check_may_sign_handshakes(leaf: &Certificate<'_>) -> Result<(), Reason> {
    if leaf.may_sign_handshakes().map_err(fault(Position::Leaf))? {
        Ok(())
    } else {
        Err(Reason::KeyUsage)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "parsing gives these errors and many that say that the certificate is malformed"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
pub(crate) fn leaf_reason(error: webpki::Error) -> Reason {
    let position = Position::Leaf;
    match error {
        webpki::Error::UnsupportedCertVersion => Reason::UnsupportedVersion { position },
        webpki::Error::UnsupportedCriticalExtension => Reason::UnsupportedExtension,
        _ => Reason::Malformed { position },
    }
}
