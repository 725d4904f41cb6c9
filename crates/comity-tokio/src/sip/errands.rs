//! What takes its time: handshakes, connecting, and looking hosts up.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use comity_identity::DomainName;
use comity_machine::{Crowds, QueryId};
use comity_sip::endpoint::Target;
use comity_sip::{ConnectionId, Transport};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::timeout;

use super::config::Limits;
use super::notice::TurnAway;
use super::places::{Places, Search};
use super::proof::{Proof, Wanted};
use super::secure::Secure;
use super::stream::Stream;
use crate::headed::Headed;

/// The errands of a driver, each a task of its own.
#[derive(Debug)]
pub(super) struct Errands {
    tasks: JoinSet<Done>,
    kinds: HashMap<Id, Kind>,
    dials: BTreeMap<ConnectionId, (AbortHandle, Dial)>,
    handshakes: BTreeMap<Seat, Handshake>,
    /// Those with their sources.
    seats: Crowds<Seat>,
    last_seat: Seat,
    /// What is looked up, and the questions that wait for it.
    lookups: BTreeMap<Sought, Vec<QueryId>>,
    limits: Limits,
    secure: Option<Secure>,
    places: Places,
}

/// A name, and how it is looked up.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Sought {
    pub(super) name: DomainName,
    search: Search,
}

/// The place of a handshake that a peer began; later ones have greater numbers.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Seat(u64);

/// A handshake that a peer began.
#[derive(Debug)]
struct Handshake {
    task: AbortHandle,
    peer: SocketAddr,
    since: Instant,
}

/// What is left to do when an errand does not come to its end.
#[derive(Clone, Debug)]
enum Kind {
    Handshake(Seat),
    Dial(Dial),
    Lookup(Sought),
}

/// The end of an errand.
#[derive(Debug)]
pub(super) enum Done {
    /// A peer that connected is secured or may go on in clear text, or not.
    Admitted {
        peer: SocketAddr,
        outcome: Result<(Stream, Option<Proof>), TurnAway>,
    },
    /// A connection of ours stands, or not.
    Dialled(Dialled),
    /// A host was looked up.
    Located {
        sought: Sought,
        outcome: Result<Vec<Target>, Box<str>>,
    },
}

/// An attempt to make a connection.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) connection: ConnectionId,
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    /// Who is asked for.
    pub(super) domain: Option<DomainName>,
}

/// The end of an attempt to make a connection.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) dial: Dial,
    pub(super) outcome: Result<(Stream, Option<Proof>), DialError>,
}

/// Why a connection did not come about.
#[derive(Debug)]
pub(super) enum DialError {
    /// The server is not there.
    Unreachable(Box<str>),
    /// It is not whom we want.
    Unsecured(Box<str>),
}

impl Errands {
    pub(super) fn new(limits: Limits, secure: Option<Secure>, places: Places) -> Self {
        Self {
            tasks: JoinSet::new(),
            kinds: HashMap::new(),
            dials: BTreeMap::new(),
            handshakes: BTreeMap::new(),
            seats: Crowds::default(),
            last_seat: Seat::default(),
            lookups: BTreeMap::new(),
            limits,
            secure,
            places,
        }
    }

    /// Secures connections from now on in another way.
    pub(super) fn replace_secure(&mut self, secure: Secure) {
        self.secure = Some(secure);
    }

    /// When there is room for a handshake with somebody, or a source that has to make it: now, later, or
    /// when another one is over.
    pub(super) fn next_seat(&self, now: Instant) -> Option<Instant> {
        if self.seats.len() < self.limits.max_handshakes {
            return Some(now);
        }
        let crowding = self.handshakes.get(&self.seats.oldest_of_crowd()?)?;
        crowding.since.checked_add(self.limits.handshake_grace)
    }

    /// Secures a connection that a peer made to one of our listeners. Gives the peer who makes room for
    /// it, if one has to: the one who began first of the source with the most handshakes.
    pub(super) fn admit(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        listener: usize,
    ) -> Result<Option<SocketAddr>, TurnAway> {
        let unused = || TurnAway::Handshake("TLS is not configured".into());
        let secure = self.secure.clone().ok_or_else(unused)?;
        if self.seats.of(peer.ip()) >= self.limits.max_handshakes_per_source {
            return Err(TurnAway::TooManyHandshakes);
        }
        let mut unseated = None;
        if self.seats.len() >= self.limits.max_handshakes {
            let crowding = self.seats.crowding(peer.ip());
            unseated = self.unseat(crowding.ok_or(TurnAway::TooManyHandshakes)?);
        }
        let patience = self.limits.handshake_timeout;
        let handshake = async move {
            let late = |_elapsed| Err(TurnAway::Handshake("it took too long".into()));
            let outcome = timeout(patience, secure.admit(stream, listener)).await;
            let outcome = outcome.unwrap_or_else(late);
            Done::Admitted { peer, outcome }
        };
        self.last_seat.0 += 1;
        let seat = self.last_seat;
        let task = self.begin(Kind::Handshake(seat), handshake);
        let handshake = Handshake {
            task,
            peer,
            since: Instant::now(),
        };
        self.handshakes.insert(seat, handshake);
        self.seats.insert(seat, Some(peer.ip()));
        Ok(unseated)
    }

    fn unseat(&mut self, seat: Seat) -> Option<SocketAddr> {
        self.seats.remove(seat);
        let handshake = self.handshakes.remove(&seat)?;
        handshake.task.abort();
        Some(handshake.peer)
    }

    /// Makes a connection. The endpoint ends the wait.
    pub(super) fn dial(
        &mut self,
        connection: ConnectionId,
        transport: Transport,
        remote: SocketAddr,
        names: Vec<DomainName>,
    ) {
        let secure = self.secure.clone();
        let wanted = if names.is_empty() {
            Wanted::Anyone
        } else {
            let entered = self.places.entered(&names);
            Wanted::OneOf { names, entered }
        };
        let dial = Dial {
            connection,
            transport,
            remote,
            domain: wanted.first().cloned(),
        };
        let begun = dial.clone();
        let kind = Kind::Dial(dial.clone());
        let errand = async move {
            let outcome = connect(secure, transport, remote, wanted).await;
            Done::Dialled(Dialled { dial, outcome })
        };
        let task = self.begin(kind, errand);
        self.dials.insert(connection, (task, begun));
    }

    /// Stops to make a connection; gives it if it is being made.
    pub(super) fn stop_dial(&mut self, connection: ConnectionId) -> Option<Dial> {
        let (task, dial) = self.dials.remove(&connection)?;
        task.abort();
        Some(dial)
    }

    /// Looks a host up.
    pub(super) fn locate(
        &mut self,
        query: QueryId,
        name: DomainName,
        search: Search,
    ) -> Result<(), Box<str>> {
        self.places.check()?;
        let sought = Sought { name, search };
        // Many requests to one domain at once ask once.
        if let Some(queries) = self.lookups.get_mut(&sought) {
            queries.push(query);
            return Ok(());
        }
        if self.lookups.len() >= self.limits.max_lookups {
            return Err("too many hosts are being looked up".into());
        }
        self.lookups.insert(sought.clone(), vec![query]);
        let kind = Kind::Lookup(sought.clone());
        let places = self.places.clone();
        self.begin(kind, async move {
            let Sought { name, search } = sought.clone();
            let outcome = places.locate(name, search).await;
            Done::Located { sought, outcome }
        });
        Ok(())
    }

    /// The questions that a lookup answers; the endpoint bounds how many there are.
    pub(super) fn finish_lookup(&mut self, sought: &Sought) -> Vec<QueryId> {
        self.lookups.remove(sought).unwrap_or_default()
    }

    /// The next errand that has come to an end. Those that panicked have failed.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Done> {
        loop {
            match self.tasks.poll_join_next_with_id(cx) {
                Poll::Ready(Some(Ok((id, done)))) => {
                    // A connection that nobody waits for any more is closed by this.
                    if self.forget(id).is_some() {
                        return Poll::Ready(done);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    if let Some(done) = self.forget(error.id()).and_then(failed) {
                        return Poll::Ready(done);
                    }
                }
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(super) fn stop(&mut self) {
        self.tasks.abort_all();
    }

    fn begin(
        &mut self,
        kind: Kind,
        errand: impl Future<Output = Done> + Send + 'static,
    ) -> AbortHandle {
        let task = self.tasks.spawn(errand);
        self.kinds.insert(task.id(), kind);
        task
    }

    /// Notes the end of an errand; gives what it was, if its outcome is wanted.
    fn forget(&mut self, id: Id) -> Option<Kind> {
        let kind = self.kinds.remove(&id)?;
        match &kind {
            Kind::Handshake(seat) => {
                self.seats.remove(*seat);
                self.handshakes.remove(seat)?;
            }
            Kind::Dial(dial) => drop(self.dials.remove(&dial.connection)?),
            Kind::Lookup(_) => {}
        }
        Some(kind)
    }
}

async fn connect(
    secure: Option<Secure>,
    transport: Transport,
    remote: SocketAddr,
    wanted: Wanted,
) -> Result<(Stream, Option<Proof>), DialError> {
    let stream = TcpStream::connect(remote).await;
    let stream = stream.map_err(|error| DialError::Unreachable(error.to_string().into()))?;
    // A message should not wait for the next one; that it would is no reason to give up.
    let _ = stream.set_nodelay(true);
    let stream = Headed::new(stream);
    match (transport, secure) {
        (Transport::Tls, Some(secure)) => {
            let secured = secure.connect(stream, remote, wanted).await;
            let (stream, proof) = secured.map_err(DialError::Unsecured)?;
            Ok((stream, Some(proof)))
        }
        (Transport::Tls, None) => Err(DialError::Unsecured("TLS is not configured".into())),
        (Transport::Tcp | Transport::Udp, _) => Ok((Stream::Tcp(stream), None)),
    }
}

/// What is told of an errand that panicked.
fn failed(kind: Kind) -> Option<Done> {
    let reason = || Box::<str>::from("an internal error");
    match kind {
        // The peer sees the end of its connection.
        Kind::Handshake(_) => None,
        Kind::Dial(dial) => Some(Done::Dialled(Dialled {
            dial,
            outcome: Err(DialError::Unsecured(reason())),
        })),
        Kind::Lookup(sought) => Some(Done::Located {
            sought,
            outcome: Err(reason()),
        }),
    }
}
