use comity_xmpp::{Jid, Presence, PresenceType, Show, Text};

/// The presence of one device of a user, as XMPP has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Device {
    /// The resource; empty for the user without saying which device.
    pub resource: Box<str>,
    /// Whether it is there.
    pub is_open: bool,
    /// How available it is.
    pub show: Option<Show>,
    /// What the user says about it, in at most four languages.
    pub statuses: Vec<Text>,
    /// Which device gets messages.
    pub priority: i8,
    /// Whether nobody has touched it for a while (XEP-0319).
    pub is_idle: bool,
}

impl Device {
    /// A device that is not there.
    #[must_use]
    pub fn unavailable(resource: &str) -> Self {
        Self {
            resource: resource.into(),
            ..Self::default()
        }
    }

    /// What a presence from this address says. Only one without type is available. A status has at
    /// most so many characters.
    #[must_use]
    pub fn from_presence(from: &Jid, presence: &Presence, max_status_chars: usize) -> Self {
        let short = |status: &Text| Text {
            lang: status.lang.clone(),
            text: status.text.chars().take(max_status_chars).collect(),
        };
        let is_idle = |element: &comity_xmpp::xml::Element| element.is(IDLE, "idle");
        Self {
            resource: from.resource().unwrap_or_default().into(),
            is_open: presence.presence_type == PresenceType::Available,
            show: presence.show,
            statuses: presence
                .statuses
                .iter()
                .take(MAX_STATUSES)
                .map(short)
                .collect(),
            priority: presence.priority,
            is_idle: presence.payloads.iter().any(is_idle),
        }
    }

    /// Whether it is there.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.is_open
    }

    /// The presence of the device. That it is idle is not said, because nobody knows since when.
    #[must_use]
    pub fn to_presence(&self) -> Presence {
        let mut presence = Presence::new(match self.is_open {
            true => PresenceType::Available,
            false => PresenceType::Unavailable,
        });
        if self.is_open {
            presence.show = self.show;
            presence.priority = self.priority;
        }
        presence.statuses.clone_from(&self.statuses);
        presence
    }

    /// The address of the device of a user; that of the user if no address can have the resource.
    #[must_use]
    pub fn address(&self, user: &Jid) -> Jid {
        let bare = user.to_bare();
        match self.resource.is_empty() {
            true => bare,
            false => Jid::parse(&format!("{bare}/{}", self.resource)).unwrap_or(bare),
        }
    }
}

pub(super) const MAX_STATUSES: usize = 4;

const IDLE: &str = "urn:xmpp:idle:1";
