use std::fmt;

use super::name::{Cipher, KeyExchange, Mode, Signature, Strength, Suite};

/// Why a cipher suite cannot be had.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Objection {
    /// Our own list of cipher suites does not have it.
    NotListed,
    /// Nothing is encrypted.
    NullCipher,
    /// Weakened for export; broken within minutes.
    Export,
    /// Nobody proves who he is, so anybody can be in the middle.
    Anonymous,
    /// RC4, forbidden by RFC 7465.
    Rc4,
    /// RC2 with a short key.
    Rc2,
    /// DES, whose key can be found by trying.
    Des,
    /// Triple DES, whose short blocks give the plaintext away (Sweet32).
    TripleDes,
    /// IDEA, given up by RFC 5469.
    Idea,
    /// RSA key exchange: who gets the private key some day reads all that was recorded.
    RsaKeyExchange,
    /// Diffie-Hellman with the key of the certificate, as bad as RSA key exchange.
    StaticDiffieHellman,
    /// Ephemeral Diffie-Hellman without elliptic curves.
    FiniteFieldDhe,
    /// Certificates with DSA keys.
    Dss,
    /// Keys that both sides share beforehand.
    Psk,
    /// Passwords (SRP).
    Srp,
    /// Tickets of Kerberos.
    Kerberos,
    /// Passwords (RFC 8492).
    Password,
    /// The algorithms of Russia's standards.
    Gost,
    /// Cipher block chaining, whose padding has been attacked many times (Lucky 13).
    Cbc,
    /// Neither bad nor there: the crypto provider does not have it.
    NotInProvider,
    /// Not a suite, but a signal that clients send by themselves.
    Signal,
    /// A word of OpenSSL for a class of suites, or for their order.
    Keyword,
    /// Not the name of a suite.
    UnknownName,
}

impl Objection {
    /// All that is to be said against a suite that the provider does not have, the gravest first.
    pub(crate) fn all(suite: &Suite) -> Vec<Self> {
        let mut objections: Vec<_> = [
            to_strength(suite.strength),
            to_cipher(suite.cipher),
            to_key_exchange(suite.key_exchange),
            to_signature(suite.signature),
        ]
        .into_iter()
        .flatten()
        .collect();
        if objections.is_empty() {
            objections.push(Self::NotInProvider);
        }
        objections.sort_unstable();
        objections.dedup();
        objections
    }

    /// What to do instead.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::NotListed => "put it on the list of cipher suites",
            Self::NullCipher
            | Self::Export
            | Self::Anonymous
            | Self::Rc4
            | Self::Rc2
            | Self::Des
            | Self::Idea => "take it off the list, and upgrade the peer that needs it",
            Self::TripleDes
            | Self::RsaKeyExchange
            | Self::StaticDiffieHellman
            | Self::FiniteFieldDhe
            | Self::Dss
            | Self::Cbc => {
                "let the peer offer ECDHE with AES-GCM or ChaCha20, \
                 or put a TLS proxy in front that can do both"
            }
            Self::Psk | Self::Srp | Self::Kerberos | Self::Password => {
                "take it off the list: domains prove themselves by certificates"
            }
            Self::Gost | Self::NotInProvider => {
                "take it off the list, or use a crypto provider that has it"
            }
            Self::Signal => "take it off the list: it is sent where it is needed",
            Self::Keyword => "name the suites one by one",
            Self::UnknownName => "compare the spelling with the TLS registry of IANA",
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotListed => "left out by our own list",
            Self::NullCipher => "no encryption",
            Self::Export => "export strength",
            Self::Anonymous => "no authentication",
            Self::Rc4 => "RC4",
            Self::Rc2 => "RC2",
            Self::Des => "DES",
            Self::TripleDes => "triple DES",
            Self::Idea => "IDEA",
            Self::RsaKeyExchange => "RSA key exchange",
            Self::StaticDiffieHellman => "static Diffie-Hellman",
            Self::FiniteFieldDhe => "Diffie-Hellman without elliptic curves",
            Self::Dss => "DSA certificates",
            Self::Psk => "pre-shared keys",
            Self::Srp => "SRP passwords",
            Self::Kerberos => "Kerberos",
            Self::Password => "passwords",
            Self::Gost => "GOST algorithms",
            Self::Cbc => "CBC",
            Self::NotInProvider => "not in the crypto provider",
            Self::Signal => "a signal, not a suite",
            Self::Keyword => "a keyword of OpenSSL, not a suite",
            Self::UnknownName => "not the name of a cipher suite",
        })
    }
}

fn to_strength(strength: Strength) -> Option<Objection> {
    match strength {
        Strength::Export => Some(Objection::Export),
        Strength::Full => None,
    }
}

fn to_cipher(cipher: Cipher) -> Option<Objection> {
    match cipher {
        Cipher::Aegis
        | Cipher::ChaCha20
        | Cipher::Block(_, _, Mode::Ccm | Mode::Ccm8 | Mode::Gcm) => None,
        Cipher::Block(_, _, Mode::Cbc) | Cipher::Seed => Some(Objection::Cbc),
        Cipher::Des => Some(Objection::Des),
        Cipher::Gost => Some(Objection::Gost),
        Cipher::Idea => Some(Objection::Idea),
        Cipher::Null => Some(Objection::NullCipher),
        Cipher::Rc2 => Some(Objection::Rc2),
        Cipher::Rc4 => Some(Objection::Rc4),
        Cipher::TripleDes => Some(Objection::TripleDes),
    }
}

fn to_key_exchange(key_exchange: KeyExchange) -> Option<Objection> {
    match key_exchange {
        KeyExchange::Ecdhe | KeyExchange::Null | KeyExchange::Tls13 => None,
        KeyExchange::Anonymous => Some(Objection::Anonymous),
        KeyExchange::Dhe => Some(Objection::FiniteFieldDhe),
        KeyExchange::Gost => Some(Objection::Gost),
        KeyExchange::Kerberos => Some(Objection::Kerberos),
        KeyExchange::Password => Some(Objection::Password),
        KeyExchange::Psk => Some(Objection::Psk),
        KeyExchange::Rsa => Some(Objection::RsaKeyExchange),
        KeyExchange::Srp => Some(Objection::Srp),
        KeyExchange::Static => Some(Objection::StaticDiffieHellman),
    }
}

fn to_signature(signature: Signature) -> Option<Objection> {
    match signature {
        Signature::Dss => Some(Objection::Dss),
        Signature::Ecdsa | Signature::None | Signature::Rsa => None,
    }
}
