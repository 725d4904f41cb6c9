/// A private key, wherever it is kept.
pub trait Key {
    /// Its public key: the SubjectPublicKeyInfo in DER.
    ///
    /// # Errors
    ///
    /// The key cannot tell.
    fn public_key(&self) -> Result<Vec<u8>, KeyError>;

    /// How it signs: the AlgorithmIdentifier of its signatures in DER.
    ///
    /// # Errors
    ///
    /// The key cannot tell.
    fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError>;

    /// Signs a message, and returns the bytes of the signature.
    ///
    /// # Errors
    ///
    /// The key does not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A private key did not do its part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the private key does not sign")]
#[expect(clippy::exhaustive_structs, reason = "a key tells no more")]
pub struct KeyError;
