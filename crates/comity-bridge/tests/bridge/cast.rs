//! What Juliet at xmpp.test and Lisa at lync.test do in many tests.

use std::time::Duration;

use comity_sip::endpoint::Event;
use comity_sip::{Method, SessionEvent, SessionId, Subscribe, SubscriptionId};

use crate::world::{World, target};

/// The offer or answer of a session of texts.
pub(crate) const OFFER: &str = "v=0\r\no=- 0 0 IN IP4 192.0.2.21\r\ns=session\r\nc=IN IP4 192.0.2.21\r\n\
    t=0 0\r\nm=message 5060 sip null\r\n";

/// A text of Juliet to Lisa.
pub(crate) fn chat(id: &str, text: &str) -> String {
    format!(
        "<message type='chat' id='{id}' from='juliet@xmpp.test/balcony' to='lisa@lync.test'>\
         <body>{text}</body></message>"
    )
}

/// The id of a stanza.
pub(crate) fn id_of(stanza: &str) -> &str {
    let rest = stanza.split("id='").nth(1).unwrap();
    rest.split('\'').next().unwrap()
}

/// The edge accepts the INVITE of the gateway.
pub(crate) fn accept(world: &mut World) -> SessionId {
    let invite = world.incoming();
    assert_eq!(invite.request().method(), Method::Invite);
    let session = world.edge(|now, edge| {
        edge.accept(now, &invite, "application/sdp", OFFER.into())
            .unwrap()
    });
    match world.told() {
        Event::Session {
            event: SessionEvent::Acknowledged(_),
            ..
        } => session,
        other => panic!("{other:?}"),
    }
}

/// Lisa's client subscribes to Juliet.
pub(crate) fn subscribe(world: &mut World, expires: u64) -> SubscriptionId {
    subscribe_as(world, "sip:lisa@lync.test", expires)
}

/// The client of this user does so.
pub(crate) fn subscribe_as(world: &mut World, watcher: &str, expires: u64) -> SubscriptionId {
    let resource = "sip:juliet@xmpp.test".parse().unwrap();
    let from = watcher.parse().unwrap();
    let mut wish = Subscribe::new(resource, from, "presence");
    wish.accept = vec!["application/pidf+xml".to_owned()];
    wish.expires = Duration::from_secs(expires);
    wish.targets = vec![target(1, "xmpp.test")];
    world.edge(|now, edge| edge.subscribe(now, wish).unwrap())
}
