//! What whoever looks on is shown.

use std::time::Instant;

use comity_identity::Direction;
use comity_sip::{Flow, Transport};

use super::Driver;
use crate::sip::application::Application;
use crate::sip::connections::Remote;
use crate::sip::traffic::Traffic;

impl<A: Application> Driver<A> {
    /// Lets the endpoint keep what comes, if the application wants to see it.
    pub(super) fn watch(&mut self) {
        let wanted = self.application.wants_traffic();
        if wanted != self.is_watched {
            self.is_watched = wanted;
            if wanted {
                self.endpoint.open_tap();
            } else {
                self.endpoint.close_tap();
            }
        }
    }

    /// Shows what came.
    pub(super) fn show_received(&mut self, now: Instant) {
        while self.is_watched
            && let Some(received) = self.endpoint.poll_received()
        {
            self.show(now, Direction::Inbound, received.flow, &received.message);
        }
    }

    /// Shows what is about to leave.
    pub(super) fn show_sent(&mut self, now: Instant, flow: Flow) {
        if self.application.wants_traffic() {
            let output = std::mem::take(&mut self.output);
            self.show(now, Direction::Outbound, flow, &output);
            self.output = output;
        }
    }

    fn show(&mut self, now: Instant, direction: Direction, flow: Flow, message: &[u8]) {
        let datagrams;
        let (connection, remote) = match flow {
            Flow::Datagrams { remote, .. } => {
                datagrams = Remote {
                    transport: Transport::Udp,
                    peer: remote,
                    proved: Vec::new(),
                };
                (None, Some(&datagrams))
            }
            Flow::Connection(id) => (Some(id), self.connections.remote(id)),
        };
        // Nothing is said on a connection that is gone.
        let Some(remote) = remote else {
            return;
        };
        self.application.handle_traffic(Traffic {
            now,
            direction,
            transport: remote.transport,
            connection,
            peer: remote.peer,
            proved: &remote.proved,
            message,
        });
    }
}
