//! Writing requests and certificates, with the names that federation needs.
//!
//! A [`Request`] says what a certificate is to carry: usually the names of an
//! [`Inventory`]. [`Request::csr`] writes it for a CA, [`Request::self_signed`] for a
//! peer that pins it, and a [`TestCa`] signs it where no real CA is wanted. The private key stays
//! behind a [`Key`].
//!
//! Nothing here reads a clock or makes up a number: validity and serial numbers are the caller's.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use comity_trust::issue::{CaProfile, Key, KeyError, Request, SubjectName};
//! use comity_trust::{Inventory, Servers};
//! use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
//! use p256::pkcs8::EncodePublicKey;
//! use p256::pkcs8::spki::DynSignatureAlgorithmIdentifier;
//! use x509_cert::der::Encode;
//!
//! struct Own(SigningKey);
//!
//! impl Key for Own {
//!     fn public_key(&self) -> Result<Vec<u8>, KeyError> {
//!         let document = self.0.verifying_key().to_public_key_der();
//!         Ok(document.map_err(|_spki| KeyError)?.into_vec())
//!     }
//!
//!     fn signature_algorithm(&self) -> Result<Vec<u8>, KeyError> {
//!         let algorithm = self.0.signature_algorithm_identifier();
//!         algorithm.and_then(|it| Ok(it.to_der()?)).map_err(|_spki| KeyError)
//!     }
//!
//!     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
//!         let signature: DerSignature = self.0.sign(message);
//!         Ok(signature.as_bytes().to_vec())
//!     }
//! }
//!
//! let mut inventory = Inventory::default();
//! inventory.local_domains = BTreeSet::from(["a.example".parse()?]);
//! let mut subject = SubjectName::default();
//! subject.common_name = Some("a.example".to_owned());
//! subject.validate(CaProfile::Public).map_err(|faults| faults[0])?;
//! let request = Request::new(subject, inventory.names(Servers::All));
//! let key = Own(SigningKey::from_slice(&[7; 32])?);
//! let csr = request.csr(&key)?;
//! assert!(csr.windows(22).any(|bytes| bytes == b"_xmpp-server.a.example"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Inventory`]: crate::Inventory
//!
//! RFC 2986 (requests), RFC 5280 (certificates), RFC 4985, RFC 5922, RFC 6120 §13.7 (names).

mod ca;
mod encode;
mod key;
mod subject;

pub use ca::TestCa;
pub use key::{Key, KeyError};
pub use subject::{Attribute, CaProfile, SubjectFault, SubjectName};

use rustls_pki_types::UnixTime;
use x509_cert::builder::{self, Builder};
use x509_cert::der::{self, Encode};
use x509_cert::request::RequestBuilder;

use crate::identifier::Identifier;
use encode::{Profile, Signer};

/// What a certificate is to carry.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The subject. It may be empty: then the names are critical (RFC 5280 §4.2.1.6).
    pub subject: SubjectName,
    /// The subject alternative names, in this order.
    pub names: Vec<Identifier>,
    /// The extended key usages. Default: [`Purpose::ServerAuth`] and [`Purpose::ClientAuth`], which
    /// mutual TLS asks for.
    pub purposes: Vec<Purpose>,
}

impl Request {
    /// A request for both roles of TLS.
    #[must_use]
    pub fn new(subject: SubjectName, names: Vec<Identifier>) -> Self {
        Self {
            subject,
            names,
            purposes: vec![Purpose::ServerAuth, Purpose::ClientAuth],
        }
    }

    /// Writes the PKCS#10 request in DER, signed by the key that the certificate is for
    /// (RFC 2986).
    ///
    /// # Errors
    ///
    /// What cannot be written, or that the key does not sign.
    pub fn csr(&self, key: &dyn Key) -> Result<Vec<u8>, WriteError> {
        let signer = Signer::new(key)?;
        let subject = self.subject.to_name()?;
        let extensions = encode::leaf_extensions(self, &subject)?;
        let mut builder = RequestBuilder::new(subject)?;
        for extension in extensions {
            builder.add_extension(extension)?;
        }
        let message = builder.finalize(&signer)?;
        let signature = signer.sign(&message)?;
        Ok(builder.assemble(signature, &signer)?.to_der()?)
    }

    /// Writes a certificate in DER that is signed by its own key, and is no CA.
    ///
    /// # Errors
    ///
    /// What cannot be written, or that the key does not sign.
    pub fn self_signed(&self, key: &dyn Key, terms: &Terms) -> Result<Vec<u8>, WriteError> {
        let signer = Signer::new(key)?;
        let subject = self.subject.to_name()?;
        let profile = Profile::leaf(self, subject.clone(), subject)?;
        profile.certify(signer.public_key.clone(), terms, &signer)
    }
}

/// What a certificate may be used for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Purpose {
    /// To connect.
    ClientAuth,
    /// To be connected to.
    ServerAuth,
    /// To speak for a SIP domain (RFC 5924).
    SipDomain,
}

/// What the issuer of a certificate decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "nothing else is decided")]
pub struct Terms {
    /// The first second of validity.
    pub not_before: UnixTime,
    /// The last second of validity.
    pub not_after: UnixTime,
    /// The serial number, which no other certificate of the issuer has; at random. Its highest bit
    /// is not used.
    pub serial: [u8; 16],
}

/// Why a request or a certificate cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Something is too long, or not in the characters that its place takes.
    #[error("the certificate cannot be encoded")]
    Encoding,
    /// The private key does not do its part.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The name has no place among the subject alternative names, or holds what none may.
    #[error("{0} cannot be a subject alternative name")]
    Name(Identifier),
    /// The end of the validity lies before its start, or a time beyond the year 9999.
    #[error("the validity period is not one")]
    Validity,
}

impl From<der::Error> for WriteError {
    fn from(_: der::Error) -> Self {
        Self::Encoding
    }
}

impl From<builder::Error> for WriteError {
    fn from(_: builder::Error) -> Self {
        Self::Encoding
    }
}
