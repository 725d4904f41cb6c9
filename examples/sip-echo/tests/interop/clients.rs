//! What comity asks of others: of SIPp as a callee, and of Kamailio.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use comity_sip::endpoint::Endpoint;
use comity_sip::{
    Cause, Method, PublicationEvent, Publish, Request, SessionEvent, SessionId, StatusCode,
    Subscribe, SubscriptionEvent, SubscriptionId, Transport, Uri, UriBuf,
};

use crate::agent::{self, Agent};
use crate::echo;
use crate::kamailio;
use crate::scene::Scene;
use crate::sipp::Scenario;

over_each_transport! {
    a_message_is_answered_by_another: page;
    a_session_is_held_with_sipp: session;
    a_ringing_callee_is_given_up: cancel;
    a_subscription_is_made_refreshed_and_ended: subscription;
    a_notification_may_come_before_the_answer: early_notification;
    a_busy_callee_is_left_alone: busy;
    a_message_goes_through_kamailio_to_the_echo_domain: relayed;
    presence_is_published_and_watched_at_kamailio: presence;
}

fn page(transport: Transport) {
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new("page_callee"));
    let mut agent = scene.agent();
    let mut message = agent.request(Method::Message, ALICE, ALICE);
    message.body(TEXT, HELLO.into()).unwrap();
    let target = agent.target(callee.address(), echo::DOMAIN);
    let response = agent.ask(message, vec![target]);
    assert_eq!(response.status(), StatusCode::OK);
    let back = agent.incoming();
    assert_eq!(text_of(back.request()), HELLO);
    agent.answer(back, StatusCode::OK);
    callee.finish();
}

fn session(transport: Transport) {
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new("session_callee"));
    let mut agent = scene.agent();
    let id = invite(&agent, callee.address());
    let SessionEvent::Progress(ringing) = agent.session(id) else {
        panic!("no progress");
    };
    assert_eq!(ringing.status(), StatusCode::RINGING);
    let SessionEvent::Answered(answer) = agent.session(id) else {
        panic!("no answer");
    };
    assert!(String::from_utf8_lossy(&answer.body()).contains("m=message "));
    let sent = agent.call(move |now, endpoint| {
        let content = Some((TEXT, HELLO.into()));
        let sent = endpoint.request_in(now, id, Method::Message, content);
        sent.unwrap()
    });
    assert_eq!(agent.response(sent).status(), StatusCode::OK);
    let back = agent.incoming();
    assert_eq!(back.session(), Some(id));
    assert_eq!(text_of(back.request()), HELLO);
    agent.answer(back, StatusCode::OK);
    agent.call(move |now, endpoint| endpoint.bye(now, id).unwrap());
    callee.finish();
}

fn cancel(transport: Transport) {
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new("ringing_callee"));
    let mut agent = scene.agent();
    let id = invite(&agent, callee.address());
    let SessionEvent::Progress(_) = agent.session(id) else {
        panic!("no progress");
    };
    agent.call(move |now, endpoint| endpoint.bye(now, id).unwrap());
    callee.finish();
}

fn subscription(transport: Transport) {
    watch(transport, "presence_callee");
}

fn early_notification(transport: Transport) {
    watch(transport, "presence_callee_early");
}

/// Subscribes for so short a time that the refresh comes during the test.
fn watch(transport: Transport, callee: &'static str) {
    let scene = Scene::new(transport);
    let callee = scene.callee(&Scenario::new(callee));
    let mut agent = scene.agent();
    let mut wish = Subscribe::new(uri(ALICE), uri(agent::URI), "presence");
    wish.accept = vec![PIDF.to_owned()];
    wish.expires = Duration::from_secs(2);
    wish.targets = vec![agent.target(callee.address(), echo::DOMAIN)];
    let id = agent.call(|now, endpoint| endpoint.subscribe(now, wish).unwrap());
    assert_notified(&mut agent, id, "<basic>open</basic>");
    // After the refresh.
    assert_notified(&mut agent, id, "<basic>open</basic>");
    end(&mut agent, id);
    callee.finish();
}

/// The first request is tried at the next target, and the second not even offered to the first.
fn busy(transport: Transport) {
    let scene = Scene::new(transport);
    let answer = |status: &str, headers: &str, calls| {
        Scenario::new("answer")
            .fill("status", status)
            .fill("headers", headers)
            .calls(calls)
    };
    let refusal = answer("503 Service Unavailable", "Retry-After: 60\n", 1);
    let busy = scene.callee(&refusal);
    let free = scene.callee(&answer("200 OK", "", 2));
    let mut agent = scene.agent();
    for _ in ["refused by the first", "the second alone"] {
        let mut message = agent.request(Method::Message, ALICE, ALICE);
        message.body(TEXT, HELLO.into()).unwrap();
        let targets = [busy.address(), free.address()];
        let targets = targets.map(|address| agent.target(address, echo::DOMAIN));
        let response = agent.ask(message, targets.to_vec());
        assert_eq!(response.status(), StatusCode::OK);
    }
    busy.finish();
    free.finish();
}

fn relayed(transport: Transport) {
    let scene = Scene::new(transport);
    let echo = scene.echo();
    let _kamailio = scene.kamailio(echo.address());
    let mut agent = scene.agent();
    let edge = agent.target(scene.edge(), kamailio::HOST);
    let mut register = agent.request(Method::Register, "sip:peer.example", agent::URI);
    let contact = format!(
        "<sip:caller@{};transport={}>",
        agent.address(),
        transport.param()
    );
    register.header("Contact", contact).unwrap();
    register.header("Expires", 600).unwrap();
    let registered = agent.ask(register, vec![edge.clone()]);
    assert_eq!(registered.status(), StatusCode::OK);

    let mut message = agent.request(Method::Message, ALICE, ALICE);
    message.body(TEXT, HELLO.into()).unwrap();
    let response = agent.ask(message, vec![edge.clone()]);
    assert_eq!(response.status(), StatusCode::OK);
    let back = agent.incoming();
    assert_eq!(text_of(back.request()), HELLO);
    agent.answer(back, StatusCode::OK);

    let mut wish = Subscribe::new(uri(ALICE), uri(agent::URI), "presence");
    wish.accept = vec![PIDF.to_owned()];
    wish.targets = vec![edge];
    let subscription = agent.call(|now, endpoint| endpoint.subscribe(now, wish).unwrap());
    assert_notified(&mut agent, subscription, "<basic>open</basic>");
    end(&mut agent, subscription);
}

fn presence(transport: Transport) {
    let scene = Scene::new(transport);
    let _kamailio = scene.kamailio(scene.edge());
    let mut agent = scene.agent();
    let edge = agent.target(scene.edge(), kamailio::HOST);

    let mut wish = Publish::new(
        uri(agent::URI),
        uri(agent::URI),
        "presence",
        PIDF,
        document("open"),
    );
    wish.targets = vec![edge.clone()];
    let publication = agent.call(|now, endpoint| endpoint.publish(now, wish).unwrap());
    let published = PublicationEvent::Published(Duration::from_secs(3_600));
    assert_eq!(agent.publication(publication), published);

    let mut wish = Subscribe::new(uri(agent::URI), uri(agent::URI), "presence");
    wish.accept = vec![PIDF.to_owned()];
    wish.targets = vec![edge];
    let subscription = agent.call(|now, endpoint| endpoint.subscribe(now, wish).unwrap());
    assert_notified(&mut agent, subscription, "<basic>open</basic>");

    let modify = |state| {
        move |now, endpoint: &mut Endpoint| {
            endpoint.modify(now, publication, document(state)).unwrap();
        }
    };
    agent.call(modify("closed"));
    assert_eq!(agent.publication(publication), published);
    assert_notified(&mut agent, subscription, "<basic>closed</basic>");

    agent.call(move |now, endpoint| endpoint.unpublish(now, publication).unwrap());
    let over = PublicationEvent::Ended(Cause::Unsubscribed);
    assert_eq!(agent.publication(publication), over);
    assert_notified(&mut agent, subscription, "");

    end(&mut agent, subscription);
}

/// Ends a subscription, which the notifier has to confirm.
fn end(agent: &mut Agent, id: SubscriptionId) {
    agent.call(move |now, endpoint| endpoint.unsubscribe(now, id).unwrap());
    assert_notified(agent, id, "");
    let event = agent.subscription(id);
    let SubscriptionEvent::Ended(cause) = event else {
        panic!("no end: {event:?}");
    };
    assert_eq!(cause, Cause::Unsubscribed);
}

fn assert_notified(agent: &mut Agent, id: SubscriptionId, words: &str) {
    let event = agent.subscription(id);
    let SubscriptionEvent::Notified(notify) = event else {
        panic!("no notification: {event:?}");
    };
    let text = text_of(&notify);
    assert!(text.contains(words), "{text}");
}

fn invite(agent: &Agent, callee: SocketAddr) -> SessionId {
    let mut invite = agent.request(Method::Invite, ALICE, ALICE);
    invite.body("application/sdp", OFFER.into()).unwrap();
    let target = agent.target(callee, echo::DOMAIN);
    agent.call(move |now, endpoint| endpoint.invite(now, &invite, vec![target]).unwrap())
}

fn text_of(request: &Request) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

fn uri(text: &str) -> UriBuf {
    Uri::parse(text).unwrap().to_buf()
}

fn document(basic: &str) -> Bytes {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{}\">\
         <tuple id=\"t1\"><status><basic>{basic}</basic></status></tuple></presence>\n",
        agent::URI
    )
    .into()
}

const ALICE: &str = "sip:alice@echo.example";
const TEXT: &str = "text/plain; charset=UTF-8";
const PIDF: &str = "application/pidf+xml";
const HELLO: &str = "Hello from here, ✓";
const OFFER: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=message 5060 sip sip:caller@peer.example\r\na=accept-types:text/plain\r\n";
