//! The load: an edge of SIP on one side, a server of XMPP on the other.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_sip::endpoint::{Endpoint, Event, RequestId};
use comity_sip::{Method, SessionEvent, SessionId, StatusCode, Subscribe, SubscriptionEvent, Uri};
use comity_testkit::dns::{FakeDns, Transport};
use comity_tokio::sip::{Application, Server};
use comity_tokio::{Event as Xmpp, Federation, SendError};
use comity_xmpp::router;
use comity_xmpp::{Presence, PresenceType, Show, Stanza, StanzaKind};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::cost::Cost;
use crate::house::{EDGE, GATEWAY, SIP, SLOW, XMPP, sip_config, streams};
use crate::process::used;

const SESSIONS: usize = 500;
const TEXTS: usize = 10;
/// Rounds of texts, so that the clock of the system has something to count.
const ROUNDS: usize = 20;
const TEXTS_IN_ALL: usize = SESSIONS * TEXTS * ROUNDS;
/// Sessions with users of a server that reads nothing, and the texts in each.
const SLOW_SESSIONS: usize = 50;
const FLOOD: usize = 60;
/// Users of SIP who watch one user of XMPP each.
pub(crate) const WATCHERS: usize = 5_000;
const FLIPS: usize = 6;

/// A part of the load.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Texts,
    TextsBesideSlow,
    Presence,
}

impl Part {
    /// The name in one word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::TextsBesideSlow => "texts-beside-slow",
            Self::Presence => "presence",
        }
    }

    pub(crate) fn title(self) -> String {
        match self {
            Self::Texts => format!(
                "{TEXTS_IN_ALL} texts in {SESSIONS} sessions, SIP over TLS to XMPP over TLS"
            ),
            Self::TextsBesideSlow => format!(
                "the same while a server that reads nothing is sent {} texts",
                SLOW_SESSIONS * FLOOD
            ),
            Self::Presence => format!("{WATCHERS} subscriptions, {FLIPS} changes each"),
        }
    }
}

/// Loads a gateway, and gives what each part has cost as soon as it is done.
pub(crate) async fn run(tell_cost: fn(Part, &Cost)) -> Result<(), Box<dyn Error>> {
    let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let name_server = dns.local_addr()?;
    let (mut gateway, xmpp_port, sip_port) = start_gateway(name_server)?;
    let (server, events) = Federation::start(streams(XMPP, name_server, 1)?).await?;
    let (hear, mut heard) = mpsc::unbounded_channel();
    tokio::spawn(read(events, hear));
    // Whose events nobody reads.
    let (slow, unread) = Federation::start(streams(SLOW, name_server, 3)?).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    let config = sip_config(&[EDGE, SIP], EDGE, name_server, 2)?;
    let edge = Server::start(config, Edge::new(tell)).await?;
    let edge_port = edge.addresses()[0].1.port();
    let mut zone = FakeDns::new();
    for (service, domain, port, host) in [
        ("_xmpp-server", XMPP, server.addresses()[0].port(), XMPP),
        ("_xmpp-server", SLOW, slow.addresses()[0].port(), SLOW),
        ("_xmpp-server", SIP, xmpp_port, SIP),
        ("_sipfederationtls", XMPP, sip_port, GATEWAY),
        ("_sipfederationtls", SLOW, sip_port, GATEWAY),
        ("_sipfederationtls", SIP, edge_port, EDGE),
    ] {
        zone = zone
            .srv(&format!("{service}._tcp.{domain}"), 10, 5, port, host)
            .a(host, Ipv4Addr::LOCALHOST);
    }
    tokio::spawn(answer(dns, zone));
    let id = gateway.id();

    edge.call(|now, endpoint, edge| edge.open(now, endpoint, SESSIONS, XMPP))
        .await?;
    wait(&mut told, SESSIONS).await?;
    let texts = say(&edge, id, &mut heard, &mut told).await?;
    tell_cost(Part::Texts, &texts);

    edge.call(|now, endpoint, edge| edge.open(now, endpoint, SLOW_SESSIONS, SLOW))
        .await?;
    wait(&mut told, SLOW_SESSIONS).await?;
    edge.call(|now, endpoint, edge| edge.flood(now, endpoint))
        .await?;
    let texts = say(&edge, id, &mut heard, &mut told).await?;
    tell_cost(Part::TextsBesideSlow, &texts);

    edge.call(|now, endpoint, edge| edge.watch(now, endpoint))
        .await?;
    grant(&server, &mut heard).await?;
    let before = used(id)?;
    let began = Instant::now();
    flip(&server, &mut told).await?;
    let wall = began.elapsed().as_secs_f64();
    let flips = Cost::between(before, used(id)?, WATCHERS * FLIPS, wall);
    tell_cost(Part::Presence, &flips);
    drop(gateway.stdin.take());
    gateway.wait()?;
    edge.shutdown().await;
    server.shutdown().await;
    drop(unread);
    slow.shutdown().await;
    Ok(())
}

/// All say their texts.
async fn say(
    edge: &Server<Edge>,
    gateway: u32,
    heard: &mut mpsc::UnboundedReceiver<Stanza>,
    told: &mut mpsc::UnboundedReceiver<()>,
) -> Result<Cost, Box<dyn Error>> {
    let before = used(gateway)?;
    let began = Instant::now();
    edge.call(|now, endpoint, edge| edge.say(now, endpoint))
        .await?;
    let arrived = count_texts(heard, TEXTS_IN_ALL).await?;
    wait(told, SESSIONS).await?;
    let wall = began.elapsed().as_secs_f64();
    Ok(Cost::between(before, used(gateway)?, arrived, wall))
}

fn start_gateway(name_server: SocketAddr) -> Result<(Child, u16, u16), Box<dyn Error>> {
    let mut gateway = Command::new(std::env::current_exe()?)
        .args(["serve", &name_server.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = gateway.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let (xmpp, sip) = line
        .trim()
        .split_once(' ')
        .ok_or("the gateway did not start")?;
    Ok((gateway, xmpp.parse()?, sip.parse()?))
}

async fn answer(socket: UdpSocket, mut zone: FakeDns) {
    let mut buf = [0; 1500];
    while let Ok((len, client)) = socket.recv_from(&mut buf).await {
        for answer in zone.answer(Transport::Udp, &buf[..len]) {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

/// Waits for so many tellings of the edge.
async fn wait(told: &mut mpsc::UnboundedReceiver<()>, count: usize) -> Result<(), Box<dyn Error>> {
    for done in 0..count {
        let next = timeout(PATIENCE, told.recv()).await;
        next.map_err(|_| format!("the edge has told {done} of {count}"))?;
    }
    Ok(())
}

/// Keeps texts and wishes to see somebody's presence.
async fn read(mut events: mpsc::Receiver<Xmpp>, hear: mpsc::UnboundedSender<Stanza>) {
    while let Some(event) = events.recv().await {
        if let Xmpp::Stanza { stanza, .. } = event
            && (stanza.kind() == StanzaKind::Message || stanza.type_() == Some("subscribe"))
        {
            let _ = hear.send(stanza);
        }
    }
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Stanza>) -> Result<Stanza, Box<dyn Error>> {
    let next = timeout(PATIENCE, heard.recv()).await;
    Ok(next?.ok_or("XMPP has ended")?)
}

async fn count_texts(
    heard: &mut mpsc::UnboundedReceiver<Stanza>,
    count: usize,
) -> Result<usize, Box<dyn Error>> {
    let mut arrived = 0;
    while arrived < count {
        let next = next(heard).await;
        let stanza = next.map_err(|error| format!("{arrived} of {count} texts: {error}"))?;
        arrived += usize::from(stanza.kind() == StanzaKind::Message);
    }
    Ok(arrived)
}

/// Every user of XMPP lets his watcher see him.
async fn grant(
    server: &Federation,
    heard: &mut mpsc::UnboundedReceiver<Stanza>,
) -> Result<(), Box<dyn Error>> {
    for granted in 0..WATCHERS {
        let next = next(heard).await;
        let wish = next.map_err(|error| format!("{granted} of {WATCHERS} wishes: {error}"))?;
        let answer = Presence::new(PresenceType::Subscribed);
        let answer = answer.stanza(wish.to().clone(), wish.from().clone());
        send(server, answer).await?;
    }
    Ok(())
}

/// Every user of XMPP changes his presence once a second, and is seen in the end.
async fn flip(
    server: &Federation,
    told: &mut mpsc::UnboundedReceiver<()>,
) -> Result<(), Box<dyn Error>> {
    while told.try_recv().is_ok() {}
    for flip in 0..FLIPS {
        let next = Instant::now() + Duration::from_secs(1);
        for user in 0..WATCHERS {
            let mut presence = Presence::new(PresenceType::Available);
            presence.show = [Some(Show::Away), Some(Show::Dnd)][flip % 2];
            let from = format!("x{user}@{XMPP}/desk").parse()?;
            let to = format!("s{user}@{SIP}").parse()?;
            send(server, presence.stanza(from, to)).await?;
        }
        tokio::time::sleep_until(next.into()).await;
    }
    // One NOTIFY in 5 s: at least one of each user comes.
    wait(told, WATCHERS).await
}

/// Sends a stanza as soon as there is room for it.
async fn send(server: &Federation, mut stanza: Stanza) -> Result<(), Box<dyn Error>> {
    while let Err(rejected) = server.send(stanza).await {
        match rejected.reason {
            SendError::EventsUnread | SendError::Router(router::SendError::Full) => {}
            _ => return Err(rejected.into()),
        }
        stanza = *rejected.stanza;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Speaks for all users of SIP.
struct Edge {
    tell: mpsc::UnboundedSender<()>,
    /// The sessions with users who are there, and how many texts were said in each.
    sessions: BTreeMap<SessionId, usize>,
    slow_sessions: Vec<SessionId>,
    sent: BTreeMap<RequestId, SessionId>,
}

impl Edge {
    fn new(tell: mpsc::UnboundedSender<()>) -> Self {
        Self {
            tell,
            sessions: BTreeMap::new(),
            slow_sessions: Vec::new(),
            sent: BTreeMap::new(),
        }
    }

    fn open(&mut self, now: Instant, endpoint: &mut Endpoint, users: usize, domain: &str) {
        for user in 0..users {
            let (to, from) = (
                format!("sip:x{user}@{domain}"),
                format!("sip:s{user}@{SIP}"),
            );
            let (Ok(to), Ok(from)) = (Uri::parse(&to), Uri::parse(&from)) else {
                continue;
            };
            if let Ok(mut invite) = endpoint.compose(Method::Invite, to, from)
                && invite.body("application/sdp", OFFER.into()).is_ok()
            {
                let _ = endpoint.invite(now, &invite, Vec::new());
            }
        }
    }

    fn say(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let sessions: Vec<_> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.sessions.insert(session, 0);
            self.say_next(now, endpoint, session);
        }
    }

    /// Says many texts to those who do not read, without waiting for an answer.
    fn flood(&self, now: Instant, endpoint: &mut Endpoint) {
        for &session in &self.slow_sessions {
            for _ in 0..FLOOD {
                let _ = endpoint.request_in(now, session, Method::Message, content());
            }
        }
    }

    fn say_next(&mut self, now: Instant, endpoint: &mut Endpoint, session: SessionId) {
        let Some(said) = self.sessions.get_mut(&session) else {
            return;
        };
        if *said == TEXTS * ROUNDS {
            let _ = self.tell.send(());
            return;
        }
        *said += 1;
        if let Ok(request) = endpoint.request_in(now, session, Method::Message, content()) {
            self.sent.insert(request, session);
        }
    }

    fn watch(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for user in 0..WATCHERS {
            let (to, from) = (format!("sip:x{user}@{XMPP}"), format!("sip:s{user}@{SIP}"));
            if let (Ok(to), Ok(from)) = (to.parse(), from.parse()) {
                let mut wish = Subscribe::new(to, from, "presence");
                wish.accept = vec!["application/pidf+xml".to_owned()];
                let _ = endpoint.subscribe(now, wish);
            }
        }
    }
}

impl Application for Edge {
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Request(incoming) => {
                let _ = endpoint.answer(now, &incoming, incoming.response(StatusCode::OK));
            }
            Event::Session {
                session,
                event: SessionEvent::Answered(_),
            } => {
                // Those who read are asked first.
                if self.sessions.len() < SESSIONS {
                    self.sessions.insert(session, 0);
                } else {
                    self.slow_sessions.push(session);
                }
                let _ = self.tell.send(());
            }
            Event::Response { request, response } if response.status() == StatusCode::OK => {
                if let Some(session) = self.sent.remove(&request) {
                    self.say_next(now, endpoint, session);
                }
            }
            Event::Subscription {
                event: SubscriptionEvent::Ended(cause),
                ..
            } => {
                eprintln!("a subscription has ended: {cause}");
            }
            Event::Subscription {
                event: SubscriptionEvent::Retrying { cause, .. },
                ..
            } => {
                eprintln!("a subscription was lost: {cause}");
            }
            // Nobody says that it has arrived, and nobody that it has not.
            Event::Response { response, .. } if response.status() == StatusCode::ACCEPTED => {}
            Event::Response { response, .. } if !response.status().is_provisional() => {
                eprintln!("{} {}", response.status(), response.reason());
            }
            Event::Subscription {
                event: SubscriptionEvent::Notified(notify),
                ..
            } if notify.body().windows(6).any(|part| part == b">open<") => {
                let _ = self.tell.send(());
            }
            _ => {}
        }
    }
}

fn content() -> Option<(&'static str, Bytes)> {
    let text = Bytes::from_static(TEXT.as_bytes());
    Some(("text/plain; charset=UTF-8", text))
}

const TEXT: &str =
    "Our revels now are ended. These our actors, as I foretold you, were all spirits.";
const OFFER: &str = "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=session\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=message 5060 sip null\r\n";
const PATIENCE: Duration = Duration::from_secs(60);
