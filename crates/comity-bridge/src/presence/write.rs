//! PIDF that is sent (RFC 8048 §6.2).

use std::fmt::Write;

use bytes::Bytes;
use comity_xmpp::{Jid, ns};

use super::document::{escape as tuple_id, rank, to_thousandths};
use super::pidf::{DATA_MODEL, PIDF, RPID, RPID_STATUS};
use super::xml::escape;
use super::{Device, PresenceProfile, SipState, XmppState};
use crate::address;

/// The type of what [`write()`] makes.
pub const CONTENT_TYPE: &str = "application/pidf+xml";

/// The document for the devices of a user, the most available first, and what the user as a whole
/// does, as the first of them has it.
///
/// Devices that are not there are left out. If none is there, the document is the same for every user
/// of that address: it has one tuple that is closed, and tells nothing else.
#[must_use]
pub fn write(user: &Jid, devices: &[Device], profile: &PresenceProfile) -> Bytes {
    let mut devices: Vec<&Device> = devices.iter().filter(|own| own.is_available()).collect();
    devices.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.resource.cmp(&b.resource)));
    let shown = |device: &Device| Form::of(profile.shown(XmppState::of(device)));
    // A profile may hide somebody who is there.
    devices.retain(|device| shown(device).is_open);
    let person = devices.first().map(|device| shown(device));
    let is_rich = devices
        .iter()
        .any(|device| shown(device).activity.is_some());
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence xmlns=\"{PIDF}\"");
    if is_rich {
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            " xmlns:dm=\"{DATA_MODEL}\" xmlns:rpid=\"{RPID}\" xmlns:ep=\"{RPID_STATUS}\""
        );
    }
    text.push_str(" entity=\"");
    escape(&entity(user), &mut text);
    text.push_str("\">");
    for device in &devices {
        write_tuple(user, device, &shown(device), &mut text);
    }
    if devices.is_empty() {
        text.push_str(CLOSED);
    }
    if let Some(person) = person {
        write_person(&person, &mut text);
    }
    text.push_str("</presence>");
    text.into()
}

/// How a state is written.
struct Form {
    is_open: bool,
    /// The name of an activity.
    activity: Option<&'static str>,
    is_idle: bool,
}

impl Form {
    fn of(state: SipState) -> Self {
        let (is_open, activity, is_idle) = match state {
            SipState::Available => (true, None, false),
            SipState::BeRightBack | SipState::Away => (true, Some("away"), false),
            SipState::Idle | SipState::ExtendedAway => (true, Some("away"), true),
            SipState::Busy | SipState::DoNotDisturb => (true, Some("busy"), false),
            SipState::Offline => (false, None, false),
        };
        Self {
            is_open,
            activity,
            is_idle,
        }
    }
}

fn write_tuple(user: &Jid, device: &Device, form: &Form, text: &mut String) {
    let id = tuple_id(&device.resource);
    let _ = write!(text, "<tuple id=\"{id}\"><status><basic>open</basic>");
    if let Some(show) = device.show {
        let _ = write!(
            text,
            "<show xmlns=\"{}\">{}</show>",
            ns::CLIENT,
            show.name()
        );
    }
    if let Some(activity) = form.activity {
        let _ = write!(
            text,
            "<ep:activities><ep:activity>{activity}</ep:activity></ep:activities>"
        );
    }
    text.push_str("</status>");
    // 0 is what XMPP has where nothing is said, and a negative number is not mapped.
    let priority = to_thousandths(device.priority).filter(|number| *number > 0);
    if let Some(number) = priority
        && let Ok(contact) = address::to_uri(&device.address(user))
    {
        let (whole, fraction) = (number / 1000, number % 1000);
        let _ = match whole {
            0 => write!(text, "<contact priority=\"0.{fraction:03}\">"),
            _ => write!(text, "<contact priority=\"1\">"),
        };
        escape(contact.as_uri().as_str(), text);
        text.push_str("</contact>");
    }
    for status in &device.statuses {
        text.push_str("<note");
        if let Some(lang) = &status.lang {
            text.push_str(" xml:lang=\"");
            escape(lang, text);
            text.push('"');
        }
        text.push('>');
        escape(&status.text, text);
        text.push_str("</note>");
    }
    text.push_str("</tuple>");
}

fn write_person(form: &Form, text: &mut String) {
    let Some(activity) = form.activity else {
        return;
    };
    let _ = write!(
        text,
        "<dm:person id=\"person\"><rpid:activities><rpid:{activity}/></rpid:activities>"
    );
    if form.is_idle {
        text.push_str("<rpid:user-input>idle</rpid:user-input>");
    }
    text.push_str("</dm:person>");
}

/// `COMPAT:` RFC 8048 has a `pres` URI here. Clients of SIP compare it with the `sip` URI that they
/// subscribed to, and put that scheme before any other.
fn entity(user: &Jid) -> String {
    match address::to_bare_uri(user) {
        Ok(uri) => uri.to_string(),
        Err(_) => format!("sip:{}", user.domain()),
    }
}

const CLOSED: &str = "<tuple id=\"ID-\"><status><basic>closed</basic></status></tuple>";
