use crate::Namespace;

/// Which element of a response is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// None of them.
    Document,
    Collection,
    Response,
    TokenType,
    KeySize,
    Lifetime,
    Created,
    Expires,
    Token,
    Context,
    Identifier,
    Proof,
    ProofSecret,
    ComputedKey,
    Entropy,
    EntropySecret,
    Encrypted,
    /// One that is passed over with all that is in it.
    Other,
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vocabulary {
    Trust,
    Conversation,
    /// Web Services Security, utility.
    Utility,
    /// XML Encryption.
    Encryption,
}

impl Place {
    /// Where an element in this one stands.
    pub(super) fn child(self, vocabulary: Vocabulary, name: &str) -> Option<Self> {
        let mut rules = GRAMMAR.iter();
        rules.find_map(|&(parent, of, child_name, child)| {
            ((parent, of, child_name) == (self, vocabulary, name)).then_some(child)
        })
    }

    /// Whether its text is read, and no element may be in it.
    pub(super) const fn is_text(self) -> bool {
        match self {
            Self::TokenType
            | Self::KeySize
            | Self::Created
            | Self::Expires
            | Self::Identifier
            | Self::ProofSecret
            | Self::ComputedKey
            | Self::EntropySecret => true,
            Self::Document
            | Self::Collection
            | Self::Response
            | Self::Lifetime
            | Self::Token
            | Self::Context
            | Self::Proof
            | Self::Entropy
            | Self::Encrypted
            | Self::Other => false,
        }
    }

    /// The name of the element.
    pub(super) fn name(self) -> &'static str {
        let mut rules = GRAMMAR.iter();
        let named = rules.find_map(|&(_, _, name, place)| (place == self).then_some(name));
        named.unwrap_or("element")
    }
}

impl Vocabulary {
    /// What a namespace is, and of which edition if there are two.
    pub(super) fn of(namespace: &str) -> Option<(Self, Option<Namespace>)> {
        for edition in Namespace::ALL {
            if namespace == edition.trust() {
                return Some((Self::Trust, Some(edition)));
            }
            if namespace == edition.secure_conversation() {
                return Some((Self::Conversation, Some(edition)));
            }
        }
        match namespace {
            UTILITY => Some((Self::Utility, None)),
            ENCRYPTION => Some((Self::Encryption, None)),
            _ => None,
        }
    }
}

/// Which element may stand in which, as far as it is read.
const GRAMMAR: [(Place, Vocabulary, &str, Place); 18] = {
    use Place as P;
    use Vocabulary as V;
    [
        (
            P::Document,
            V::Trust,
            "RequestSecurityTokenResponse",
            P::Response,
        ),
        (
            P::Document,
            V::Trust,
            "RequestSecurityTokenResponseCollection",
            P::Collection,
        ),
        (
            P::Collection,
            V::Trust,
            "RequestSecurityTokenResponse",
            P::Response,
        ),
        (P::Response, V::Trust, "TokenType", P::TokenType),
        (P::Response, V::Trust, "KeySize", P::KeySize),
        (P::Response, V::Trust, "Lifetime", P::Lifetime),
        (P::Lifetime, V::Utility, "Created", P::Created),
        (P::Lifetime, V::Utility, "Expires", P::Expires),
        (P::Response, V::Trust, "RequestedSecurityToken", P::Token),
        (
            P::Token,
            V::Conversation,
            "SecurityContextToken",
            P::Context,
        ),
        (P::Context, V::Conversation, "Identifier", P::Identifier),
        (P::Response, V::Trust, "RequestedProofToken", P::Proof),
        (P::Proof, V::Trust, "BinarySecret", P::ProofSecret),
        (P::Proof, V::Trust, "ComputedKey", P::ComputedKey),
        (P::Proof, V::Encryption, "EncryptedKey", P::Encrypted),
        (P::Response, V::Trust, "Entropy", P::Entropy),
        (P::Entropy, V::Trust, "BinarySecret", P::EntropySecret),
        (P::Entropy, V::Encryption, "EncryptedKey", P::Encrypted),
    ]
};

const UTILITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
