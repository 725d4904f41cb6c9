use std::fmt;

/// The edition of WS-Trust and WS-SecureConversation that a session speaks.
///
/// Both say the same; they differ in their namespaces alone.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "no other edition is in use")]
pub enum Namespace {
    /// The submission of February 2005, which Microsoft's older servers speak.
    V2005,
    /// The OASIS standards: WS-Trust 1.3, WS-SecureConversation 1.3, and 1.4 of both.
    V200512,
}

impl Namespace {
    /// Both, the older first.
    pub const ALL: [Self; 2] = [Self::V2005, Self::V200512];

    /// The namespace of WS-Trust.
    #[must_use]
    pub const fn trust(self) -> &'static str {
        match self {
            Self::V2005 => "http://schemas.xmlsoap.org/ws/2005/02/trust",
            Self::V200512 => "http://docs.oasis-open.org/ws-sx/ws-trust/200512",
        }
    }

    /// The namespace of WS-SecureConversation.
    #[must_use]
    pub const fn secure_conversation(self) -> &'static str {
        match self {
            Self::V2005 => "http://schemas.xmlsoap.org/ws/2005/02/sc",
            Self::V200512 => "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512",
        }
    }

    /// The token type of a security context token.
    #[must_use]
    pub const fn token_type(self) -> &'static str {
        match self {
            Self::V2005 => "http://schemas.xmlsoap.org/ws/2005/02/sc/sct",
            Self::V200512 => "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct",
        }
    }

    /// The algorithm that computes a key of the entropy of both sides.
    #[must_use]
    pub const fn computed_key(self) -> &'static str {
        match self {
            Self::V2005 => "http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1",
            Self::V200512 => "http://docs.oasis-open.org/ws-sx/ws-trust/200512/CK/PSHA1",
        }
    }
}

impl fmt::Display for Namespace {
    /// The namespace of WS-SecureConversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.secure_conversation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_namespace_begins_with_it() {
        for namespace in Namespace::ALL {
            let (trust, conversation) = (namespace.trust(), namespace.secure_conversation());
            assert_eq!(namespace.computed_key(), format!("{trust}/CK/PSHA1"));
            assert_eq!(namespace.token_type(), format!("{conversation}/sct"));
            assert_eq!(namespace.to_string(), conversation);
        }
    }
}
