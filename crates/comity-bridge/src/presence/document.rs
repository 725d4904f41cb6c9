use std::collections::BTreeMap;

use comity_xmpp::{Show, Text};

use super::{Activity, Device, PresenceProfile, Seen, SipState};

/// A presence document, whatever its format was.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// Whose presence it is, as it is written: [`address::entity`](crate::address::entity) reads it.
    pub entity: Box<str>,
    /// The ways in which the user can be reached; there may be none.
    pub tuples: Vec<Tuple>,
}

/// One way in which a user can be reached.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tuple {
    /// Its name; empty if it has none.
    pub id: Box<str>,
    /// What the user does; [`SipState::Offline`] for a tuple that is closed.
    pub activity: Activity,
    /// What XMPP says, if a gateway has put that in (RFC 8048 §6.2).
    pub show: Option<Show>,
    /// The priority in thousandths, from 0 to 1000.
    pub priority: Option<u16>,
    /// Whether nobody has touched the device for a while.
    pub is_idle: bool,
    /// What the user says about it.
    pub notes: Vec<Text>,
}

/// What a document may be.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// A document, in bytes: 64 KiB. Those of Microsoft servers have up to ten.
    pub max_document_bytes: usize,
    /// How deep elements may be nested: 16.
    pub max_depth: usize,
    /// Elements: 2,048.
    pub max_elements: usize,
    /// Attributes of one element: 32.
    pub max_attributes: usize,
    /// Tuples that are looked at: 32. The others are left out.
    pub max_tuples: usize,
    /// Characters of a note: 1,024. What is beyond is cut off.
    pub max_note_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_document_bytes: 64 * 1024,
            max_depth: 16,
            max_elements: 2_048,
            max_attributes: 32,
            max_tuples: 32,
            max_note_chars: 1_024,
        }
    }
}

impl Tuple {
    pub(super) fn new(id: &str, activity: Activity) -> Self {
        Self {
            id: id.into(),
            activity,
            show: None,
            priority: None,
            is_idle: false,
            notes: Vec::new(),
        }
    }

    /// The resource that the tuple stands for: its name without what RFC 8048 §6.2 puts in front.
    #[must_use]
    pub fn resource(&self) -> String {
        match self.id.strip_prefix("ID-") {
            Some(escaped) => unescape(escaped),
            None => self.id.clone().into(),
        }
    }
}

/// The devices of a document, the most available first. Several tuples of one name are one device, of
/// which the most available counts; without tuples the user is not there.
///
/// The status is the user's note, else words for what he does, else what the profile says.
#[must_use]
pub fn to_xmpp(document: &Document, profile: &PresenceProfile, limits: &Limits) -> Vec<Device> {
    let mut devices: BTreeMap<Box<str>, Device> = BTreeMap::new();
    for tuple in document.tuples.iter().take(limits.max_tuples) {
        let device = device(tuple, profile);
        let known = devices.get(&device.resource);
        if known.is_none_or(|known| rank(&device) < rank(known)) {
            devices.insert(device.resource.clone(), device);
        }
    }
    let mut devices: Vec<Device> = devices.into_values().collect();
    if devices.is_empty() {
        devices.push(Device::unavailable(""));
    }
    devices.sort_by_key(rank);
    devices
}

fn device(tuple: &Tuple, profile: &PresenceProfile) -> Device {
    let mut device = Device::unavailable(&tuple.resource());
    device.statuses.clone_from(&tuple.notes);
    let said = tuple.activity.state;
    let may_be_idle = match said {
        SipState::Available => true,
        SipState::Away => tuple.show.is_none(),
        SipState::Idle
        | SipState::BeRightBack
        | SipState::ExtendedAway
        | SipState::Busy
        | SipState::DoNotDisturb
        | SipState::Offline => false,
    };
    let state = match tuple.is_idle && may_be_idle {
        true => SipState::Idle,
        false => said,
    };
    let Seen::Available { show, status } = profile.seen(state) else {
        return device;
    };
    device.is_open = true;
    device.is_idle = state == SipState::Idle;
    device.show = tuple.show.or(show);
    device.priority = tuple.priority.map_or(0, from_thousandths);
    let label = tuple.activity.label.map(Into::into);
    let words = label.or_else(|| status.filter(|_| tuple.show.is_none()));
    if let Some(words) = words.filter(|_| device.statuses.is_empty()) {
        let text = words.as_ref().into();
        device.statuses.push(Text { lang: None, text });
    }
    device
}

/// The more available a device is, the less. RFC 8048 §6.2 shows the most available one.
pub(super) fn rank(device: &Device) -> (u8, i16) {
    let mode = match (device.is_open, device.show) {
        (true, Some(Show::Chat)) => 0,
        (true, None) => 1,
        (true, Some(Show::Dnd)) => 2,
        (true, Some(Show::Away)) => 3,
        (true, Some(Show::Xa)) => 4,
        (false, _) => 5,
    };
    (mode, -i16::from(device.priority))
}

/// The name of a tuple for a resource. `xs:ID` takes less than a resource may hold, and what it does
/// not take is written as its number in hexadecimal digits between underlines, as is an underline.
pub(super) fn escape(resource: &str) -> String {
    let mut id = "ID-".to_owned();
    for character in resource.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '-' | '.') {
            id.push(character);
        } else {
            id.push_str(&format!("_{:x}_", u32::from(character)));
        }
    }
    id
}

fn unescape(id: &str) -> String {
    let mut resource = String::with_capacity(id.len());
    let mut rest = id;
    while let Some((before, behind)) = rest.split_once('_') {
        resource.push_str(before);
        // Numbers have up to six digits; further on is not looked for an end.
        let end = behind.bytes().take(7).position(|byte| byte == b'_');
        let number = end.and_then(|end| behind.get(..end));
        let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        rest = match (number.and_then(char::from_u32), behind.split_once('_')) {
            (Some(character), Some((_, behind))) => {
                resource.push(character);
                behind
            }
            (_, _) => {
                resource.push('_');
                behind
            }
        };
    }
    resource.push_str(rest);
    resource
}

/// RFC 8048 §6.2, note 6: 1 is 7 thousandths, 126 is 992.
pub(super) fn to_thousandths(priority: i8) -> Option<u16> {
    let priority = u32::try_from(priority).ok()?;
    u16::try_from(priority * 1000 / 127).ok()
}

fn from_thousandths(thousandths: u16) -> i8 {
    let priority = (u32::from(thousandths.min(1000)) * 127).div_ceil(1000);
    i8::try_from(priority).unwrap_or(i8::MAX)
}
