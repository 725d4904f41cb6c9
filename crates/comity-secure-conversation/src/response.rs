//! What an issuer answers.

mod error;
mod reader;
#[cfg(test)]
mod tests;

pub use error::{NoClientEntropy, ResponseError};

use rustls_pki_types::UnixTime;

use crate::{Context, Identifier, KeyMaterial, KeySize, Lifetime, Limits, Namespace, Secret};

/// A `RequestSecurityTokenResponse` with a security context token (WS-Trust 1.3 §3.2,
/// WS-SecureConversation 1.3 §3).
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Response {
    /// The edition that all of it is written in.
    pub namespace: Namespace,
    /// The identifier of the token.
    pub identifier: Identifier,
    /// Where the secret comes from.
    pub proof: Proof,
    /// The size of a computed key. If it is not said, the requestor's wish can be put here.
    pub key_size: Option<KeySize>,
    /// When the token was made.
    pub created: Option<UnixTime>,
    /// When it expires.
    pub expires: Option<UnixTime>,
}

/// What a response says of the secret (WS-Trust 1.3 §4.4.4).
#[derive(Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "WS-Trust knows no other way")]
pub enum Proof {
    /// The issuer has chosen it. Entropy beside it does not count.
    Key(Secret),
    /// It is computed of the requestor's entropy and this one, by `CK/PSHA1`.
    Computed(Secret),
    /// Nothing: the requestor's entropy is the secret.
    Omitted,
}

impl Response {
    /// Reads a document in UTF-8 whose root is a response, or a collection of one.
    ///
    /// Everything that is read may be there once. Elements of other names are passed over; those of
    /// the other edition are refused. A document type, and with it every entity of its own, is
    /// refused. What is read of secrets is wiped; `document` is for the caller to wipe.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn parse(document: &[u8], limits: &Limits) -> Result<Self, ResponseError> {
        reader::read(document, limits)
    }

    /// What a session is made of, with the default lifetime where the response says nothing.
    ///
    /// `client` is the entropy that the request carried. It is not used where the issuer has chosen
    /// the key.
    ///
    /// # Errors
    ///
    /// If there is no such entropy and the key is made of it.
    pub fn into_context(self, client: Option<Secret>) -> Result<Context, NoClientEntropy> {
        let key = match (self.proof, client) {
            (Proof::Key(key), Some(_) | None) => KeyMaterial::Shared(key),
            (Proof::Computed(server), Some(client)) => KeyMaterial::Computed {
                client,
                server,
                size: self.key_size.unwrap_or_default(),
            },
            (Proof::Omitted, Some(client)) => KeyMaterial::Shared(client),
            (Proof::Computed(_) | Proof::Omitted, None) => return Err(NoClientEntropy),
        };
        let mut context = Context::new(self.identifier, self.namespace, key);
        context.lifetime = Lifetime::new(self.created, self.expires);
        Ok(context)
    }
}
