//! Sockets and the clock for the resolver.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::QueryId;
use comity_srv::{
    Config, Event, Failure, LookedUp, Outcome, Protocol, RecordKind, Remainder, ResolveError,
    Resolver, Service, SocketId, Trace, Transmit,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use crate::clock;

/// Finds out where the servers of domains can be reached.
///
/// Clones ask the same resolver, whose cache they share. It stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Discovery {
    own: mpsc::Sender<Request>,
    peers: mpsc::Sender<Request>,
}

/// On whose account a question is asked. Each lane has a queue of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lane {
    /// On ours: it may use the whole resolver.
    Own,
    /// On that of peers who have proved nothing: such questions get at most half of the resolver,
    /// so that those who claim many names cannot keep us from sending.
    Peers,
}

/// Where a service of a domain can be reached, or why nowhere.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Resolution {
    /// The result.
    pub outcome: Outcome,
    /// How it came about.
    pub trace: Trace,
}

impl Resolution {
    /// This, and what was found where it left off.
    fn and(mut self, next: Self) -> Self {
        if let (Outcome::Candidates(all), Outcome::Candidates(more)) =
            (&mut self.outcome, next.outcome)
        {
            all.extend(more);
        }
        self.trace.append(next.trace);
        self
    }

    /// This, and behind it what was found elsewhere.
    fn followed_by(mut self, next: Self) -> Self {
        if self.has_candidates() {
            return self.and(next);
        }
        self.outcome = next.outcome;
        self.trace.append(next.trace);
        self
    }

    fn has_candidates(&self) -> bool {
        matches!(self.outcome, Outcome::Candidates(_))
    }
}

/// Why there is no resolution.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The resolver does not run any more.
    #[error("the resolver has stopped")]
    Stopped,
    /// The resolver did not begin.
    #[error("{0}")]
    Refused(#[from] ResolveError),
}

impl Discovery {
    /// Starts a resolver on the current tokio runtime. `seed` comes from the operating system.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(config: Config, seed: [u8; 32]) -> Self {
        let (own, of_ours) = mpsc::channel(MAX_WAITING);
        let (peers, of_peers) = mpsc::channel(MAX_WAITING);
        tokio::spawn(Driver::new(config, seed).run(of_ours, of_peers));
        Self { own, peers }
    }

    /// One whose resolver does not run.
    #[cfg(test)]
    pub(crate) fn stopped() -> Self {
        let (own, peers) = (mpsc::channel(1).0, mpsc::channel(1).0);
        Self { own, peers }
    }

    /// Finds out where `service` of `domain` can be reached, by all priorities of its records but
    /// without the targets about which a name server is silent while others are known.
    ///
    /// # Errors
    ///
    /// The question was not asked. That no server was found is an [`Outcome`].
    pub async fn resolve(
        &self,
        domain: DomainName,
        service: Service,
    ) -> Result<Resolution, DiscoveryError> {
        self.resolve_in(Lane::Own, domain, service, None).await
    }

    /// [`resolve`](Self::resolve) with an order of records that `order` decides; see
    /// [`Resolver::resolve_in_order`].
    ///
    /// # Errors
    ///
    /// The question was not asked. That no server was found is an [`Outcome`].
    pub async fn resolve_in_order(
        &self,
        domain: DomainName,
        service: Service,
        order: [u8; 32],
    ) -> Result<Resolution, DiscoveryError> {
        self.resolve_in(Lane::Own, domain, service, Some(order))
            .await
    }

    pub(crate) async fn resolve_in(
        &self,
        lane: Lane,
        domain: DomainName,
        service: Service,
        order: Option<[u8; 32]>,
    ) -> Result<Resolution, DiscoveryError> {
        let answer = self.inquire(lane, domain, service, order).await?;
        answer.await.unwrap_or(Err(DiscoveryError::Stopped))
    }

    async fn inquire(
        &self,
        lane: Lane,
        domain: DomainName,
        service: Service,
        order: Option<[u8; 32]>,
    ) -> Result<oneshot::Receiver<Result<Resolution, DiscoveryError>>, DiscoveryError> {
        let (reply, answer) = oneshot::channel();
        let question = Question::Service {
            domain,
            service,
            order,
            reply,
        };
        self.ask(lane, question).await?;
        Ok(answer)
    }

    /// The servers of several services in their order; where there are none, what the last one came to.
    /// All are asked for at once, so that one without an answer takes no time of the others.
    pub(crate) async fn resolve_all(
        &self,
        lane: Lane,
        (domain, service): (DomainName, Service),
        others: Vec<(DomainName, Service)>,
    ) -> Result<Resolution, DiscoveryError> {
        let first = self.inquire(lane, domain, service, None).await?;
        let mut answers = Vec::with_capacity(others.len());
        for (domain, service) in others {
            answers.push(self.inquire(lane, domain, service, None).await?);
        }
        let mut all = first.await.unwrap_or(Err(DiscoveryError::Stopped));
        for answer in answers {
            let next = answer.await.unwrap_or(Err(DiscoveryError::Stopped));
            all = match (all, next) {
                (Ok(all), Ok(next)) => Ok(all.followed_by(next)),
                // What is known already is not lost by it.
                (Ok(all), Err(_)) if all.has_candidates() => Ok(all),
                (_, next) => next,
            };
        }
        all
    }

    /// Asks for the records as they are that `domain` has below `labels`, such as `_sip` and
    /// `_udp`.
    ///
    /// # Errors
    ///
    /// The question was not asked. That it has no answer is a [`Failure`].
    pub async fn look_up(
        &self,
        domain: DomainName,
        labels: &'static [&'static str],
        kind: RecordKind,
    ) -> Result<(Result<LookedUp, Failure>, Trace), DiscoveryError> {
        let (reply, answer) = oneshot::channel();
        let question = Question::Records {
            domain,
            labels,
            kind,
            reply,
        };
        self.ask(Lane::Own, question).await?;
        answer.await.unwrap_or(Err(DiscoveryError::Stopped))
    }

    async fn ask(&self, lane: Lane, question: Question) -> Result<(), DiscoveryError> {
        let requests = match lane {
            Lane::Own => &self.own,
            Lane::Peers => &self.peers,
        };
        let request = Request { lane, question };
        let sent = requests.send(request).await;
        sent.map_err(|_gone| DiscoveryError::Stopped)
    }
}

type Reply<T> = oneshot::Sender<Result<T, DiscoveryError>>;

#[derive(Debug)]
struct Request {
    lane: Lane,
    question: Question,
}

#[derive(Debug)]
enum Question {
    Service {
        domain: DomainName,
        service: Service,
        order: Option<[u8; 32]>,
        reply: Reply<Resolution>,
    },
    Records {
        domain: DomainName,
        labels: &'static [&'static str],
        kind: RecordKind,
        reply: Reply<(Result<LookedUp, Failure>, Trace)>,
    },
}

/// Who waits for the end of a query.
#[derive(Debug)]
struct Waiting {
    lane: Lane,
    asker: Asker,
}

#[derive(Debug)]
enum Asker {
    Service {
        reply: Reply<Resolution>,
        /// What was found before this query, which asks for the rest.
        found: Option<Resolution>,
    },
    Records(Reply<(Result<LookedUp, Failure>, Trace)>),
}

/// What a socket has to tell.
enum Report {
    Input(Vec<u8>),
    Eof,
    Failed,
}

/// The task that owns the resolver.
struct Driver {
    resolver: Resolver,
    max_resolutions: usize,
    max_udp_bytes: u16,
    waiting: BTreeMap<QueryId, Waiting>,
    /// How many of these are for peers.
    waiting_peers: usize,
    sockets: BTreeMap<SocketId, AbortHandle>,
    tasks: JoinSet<()>,
    reports: mpsc::Sender<(SocketId, Report)>,
    inbox: mpsc::Receiver<(SocketId, Report)>,
}

impl Driver {
    fn new(config: Config, seed: [u8; 32]) -> Self {
        let (reports, inbox) = mpsc::channel(MAX_REPORTS);
        Self {
            max_resolutions: config.limits.max_resolutions,
            max_udp_bytes: config.limits.max_udp_message_bytes,
            resolver: Resolver::new(Instant::now(), config, seed),
            waiting: BTreeMap::new(),
            waiting_peers: 0,
            sockets: BTreeMap::new(),
            tasks: JoinSet::new(),
            reports,
            inbox,
        }
    }

    async fn run(mut self, mut own: mpsc::Receiver<Request>, mut peers: mpsc::Receiver<Request>) {
        let max_peers = (self.max_resolutions / 2).max(1);
        loop {
            self.pump();
            // Requests beyond what the resolver takes at a time wait in their channels.
            let has_room = self.waiting.len() < self.max_resolutions;
            let takes_peers = has_room && self.waiting_peers < max_peers;
            let deadline = self.resolver.poll_timeout();
            tokio::select! {
                () = clock::until(deadline) => self.resolver.handle_timeout(Instant::now()),
                Some((socket, report)) = self.inbox.recv() => self.take(socket, &report),
                Some(_ended) = self.tasks.join_next() => {}
                request = own.recv(), if has_room => match request {
                    Some(request) => self.begin(request),
                    None => return,
                },
                request = peers.recv(), if takes_peers => match request {
                    Some(request) => self.begin(request),
                    None => return,
                },
            }
        }
    }

    fn begin(&mut self, request: Request) {
        let Request { lane, question } = request;
        let now = Instant::now();
        match question {
            // Its turn may have come too late.
            Question::Service { reply, .. } if reply.is_closed() => {}
            Question::Records { reply, .. } if reply.is_closed() => {}
            Question::Service {
                domain,
                service,
                order,
                reply,
            } => {
                let begun = match order {
                    Some(order) => self.resolver.resolve_in_order(now, &domain, service, order),
                    None => self.resolver.resolve(now, &domain, service),
                };
                match begun {
                    Ok(query) => {
                        let found = None;
                        self.wait(query, lane, Asker::Service { reply, found });
                    }
                    Err(error) => tell(reply, Err(error.into())),
                }
            }
            Question::Records {
                domain,
                labels,
                kind,
                reply,
            } => match self.resolver.look_up(now, &domain, labels, kind) {
                Ok(query) => self.wait(query, lane, Asker::Records(reply)),
                Err(error) => tell(reply, Err(error.into())),
            },
        }
    }

    fn wait(&mut self, query: QueryId, lane: Lane, asker: Asker) {
        self.waiting.insert(query, Waiting { lane, asker });
        self.waiting_peers += usize::from(lane == Lane::Peers);
    }

    fn stop_waiting(&mut self, query: QueryId) -> Option<Waiting> {
        let waiting = self.waiting.remove(&query)?;
        self.waiting_peers -= usize::from(waiting.lane == Lane::Peers);
        Some(waiting)
    }

    fn take(&mut self, socket: SocketId, report: &Report) {
        let now = Instant::now();
        match report {
            Report::Input(bytes) => self.resolver.handle_input(now, socket, bytes),
            Report::Eof => self.resolver.handle_eof(now, socket),
            Report::Failed => self.resolver.handle_socket_failed(now, socket),
        }
    }

    /// Does what the resolver wants.
    fn pump(&mut self) {
        loop {
            let mut query = Vec::new();
            if let Some(transmit) = self.resolver.poll_transmit(&mut query) {
                self.open(transmit, query);
            } else if let Some(event) = self.resolver.poll_event() {
                self.act(event);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, event: Event) {
        match event {
            Event::Resolved {
                query,
                outcome,
                rest,
                trace,
                ..
            } => self.resolved(query, Resolution { outcome, trace }, rest),
            Event::LookedUp {
                query,
                result,
                trace,
            } => {
                if let Some(Waiting {
                    asker: Asker::Records(reply),
                    ..
                }) = self.stop_waiting(query)
                {
                    tell(reply, Ok((result, trace)));
                }
            }
            Event::Release { socket } => {
                if let Some(task) = self.sockets.remove(&socket) {
                    task.abort();
                }
            }
            _ => {}
        }
    }

    /// Goes on with what is left, and tells what was found when nothing is.
    fn resolved(&mut self, query: QueryId, new: Resolution, rest: Option<Remainder>) {
        let Some(Waiting {
            lane,
            asker: Asker::Service { reply, found },
        }) = self.stop_waiting(query)
        else {
            return;
        };
        let found = match found {
            Some(found) => found.and(new),
            None => new,
        };
        let rest = rest.and_then(Remainder::without_late);
        let next = rest.map(|rest| self.resolver.resolve_rest(Instant::now(), rest));
        match next {
            Some(Ok(query)) if !reply.is_closed() => {
                let found = Some(found);
                self.wait(query, lane, Asker::Service { reply, found });
            }
            // There is no room to look further, and something was found.
            Some(_) | None => tell(reply, Ok(found)),
        }
    }

    /// Gives a query a socket of its own.
    fn open(&mut self, transmit: Transmit, query: Vec<u8>) {
        let exchange = Exchange {
            socket: transmit.socket,
            server: transmit.server,
            query,
            reports: self.reports.clone(),
        };
        let max_udp_bytes = self.max_udp_bytes;
        let task = self.tasks.spawn(async move {
            let ended = match transmit.protocol {
                Protocol::Udp => exchange.over_udp(max_udp_bytes).await,
                Protocol::Tcp => exchange.over_tcp().await,
            };
            if ended.is_err() {
                exchange.report(Report::Failed).await;
            }
        });
        self.sockets.insert(transmit.socket, task);
    }
}

/// Whoever asked may have stopped to wait.
fn tell<T>(reply: Reply<T>, answer: Result<T, DiscoveryError>) {
    drop(reply.send(answer));
}

/// One query on its own socket, until the resolver releases it.
struct Exchange {
    socket: SocketId,
    server: SocketAddr,
    query: Vec<u8>,
    reports: mpsc::Sender<(SocketId, Report)>,
}

impl Exchange {
    /// Sends the query from a port that the system draws, and passes on what the server sends
    /// there (RFC 5452 §9.2).
    async fn over_udp(&self, max_bytes: u16) -> io::Result<()> {
        let any: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(self.server).await?;
        socket.send(&self.query).await?;
        // One byte more than is allowed, so that the resolver sees what is too long.
        let mut buf = vec![0; usize::from(max_bytes) + 1];
        loop {
            let len = socket.recv(&mut buf).await?;
            let datagram = buf.get(..len).unwrap_or_default().to_vec();
            self.report(Report::Input(datagram)).await;
        }
    }

    async fn over_tcp(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.server).await?;
        stream.write_all(&self.query).await?;
        loop {
            let mut bytes = Vec::with_capacity(TCP_CHUNK_BYTES);
            match stream.read_buf(&mut bytes).await? {
                0 => break,
                _some => self.report(Report::Input(bytes)).await,
            }
        }
        self.report(Report::Eof).await;
        Ok(())
    }

    async fn report(&self, report: Report) {
        // The resolver may be gone.
        let _ = self.reports.send((self.socket, report)).await;
    }
}

/// Requests of one lane that wait for their turn in its channel; more wait outside of it.
const MAX_WAITING: usize = 64;
/// Reports of sockets that have not been taken; the sockets wait meanwhile.
const MAX_REPORTS: usize = 64;
const TCP_CHUNK_BYTES: usize = 4096;
