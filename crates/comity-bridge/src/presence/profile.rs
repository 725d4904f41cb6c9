//! How rich states cross.

use std::borrow::Cow;

use comity_policy::PeerKind;
use comity_xmpp::Show;

use super::Device;

/// How the states of one side look on the other.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PresenceProfile {
    /// As gateways between Microsoft servers and XMPP have done it: who is busy is away, with a status
    /// that says so, and `dnd` is busy.
    Cisco,
    /// As much as both sides can say: who is busy is `dnd`.
    Faithful,
    /// By tables of one's own.
    Custom(Box<Tables>),
}

/// How available a user of SIP is, in the words of Microsoft clients. In the order of how much a
/// watcher has to know it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a profile has a row for each of these"
)]
pub enum SipState {
    /// There.
    Available,
    /// There, but has not touched his device for a while.
    Idle,
    /// Away for a moment.
    BeRightBack,
    /// Away.
    Away,
    /// Away for long.
    ExtendedAway,
    /// Busy.
    Busy,
    /// Does not want to be disturbed.
    DoNotDisturb,
    /// Not there.
    Offline,
}

/// How available a user of XMPP is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a profile has a row for each of these"
)]
pub enum XmppState {
    /// Without `show`.
    Available,
    /// `chat`
    Chat,
    /// `away`
    Away,
    /// `away` with the status "Idle", or with how long he has been idle (XEP-0319).
    Idle,
    /// `away` with the status "Busy".
    Busy,
    /// `xa`
    Xa,
    /// `dnd`
    Dnd,
    /// Presence of type `unavailable`.
    Offline,
}

/// What a user of XMPP sees of a user of SIP.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "somebody is there or not")]
pub enum Seen {
    /// Presence of type `unavailable`.
    Offline,
    /// Presence without type.
    Available {
        /// Its `show`.
        show: Option<Show>,
        /// Its `status`, if the user of SIP has said nothing of his own.
        status: Option<Cow<'static, str>>,
    },
}

/// The rows of a profile. A state without row looks as with [`PresenceProfile::Cisco`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "users write their own")]
pub struct Tables {
    /// How users of SIP look to users of XMPP.
    pub to_xmpp: Vec<(SipState, Seen)>,
    /// How users of XMPP look to users of SIP.
    pub to_sip: Vec<(XmppState, SipState)>,
}

impl PresenceProfile {
    /// The profile for peers of a kind, where no other is configured.
    #[must_use]
    pub fn of(kind: PeerKind) -> &'static Self {
        match kind {
            PeerKind::Microsoft => &Self::Cisco,
            PeerKind::Standard | _ => &Self::Faithful,
        }
    }

    /// How a user of SIP in this state looks to users of XMPP.
    #[must_use]
    pub fn seen(&self, state: SipState) -> Seen {
        let custom = match self {
            Self::Custom(tables) => tables.to_xmpp.iter().find(|(own, _)| *own == state),
            Self::Cisco | Self::Faithful => None,
        };
        let available = |show, status: Option<&'static str>| Seen::Available {
            show,
            status: status.map(Cow::Borrowed),
        };
        let is_faithful = *self == Self::Faithful;
        match (custom, state) {
            (Some((_, seen)), _) => seen.clone(),
            (None, SipState::Offline) => Seen::Offline,
            (None, SipState::Available) => available(None, None),
            (None, SipState::Idle) => available(Some(Show::Away), Some("Idle")),
            (None, SipState::ExtendedAway) if is_faithful => available(Some(Show::Xa), None),
            (None, SipState::BeRightBack) if is_faithful => {
                available(Some(Show::Away), Some("Be right back"))
            }
            (None, SipState::BeRightBack | SipState::Away | SipState::ExtendedAway) => {
                available(Some(Show::Away), None)
            }
            (None, SipState::Busy | SipState::DoNotDisturb) if is_faithful => {
                available(Some(Show::Dnd), None)
            }
            (None, SipState::Busy | SipState::DoNotDisturb) => {
                available(Some(Show::Away), Some("Busy"))
            }
        }
    }

    /// How a user of XMPP in this state looks to users of SIP.
    #[must_use]
    pub fn shown(&self, state: XmppState) -> SipState {
        let custom = match self {
            Self::Custom(tables) => tables.to_sip.iter().find(|(own, _)| *own == state),
            Self::Cisco | Self::Faithful => None,
        };
        let is_faithful = *self == Self::Faithful;
        match (custom, state) {
            (Some((_, shown)), _) => *shown,
            (None, XmppState::Available | XmppState::Chat) => SipState::Available,
            (None, XmppState::Busy) if is_faithful => SipState::Away,
            (None, XmppState::Xa) if is_faithful => SipState::ExtendedAway,
            (None, XmppState::Away | XmppState::Xa) => SipState::Away,
            (None, XmppState::Idle) => SipState::Idle,
            (None, XmppState::Dnd) if is_faithful => SipState::DoNotDisturb,
            (None, XmppState::Busy | XmppState::Dnd) => SipState::Busy,
            (None, XmppState::Offline) => SipState::Offline,
        }
    }
}

impl XmppState {
    /// The state of a device.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        if !device.is_available() {
            return Self::Offline;
        }
        let says = |words: &str| {
            let mut statuses = device.statuses.iter();
            statuses.any(|status| status.text.trim().eq_ignore_ascii_case(words))
        };
        match device.show {
            None => Self::Available,
            Some(Show::Chat) => Self::Chat,
            Some(Show::Away) if device.is_idle || says("Idle") => Self::Idle,
            Some(Show::Away) if says("Busy") => Self::Busy,
            Some(Show::Away) => Self::Away,
            Some(Show::Xa) => Self::Xa,
            Some(Show::Dnd) => Self::Dnd,
        }
    }
}
