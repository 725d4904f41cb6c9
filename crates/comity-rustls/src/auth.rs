use crate::enforce::Enforce;

/// What becomes of a server's certificate during the handshake.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ServerAuth {
    /// The handshake goes on only if the certificate proves the name that was asked for.
    Enforce(Enforce),
    /// The handshake goes on with any certificate whose key the server holds, as long as the crypto
    /// provider can use that key (ring takes no RSA key below 2,048 bits), and
    /// [`peer_verdict`](crate::peer_verdict) tells afterwards whom it names.
    ///
    /// Until then nothing is known about the peer, and nothing confidential may be sent.
    Observe,
}

/// Whether a server asks its clients for certificates, and what becomes of them during the
/// handshake.
///
/// Where they are not judged, whatever is presented is taken as long as the client holds its key,
/// and the crypto provider can use that:
/// between federated servers it is known only after the handshake whom it must name.
/// [`peer_verdict`](crate::peer_verdict) judges it then. No hint is given about acceptable CAs,
/// because some clients present nothing unless they find theirs in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not asked.
    None,
    /// Asked; none is fine, and what is presented is not judged.
    Observe,
    /// Asked; without one the handshake fails. What is presented is not judged.
    Present,
    /// Asked; without one that is trusted the handshake fails.
    Required(Enforce),
    /// Asked; none is fine, but with one that is not trusted the handshake fails.
    Want(Enforce),
}

impl ClientAuth {
    /// How what a client presents is judged, if it is.
    pub(crate) fn enforce(&self) -> Option<&Enforce> {
        match self {
            Self::None | Self::Observe | Self::Present => None,
            Self::Required(enforce) | Self::Want(enforce) => Some(enforce),
        }
    }

    pub(crate) fn is_asked(&self) -> bool {
        match self {
            Self::None => false,
            Self::Observe | Self::Present | Self::Required(_) | Self::Want(_) => true,
        }
    }

    pub(crate) fn is_mandatory(&self) -> bool {
        match self {
            Self::None | Self::Observe | Self::Want(_) => false,
            Self::Present | Self::Required(_) => true,
        }
    }
}
