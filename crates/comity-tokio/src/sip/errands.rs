//! What takes its time: handshakes, connecting, and looking hosts up.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use comity_identity::{DomainName, Host};
use comity_machine::QueryId;
use comity_rustls::{ClientAuth, ConfigError, TlsContext};
use comity_sip::endpoint::Target;
use comity_sip::{ConnectionId, Transport};
use comity_srv::{Outcome, Service, SipService, SipTransport};
use comity_trust::Role;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, Id, JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::config::Limits;
use super::notice::TurnAway;
use super::proof::{Judge, Proof};
use super::stream::Stream;
use crate::discovery::Discovery;

/// The errands of a driver, each a task of its own.
#[derive(Debug)]
pub(super) struct Errands {
    tasks: JoinSet<Done>,
    kinds: HashMap<Id, Kind>,
    dials: BTreeMap<ConnectionId, AbortHandle>,
    handshakes: BTreeMap<IpAddr, usize>,
    lookups: usize,
    limits: Limits,
    secure: Option<Secure>,
    discovery: Option<Discovery>,
}

/// What is left to do when an errand does not come to its end.
#[derive(Clone, Debug)]
enum Kind {
    Handshake(IpAddr),
    Dial(ConnectionId, Transport, SocketAddr),
    Lookup(QueryId, Host),
}

/// The end of an errand.
#[derive(Debug)]
pub(super) enum Done {
    /// A peer that connected is secured, or not.
    Secured {
        peer: SocketAddr,
        outcome: Result<(Stream, Proof), TurnAway>,
    },
    /// A connection of ours stands, or not.
    Dialled(Dialled),
    /// A host was looked up.
    Located {
        query: QueryId,
        host: Host,
        outcome: Result<Vec<Target>, Box<str>>,
    },
}

/// The end of an attempt to make a connection.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) connection: ConnectionId,
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) outcome: Result<(Stream, Option<Proof>), Box<str>>,
}

/// Our side of TLS in both roles.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    judge: Arc<Judge>,
    /// For the threads on which certificates are judged.
    seats: Arc<Semaphore>,
}

impl Errands {
    pub(super) fn new(
        limits: Limits,
        secure: Option<Secure>,
        discovery: Option<Discovery>,
    ) -> Self {
        Self {
            tasks: JoinSet::new(),
            kinds: HashMap::new(),
            dials: BTreeMap::new(),
            handshakes: BTreeMap::new(),
            lookups: 0,
            limits,
            secure,
            discovery,
        }
    }

    /// Whether there is room for a handshake with somebody.
    pub(super) fn has_seat(&self) -> bool {
        self.handshakes.values().sum::<usize>() < self.limits.max_handshakes
    }

    /// Secures a connection that a peer made.
    pub(super) fn secure(&mut self, stream: TcpStream, peer: SocketAddr) -> Result<(), TurnAway> {
        let unused = || TurnAway::Handshake("TLS is not configured".into());
        let secure = self.secure.clone().ok_or_else(unused)?;
        let source = source(peer.ip());
        let begun = self.handshakes.entry(source).or_default();
        if *begun >= self.limits.max_handshakes_per_source {
            return Err(TurnAway::TooManyHandshakes);
        }
        *begun += 1;
        let patience = self.limits.handshake_timeout;
        let handshake = async move {
            let late = |_elapsed| Err(TurnAway::Handshake("it took too long".into()));
            let outcome = timeout(patience, secure.accept(stream)).await;
            let outcome = outcome.unwrap_or_else(late);
            Done::Secured { peer, outcome }
        };
        self.begin(Kind::Handshake(source), handshake);
        Ok(())
    }

    /// Makes a connection. The endpoint ends the wait.
    pub(super) fn dial(
        &mut self,
        connection: ConnectionId,
        transport: Transport,
        remote: SocketAddr,
        name: Option<DomainName>,
    ) {
        let secure = self.secure.clone();
        let dial = async move {
            Done::Dialled(Dialled {
                connection,
                transport,
                remote,
                outcome: dial(secure, transport, remote, name).await,
            })
        };
        let kind = Kind::Dial(connection, transport, remote);
        let task = self.begin(kind, dial);
        self.dials.insert(connection, task);
    }

    /// Stops to make a connection; false if it is not being made.
    pub(super) fn stop_dial(&mut self, connection: ConnectionId) -> bool {
        let task = self.dials.remove(&connection);
        if let Some(task) = &task {
            task.abort();
        }
        task.is_some()
    }

    /// Looks a host up.
    pub(super) fn locate(
        &mut self,
        query: QueryId,
        name: DomainName,
        port: u16,
        transport: Transport,
    ) -> Result<(), Box<str>> {
        let discovery = self.discovery.clone();
        let discovery = discovery.ok_or("no name server is configured")?;
        if self.lookups >= self.limits.max_lookups {
            return Err("too many hosts are being looked up".into());
        }
        self.lookups += 1;
        let host = Host::Domain(name.clone());
        let kind = Kind::Lookup(query, host.clone());
        self.begin(kind, async move {
            let outcome = locate(&discovery, name, port, transport).await;
            Done::Located {
                query,
                host,
                outcome,
            }
        });
        Ok(())
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
            Kind::Handshake(source) => {
                if let Some(begun) = self.handshakes.get_mut(source) {
                    *begun -= 1;
                    if *begun == 0 {
                        self.handshakes.remove(source);
                    }
                }
            }
            Kind::Dial(connection, ..) => drop(self.dials.remove(connection)?),
            Kind::Lookup(..) => self.lookups -= 1,
        }
        Some(kind)
    }
}

impl Secure {
    pub(super) fn new(context: &TlsContext, judge: Judge) -> Result<Self, ConfigError> {
        let mut context = context.clone();
        context.client_auth = ClientAuth::Present;
        Ok(Self {
            client: Arc::new(context.client_config()?),
            server: Arc::new(context.server_config()?),
            judge: Arc::new(judge),
            seats: Arc::new(Semaphore::new(SEATS)),
        })
    }

    async fn accept(&self, stream: TcpStream) -> Result<(Stream, Proof), TurnAway> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        let stream = acceptor.accept(stream).await;
        let stream = stream.map_err(|error| TurnAway::Handshake(error.to_string().into()))?;
        let stream = TlsStream::from(stream);
        let proof = self.judge(&stream, Role::Client, None).await;
        let proof = proof.map_err(TurnAway::Unproved)?;
        Ok((Stream::Tls(Box::new(stream)), proof))
    }

    async fn connect(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        name: Option<DomainName>,
    ) -> Result<(Stream, Proof), Box<str>> {
        let server_name = match &name {
            Some(name) => ServerName::try_from(name.as_str().to_owned())
                .map_err(|error| Box::<str>::from(error.to_string()))?,
            None => ServerName::IpAddress(remote.ip().into()),
        };
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let stream = connector.connect(server_name, stream).await;
        let stream = stream.map_err(|error| Box::<str>::from(error.to_string()))?;
        let stream = TlsStream::from(stream);
        let proof = self.judge(&stream, Role::Server, name).await?;
        Ok((Stream::Tls(Box::new(stream)), proof))
    }

    /// Judges what the peer presented; the signatures of a hostile chain can take some time.
    async fn judge(
        &self,
        stream: &TlsStream<TcpStream>,
        role: Role,
        expected: Option<DomainName>,
    ) -> Result<Proof, Box<str>> {
        let chain = stream.get_ref().1.peer_certificates();
        let chain = chain.unwrap_or_default().to_vec();
        let judge = Arc::clone(&self.judge);
        let seat = Arc::clone(&self.seats).acquire_owned().await;
        let prove = move || {
            let proof = judge.prove(&chain, role, expected.as_ref());
            // What has begun keeps its seat to the end.
            drop(seat);
            proof
        };
        let judged = spawn_blocking(prove).await;
        judged.unwrap_or_else(|_panic| Err("the certificate could not be judged".into()))
    }
}

async fn dial(
    secure: Option<Secure>,
    transport: Transport,
    remote: SocketAddr,
    name: Option<DomainName>,
) -> Result<(Stream, Option<Proof>), Box<str>> {
    let stream = TcpStream::connect(remote).await;
    let stream = stream.map_err(|error| Box::<str>::from(error.to_string()))?;
    // A message should not wait for the next one; that it would is no reason to give up.
    let _ = stream.set_nodelay(true);
    match (transport, secure) {
        (Transport::Tls, Some(secure)) => {
            let (stream, proof) = secure.connect(stream, remote, name).await?;
            Ok((stream, Some(proof)))
        }
        (Transport::Tls, None) => Err("TLS is not configured".into()),
        (Transport::Tcp | Transport::Udp, _) => Ok((Stream::Tcp(stream), None)),
    }
}

/// The addresses of a name, as targets of one transport.
async fn locate(
    discovery: &Discovery,
    name: DomainName,
    port: u16,
    transport: Transport,
) -> Result<Vec<Target>, Box<str>> {
    let mut sip = SipService::new();
    sip.port = Some(port);
    sip.transport = Some(match transport {
        Transport::Tls => SipTransport::Tls,
        Transport::Tcp => SipTransport::Tcp,
        Transport::Udp => SipTransport::Udp,
    });
    let service = Service::Sip(sip);
    let resolution = discovery.resolve(name.clone(), service).await;
    let resolution = resolution.map_err(|error| Box::<str>::from(error.to_string()))?;
    let candidates = match &resolution.outcome {
        Outcome::Candidates(candidates) => candidates,
        Outcome::Failed(failure) => return Err(failure.to_string().into()),
        Outcome::Blocked(_) => return Err("its addresses may not be dialled".into()),
        Outcome::Bogus => return Err("the answer of DNS is bogus".into()),
        Outcome::Absent | Outcome::Refused | _ => return Err("it has no address".into()),
    };
    let target = |address| match transport {
        Transport::Tls => Target::new(transport, address).named(name.clone()),
        Transport::Udp | Transport::Tcp => Target::new(transport, address),
    };
    let addresses = candidates.iter().map(|candidate| candidate.address);
    Ok(addresses.map(target).collect())
}

/// What is told of an errand that panicked.
fn failed(kind: Kind) -> Option<Done> {
    let reason = || Box::<str>::from("an internal error");
    match kind {
        // The peer sees the end of its connection.
        Kind::Handshake(_) => None,
        Kind::Dial(connection, transport, remote) => Some(Done::Dialled(Dialled {
            connection,
            transport,
            remote,
            outcome: Err(reason()),
        })),
        Kind::Lookup(query, host) => Some(Done::Located {
            query,
            host,
            outcome: Err(reason()),
        }),
    }
}

/// What shares the bound on handshakes: an IPv4 address, or 64 bits of an IPv6 address.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Certificates that are judged at a time.
const SEATS: usize = 4;
