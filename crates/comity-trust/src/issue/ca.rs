use std::fmt;

use x509_cert::der::Decode;
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::encode::{Profile, Signer};
use super::{Key, Request, SubjectName, Terms, WriteError};

/// A CA for tests and laboratories: a self-signed root that issues to end entities alone.
///
/// It keeps no record of what it issued, checks nobody's right to a name and revokes nothing.
pub struct TestCa<K> {
    key: K,
    name: Name,
    certificate: Vec<u8>,
}

impl<K: Key> TestCa<K> {
    /// Makes a root whose certificate `key` signs.
    ///
    /// # Errors
    ///
    /// What cannot be written, or that the key does not sign. The subject may not be empty.
    pub fn new(subject: &SubjectName, key: K, terms: &Terms) -> Result<Self, WriteError> {
        let name = subject.to_name()?;
        if name.is_empty() {
            return Err(WriteError::Encoding);
        }
        let signer = Signer::new(&key)?;
        let profile = Profile::ca(name.clone())?;
        let certificate = profile.certify(signer.public_key.clone(), terms, &signer)?;
        Ok(Self {
            key,
            name,
            certificate,
        })
    }

    /// Its certificate in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Issues what is asked for to the owner of `public_key`, a SubjectPublicKeyInfo in DER, and
    /// returns the certificate in DER.
    ///
    /// # Errors
    ///
    /// What cannot be written, or that the key does not sign.
    pub fn issue(
        &self,
        request: &Request,
        public_key: &[u8],
        terms: &Terms,
    ) -> Result<Vec<u8>, WriteError> {
        let public_key = SubjectPublicKeyInfoOwned::from_der(public_key)?;
        let profile = Profile::leaf(request, self.name.clone(), request.subject.to_name()?)?;
        profile.certify(public_key, terms, &Signer::new(&self.key)?)
    }
}

impl<K> fmt::Debug for TestCa<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa")
            .field("name", &self.name.to_string())
            .finish_non_exhaustive()
    }
}
