use std::time::Instant;

use comity_sip::endpoint::{Endpoint, Event};

use super::notice::Notice;
use super::traffic::Traffic;

/// What a server does with the events of its endpoint.
///
/// It is called on the task that also serves all sockets: no event waits in a channel, and whoever
/// has work that takes long gives it to another task, whose answer comes back by
/// [`Server::call`](super::Server::call).
///
/// What the endpoint has to send because of one call leaves before the next event.
pub trait Application: Send {
    /// Something that the driver does not answer itself: all events but
    /// [`Event::Connect`], [`Event::Disconnect`] and [`Event::Locate`].
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event);

    /// When to call [`handle_timeout`](Self::handle_timeout); it is asked again after every call.
    /// Without this it is never called.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come. The next one has to lie after `now`.
    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let _ = (now, endpoint);
    }

    /// The server was shut down: the time to end what goes on, such as sessions.
    ///
    /// What is to be sent on open connections leaves before these end. No connection is let in from now
    /// on, and what goes on is served for as long as [`is_settled`](Self::is_settled) wants.
    fn handle_shutdown(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let _ = (now, endpoint);
    }

    /// Whether connections may end after a shutdown; asked after everything that happens then. A
    /// server that is not settled is given up in the end
    /// ([`Limits::settle_timeout`](super::Limits::settle_timeout)). Without this it is settled at once.
    fn is_settled(&self, endpoint: &Endpoint) -> bool {
        let _ = endpoint;
        true
    }

    /// Something for those who run the server. Without this it is lost.
    fn handle_notice(&mut self, notice: Notice) {
        drop(notice);
    }

    /// Whether [`handle_traffic`](Self::handle_traffic) is to be called; asked at every message, so that
    /// it can change. Without this it never is, and then costs nothing.
    fn wants_traffic(&self) -> bool {
        false
    }

    /// A message that came or leaves, whole and decrypted, texts of users and all. One that comes is
    /// shown before the events that it leads to.
    fn handle_traffic(&mut self, traffic: Traffic<'_>) {
        let _ = traffic;
    }

    /// There is nothing to do for the moment: the time to write what was collected, such as lines of
    /// a log.
    fn handle_idle(&mut self) {}
}
