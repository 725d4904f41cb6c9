//! Messages of Microsoft servers, Linphone and Kamailio.

use comity_sip::header::{
    Accept, Allow, Contact, ContentEncoding, ContentType, Diagnostics, Event, From, Product,
    ProxyRequire, RecordRoute, SubscriptionState, SubscriptionStatus, Supported, UserAgent, Via,
};
use comity_sip::{Gruu, Limits, Message, Method};

use super::{message, read_headers, vector};

#[test]
fn every_message_is_read_and_kept() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/microsoft-sip");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let message = message(&format!("microsoft-sip/{name}"));
        assert_eq!(read_headers(&message), Ok(()), "{name}");
        assert_eq!(
            *message.as_bytes(),
            vector(&format!("microsoft-sip/{name}"))
        );
        count += 1;
    }
    assert_eq!(count, 12);
}

#[test]
fn parameters_and_lists_of_microsoft_are_understood() {
    let message = message("microsoft-sip/lync-invite.sip");
    let headers = message.headers();
    let from = headers.one::<From<'_>>().unwrap();
    assert_eq!(from.display_name().as_deref(), Some("Lisa"));
    assert_eq!(from.tag(), Some("dfac414f0f"));
    assert_eq!(headers.all::<Via<'_>>().count(), 2);
    let route = headers.first::<RecordRoute<'_>>().unwrap().unwrap();
    assert_eq!(route.uri().param("opaque").as_deref(), Some("state:F"));
    let contact = headers.first::<Contact<'_>>().unwrap().unwrap();
    let opaque = "user:epid:XHiWcZA4TlaDkwMgksvyrQAA";
    assert_eq!(
        contact.uri().unwrap().gruu(),
        Some(Gruu::Microsoft(Some(opaque.into())))
    );
    let supported: Vec<_> = headers
        .all::<Supported<'_>>()
        .map(|tag| tag.unwrap().to_string())
        .collect();
    assert_eq!(
        supported,
        ["ms-dialog-route-set-update", "timer", "ms-sender"]
    );
    let benotify = Method::Benotify;
    assert!(
        headers
            .all::<Allow<'_>>()
            .any(|allow| allow.unwrap().method() == benotify)
    );
    let products: Vec<_> = headers.one::<UserAgent<'_>>().unwrap().products().collect();
    assert_eq!(products.len(), 3);
    assert_eq!(products[2], Product::Comment("Microsoft Lync".into()));
}

#[test]
fn a_subscription_and_its_state_are_understood() {
    let subscribe = message("microsoft-sip/lync-subscribe.sip");
    let headers = subscribe.headers();
    assert_eq!(headers.one::<Event<'_>>().unwrap().package(), "presence");
    assert_eq!(headers.all::<Accept<'_>>().count(), 6);
    let pidf = headers
        .all::<Accept<'_>>()
        .any(|range| range.unwrap().accepts("application", "pidf+xml"));
    assert!(pidf);
    let required: Vec<_> = headers
        .all::<ProxyRequire<'_>>()
        .map(|tag| tag.unwrap().to_string())
        .collect();
    assert_eq!(required, ["ms-benotify"]);
    let notify = message("microsoft-sip/lync-notify-msrtc.sip");
    let state = notify.headers().one::<SubscriptionState<'_>>().unwrap();
    assert_eq!(
        (state.status(), state.expires()),
        (SubscriptionStatus::Active, Some(29087))
    );
    let content_type = notify.headers().one::<ContentType<'_>>().unwrap();
    assert!(content_type.is("text", "xml+msrtc.pidf"));
}

#[test]
fn base64_without_quotes_is_understood_in_content_type() {
    let message = message("microsoft-sip/lync-message.sip");
    let content_type = message.headers().one::<ContentType<'_>>().unwrap();
    assert!(content_type.is("text", "plain"));
    assert_eq!(content_type.param("charset").as_deref(), Some("UTF-8"));
    assert!(content_type.param("msgr").unwrap().starts_with("WAAtAE0A"));
    let padded = String::from_utf8(vector("microsoft-sip/lync-message.sip").to_vec())
        .unwrap()
        .replace("ADQAKAA0ACgA\r\n", "ADQAKAA0/Cg==\r\n");
    let message = Message::from_datagram(padded.into(), &Limits::default()).unwrap();
    let content_type = message.headers().one::<ContentType<'_>>().unwrap();
    assert!(
        content_type
            .param("msgr")
            .unwrap()
            .ends_with("ADQAKAA0/Cg==")
    );
}

#[test]
fn diagnostics_say_what_they_mean() {
    let dns = message("microsoft-sip/lync-504-dns.sip");
    let diagnostics = dns.headers().one::<Diagnostics<'_>>().unwrap();
    assert_eq!(diagnostics.code(), 1008);
    assert_eq!(
        diagnostics.reason().as_deref(),
        Some("Unable to resolve DNS SRV record")
    );
    assert_eq!(diagnostics.source().as_deref(), Some("sip.lync.test"));
    assert_eq!(
        diagnostics.diagnosis().map(|diagnosis| diagnosis.means),
        Some("the peer finds no SRV record for the domain")
    );
    let domain = diagnostics.params().value("domain").unwrap();
    assert_eq!(domain.decode(), "xmpp.test");
    let refused = message("microsoft-sip/lync-403-diagnostics.sip");
    let diagnostics = refused.headers().one::<Diagnostics<'_>>().unwrap();
    assert_eq!(diagnostics.code(), 1027);
}

#[test]
fn a_compressed_notification_is_kept_byte_by_byte() {
    let message = message("microsoft-sip/linphone-imdn-deflate.sip");
    let encoding = message
        .headers()
        .first::<ContentEncoding<'_>>()
        .unwrap()
        .unwrap();
    assert_eq!(encoding.as_str(), "deflate");
    assert_eq!(message.body().len(), 173);
}
