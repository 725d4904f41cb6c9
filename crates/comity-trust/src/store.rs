use std::collections::BTreeSet;

use comity_identity::DomainName;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};

use crate::certificate::{Certificate, Fault};

/// Whom to believe: CA certificates, and certificates of peers that are believed as they are.
///
/// The two are kept apart because a peer's own certificate must not become a CA: as an anchor it
/// would vouch for every certificate that its key signs. Keep one store per protocol.
///
/// An anchor counts only within its own validity period.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Vec<TrustAnchor<'static>>,
    /// The validity period of the anchor at the same place.
    periods: Vec<Period>,
    pins: Vec<Pin>,
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the certificate of a CA.
    ///
    /// # Errors
    ///
    /// The certificate is malformed, or does not say that it is a CA which may sign certificates.
    pub fn add_anchor(&mut self, certificate: &CertificateDer<'_>) -> Result<(), AnchorError> {
        let fields = Certificate::parse(certificate)?;
        if !fields.is_ca()? {
            return Err(AnchorError::NotCa);
        }
        if !fields.may_sign_certificates()? {
            return Err(AnchorError::KeyUsage);
        }
        let anchor = webpki::anchor_from_trusted_cert(certificate)
            .map_err(|_webpki| AnchorError::Malformed)?;
        self.anchors.push(anchor.to_owned());
        self.periods.push(Period {
            not_before: fields.not_before,
            not_after: fields.not_after,
        });
        Ok(())
    }

    /// Adds every certificate of a PEM file and returns how many there were.
    ///
    /// # Errors
    ///
    /// What is wrong with the first certificate that cannot be added, and its place in the file.
    /// Nothing of the file is added then.
    pub fn add_anchors_from_pem(&mut self, pem: &[u8]) -> Result<usize, AnchorFileError> {
        let mut added = Self::new();
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let certificate = certificate.map_err(|_pem| AnchorFileError::Pem { index })?;
            added
                .add_anchor(&certificate)
                .map_err(|error| AnchorFileError::Anchor { error, index })?;
        }
        if added.anchors.is_empty() {
            return Err(AnchorFileError::NoCertificate);
        }
        let count = added.anchors.len();
        self.anchors.append(&mut added.anchors);
        self.periods.append(&mut added.periods);
        Ok(count)
    }

    /// Believes a peer's own certificate, byte for byte, for these domains alone.
    ///
    /// A pinned certificate need not lead to an anchor and may call itself a CA, but vouches for
    /// no other certificate. It must still name the domain, be within its validity period and
    /// carry an accepted extended key usage.
    pub fn add_pin(
        &mut self,
        certificate: CertificateDer<'static>,
        domains: impl IntoIterator<Item = DomainName>,
    ) {
        self.pins.push(Pin {
            certificate,
            domains: domains.into_iter().collect(),
        });
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The validity period of an anchor that a path of this store's anchors ended in.
    pub(crate) fn period(&self, anchor: &TrustAnchor<'_>) -> Option<Period> {
        self.anchors
            .iter()
            .zip(&self.periods)
            .find_map(|(own, period)| std::ptr::eq(own, anchor).then_some(*period))
    }

    pub(crate) fn pinned(&self, certificate: &CertificateDer<'_>, domain: &DomainName) -> Pinned {
        let mut pinned = Pinned::No;
        for pin in &self.pins {
            if pin.certificate == *certificate {
                if pin.domains.contains(domain) {
                    return Pinned::Here;
                }
                pinned = Pinned::Elsewhere;
            }
        }
        pinned
    }
}

/// The first and the last second at which a certificate is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Period {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

#[derive(Clone, Debug)]
struct Pin {
    certificate: CertificateDer<'static>,
    domains: BTreeSet<DomainName>,
}

/// Whether a certificate is pinned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pinned {
    /// For other domains only.
    Elsewhere,
    /// For the domain in question.
    Here,
    No,
}

/// Why a certificate cannot be a trust anchor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Its key usage does not allow it to sign certificates.
    #[error("the key usage of the certificate does not let it sign certificates")]
    KeyUsage,
    /// It is not the DER of a certificate.
    #[error("the certificate is malformed")]
    Malformed,
    /// It does not say that it is a CA. A peer's own certificate is pinned instead.
    #[error("the certificate is not that of a CA")]
    NotCa,
    /// It is not X.509 version 3, so that it cannot say that it is a CA.
    #[error("the certificate is not an X.509 version 3 certificate")]
    Version,
}

impl From<Fault> for AnchorError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Version => Self::Version,
        }
    }
}

/// Why a PEM file cannot be a list of trust anchors.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorFileError {
    /// A certificate of the file cannot be a trust anchor.
    #[error("certificate {index} of the file cannot be a trust anchor")]
    Anchor {
        /// What is wrong with it.
        #[source]
        error: AnchorError,
        /// Its place among the certificates, from zero.
        index: usize,
    },
    /// There is no certificate in the file.
    #[error("the file holds no certificate in PEM")]
    NoCertificate,
    /// What stands at a certificate's place is not PEM.
    #[error("certificate {index} of the file is not well-formed PEM")]
    Pem {
        /// Its place among the certificates, from zero.
        index: usize,
    },
}
