//! The keys of the text form, where they are read and where they are written.

use super::Problem;

/// A place in the tree of keys, for error messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'p> {
    Root,
    Key(&'p Self, &'p str),
    Item(&'p Self, usize),
}

impl Place<'_> {
    /// The path, such as `email.identities[2].user`.
    pub(super) fn path(self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Key(Place::Root, key) => shown(key).escape_debug().to_string(),
            Self::Key(above, key) => format!("{}.{}", above.path(), shown(key).escape_debug()),
            Self::Item(above, index) => format!("{}[{index}]", above.path()),
        }
    }
}

/// What is shown of a text that is wrong, cut to what can be read.
pub(super) fn shown(text: &str) -> Box<str> {
    text.chars()
        .take(Problem::MAX_SHOWN_CHARS)
        .collect::<String>()
        .into()
}

pub(super) const ROOT: &[&str] = &[
    "acl",
    "deny-mode",
    "email",
    "local-domains",
    "rates",
    "sip",
    "user-rules",
    "xmpp",
];
pub(super) const XMPP: &[&str] = &[
    "default",
    "enabled",
    "exceptions",
    "security",
    "security-rules",
];
pub(super) const EXCEPTIONS: &[&str] = &["all", "incoming", "outgoing"];
pub(super) const MODE: &[&str] = &[
    "certificate",
    "dialback",
    "sasl-inbound",
    "sasl-outbound",
    "tls",
];
pub(super) const SECURITY_RULE: &[&str] = &[
    "certificate",
    "dialback",
    "domains",
    "sasl-inbound",
    "sasl-outbound",
    "tls",
];
pub(super) const SIP: &[&str] = &["blocked", "default", "domains", "enabled"];
pub(super) const SIP_DOMAIN: &[&str] = &["description", "direct", "kind", "name"];
pub(super) const USER_RULE: &[&str] = &["owner", "scope", "subject", "verdict"];
pub(super) const EMAIL: &[&str] = &["domains", "enabled", "identities"];
pub(super) const RATES: &[&str] = &["address-block", "domain", "stream", "user"];
pub(super) const RATE: &[&str] = &["burst", "per-second"];

pub(super) const VERDICTS: &[&str] = &["allow", "deny"];
pub(super) const USER_VERDICTS: &[&str] = &["allow", "block"];
pub(super) const TLS: &[&str] = &["disabled", "optional", "required"];
pub(super) const REQUIREMENTS: &[&str] = &["optional", "required"];
pub(super) const KINDS: &[&str] = &["microsoft", "standard"];
pub(super) const SCOPES: &[&str] = &["both", "messages", "presence"];
pub(super) const DENY_MODES: &[&str] = &["polite", "rejected"];
