use std::collections::{BTreeMap, BTreeSet};

use comity_identity::Host;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::certificate::{self, Certificate, Period};
use crate::evidence::Fingerprint;
use crate::key;
use crate::purpose::Purposes;
use crate::tlv::Fault;

/// Whom to believe: CA certificates, and certificates of peers that are believed as they are.
///
/// The two are kept apart because a peer's own certificate must not become a CA: as an anchor it
/// would vouch for every certificate that its key signs. Keep one store per protocol, in the
/// [`Policy`](crate::Policy) of that protocol.
///
/// An anchor counts only within its own validity period, and its path length and extended key
/// usage bind those below it.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Vec<TrustAnchor<'static>>,
    /// What webpki forgets about the anchor at the same place.
    facts: Vec<AnchorFacts>,
    certificate_pins: BTreeMap<Box<[u8]>, BTreeSet<Host>>,
    key_pins: BTreeMap<Fingerprint, BTreeSet<Host>>,
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
        let purposes = fields.extended_key_usage().and_then(Purposes::parse)?;
        let rsa_bits = key::rsa_bits(fields.public_key)?;
        let anchor = webpki::anchor_from_trusted_cert(certificate)
            .map_err(|_webpki| AnchorError::Malformed)?;
        self.anchors.push(anchor.to_owned());
        self.facts.push(AnchorFacts {
            path_length: fields.path_length()?,
            period: fields.period(),
            purposes,
            rsa_bits,
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
        self.facts.append(&mut added.facts);
        Ok(count)
    }

    /// Believes a peer's own certificate, byte for byte, for these subjects alone.
    ///
    /// A pinned certificate need not lead to an anchor and may call itself a CA, but vouches for
    /// no other certificate. It must still name the subject, be within its validity period and
    /// carry an accepted key usage and extended key usage. Revocation lists are not asked about it:
    /// who pinned it removes the pin.
    pub fn add_pin(
        &mut self,
        certificate: &CertificateDer<'_>,
        subjects: impl IntoIterator<Item = impl Into<Host>>,
    ) {
        let pinned = self.certificate_pins.entry(certificate.as_ref().into());
        pinned
            .or_default()
            .extend(subjects.into_iter().map(Into::into));
    }

    /// Believes every certificate with this key as [`TrustStore::add_pin`] does, so that the peer
    /// may renew its certificate.
    ///
    /// `key` is the fingerprint of the SubjectPublicKeyInfo in DER, with its SEQUENCE
    /// ([`public_key`]).
    pub fn add_key_pin(
        &mut self,
        key: Fingerprint,
        subjects: impl IntoIterator<Item = impl Into<Host>>,
    ) {
        let pinned = self.key_pins.entry(key).or_default();
        pinned.extend(subjects.into_iter().map(Into::into));
    }

    /// Takes the certificate of a CA out again, and says whether it was there.
    pub fn remove_anchor(&mut self, certificate: &CertificateDer<'_>) -> bool {
        let Ok(anchor) = webpki::anchor_from_trusted_cert(certificate) else {
            return false;
        };
        let before = self.anchors.len();
        let own = std::mem::take(&mut self.anchors);
        let own = own.into_iter().zip(std::mem::take(&mut self.facts));
        (self.anchors, self.facts) = own.filter(|(own, _)| *own != anchor).unzip();
        self.anchors.len() < before
    }

    /// Takes a pinned certificate out again, for all its subjects, and says whether it was there.
    pub fn remove_pin(&mut self, certificate: &CertificateDer<'_>) -> bool {
        self.certificate_pins.remove(certificate.as_ref()).is_some()
    }

    /// Takes a pinned key out again, for all its subjects, and says whether it was there.
    pub fn remove_key_pin(&mut self, key: &Fingerprint) -> bool {
        self.key_pins.remove(key).is_some()
    }

    /// How many certificates of CAs there are.
    #[must_use]
    pub fn anchor_count(&self) -> usize {
        self.anchors.len()
    }

    /// The pinned certificates in DER, each with its subjects.
    pub fn pins(&self) -> impl Iterator<Item = (&[u8], &BTreeSet<Host>)> {
        let pins = self.certificate_pins.iter();
        pins.map(|(certificate, subjects)| (&**certificate, subjects))
    }

    /// The pinned keys, each with its subjects.
    pub fn key_pins(&self) -> impl Iterator<Item = (&Fingerprint, &BTreeSet<Host>)> {
        self.key_pins.iter()
    }

    /// Whether it trusts nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.certificate_pins.is_empty() && self.key_pins.is_empty()
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// What is known about an anchor that a path of this store's anchors ended in.
    pub(crate) fn facts(&self, anchor: &TrustAnchor<'_>) -> Option<AnchorFacts> {
        self.anchors
            .iter()
            .zip(&self.facts)
            .find_map(|(own, facts)| std::ptr::eq(own, anchor).then_some(*facts))
    }

    /// For whom the certificate, or every certificate with this key, is pinned.
    pub(crate) fn pinned(&self, certificate: &[u8], public_key: &[u8]) -> Pinned<'_> {
        let by_key = |fingerprint| self.key_pins.get(&fingerprint);
        let keys = (!self.key_pins.is_empty()).then(|| {
            [
                by_key(Fingerprint::sha256(public_key)),
                by_key(Fingerprint::sha512(public_key)),
            ]
        });
        let by_certificate = self.certificate_pins.get(certificate);
        let all = keys.into_iter().flatten().chain([by_certificate]);
        Pinned(all.flatten().collect())
    }
}

/// The SubjectPublicKeyInfo of a certificate of any version in DER, with its SEQUENCE.
///
/// # Errors
///
/// It is malformed.
pub fn public_key<'c>(
    certificate: &'c CertificateDer<'_>,
) -> Result<&'c [u8], MalformedCertificate> {
    certificate::public_key(certificate).map_err(|_fault| MalformedCertificate)
}

/// The bytes are not the DER of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the certificate is malformed")]
#[expect(clippy::exhaustive_structs, reason = "there is no more to tell")]
pub struct MalformedCertificate;

/// What webpki forgets about an anchor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnchorFacts {
    /// How many CAs may stand between it and the peer's certificate, not counting those that it
    /// issued to itself.
    pub(crate) path_length: Option<usize>,
    pub(crate) period: Period,
    pub(crate) purposes: Purposes,
    pub(crate) rsa_bits: Option<usize>,
}

/// For whom a certificate is pinned: the subjects of each of its pins.
#[derive(Clone, Debug)]
pub(crate) struct Pinned<'s>(Vec<&'s BTreeSet<Host>>);

impl Pinned<'_> {
    /// Whether it is pinned for anybody.
    pub(crate) fn anywhere(&self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn for_subject(&self, subject: &Host) -> bool {
        self.0.iter().any(|subjects| subjects.contains(subject))
    }
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
