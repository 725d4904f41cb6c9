//! The SIP server of Bohemia, and Perdita's client on it.

use std::time::Instant;

use bytes::Bytes;
use comity_sip::endpoint::{Endpoint, Event, Incoming};
use comity_sip::header::{From, SubscriptionState};
use comity_sip::{
    Method, SessionEvent, SessionId, StatusCode, Subscribe, SubscriptionEvent, SubscriptionId, Uri,
};
use comity_tokio::sip::Application;
use tokio::sync::mpsc;

/// What the server tells its audience.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// A session with this user was accepted.
    Session(String),
    /// A text of this user.
    Text(String, String),
    /// This user wants to see Perdita's presence.
    Watched(String),
    /// The presence of a user: the state of the subscription, and whether he is there, and what he does.
    Presence(String, String),
    /// Somebody who is not there was invited, and that was refused.
    Refused,
    /// The answer to a request.
    Answer(u16),
}

/// Accepts sessions, texts and watchers for everybody but Autolycus, who has left.
pub(super) struct Edge {
    seen: mpsc::UnboundedSender<Seen>,
    /// The last session that was accepted.
    session: Option<SessionId>,
    /// Who watches Perdita.
    watcher: Option<SubscriptionId>,
}

impl Edge {
    pub(super) fn new(seen: mpsc::UnboundedSender<Seen>) -> Self {
        Self {
            seen,
            session: None,
            watcher: None,
        }
    }

    /// Perdita writes in the session that there is.
    pub(super) fn say(&self, now: Instant, endpoint: &mut Endpoint, text: &'static str) {
        if let Some(session) = self.session {
            let content = Some(("text/plain; charset=UTF-8", Bytes::from(text)));
            // What does not go is missed by the scene.
            let _: Result<_, _> = endpoint.request_in(now, session, Method::Message, content);
        }
    }

    /// Perdita writes outside of sessions.
    pub(super) fn page(now: Instant, endpoint: &mut Endpoint, to: Uri<'_>, from: Uri<'_>) {
        let Ok(mut message) = endpoint.compose(Method::Message, to, from) else {
            return;
        };
        if message.body("text/plain", "Speak to me.".into()).is_ok() {
            let _: Result<_, _> = endpoint.send(now, &message, Vec::new());
        }
    }

    /// Perdita watches somebody.
    pub(super) fn watch(now: Instant, endpoint: &mut Endpoint, to: Uri<'_>, from: Uri<'_>) {
        let mut wish = Subscribe::new(to.to_buf(), from.to_buf(), "presence");
        wish.accept = vec![PIDF.to_owned()];
        let _: Result<_, _> = endpoint.subscribe(now, wish);
    }

    fn tell(&self, seen: Seen) {
        // Nobody looks on any more.
        let _ = self.seen.send(seen);
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "everything else that comes is a text, or empty"
    )]
    fn answer(&mut self, now: Instant, endpoint: &mut Endpoint, incoming: &Incoming) {
        let request = incoming.request();
        let from = request.headers().one::<From<'_>>();
        let from = from.map_or_else(|_| String::new(), |from| from.uri().to_string());
        match request.method() {
            Method::Invite if is_gone(request.uri()) => {
                let mut response = incoming.response(StatusCode::NOT_FOUND);
                let diagnostics =
                    "1003;reason=\"User does not exist\";source=\"sip.bohemia.example\"";
                let _: Result<_, _> = response.header("ms-diagnostics", diagnostics);
                let _: Result<_, _> = endpoint.answer(now, incoming, response);
                self.tell(Seen::Refused);
            }
            Method::Invite => {
                let body = request.body();
                let accepted = endpoint.accept(now, incoming, "application/sdp", body);
                self.session = accepted.ok();
                self.tell(Seen::Session(from));
            }
            Method::Subscribe => {
                let state = Some((PIDF, Bytes::from_static(BUSY.as_bytes())));
                self.watcher = endpoint.accept_subscription(now, incoming, state).ok();
                self.tell(Seen::Watched(from));
            }
            _ => {
                let response = incoming.response(StatusCode::OK);
                let _: Result<_, _> = endpoint.answer(now, incoming, response);
                let text = String::from_utf8_lossy(&request.body()).into_owned();
                if !text.is_empty() {
                    self.tell(Seen::Text(from, text));
                }
            }
        }
    }
}

impl Application for Edge {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an audience that sees everything sees nothing"
    )]
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request(incoming) => self.answer(now, endpoint, &incoming),
            Event::Response { response, .. } if !response.status().is_provisional() => {
                self.tell(Seen::Answer(response.status().code()));
            }
            Event::Session {
                event: SessionEvent::Ended(_),
                ..
            } => self.session = None,
            Event::Subscription {
                event: SubscriptionEvent::Notified(notify),
                ..
            } => {
                let state = notify.headers().one::<SubscriptionState<'_>>();
                let state = state.map_or_else(|_| String::new(), |state| state.to_string());
                let state = state.split(';').next().unwrap_or_default().to_owned();
                let body = String::from_utf8_lossy(&notify.body()).into_owned();
                self.tell(Seen::Presence(state, words(&body)));
            }
            _ => {}
        }
    }
}

/// What a document says, in words: whether somebody is there, and what he does.
fn words(document: &str) -> String {
    let between = |start: &str, end: &str| {
        let (_, rest) = document.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    let basic = between("<basic>", "</basic>");
    let activity = between("<rpid:activities><rpid:", "/>");
    let parts = [basic, activity];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn is_gone(uri: Uri<'_>) -> bool {
    uri.user().is_some_and(|user| user == "autolycus")
}

const PIDF: &str = "application/pidf+xml";
/// Perdita's presence, as Office Communications Server writes it.
const BUSY: &str = "<presence xmlns='urn:ietf:params:xml:ns:pidf' \
    xmlns:ep='urn:ietf:params:xml:ns:pidf:status:rpid-status' entity='perdita@bohemia.example'>\
    <tuple id='0'><status><basic>open</basic><ep:activities><ep:activity>busy</ep:activity>\
    </ep:activities></status></tuple></presence>";
