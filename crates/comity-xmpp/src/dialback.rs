//! Dialback keys (XEP-0185).

use std::fmt;
use std::sync::Arc;

use comity_identity::DomainName;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The secret of dialback keys, shared by all nodes that speak for a domain.
///
/// Keys are computed and never stored, so that any node can confirm what another one sent.
#[derive(Clone)]
pub struct DialbackSecret {
    /// The hexadecimal text of the secret's SHA-256: the text is the HMAC key, not its bytes.
    key: Arc<str>,
}

impl DialbackSecret {
    /// Takes a secret of any length. 128 bits of randomness are enough.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            key: hex(&Sha256::digest(secret)).into(),
        }
    }

    /// The key that `originating` sends to `receiving` on the stream that `receiving` named `id`
    /// (XEP-0185 §3).
    #[must_use]
    pub fn key(&self, receiving: &DomainName, originating: &DomainName, id: &str) -> String {
        let mut text = String::with_capacity(receiving.as_str().len() + 64);
        for part in [receiving.as_str(), " ", originating.as_str(), " ", id] {
            text.push_str(part);
        }
        // HMAC takes keys of every length.
        Hmac::<Sha256>::new_from_slice(self.key.as_bytes())
            .map(|mac| hex(&mac.chain_update(text).finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Whether `key` is the one for these domains and that stream, compared in constant time.
    #[must_use]
    pub fn verify(
        &self,
        receiving: &DomainName,
        originating: &DomainName,
        id: &str,
        key: &str,
    ) -> bool {
        let expected = self.key(receiving, originating, id);
        expected.as_bytes().ct_eq(trim_key(key).as_bytes()).into()
    }
}

impl fmt::Debug for DialbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DialbackSecret").finish_non_exhaustive()
    }
}

/// The key in the text of an element, which may be indented.
pub(crate) fn trim_key(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    #[test]
    fn keys_of_the_specifications() {
        for (secret, receiving, originating, id, key) in [
            (
                "s3cr3tf0rd14lb4ck",
                "xmpp.example.com",
                "example.org",
                "D60000229F",
                "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643",
            ),
            (
                "s3cr3tf0rd14lb4ck",
                "montague.example",
                "capulet.example",
                "D60000229F",
                "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3",
            ),
            (
                "d14lb4ck43v3r",
                "capulet.example",
                "montague.example",
                "417GAF25",
                "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d",
            ),
        ] {
            let secret = DialbackSecret::new(secret.as_bytes());
            assert_eq!(secret.key(&name(receiving), &name(originating), id), key);
        }
    }

    #[test]
    fn a_key_is_good_for_one_pair_on_one_stream() {
        let secret = DialbackSecret::new(b"secret");
        let (a, b) = (name("a.example"), name("b.example"));
        let key = secret.key(&a, &b, "id");
        assert!(secret.verify(&a, &b, "id", &key));
        assert!(secret.verify(&a, &b, "id", &format!("\n  {key}\n")));
        assert!(!secret.verify(&b, &a, "id", &key));
        assert!(!secret.verify(&a, &b, "ID", &key));
        assert!(!secret.verify(&a, &a, "id", &key));
        assert!(!secret.verify(&a, &b, "id", ""));
        assert!(!secret.verify(&a, &b, "id", &key.to_uppercase()));
        assert!(!DialbackSecret::new(b"other").verify(&a, &b, "id", &key));
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = DialbackSecret::new(b"secret");
        assert_eq!(format!("{secret:?}"), "DialbackSecret { .. }");
    }
}
