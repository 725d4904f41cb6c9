use std::time::Instant;

use comity_sip::endpoint::{Endpoint, Event};

use super::notice::Notice;

/// What a server does with the events of its endpoint.
///
/// It is called on the task that also serves all sockets: no event waits in a channel, and whoever
/// has work that takes long gives it to another task, whose answer comes back by
/// [`Server::call`](super::Server::call).
pub trait Application: Send {
    /// Something that the driver does not answer itself: all events but
    /// [`Event::Connect`], [`Event::Disconnect`] and [`Event::Locate`].
    ///
    /// What the endpoint has to send because of it leaves before the next event.
    fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event);

    /// Something for those who run the server. Without this it is lost.
    fn handle_notice(&mut self, notice: Notice) {
        drop(notice);
    }

    /// There is nothing to do for the moment: the time to write what was collected, such as lines of
    /// a log.
    fn handle_idle(&mut self) {}
}
