//! The task that owns the socket of one connection and does what the router's driver orders.

pub(crate) mod outbox;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use comity_xmpp::Transport;
use comity_xmpp::router::{ConnectionId, TlsRole};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

pub(crate) use self::tls::{TlsEndpoint, describe};

use self::outbox::Outbox;
use crate::clock;
use crate::config::Limits;
use crate::event::TlsSession;
use crate::headed::Headed;
use crate::linger::linger;

/// What the driver wants of a connection. They are followed in their order.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send these bytes; [`Report::Written`] tells when they are gone.
    Write(Vec<u8>),
    /// Read once; [`Report::Input`] or [`Report::Ended`] follows.
    Read,
    /// Send what is to be sent, then start the TLS handshake on a connection that began so.
    StartTls(TlsRole, Transport),
    /// Send what is to be sent, then end the connection.
    Close,
}

/// What a connection tells the driver.
#[derive(Debug)]
pub(crate) enum Report {
    Connected,
    ConnectFailed(Box<str>),
    /// Bytes that came.
    Input(Vec<u8>),
    /// The peer sends no more, or the connection is lost.
    Ended,
    Secured(TlsRole, TlsSession),
    TlsFailed(Box<str>),
    /// The bytes of one [`Order::Write`] are gone.
    Written {
        bytes: usize,
    },
}

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) tls: TlsEndpoint,
}

/// One connection, seen from its own task.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) reports: mpsc::Sender<(ConnectionId, Report)>,
    pub(crate) shared: Arc<Shared>,
    outbox: Outbox,
    /// Whether one read is ordered.
    reading: bool,
}

/// A socket in one of its three states.
enum Socket {
    Plain(Headed),
    Tls(Box<TlsStream<Headed>>),
    /// The handshake failed: nothing but the end can follow, if the connection is not lost.
    Broken(Option<Headed>),
}

/// Why a connection stops to exchange bytes.
enum Turn {
    /// The driver wants the connection to end in order.
    Close,
    /// The connection is lost.
    Lost,
    StartTls(TlsRole, Transport),
    /// The driver has forgotten the connection.
    Abandon,
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        orders: mpsc::Receiver<Order>,
        reports: mpsc::Sender<(ConnectionId, Report)>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            id,
            orders,
            reports,
            shared,
            outbox: Outbox::default(),
            reading: false,
        }
    }

    /// Makes the connection, unless the driver forgets it before.
    pub(crate) async fn dial(mut self, address: SocketAddr) {
        let connected = tokio::select! {
            connected = TcpStream::connect(address) => connected,
            _given_up = self.orders.recv() => return,
        };
        match connected {
            Ok(stream) => {
                self.report(Report::Connected).await;
                self.serve(Headed::new(stream)).await;
            }
            Err(error) => {
                let reason = error.to_string().into();
                self.report(Report::ConnectFailed(reason)).await;
            }
        }
    }

    /// Follows orders until the connection ends.
    pub(crate) async fn serve(mut self, stream: Headed) {
        // A stanza should not wait for the next one; that it would is no reason to give up.
        let _ = stream.tcp().set_nodelay(true);
        let mut socket = Socket::Plain(stream);
        loop {
            let turn;
            (socket, turn) = self.exchange(socket).await;
            match turn {
                Turn::Abandon => return,
                Turn::Close => return self.finish(socket).await,
                Turn::Lost => {
                    drop(socket);
                    self.report(Report::Ended).await;
                    self.await_end().await;
                    return;
                }
                Turn::StartTls(role, transport) => {
                    match self.start_tls(socket, role, transport).await {
                        Some(next) => socket = next,
                        None => return,
                    }
                }
            }
        }
    }

    /// Reads and writes in the socket's present state.
    async fn exchange(&mut self, socket: Socket) -> (Socket, Turn) {
        match socket {
            Socket::Plain(stream) => {
                let (stream, turn) = self.exchange_over(stream).await;
                (Socket::Plain(stream), turn)
            }
            Socket::Tls(stream) => {
                let (stream, turn) = self.exchange_over(*stream).await;
                (Socket::Tls(Box::new(stream)), turn)
            }
            Socket::Broken(stream) => {
                let turn = self.await_end().await;
                (Socket::Broken(stream), turn)
            }
        }
    }

    async fn exchange_over<S>(&mut self, stream: S) -> (S, Turn)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut reader, mut writer) = split(stream);
        let turn = loop {
            let mut input = Vec::new();
            let Self {
                orders,
                outbox,
                reading,
                ..
            } = self;
            let stalls = outbox.deadline(self.shared.limits.write_timeout);
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Write(bytes)) => outbox.push(bytes),
                    Some(Order::Read) => *reading = true,
                    Some(Order::StartTls(role, transport)) => {
                        break Turn::StartTls(role, transport);
                    }
                    Some(Order::Close) => break Turn::Close,
                    None => break Turn::Abandon,
                },
                sent = outbox.advance(&mut writer), if outbox.is_pending() => match sent {
                    Ok(Some(bytes)) => self.report(Report::Written { bytes }).await,
                    Ok(None) => {}
                    Err(_lost) => break Turn::Lost,
                },
                () = clock::until(stalls) => break Turn::Lost,
                read = read_chunk(&mut reader, &mut input), if *reading => {
                    *reading = false;
                    self.report(match read {
                        Ok(1..) => Report::Input(input),
                        Ok(0) | Err(_) => Report::Ended,
                    })
                    .await;
                }
            }
        };
        (reader.unsplit(writer), turn)
    }

    /// Does the handshake; `None` if the driver gives up meanwhile.
    async fn start_tls(
        &mut self,
        socket: Socket,
        role: TlsRole,
        transport: Transport,
    ) -> Option<Socket> {
        let Socket::Plain(mut stream) = socket else {
            return None;
        };
        // Whatever is read from now on belongs to the handshake.
        self.reading = false;
        let Self {
            id,
            orders,
            outbox,
            reports,
            shared,
            ..
        } = self;
        let patience = shared.limits.write_timeout;
        let handshake = async {
            while outbox.is_pending() {
                let sent = timeout(patience, outbox.advance(&mut stream)).await;
                if let Some(bytes) = sent.ok()?.ok()? {
                    // The driver may be gone; the orders end then.
                    let _ = reports.send((*id, Report::Written { bytes })).await;
                }
            }
            Some(shared.tls.handshake(&role, transport, stream).await)
        };
        let outcome = tokio::select! {
            outcome = handshake => outcome,
            // The machine orders nothing during a handshake but its end.
            _end = orders.recv() => return None,
        };
        match outcome {
            Some(Ok((stream, session))) => {
                self.report(Report::Secured(role, session)).await;
                Some(Socket::Tls(Box::new(stream)))
            }
            Some(Err((reason, stream))) => {
                self.report(Report::TlsFailed(reason)).await;
                Some(Socket::Broken(stream))
            }
            None => {
                self.report(Report::Ended).await;
                None
            }
        }
    }

    /// Waits until the driver is done with the connection; what it wants to be sent is lost.
    async fn await_end(&mut self) -> Turn {
        loop {
            match self.orders.recv().await {
                Some(Order::Close) => return Turn::Close,
                None => return Turn::Abandon,
                Some(Order::Read | Order::StartTls(..) | Order::Write(_)) => {}
            }
        }
    }

    /// Sends what is left, says goodbye, and lets the peer do the same.
    async fn finish(mut self, socket: Socket) {
        let wait = self.shared.limits.write_timeout;
        let ended = match socket {
            Socket::Plain(mut stream) => {
                let goodbye = self.say_goodbye(&mut stream);
                timeout(wait, goodbye)
                    .await
                    .map(|said| said.map(|()| stream))
            }
            Socket::Tls(mut stream) => {
                let goodbye = self.say_goodbye(&mut *stream);
                let said = timeout(wait, goodbye).await;
                said.map(|said| said.map(|()| tls::into_inner(*stream)))
            }
            Socket::Broken(Some(mut stream)) => Ok(stream.shutdown().await.map(|()| stream)),
            Socket::Broken(None) => return,
        };
        if let Ok(Ok(stream)) = ended {
            let limits = &self.shared.limits;
            let (patience, bytes) = (limits.linger_timeout, limits.max_linger_bytes);
            linger(stream.into_tcp(), patience, bytes).await;
        }
    }

    /// Over TLS the end of our direction is a `close_notify` before the end of the TCP connection.
    async fn say_goodbye<S>(&mut self, stream: &mut S) -> std::io::Result<()>
    where
        S: AsyncWrite + Unpin,
    {
        while self.outbox.is_pending() {
            self.outbox.advance(stream).await?;
        }
        stream.shutdown().await
    }

    async fn report(&self, report: Report) {
        // The driver may be gone; the orders end then.
        let _ = self.reports.send((self.id, report)).await;
    }
}

pub(crate) async fn read_chunk<R>(reader: &mut R, input: &mut Vec<u8>) -> std::io::Result<usize>
where
    R: AsyncRead + Unpin,
{
    input.reserve_exact(CHUNK_BYTES);
    // One call reads what is there, and the limit keeps it to one chunk.
    reader.take(CHUNK_BYTES as u64).read_buf(input).await
}

/// What is read at once; less than a machine holds while it waits for an answer.
const CHUNK_BYTES: usize = 8 * 1024;
