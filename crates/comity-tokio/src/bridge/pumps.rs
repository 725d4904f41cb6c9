//! What brings events and answers to the task of the bridge.

use std::time::Instant;

use comity_bridge::{Event as Asked, Route, Way};
use comity_identity::DomainName;
use comity_sip::endpoint::Endpoint;
use comity_srv::Messaging;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::application::Joint;
use super::side::{Tracked, error};
use crate::locator::{Identified, Locator, Source};
use crate::{Event, component, sip};

/// Brings what the streams tell to the bridge.
pub(super) async fn bring(events: mpsc::Receiver<Event>, server: sip::Server<Joint>) {
    bring_all(events, server, hear).await;
}

/// The same of a component.
pub(super) async fn bring_of_component(
    domain: DomainName,
    events: mpsc::Receiver<component::Event>,
    server: sip::Server<Joint>,
) {
    bring_all(events, server, move |now, endpoint, joint, event| {
        hear_component(now, endpoint, joint, &domain, event);
    })
    .await;
}

/// Brings events as they come, those together that have come together.
async fn bring_all<E, F>(mut events: mpsc::Receiver<E>, server: sip::Server<Joint>, hear: F)
where
    E: Send + 'static,
    F: Fn(Instant, &mut Endpoint, &mut Joint, E) + Clone + Send + 'static,
{
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, MAX_BATCH).await > 0 {
        let some = std::mem::take(&mut batch);
        let hear = hear.clone();
        let brought = server.call(move |now, endpoint, joint| {
            for event in some {
                hear(now, endpoint, joint, event);
            }
        });
        if brought.await.is_err() {
            // The streams end too, and have nobody to tell.
            while events.recv().await.is_some() {}
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not about stanzas is for those who run the gateway"
)]
fn hear(now: Instant, endpoint: &mut Endpoint, joint: &mut Joint, event: Event) {
    let component = None;
    match event {
        Event::Stanza {
            stanza, receipt, ..
        } => joint.bring(now, endpoint, stanza, receipt),
        Event::Sent { id, .. } => joint.conclude(now, endpoint, Tracked { component, id }),
        Event::Undelivered {
            stanza,
            failure,
            id: Some(id),
        } => {
            let error = error(failure.condition(), &failure.to_string());
            joint.lose(now, endpoint, stanza, Tracked { component, id }, error);
        }
        event => joint.observer().handle_stream(&event),
    }
}

fn hear_component(
    now: Instant,
    endpoint: &mut Endpoint,
    joint: &mut Joint,
    domain: &DomainName,
    event: component::Event,
) {
    let component = Some(domain.clone());
    match event {
        component::Event::Stanza { stanza } => joint.bring(now, endpoint, stanza, None),
        component::Event::Sent { id } => {
            joint.conclude(now, endpoint, Tracked { component, id });
        }
        component::Event::Undelivered {
            stanza,
            failure,
            id: Some(id),
        } => {
            let error = error(failure.condition(), &failure.to_string());
            joint.lose(now, endpoint, stanza, Tracked { component, id }, error);
        }
        component::Event::Undelivered { id: None, .. }
        | component::Event::Dropped(_)
        | component::Event::Established
        | component::Event::Lost { .. } => joint.observer().handle_component(domain, &event),
    }
}

/// Answers the questions of the bridge.
pub(super) async fn answer(
    mut questions: mpsc::UnboundedReceiver<Asked>,
    locator: Locator,
    server: sip::Server<Joint>,
) {
    let mut answers = JoinSet::new();
    loop {
        tokio::select! {
            question = questions.recv() => match question {
                Some(question) => {
                    answers.spawn(answer_one(question, locator.clone(), server.clone()));
                }
                None => break,
            },
            Some(_) = answers.join_next() => {}
        }
    }
    answers.shutdown().await;
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the events of a bridge two are questions"
)]
async fn answer_one(question: Asked, locator: Locator, server: sip::Server<Joint>) {
    match question {
        Asked::Identify {
            query,
            domain,
            proved,
            ..
        } => {
            let identified = locator.identify(&domain, &proved).await;
            let may_speak = identified.is_proved();
            let _ = server
                .call(move |now, endpoint, joint| {
                    joint.act(now, endpoint, |bridge, now, endpoint| {
                        if let Identified::Edge(_) = identified {
                            bridge.note_route(&domain, Route::Edge);
                        }
                        bridge.handle_identified(now, endpoint, query, may_speak);
                    });
                })
                .await;
        }
        Asked::Discover {
            query,
            domain,
            xmpp_failed,
        } => {
            let way = locator.discover(&domain).await.ok();
            let way = way.and_then(|found| way_of(found.messaging, found.source, xmpp_failed));
            let _ = server
                .call(move |now, endpoint, joint| {
                    joint.act(now, endpoint, |bridge, now, endpoint| {
                        bridge.handle_discovered(now, endpoint, query, way);
                    });
                })
                .await;
        }
        _ => {}
    }
}

/// What to try. Where nothing is known of a domain XMPP goes first, and the default route of SIP after
/// it.
fn way_of(messaging: Messaging, source: Source, xmpp_failed: bool) -> Option<Way> {
    match (messaging, source) {
        (Messaging::Sip, Source::DefaultRoute) if !xmpp_failed => Some(Way::Xmpp),
        (Messaging::Sip, Source::DefaultRoute) => Some(Way::Sip(Route::Default)),
        (Messaging::Sip, Source::Edge) => Some(Way::Sip(Route::Edge)),
        (Messaging::Sip, _) => Some(Way::Sip(Route::Records)),
        (Messaging::Xmpp, _) => (!xmpp_failed).then_some(Way::Xmpp),
    }
}

/// Events that are brought at once.
const MAX_BATCH: usize = 64;
