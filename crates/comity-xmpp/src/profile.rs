use crate::Security;
use crate::stream::Switch;

/// What is different with some servers, as data: no code asks which product a peer runs.
///
/// ```
/// use comity_xmpp::{Authzid, Profile};
///
/// let profile = Profile::named("sametime").ok_or("no such profile")?;
/// assert_eq!(profile.authzid, Authzid::Domain);
/// # Ok::<_, &str>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "composers write it as a literal")]
pub struct Profile {
    /// Whether we use SASL EXTERNAL where the peer offers it.
    pub external: Switch,
    /// What the request for SASL EXTERNAL names.
    pub authzid: Authzid,
    /// Whether stanzas go both ways on one stream (XEP-0288).
    pub bidi: Switch,
    /// Whether stanzas are acknowledged (XEP-0198).
    pub acknowledgements: Switch,
    /// Whether targets of direct TLS are dialled (XEP-0368).
    pub direct_tls: Switch,
    /// Whether further pairs of domains may ride on a stream (XEP-0220 §2.3).
    pub piggybacking: Switch,
}

/// The authorisation identity in a request for SASL EXTERNAL (XEP-0178 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "it is given or left out")]
pub enum Authzid {
    /// Our domain: MongooseIM and others rely on it.
    Domain,
    /// None (`=`): the peer takes the header's `from`.
    Empty,
}

impl Profile {
    /// A server that keeps to the standards.
    pub const STANDARD: Self = Self {
        external: Switch::On,
        authzid: Authzid::Domain,
        bidi: Switch::On,
        acknowledgements: Switch::On,
        direct_tls: Switch::On,
        piggybacking: Switch::On,
    };

    /// Servers with peculiarities, by the name that a configuration may use.
    ///
    /// * `cisco-webex` shows no usable certificate: dialback proves both sides. Its rules must not
    ///   require a certificate.
    /// * `ejabberd` before 26.06 confuses the namespaces of XEP-0288.
    /// * `mongooseim` takes the domain from the authorisation identity, and knows one pair of
    ///   domains for each connection.
    /// * `openfire` may answer a further pair with "incoming session already exists".
    /// * `sametime` knows nothing beyond RFC 3920 with TLS and SASL EXTERNAL.
    pub const NAMED: [(&str, Self); 6] = [
        ("standard", Self::STANDARD),
        (
            "cisco-webex",
            Self {
                external: Switch::Off,
                ..Self::PLAIN
            },
        ),
        (
            "ejabberd",
            Self {
                bidi: Switch::Off,
                ..Self::STANDARD
            },
        ),
        (
            "mongooseim",
            Self {
                piggybacking: Switch::Off,
                ..Self::STANDARD
            },
        ),
        (
            "openfire",
            Self {
                piggybacking: Switch::Off,
                ..Self::STANDARD
            },
        ),
        ("sametime", Self::PLAIN),
    ];

    /// Nothing but what RFC 3920 had.
    const PLAIN: Self = Self {
        bidi: Switch::Off,
        acknowledgements: Switch::Off,
        direct_tls: Switch::Off,
        piggybacking: Switch::Off,
        ..Self::STANDARD
    };

    /// The profile of that name in [`NAMED`](Self::NAMED).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut named = Self::NAMED.into_iter();
        named.find_map(|(own, profile)| (own == name).then_some(profile))
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// The terms on which two domains may federate.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "composers write it as a literal")]
pub struct Terms {
    /// How the connection must be protected.
    pub security: Security,
    /// The peer's peculiarities.
    pub profile: Profile,
}

impl From<Security> for Terms {
    /// The terms for a peer without peculiarities.
    fn from(security: Security) -> Self {
        Self {
            security,
            profile: Profile::STANDARD,
        }
    }
}
