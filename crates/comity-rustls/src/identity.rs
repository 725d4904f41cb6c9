use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

/// A certificate chain of our own with its private key: what we present to peers.
///
/// Cloning shares the key.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads the certificates of one PEM file, our own first, and the private key of another.
    ///
    /// Both may be the same file. The key may be in PKCS#8, PKCS#1 or SEC1.
    ///
    /// # Errors
    ///
    /// What is missing, unreadable or does not fit together. What the certificates say is not
    /// judged, nor whether they are still valid.
    pub fn from_pem(
        chain: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
    ) -> Result<Self, IdentityError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .enumerate()
            .map(|(index, certificate)| {
                certificate.map_err(|_pem| IdentityError::CertificatePem { index })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let private_key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            if is_encrypted(key) {
                IdentityError::EncryptedKey
            } else if matches!(error, pem::Error::NoItemsFound) {
                IdentityError::NoKey
            } else {
                IdentityError::KeyPem
            }
        })?;
        Self::from_der(chain, private_key, provider)
    }

    /// Takes the certificates, our own first, and the private key in DER.
    ///
    /// # Errors
    ///
    /// As [`Identity::from_pem`].
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        provider: &CryptoProvider,
    ) -> Result<Self, IdentityError> {
        if chain.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|_rustls| IdentityError::UnsupportedKey)?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // Some key types cannot tell their public key; the handshake will.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self(Arc::new(certified)))
            }
            Err(Error::InconsistentKeys(_)) => Err(IdentityError::KeyMismatch),
            Err(_rustls) => Err(IdentityError::MalformedCertificate),
        }
    }

    /// The certificates, our own first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }

    pub(crate) fn key(&self) -> &dyn SigningKey {
        &*self.0.key
    }

    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("chain", &self.0.cert.len())
            .finish_non_exhaustive()
    }
}

/// Why files do not make an [`Identity`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// What stands at a certificate's place is not PEM.
    #[error("certificate {index} of the file is not well-formed PEM")]
    CertificatePem {
        /// Its place among the certificates, from zero.
        index: usize,
    },
    /// The private key is encrypted with a passphrase.
    #[error("the private key is encrypted")]
    EncryptedKey,
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the first certificate")]
    KeyMismatch,
    /// What stands at the key's place is not PEM.
    #[error("the private key is not well-formed PEM")]
    KeyPem,
    /// Our own certificate is not the DER of an X.509 version 3 certificate.
    #[error("the first certificate is malformed")]
    MalformedCertificate,
    /// There is no certificate.
    #[error("the file holds no certificate in PEM")]
    NoCertificate,
    /// There is no private key.
    #[error("the file holds no private key in PEM")]
    NoKey,
    /// The crypto provider cannot use the private key: it is malformed, or of a type or size that
    /// is not supported.
    #[error("the private key is malformed or of an unsupported type")]
    UnsupportedKey,
}

/// Whether a file holds a key in one of the two encrypted forms of PEM.
fn is_encrypted(pem: &[u8]) -> bool {
    [
        &b"ENCRYPTED PRIVATE KEY-----"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ]
    .iter()
    .any(|mark| pem.windows(mark.len()).any(|window| window == *mark))
}
