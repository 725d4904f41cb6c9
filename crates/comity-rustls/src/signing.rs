use std::fmt;
use std::sync::Arc;

use comity_trust::issue::{Key, KeyError};
use rustls::SignatureScheme;
use rustls::pki_types::{AlgorithmIdentifier, alg_id};
use rustls::sign::SigningKey;

use crate::identity::Identity;

/// A private key of rustls that signs requests and certificates.
///
/// So the key of an [`Identity`] asks for its next certificate, wherever the crypto provider keeps
/// it. Keys for ECDSA, Ed25519 and RSA (PKCS#1) can do it.
///
/// ```
/// use comity_rustls::{Identity, RequestKey, default_provider};
/// use comity_testkit::mint::Leaf;
/// use comity_trust::Identifier;
/// use comity_trust::issue::{Request, SubjectName};
///
/// let own = Leaf::new([1; 32]).dns("a.example").self_signed();
/// let (chain, key) = (own.chain_pem(), own.key_pem());
/// let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider())?;
/// let names = vec![Identifier::Dns("a.example".into())];
/// let request = Request::new(SubjectName::default(), names);
/// let csr = request.csr(&RequestKey::from(&identity))?;
/// assert!(csr.windows(9).any(|bytes| bytes == b"a.example"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RequestKey(Arc<dyn SigningKey>);

impl RequestKey {
    /// Takes a key as the crypto provider loads it.
    #[must_use]
    pub fn new(key: Arc<dyn SigningKey>) -> Self {
        Self(key)
    }

    fn algorithm(&self) -> Result<Algorithm, KeyError> {
        let mut usable = ALGORITHMS.iter();
        let usable = usable.find(|(scheme, _)| self.0.choose_scheme(&[*scheme]).is_some());
        usable.copied().ok_or(KeyError)
    }
}

impl From<&Identity> for RequestKey {
    fn from(identity: &Identity) -> Self {
        Self(Arc::clone(&identity.certified().key))
    }
}

impl Key for RequestKey {
    fn public_key(&self) -> Result<Vec<u8>, KeyError> {
        let key = self.0.public_key().ok_or(KeyError)?;
        Ok(key.as_ref().to_vec())
    }

    fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError> {
        let (_, algorithm) = self.algorithm()?;
        let length = u8::try_from(algorithm.len()).map_err(|_long| KeyError)?;
        Ok([&[SEQUENCE, length], &*algorithm].concat())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (scheme, _) = self.algorithm()?;
        let signer = self.0.choose_scheme(&[scheme]).ok_or(KeyError)?;
        signer.sign(message).map_err(|_rustls| KeyError)
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestKey")
            .field(&self.0.algorithm())
            .finish()
    }
}

/// How TLS and X.509 call the same algorithm.
type Algorithm = (SignatureScheme, AlgorithmIdentifier);

const ALGORITHMS: &[Algorithm] = &[
    (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, alg_id::ECDSA_SHA512),
    (SignatureScheme::ED25519, alg_id::ED25519),
    (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_PKCS1_SHA256),
];
/// The tag of a SEQUENCE; the identifiers above come without it.
const SEQUENCE: u8 = 0x30;
