use rustls_pki_types::UnixTime;

use super::XML_SPACE;
use super::place::Place;
use crate::response::{Proof, Response, ResponseError};
use crate::{Identifier, KeySize, Namespace, Secret, Timestamp};

/// What has been read so far.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) namespace: Option<Namespace>,
    identifier: Option<Identifier>,
    key: Option<Secret>,
    is_computed: bool,
    entropy: Option<Secret>,
    key_size: Option<KeySize>,
    created: Option<UnixTime>,
    expires: Option<UnixTime>,
}

impl Fields {
    /// Takes the whole text of an element.
    pub(super) fn take(&mut self, place: Place, text: &str) -> Result<(), ResponseError> {
        let word = text.trim_matches(XML_SPACE);
        match place {
            Place::Identifier => self.identifier = Some(word.parse()?),
            Place::TokenType => {
                self.check(word, Namespace::token_type, ResponseError::TokenType)?;
            }
            Place::ComputedKey => {
                self.check(word, Namespace::computed_key, ResponseError::ComputedKey)?;
                self.is_computed = true;
            }
            Place::KeySize => self.key_size = Some(key_size(word)?),
            Place::Created => self.created = Some(time(place, word)?),
            Place::Expires => self.expires = Some(time(place, word)?),
            Place::ProofSecret => self.key = Some(secret(Place::Proof, text)?),
            Place::EntropySecret => self.entropy = Some(secret(Place::Entropy, text)?),
            Place::Document
            | Place::Collection
            | Place::Response
            | Place::Lifetime
            | Place::Token
            | Place::Context
            | Place::Proof
            | Place::Entropy
            | Place::Encrypted
            | Place::Other => {}
        }
        Ok(())
    }

    /// Refuses a secret in an element that is something else than bytes for both sides.
    pub(super) fn check_type(&self, holder: Place, found: &str) -> Result<(), ResponseError> {
        let trust = self.namespace.map_or("", Namespace::trust);
        match found.strip_prefix(trust) {
            Some("/SymmetricKey" | "/Nonce") => Ok(()),
            Some(_) | None => {
                let element = holder.name();
                Err(ResponseError::SecretType { element })
            }
        }
    }

    fn check(
        &self,
        found: &str,
        expected: fn(Namespace) -> &'static str,
        error: ResponseError,
    ) -> Result<(), ResponseError> {
        if self.namespace.map(expected) == Some(found) {
            Ok(())
        } else {
            Err(error)
        }
    }

    pub(super) fn finish(self, seen: &[Place]) -> Result<Response, ResponseError> {
        let missing = |place: Place| ResponseError::Missing {
            element: place.name(),
        };
        let lacks_secret = seen.contains(&Place::Proof)
            || (seen.contains(&Place::Entropy) && self.entropy.is_none());
        let proof = match (self.key, self.is_computed, self.entropy) {
            (Some(_), true, _) => return Err(ResponseError::KeyAndComputedKey),
            (Some(key), false, _) => Proof::Key(key),
            (None, true, Some(entropy)) => Proof::Computed(entropy),
            (None, true, None) => return Err(missing(Place::EntropySecret)),
            (None, false, _) if lacks_secret => return Err(missing(Place::ProofSecret)),
            (None, false, Some(_)) => return Err(ResponseError::UnusedEntropy),
            (None, false, None) => Proof::Omitted,
        };
        Ok(Response {
            namespace: self.namespace.ok_or(ResponseError::NotAResponse)?,
            identifier: self.identifier.ok_or_else(|| missing(Place::Identifier))?,
            proof,
            key_size: self.key_size,
            created: self.created,
            expires: self.expires,
        })
    }
}

fn key_size(word: &str) -> Result<KeySize, ResponseError> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ResponseError::KeySizeSyntax);
    }
    let bits = word
        .parse()
        .map_err(|_number| ResponseError::KeySizeSyntax)?;
    Ok(KeySize::from_bits(bits)?)
}

fn time(place: Place, word: &str) -> Result<UnixTime, ResponseError> {
    let element = place.name();
    let Timestamp(time) = word
        .parse()
        .map_err(|error| ResponseError::Time { element, error })?;
    Ok(time)
}

fn secret(place: Place, text: &str) -> Result<Secret, ResponseError> {
    let element = place.name();
    Secret::from_base64(text).map_err(|error| ResponseError::Secret { element, error })
}
