//! Who uses an endpoint, and what he was told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_sip::endpoint::{Event, Failure, Incoming, RequestId};
use comity_sip::{
    Method, SessionEvent, SessionId, StatusCode, SubscriptionError, SubscriptionEvent,
    SubscriptionId, WatcherEvent,
};
use comity_testkit::link::End;

use super::world::World;

/// How a request is to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    AtOnce(StatusCode),
    /// When the program, or the end of it, says so.
    Late(StatusCode),
    Never,
}

const VERDICTS: [Verdict; 8] = [
    Verdict::AtOnce(StatusCode::OK),
    Verdict::AtOnce(StatusCode::OK),
    Verdict::AtOnce(StatusCode::NOT_FOUND),
    Verdict::AtOnce(StatusCode::BUSY_HERE),
    Verdict::AtOnce(StatusCode::DECLINE),
    Verdict::Late(StatusCode::OK),
    Verdict::Late(StatusCode::FORBIDDEN),
    Verdict::Never,
];

impl Verdict {
    pub(super) fn of(byte: u8) -> Self {
        VERDICTS[usize::from(byte) % VERDICTS.len()]
    }

    /// The user part that asks for it.
    pub(super) fn user(self) -> String {
        let place = VERDICTS.iter().position(|verdict| *verdict == self);
        format!("v{}", place.expect("it is one of them"))
    }

    /// A text that asks for it.
    pub(super) fn body(self, number: u32) -> String {
        format!("{} {number}", self.user())
    }

    fn from_user(user: &str) -> Self {
        let place = user.strip_prefix('v').and_then(|place| place.parse().ok());
        VERDICTS[place.unwrap_or(0_usize)]
    }

    fn status(self) -> Option<StatusCode> {
        match self {
            Self::AtOnce(status) | Self::Late(status) => Some(status),
            Self::Never => None,
        }
    }
}

/// A request that a user has made.
struct Asked {
    number: u32,
    verdict: Verdict,
    is_within: bool,
    outcome: Option<Result<StatusCode, Failure>>,
    /// It failed where a connection had just been closed.
    met_a_close: bool,
}

/// Something that begins and ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Life {
    is_over: bool,
    /// Of a subscription: what was told last.
    last: Bytes,
}

pub(super) struct User {
    end: End,
    asked: BTreeMap<RequestId, Asked>,
    /// When the user heard of a request last.
    heard: BTreeMap<u32, Instant>,
    /// What waits to be answered.
    late: Vec<(Box<Incoming>, StatusCode)>,
    sessions: BTreeMap<SessionId, Life>,
    /// Ours, and those of watchers.
    watched: BTreeMap<SubscriptionId, Life>,
    watchers: BTreeMap<SubscriptionId, Life>,
    /// How often the state has changed.
    version: u32,
}

impl User {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            asked: BTreeMap::new(),
            heard: BTreeMap::new(),
            late: Vec::new(),
            sessions: BTreeMap::new(),
            watched: BTreeMap::new(),
            watchers: BTreeMap::new(),
            version: 0,
        }
    }

    pub(super) fn note(&mut self, request: RequestId, number: u32, verdict: Verdict) {
        self.insert(request, number, verdict, false);
    }

    pub(super) fn note_within(&mut self, request: RequestId, number: u32, verdict: Verdict) {
        self.insert(request, number, verdict, true);
    }

    fn insert(&mut self, request: RequestId, number: u32, verdict: Verdict, is_within: bool) {
        let asked = Asked {
            number,
            verdict,
            is_within,
            outcome: None,
            met_a_close: false,
        };
        let former = self.asked.insert(request, asked);
        assert!(former.is_none(), "two requests of one number");
    }

    pub(super) fn begin(&mut self, session: SessionId) {
        self.sessions.insert(session, Life::default());
    }

    pub(super) fn watch(&mut self, subscription: SubscriptionId) {
        self.watched.insert(subscription, Life::default());
    }

    /// The sessions that are not over.
    pub(super) fn sessions(&self) -> Vec<SessionId> {
        living(&self.sessions)
    }

    /// One of the sessions that are not over.
    pub(super) fn session(&self, which: u8) -> Option<SessionId> {
        nth(&self.sessions(), which)
    }

    /// Ends a session, of which nothing more is told.
    pub(super) fn end(&mut self, world: &mut World, session: SessionId) {
        let ended = world.act(self.end, |now, endpoint| endpoint.bye(now, session));
        ended.expect("a session that is not over");
        if let Some(life) = self.sessions.get_mut(&session) {
            life.is_over = true;
        }
    }

    pub(super) fn unwatch(&self, world: &mut World, which: u8) {
        if let Some(subscription) = nth(&living(&self.watched), which) {
            let told = world.act(self.end, |now, endpoint| {
                endpoint.unsubscribe(now, subscription)
            });
            told.expect("a subscription that is not over");
        }
    }

    pub(super) fn unwatch_all(&self, world: &mut World) {
        for which in (0..).take(living(&self.watched).len()) {
            self.unwatch(world, which);
        }
    }

    /// What the user shows to whoever watches.
    pub(super) fn state(&self) -> Bytes {
        format!("<presence>{}</presence>", self.version).into()
    }

    /// The state changes.
    pub(super) fn publish(&mut self, world: &mut World) {
        self.version += 1;
        for watcher in living(&self.watchers) {
            let state = self.state();
            let told = world.act(self.end, |now, endpoint| {
                endpoint.notify(now, watcher, PRESENCE, state)
            });
            // One that is about to end is not told, and its end comes when the peer has heard of it.
            let is_known = matches!(told, Ok(()) | Err(SubscriptionError::Unknown));
            assert!(is_known, "{told:?}");
        }
    }

    pub(super) fn answer_late(&mut self, world: &mut World) {
        for (incoming, status) in std::mem::take(&mut self.late) {
            self.answer(world, &incoming, status);
        }
    }

    /// Follows an event; panics if something is told that cannot be, or about what is over.
    pub(super) fn follow(&mut self, world: &mut World, event: Event) {
        match event {
            Event::Request(incoming) => self.hear(world, incoming),
            Event::Session { session, event } => {
                let life = alive(&mut self.sessions, session);
                life.is_over = matches!(
                    event,
                    SessionEvent::Failed(_) | SessionEvent::Refused(_) | SessionEvent::Ended(_)
                );
            }
            Event::Subscription {
                subscription,
                event,
            } => {
                let life = alive(&mut self.watched, subscription);
                match event {
                    SubscriptionEvent::Notified(notify) => life.last = notify.body(),
                    SubscriptionEvent::Ended(_) => life.is_over = true,
                    _ => {}
                }
            }
            Event::Watcher {
                subscription,
                event,
            } => {
                let life = alive(&mut self.watchers, subscription);
                life.is_over = matches!(event, WatcherEvent::Ended(_));
            }
            Event::Response { request, response } => {
                if !response.status().is_provisional() {
                    self.finish(world, request, Ok(response.status()));
                }
            }
            Event::Failed { request, failure } => self.finish(world, request, Err(failure)),
            Event::AnswerLost(_) | Event::Cancelled(_) | Event::Unanswered(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn hear(&mut self, world: &mut World, incoming: Box<Incoming>) {
        let request = incoming.request();
        let verdict = match request.method() {
            Method::Invite => Verdict::from_user(&request.uri().user().unwrap_or_default()),
            Method::Subscribe => Verdict::AtOnce(StatusCode::OK),
            _ => {
                let text = String::from_utf8_lossy(&request.body()).into_owned();
                let (user, number) = text.split_once(' ').expect("a text of the program");
                let number = number.parse().expect("a number");
                let former = self.heard.insert(number, world.now);
                let is_copy = former.is_some_and(|former| world.now - former < LIFE);
                assert!(!is_copy, "{number} is heard twice");
                Verdict::from_user(user)
            }
        };
        match verdict {
            Verdict::AtOnce(status) => self.answer(world, &incoming, status),
            Verdict::Late(status) => self.late.push((incoming, status)),
            Verdict::Never => {}
        }
    }

    fn answer(&mut self, world: &mut World, incoming: &Incoming, status: StatusCode) {
        let state = self.state();
        match (incoming.request().method(), status) {
            (Method::Invite, StatusCode::OK) => {
                let accepted = world.act(self.end, |now, endpoint| {
                    endpoint.accept(now, incoming, "application/sdp", "v=0\r\n".into())
                });
                // It may have been cancelled.
                if let Ok(session) = accepted {
                    self.begin(session);
                }
            }
            (Method::Subscribe, _) => {
                let accepted = world.act(self.end, |now, endpoint| {
                    endpoint.accept_subscription(now, incoming, Some((PRESENCE, state)))
                });
                let watcher = accepted.expect("a subscription that waits");
                self.watchers.insert(watcher, Life::default());
            }
            _ => {
                let response = incoming.response(status);
                // Whoever asked may wait no longer.
                let _ = world.act(self.end, |now, endpoint| {
                    endpoint.answer(now, incoming, response)
                });
            }
        }
    }

    fn finish(&mut self, world: &World, request: RequestId, outcome: Result<StatusCode, Failure>) {
        let asked = self.asked.get_mut(&request).expect("a request of ours");
        let has_just_closed = |(at, _)| world.now - at <= TRACE_OF_A_CLOSE;
        asked.met_a_close =
            outcome == Err(Failure::Transport) && world.closed.is_some_and(has_just_closed);
        let former = asked.outcome.replace(outcome);
        assert_eq!(former, None, "{} ends twice", asked.number);
    }

    /// Every request has ended with what the other user said; in a calm world with that alone.
    pub(super) fn check_answers(&self, other: &Self, is_calm: bool) {
        for asked in self.asked.values() {
            let Asked {
                number,
                verdict,
                is_within,
                outcome,
                met_a_close,
            } = asked;
            let is_heard = other.heard.contains_key(number);
            let fate = format!("{number}, {verdict:?}, heard: {is_heard}, {outcome:?}");
            match outcome {
                // The session is over at the other end, or a later request was there first (RFC 3261
                // §12.2.2).
                Some(Ok(
                    StatusCode::CALL_TRANSACTION_DOES_NOT_EXIST | StatusCode::SERVER_INTERNAL_ERROR,
                )) if *is_within => {
                    assert!(!is_heard, "{fate}");
                }
                Some(Ok(status)) => {
                    assert_eq!(
                        (Some(*status), is_heard),
                        (verdict.status(), true),
                        "{fate}"
                    );
                }
                Some(Err(_)) => {
                    let is_slow = !matches!(verdict, Verdict::AtOnce(_));
                    let may_fail = !is_calm || *is_within || is_slow || *met_a_close;
                    assert!(may_fail, "{fate}");
                }
                None => panic!("{fate}"),
            }
        }
    }

    /// Whoever still watches the other user knows his state.
    pub(super) fn check_watched(&self, state: &Bytes) {
        for life in self.watched.values().filter(|life| !life.is_over) {
            assert_eq!(life.last, state);
        }
    }

    /// Nothing of what was begun goes on.
    pub(super) fn check_over(&self) {
        let left = [
            living(&self.sessions).len(),
            living(&self.watched).len(),
            living(&self.watchers).len(),
        ];
        assert_eq!(left, [0; 3], "sessions, subscriptions and watchers");
    }
}

/// The life of something that is not over.
fn alive<I: Copy + Ord + std::fmt::Debug>(lives: &mut BTreeMap<I, Life>, id: I) -> &mut Life {
    let life = lives.get_mut(&id).expect("something that was begun");
    assert!(!life.is_over, "{id:?} is told of behind its end");
    life
}

fn living<I: Copy>(lives: &BTreeMap<I, Life>) -> Vec<I> {
    let living = lives.iter().filter(|(_, life)| !life.is_over);
    living.map(|(id, _)| *id).collect()
}

fn nth<I: Copy>(all: &[I], which: u8) -> Option<I> {
    all.get(usize::from(which) % all.len().max(1)).copied()
}

const PRESENCE: &str = "application/pidf+xml";
/// For how long a copy of a request is none of its own: Timer J (RFC 3261 §17.2.2) of 32 s, without the
/// three that may pass until a user looks. A copy that the network keeps for longer is a new request.
const LIFE: Duration = Duration::from_secs(29);
/// For how long the end of an idle connection explains that a request was lost there: the users look
/// every three seconds, and a connection has its latency.
const TRACE_OF_A_CLOSE: Duration = Duration::from_secs(5);
