//! What the two content namespaces make of a stanza.

use super::*;

const BETWEEN_SERVERS: &str = "<stream:stream xmlns='jabber:server' \
     xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
     xmlns:x='urn:x'>";

/// A stanza as it stands on a stream between servers.
fn written(stanza: &Stanza) -> String {
    let mut buf = String::new();
    stanza.write(&mut buf);
    buf
}

/// A stanza that came on a stream between servers.
fn received(source: &str) -> Stanza {
    let mut reader = Reader::new(crate::xml::Limits::default());
    let source = format!("{BETWEEN_SERVERS}{source}");
    let mut input = source.as_bytes();
    assert!(matches!(
        reader.next_frame(&mut input),
        Ok(Some(Frame::Header(_)))
    ));
    match reader.next_frame(&mut input) {
        Ok(Some(Frame::Stanza(stanza))) => stanza.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn inbound(content: &str) -> String {
    format!("<message from='x@a.example' to='y@sip.example'>{content}</message>")
}

fn outbound(content: &str) -> String {
    format!("<message from='y@sip.example' to='x@a.example'>{content}</message>")
}

/// Every element with its namespace.
fn names(element: &Element) -> String {
    let children: String = element.children().map(names).collect();
    format!("{{{}}}{}({children})", element.namespace(), element.name())
}

#[test]
fn the_bytes_that_came_stay_where_they_say_the_same() {
    for content in [
        "<body>&lt;\u{e9}&#x20;</body>",
        "<body  xml:lang = \"de\" >x</body ><active xmlns='http://jabber.org/protocol/chatstates'/>",
        "<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>x</body></message></f>",
        "<p:a xmlns:p='urn:p' p:b='1'><![CDATA[<]]></p:a>",
    ] {
        let mut host = Host::established(|_| {});
        let source = inbound(content);
        host.feed(&source);
        let stanza = host.stanza();
        assert_eq!(written(&stanza), source);
        let root = stanza.element();
        assert_eq!((root.namespace(), root.name()), (ns::SERVER, "message"));
        // And back.
        let source = outbound(content);
        let sent = host.component.send(host.now, &received(&source));
        assert_eq!(sent, Ok(()));
        host.settle();
        // The header of the stanza declared one more.
        let declared = source.replace("<message from='y", "<message xmlns:x='urn:x' from='y");
        assert_eq!(host.sent(), declared);
    }
}

#[test]
fn what_names_the_namespace_of_components_is_written_anew() {
    let component = "jabber:component:accept";
    for (source, expected) in [
        (
            inbound(&format!(
                "<f xmlns='urn:f'><body xmlns='{component}'>x</body></f>"
            )),
            inbound("<f xmlns='urn:f'><body xmlns='jabber:server'>x</body></f>"),
        ),
        (
            inbound("<body/>").replace("<message", &format!("<message xmlns='{component}'")),
            inbound("<body/>"),
        ),
        (
            inbound(&format!("<c:body xmlns:c='{component}'>x</c:body>")),
            inbound("<body>x</body>"),
        ),
        (
            inbound(&format!("<f xmlns:c='{component}' c:at='1'/>")),
            inbound("<f xmlns:a0='jabber:server' a0:at='1'/>"),
        ),
        // A declaration that nothing uses says nothing.
        (
            inbound(&format!("<f xmlns='urn:f' xmlns:c='{component}'/>")),
            inbound(&format!("<f xmlns='urn:f' xmlns:c='{component}'/>")),
        ),
    ] {
        let mut host = Host::established(|_| {});
        host.feed(&source);
        let stanza = host.stanza();
        assert_eq!(written(&stanza), expected);
        assert!(!names(&stanza.element()).contains(component));
    }
}

#[test]
fn what_the_header_of_the_server_declares_goes_along() {
    let mut host = Host::new();
    host.feed(&HEADER.replace(
        " id=",
        " xmlns:c='jabber:component:accept' xmlns:x='urn:x' xml:lang='de' id=",
    ))
    .feed(ACCEPTED)
    .feed(&inbound("<c:body>x</c:body><x:y/>"));
    let stanza = host.stanza();
    assert_eq!(
        written(&stanza),
        inbound("<c:body>x</c:body><x:y/>").replace(
            "<message",
            "<message xmlns:c='jabber:server' xmlns:x='urn:x' xml:lang='de'"
        )
    );
    assert_eq!(
        names(&stanza.element()),
        "{jabber:server}message({jabber:server}body(){urn:x}y())"
    );
    assert_eq!(stanza.element().lang(), Some("de"));
}

#[test]
fn what_names_the_namespace_of_servers_is_written_anew() {
    for (content, expected) in [
        (
            "<f xmlns='urn:f'><body xmlns='jabber:server'>x</body></f>",
            "<f xmlns='urn:f'><body xmlns='jabber:component:accept'>x</body></f>",
        ),
        (
            "<s:body xmlns:s='jabber:server'>x</s:body>",
            "<body>x</body>",
        ),
        // Our header to the server of the component does not declare the prefix.
        ("<db:x/>", "<x xmlns='jabber:server:dialback'/>"),
    ] {
        let mut host = Host::established(|_| {});
        let stanza = received(&outbound(content));
        assert_eq!(host.component.send(host.now, &stanza), Ok(()));
        host.settle();
        assert_eq!(host.sent(), outbound(expected));
    }
}

#[test]
fn a_stanza_made_here_is_in_the_namespace_of_components() {
    let mut host = Host::established(|_| {});
    let body = Element::new(ns::SERVER, "body").with_text("x");
    let stanza = message("y@sip.example")
        .with_payload(body.clone())
        .with_payload(Element::new("urn:f", "f").with_child(body));
    assert_eq!(host.component.send(host.now, &stanza), Ok(()));
    host.settle();
    let error = message("y@sip.example").error(crate::StanzaCondition::Gone, None);
    let error = error.unwrap().reply().with_type("error");
    assert_eq!(host.component.send(host.now, &error), Ok(()));
    host.settle();
    assert_eq!(
        host.sent(),
        outbound(
            "<body>x</body><f xmlns='urn:f'><body xmlns='jabber:component:accept'>x</body></f>"
        ) + "<message from='y@sip.example' to='x@a.example' type='error'/>"
    );
}

#[test]
fn attributes_that_would_be_the_same_are_not_passed_on() {
    let both = "<f xmlns='urn:f' xmlns:c='jabber:component:accept' xmlns:s='jabber:server' \
         c:at='1' s:at='2'/>";
    let mut host = Host::established(|_| {});
    host.feed(&inbound(both));
    assert_eq!(
        host.events(),
        ["dropped: two attributes would be the same between servers"]
    );
    let sent = host.component.send(host.now, &received(&outbound(both)));
    assert_eq!(sent, Err(SendError::AttributesCollide));
    // The one that the header declares would make the bytes ill-formed.
    let mut host = Host::new();
    host.feed(&HEADER.replace(" id=", " xmlns:c='jabber:component:accept' id="))
        .feed(ACCEPTED)
        .feed(&inbound("<f xmlns:s='jabber:server' c:at='1' s:at='2'/>"));
    assert_eq!(
        host.events().pop().as_deref(),
        Some("dropped: two attributes would be the same between servers")
    );
    host.sent();
    assert_eq!(host.send("y@sip.example"), Ok(()));
    assert_eq!(
        host.sent(),
        "<message from='y@sip.example' to='x@a.example'/>"
    );
}
