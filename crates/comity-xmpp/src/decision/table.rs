use super::{Abilities, Channel, Facts, Role};
use crate::{CertificateRule, Security, TlsMode, Transport};

/// Every combination of facts that can come about, in the order of the document.
pub fn cells(role: Role) -> impl Iterator<Item = Facts> {
    let dimensions = dimensions(role);
    let count: usize = dimensions.iter().map(|dimension| dimension.len()).product();
    (0..count).map(move |index| {
        let mut rest = index;
        let mut facts = Facts::new(role, Security::ENCRYPTED);
        for dimension in dimensions.iter().rev() {
            dimension.set(&mut facts, rest % dimension.len());
            rest /= dimension.len();
        }
        facts
    })
}

/// A column of the table: one thing that is known, and what it can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dimension {
    Connection,
    Tls,
    Certificate,
    Own(Ability),
    Offered(Ability),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ability {
    StartTls,
    External,
    Dialback,
    Bidi,
}

/// The columns of a role. The receiving entity speaks first, so it knows no offers.
pub(super) fn dimensions(role: Role) -> &'static [Dimension] {
    match role {
        Role::Initiating => &INITIATING,
        Role::Receiving => &RECEIVING,
    }
}

impl Dimension {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Tls => "TLS",
            Self::Certificate => "certificate",
            Self::Own(Ability::StartTls) => "our TLS engine",
            Self::Own(Ability::External) => "our EXTERNAL",
            Self::Own(Ability::Dialback) => "our dialback",
            Self::Own(Ability::Bidi) => "our bidi",
            Self::Offered(Ability::StartTls) => "offers STARTTLS",
            Self::Offered(Ability::External) => "offers EXTERNAL",
            Self::Offered(Ability::Dialback) => "offers dialback",
            Self::Offered(Ability::Bidi) => "offers bidi",
        }
    }

    pub(super) fn len(self) -> usize {
        self.values().len()
    }

    pub(super) fn values(self) -> &'static [&'static str] {
        match self {
            Self::Connection => &CONNECTION_NAMES,
            Self::Tls => &["disabled", "optional", "required"],
            Self::Certificate => &["optional", "required"],
            Self::Offered(Ability::StartTls) => &["no", "yes", "required"],
            Self::Own(_) | Self::Offered(_) => &["no", "yes"],
        }
    }

    /// Gives the facts the value that stands at `index` in [`values`](Self::values).
    pub(super) fn set(self, facts: &mut Facts, index: usize) {
        match self {
            Self::Connection => {
                if let Some((transport, channel)) = CONNECTIONS.get(index) {
                    (facts.transport, facts.channel) = (*transport, *channel);
                }
            }
            Self::Tls => {
                let modes = [TlsMode::Disabled, TlsMode::Optional, TlsMode::Required];
                facts.security.tls = modes.get(index).copied().unwrap_or(TlsMode::Required);
            }
            Self::Certificate => {
                facts.security.certificate = match index {
                    0 => CertificateRule::Optional,
                    _required => CertificateRule::Required,
                };
            }
            Self::Own(ability) => *ability.of(&mut facts.own) = index == 1,
            Self::Offered(ability) => {
                *ability.of(&mut facts.offers) = index > 0;
                facts.requires_tls |= ability == Ability::StartTls && index == 2;
            }
        }
    }
}

impl Ability {
    fn of(self, abilities: &mut Abilities) -> &mut bool {
        match self {
            Self::StartTls => &mut abilities.starttls,
            Self::External => &mut abilities.external,
            Self::Dialback => &mut abilities.dialback,
            Self::Bidi => &mut abilities.bidi,
        }
    }
}

const INITIATING: [Dimension; 11] = [
    Dimension::Connection,
    Dimension::Tls,
    Dimension::Certificate,
    Dimension::Own(Ability::StartTls),
    Dimension::Offered(Ability::StartTls),
    Dimension::Own(Ability::External),
    Dimension::Offered(Ability::External),
    Dimension::Own(Ability::Dialback),
    Dimension::Offered(Ability::Dialback),
    Dimension::Own(Ability::Bidi),
    Dimension::Offered(Ability::Bidi),
];

const RECEIVING: [Dimension; 7] = [
    Dimension::Connection,
    Dimension::Tls,
    Dimension::Certificate,
    Dimension::Own(Ability::StartTls),
    Dimension::Own(Ability::External),
    Dimension::Own(Ability::Dialback),
    Dimension::Own(Ability::Bidi),
];

/// A connection that began with TLS is never plain.
const CONNECTIONS: [(Transport, Channel); 7] = [
    (Transport::Tcp, Channel::Plain),
    (Transport::Tcp, Channel::Anonymous),
    (Transport::Tcp, Channel::Untrusted),
    (Transport::Tcp, Channel::Trusted),
    (Transport::DirectTls, Channel::Anonymous),
    (Transport::DirectTls, Channel::Untrusted),
    (Transport::DirectTls, Channel::Trusted),
];

const CONNECTION_NAMES: [&str; 7] = [
    "plain",
    "STARTTLS, no certificate",
    "STARTTLS, untrusted",
    "STARTTLS, trusted",
    "direct TLS, no certificate",
    "direct TLS, untrusted",
    "direct TLS, trusted",
];
