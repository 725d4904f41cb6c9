//! What people do, as the different formats name it.

use super::SipState;

/// What somebody does, if a document says more than whether he is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Activity {
    /// How available that leaves him.
    pub state: SipState,
    /// Words for people that say more than the state does.
    pub label: Option<&'static str>,
}

impl Activity {
    pub(super) const fn new(state: SipState) -> Self {
        Self { state, label: None }
    }

    const fn labelled(state: SipState, label: &'static str) -> Self {
        let label = Some(label);
        Self { state, label }
    }

    /// The activity of that name in RPID (RFC 4480 §3.2), or in the tokens of Microsoft. Names that
    /// are not known, or do not bear on availability, give [`SipState::Available`].
    #[must_use]
    pub fn named(name: &str) -> Self {
        let row = NAMES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        row.map_or(Self::new(SipState::Available), |(_, activity)| *activity)
    }

    /// The number of an availability (OCS 2007 and later).
    pub(super) fn of_availability(number: u32) -> Self {
        match number {
            3_000..4_500 => Self::new(SipState::Available),
            4_500..6_000 => Self::new(SipState::Idle),
            6_000..9_000 => Self::new(SipState::Busy),
            9_000..12_000 => Self::new(SipState::DoNotDisturb),
            12_000..15_000 => Self::named("be-right-back"),
            15_000..18_000 => Self::new(SipState::Away),
            _ => Self::new(SipState::Offline),
        }
    }

    /// The numbers of availability and activity (LCS 2003 and 2005).
    pub(super) fn of_pair(availability: u32, activity: u32) -> Self {
        if availability < 100 {
            return Self::new(SipState::Offline);
        }
        match activity {
            0..150 | 700..800 => Self::new(SipState::Away),
            150..200 => Self::named("lunch"),
            200..300 => Self::new(SipState::Idle),
            300..400 => Self::named("be-right-back"),
            400..500 | 800.. => Self::new(SipState::Available),
            500..600 => Self::named("on-the-phone"),
            600..700 => Self::new(SipState::Busy),
        }
    }

    /// The one of both that says more: who is in a meeting and at lunch is in a meeting.
    pub(super) fn stronger(self, other: Self) -> Self {
        match other.state > self.state {
            true => other,
            false => self,
        }
    }
}

const NAMES: &[(&str, Activity)] = &[
    (
        "appointment",
        Activity::labelled(SipState::Busy, "In an appointment"),
    ),
    ("away", Activity::new(SipState::Away)),
    ("berightback", Activity::new(SipState::BeRightBack)),
    ("be-right-back", Activity::new(SipState::BeRightBack)),
    (
        "breakfast",
        Activity::labelled(SipState::Away, "At breakfast"),
    ),
    ("busy", Activity::new(SipState::Busy)),
    ("dinner", Activity::labelled(SipState::Away, "At dinner")),
    ("dnd", Activity::new(SipState::DoNotDisturb)),
    ("donotdisturb", Activity::new(SipState::DoNotDisturb)),
    ("do-not-disturb", Activity::new(SipState::DoNotDisturb)),
    (
        "holiday",
        Activity::labelled(SipState::ExtendedAway, "On holiday"),
    ),
    ("idle", Activity::new(SipState::Idle)),
    (
        "in-a-conference",
        Activity::labelled(SipState::Busy, "In a conference"),
    ),
    (
        "in-a-meeting",
        Activity::labelled(SipState::Busy, "In a meeting"),
    ),
    (
        "in-presentation",
        Activity::labelled(SipState::DoNotDisturb, "In a presentation"),
    ),
    (
        "in-transit",
        Activity::labelled(SipState::Away, "In transit"),
    ),
    ("inactive", Activity::new(SipState::Idle)),
    ("lunch", Activity::labelled(SipState::Away, "Out to lunch")),
    ("meal", Activity::labelled(SipState::Away, "At a meal")),
    (
        "meeting",
        Activity::labelled(SipState::Busy, "In a meeting"),
    ),
    (
        "on-the-phone",
        Activity::labelled(SipState::Busy, "On the phone"),
    ),
    (
        "onthephone",
        Activity::labelled(SipState::Busy, "On the phone"),
    ),
    (
        "out-of-office",
        Activity::labelled(SipState::ExtendedAway, "Out of office"),
    ),
    (
        "outtolunch",
        Activity::labelled(SipState::Away, "Out to lunch"),
    ),
    (
        "performance",
        Activity::labelled(SipState::Busy, "At a performance"),
    ),
    (
        "permanent-absence",
        Activity::labelled(SipState::ExtendedAway, "Absent"),
    ),
    (
        "presentation",
        Activity::labelled(SipState::Busy, "In a presentation"),
    ),
    ("shopping", Activity::labelled(SipState::Away, "Shopping")),
    ("sleeping", Activity::labelled(SipState::Away, "Asleep")),
    ("steering", Activity::labelled(SipState::Busy, "Driving")),
    ("travel", Activity::labelled(SipState::Away, "Travelling")),
    (
        "urgent-interruptions-only",
        Activity::new(SipState::DoNotDisturb),
    ),
    (
        "vacation",
        Activity::labelled(SipState::ExtendedAway, "On vacation"),
    ),
    ("worship", Activity::labelled(SipState::Busy, "At worship")),
];
