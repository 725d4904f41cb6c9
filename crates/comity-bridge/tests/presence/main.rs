//! Presence one way and back.
#![cfg(test)]

mod profiles;
mod reading;
mod writing;

use bytes::Bytes;
use comity_bridge::presence::{
    Device, Document, Limits, PresenceProfile, ReadError, read, to_xmpp, write,
};
use comity_sip::Message;
use comity_sip::header::ContentType;
use comity_xmpp::{Jid, Presence, PresenceType, Show, Text};

pub(crate) const CISCO: PresenceProfile = PresenceProfile::Cisco;

pub(crate) const FAITHFUL: PresenceProfile = PresenceProfile::Faithful;

pub(crate) fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

pub(crate) fn parse(body: &str) -> Result<Document, ReadError> {
    read(
        None,
        &Bytes::copy_from_slice(body.as_bytes()),
        &Limits::default(),
    )
}

pub(crate) fn recorded(bytes: &[u8]) -> Document {
    let limits = comity_sip::Limits::default();
    let message = Message::from_datagram(bytes.to_vec().into(), &limits).unwrap();
    let kind = message.headers().one::<ContentType<'_>>().unwrap();
    read(Some(kind), &message.body(), &Limits::default()).unwrap()
}

/// Resource, show, first status and priority of each device.
pub(crate) type Row = (String, Option<Option<Show>>, Option<String>, i8);

pub(crate) fn rows(document: &Document, profile: &PresenceProfile) -> Vec<Row> {
    let row = |device: &Device| {
        let status = device.statuses.first();
        (
            device.resource.clone().into_string(),
            device.is_available().then_some(device.show),
            status.map(|status| status.text.clone().into_string()),
            device.priority,
        )
    };
    to_xmpp(document, profile, &Limits::default())
        .iter()
        .map(row)
        .collect()
}

pub(crate) fn row(
    resource: &str,
    show: Option<Option<Show>>,
    status: Option<&str>,
    priority: i8,
) -> Row {
    (
        resource.to_owned(),
        show,
        status.map(str::to_owned),
        priority,
    )
}

pub(crate) fn device(resource: &str, show: Option<Show>, status: Option<&str>) -> Device {
    let mut presence = Presence::new(PresenceType::Available);
    presence.show = show;
    let text = |status: &str| Text {
        lang: None,
        text: status.into(),
    };
    presence.statuses = status.map(text).into_iter().collect();
    let from = format!("juliet@x.example/{resource}");
    Device::from_presence(&jid(&from), &presence, 100)
}

pub(crate) fn written(devices: &[Device], profile: &PresenceProfile) -> String {
    let body = write(&jid("juliet@x.example"), devices, profile);
    String::from_utf8(body.to_vec()).unwrap()
}
