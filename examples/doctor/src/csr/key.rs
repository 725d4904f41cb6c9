use std::sync::Arc;

use comity_trust::issue::{Key, KeyError};
use rustls::SignatureScheme;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{AlgorithmIdentifier, PrivateKeyDer, alg_id};
use rustls::sign::SigningKey;

/// A private key that signs a request.
pub(super) struct PrivateKey {
    key: Arc<dyn SigningKey>,
    scheme: SignatureScheme,
    algorithm: AlgorithmIdentifier,
}

impl PrivateKey {
    /// Reads a key, if it is one that can sign.
    pub(super) fn from_pem(pem: &[u8], provider: &CryptoProvider) -> Option<Self> {
        let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
        let key = provider.key_provider.load_private_key(key).ok()?;
        let signs = |scheme| key.choose_scheme(&[scheme]).is_some();
        let (scheme, algorithm) = ALGORITHMS.into_iter().find(|(scheme, _)| signs(*scheme))?;
        Some(Self {
            key,
            scheme,
            algorithm,
        })
    }
}

impl Key for PrivateKey {
    fn public_key(&self) -> Result<Vec<u8>, KeyError> {
        let public = self.key.public_key().ok_or(KeyError)?;
        Ok(public.to_vec())
    }

    fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError> {
        // What it holds is without the tag and the length, which is a short one.
        let content: &[u8] = self.algorithm.as_ref();
        let length = u8::try_from(content.len()).map_err(|_long| KeyError)?;
        Ok([&[SEQUENCE, length], content].concat())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signer = self.key.choose_scheme(&[self.scheme]).ok_or(KeyError)?;
        signer.sign(message).map_err(|_rustls| KeyError)
    }
}

const ALGORITHMS: [(SignatureScheme, AlgorithmIdentifier); 4] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
    (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_PKCS1_SHA256),
    (SignatureScheme::ED25519, alg_id::ED25519),
];

const SEQUENCE: u8 = 0x30;
