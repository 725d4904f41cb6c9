use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use comity_identity::Direction;
use comity_xmpp::router::{ConnectionId, Target, TlsRole};
use comity_xmpp::{Router, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::connection::{Connection, Order, Report, Shared, TlsEndpoint};
use crate::event::{Channel, TlsSession};
use crate::listener::Accepted;

/// The connections that the router knows, and the tasks that own their sockets.
pub(super) struct Connections {
    /// The tasks, also those that are left to end a connection which the router has forgotten.
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
    reports: mpsc::Sender<(ConnectionId, Report)>,
    inbox: mpsc::Receiver<(ConnectionId, Report)>,
    known: BTreeMap<ConnectionId, Line>,
    /// Connections that are not ordered to read.
    parked: BTreeSet<ConnectionId>,
}

/// The driver's end of one connection.
struct Line {
    orders: mpsc::Sender<Order>,
    transport: Transport,
    channel: Channel,
    unsent_chunks: usize,
    unsent_bytes: usize,
    /// Whether the router was told to wait.
    blocked: bool,
}

impl Connections {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (reports, inbox) = mpsc::channel(MAX_REPORTS);
        Self {
            tasks: JoinSet::new(),
            shared,
            reports,
            inbox,
            known: BTreeMap::new(),
            parked: BTreeSet::new(),
        }
    }

    /// Secures connections that begin from now on in another way.
    pub(super) fn replace_tls(&mut self, tls: TlsEndpoint) {
        let limits = self.shared.limits.clone();
        self.shared = Arc::new(Shared { limits, tls });
    }

    /// Makes a connection.
    pub(super) fn dial(&mut self, id: ConnectionId, target: &Target) {
        let connection = self.open(id, Direction::Outbound, target.transport);
        self.tasks.spawn(connection.dial(target.address));
    }

    /// Serves a connection that a peer made.
    pub(super) fn serve(&mut self, id: ConnectionId, accepted: Accepted) {
        let connection = self.open(id, Direction::Inbound, accepted.transport);
        self.tasks.spawn(async move {
            connection.serve(accepted.stream).await;
            drop(accepted.permit);
        });
        self.park(id);
    }

    fn open(&mut self, id: ConnectionId, opened: Direction, transport: Transport) -> Connection {
        let (orders, inbox) = mpsc::channel(MAX_ORDERS);
        let line = Line {
            orders,
            transport,
            channel: Channel { opened, tls: None },
            unsent_chunks: 0,
            unsent_bytes: 0,
            blocked: false,
        };
        self.known.insert(id, line);
        Connection::new(id, inbox, self.reports.clone(), Arc::clone(&self.shared))
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.known.contains_key(&id)
    }

    pub(super) fn channel(&self, id: ConnectionId) -> Option<&Channel> {
        self.known.get(&id).map(|line| &line.channel)
    }

    pub(super) fn secured(&mut self, id: ConnectionId, session: &TlsSession) {
        if let Some(line) = self.known.get_mut(&id) {
            line.channel.tls = Some(session.clone());
        }
    }

    pub(super) fn start_tls(&mut self, router: &mut Router, id: ConnectionId, role: TlsRole) {
        if let Some(line) = self.known.get(&id) {
            let order = Order::StartTls(role, line.transport);
            self.parked.insert(id);
            self.order(router, id, order);
        }
    }

    /// What a connection has to tell next; `None` if a task has ended. Nothing is lost if this is
    /// dropped before it is ready.
    pub(super) async fn next_report(&mut self) -> Option<(ConnectionId, Report)> {
        tokio::select! {
            report = self.inbox.recv() => report,
            Some(_ended) = self.tasks.join_next() => None,
        }
    }

    /// Whether every socket is closed.
    pub(super) fn are_gone(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Closes every socket that is left.
    pub(super) async fn cut_off(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Notes that a connection waits to be told to read.
    pub(super) fn park(&mut self, id: ConnectionId) {
        self.parked.insert(id);
    }

    /// Orders to read wherever the router wants input.
    ///
    /// A connection reads once for each order, so that nothing is read behind a request to start
    /// TLS but what arrived together with it.
    pub(super) fn read_from(&mut self, router: &mut Router) {
        let ready: Vec<_> = self
            .parked
            .iter()
            .copied()
            .filter(|&id| router.wants_input(id))
            .collect();
        for id in ready {
            self.parked.remove(&id);
            self.order(router, id, Order::Read);
        }
    }

    /// Sends bytes, and tells the router to wait if the peer is slow.
    pub(super) fn write(&mut self, router: &mut Router, id: ConnectionId, bytes: Vec<u8>) {
        let max_bytes = self.shared.limits.max_unsent_bytes;
        let Some(line) = self.known.get_mut(&id) else {
            return;
        };
        line.unsent_bytes = line.unsent_bytes.saturating_add(bytes.len());
        line.unsent_chunks = line.unsent_chunks.saturating_add(1);
        if line.unsent_bytes > max_bytes || line.unsent_chunks > MAX_UNSENT_CHUNKS {
            line.blocked = true;
            router.handle_write_blocked(Instant::now(), id);
        }
        self.order(router, id, Order::Write(bytes));
    }

    /// Notes that the bytes of one write are gone.
    pub(super) fn written(&mut self, router: &mut Router, id: ConnectionId, bytes: usize) {
        let max_bytes = self.shared.limits.max_unsent_bytes;
        let Some(line) = self.known.get_mut(&id) else {
            return;
        };
        router.handle_written(Instant::now(), id, bytes);
        line.unsent_bytes = line.unsent_bytes.saturating_sub(bytes);
        line.unsent_chunks = line.unsent_chunks.saturating_sub(1);
        let is_low =
            line.unsent_bytes <= max_bytes / 2 && line.unsent_chunks <= MAX_UNSENT_CHUNKS / 2;
        if line.blocked && is_low {
            line.blocked = false;
            router.handle_writable(Instant::now(), id);
        }
    }

    /// Gives an order. A connection that has ended or follows no orders is lost.
    pub(super) fn order(&mut self, router: &mut Router, id: ConnectionId, order: Order) {
        let Some(line) = self.known.get(&id) else {
            return;
        };
        if line.orders.try_send(order).is_err() {
            router.handle_eof(Instant::now(), id);
        }
    }

    /// Lets a connection send what it was given, and end.
    pub(super) fn close(&mut self, id: ConnectionId) {
        self.parked.remove(&id);
        if let Some(line) = self.known.remove(&id) {
            // If it has ended, or is stuck, the end of its orders is enough.
            let _ = line.orders.try_send(Order::Close);
        }
    }
}

/// Reports of connections that have not been taken; the connections wait meanwhile.
const MAX_REPORTS: usize = 1024;
/// Writes of one connection that are not done, above which its machine is held back.
const MAX_UNSENT_CHUNKS: usize = 32;
/// Orders that a connection has not taken: its writes, and some room for all others.
const MAX_ORDERS: usize = 64;
