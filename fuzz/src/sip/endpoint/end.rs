//! The end of it all.

use std::time::Duration;

use comity_sip::Reason;

use super::Run;
use super::user::IsThere;

impl Run<'_> {
    /// Ends all that there is, and sees that nothing is left.
    pub(super) fn end(&mut self) {
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            self.close(id);
        }
        for session in std::mem::take(&mut self.user.sessions).into_keys() {
            let over = self.endpoint.bye(self.now, session);
            // Without room for a BYE the session stays.
            if over.is_err() {
                self.user.sessions.insert(session, IsThere::Established);
            }
            self.commanded();
        }
        for id in self.user.subscriptions.clone() {
            let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
            self.commanded();
        }
        for id in self.user.watchers.clone() {
            let _: Result<_, _> = self.endpoint.terminate(self.now, id, Reason::NoResource);
            self.commanded();
        }
        for id in self.user.publications.clone() {
            let _: Result<_, _> = self.endpoint.unpublish(self.now, id);
            self.commanded();
        }
        self.fall_silent();
    }

    fn fall_silent(&mut self) {
        let start = self.now;
        while let Some(next) = self.endpoint.poll_timeout() {
            let rounds = self.now - start;
            if rounds > SILENCE {
                break;
            }
            self.tick(next.saturating_duration_since(self.now));
            for id in self.connections.keys().copied().collect::<Vec<_>>() {
                self.close(id);
            }
            for session in std::mem::take(&mut self.user.sessions).into_keys() {
                if self.endpoint.bye(self.now, session).is_err() {
                    self.user.sessions.insert(session, IsThere::Established);
                }
                self.commanded();
            }
            for id in self.user.subscriptions.clone() {
                let _: Result<_, _> = self.endpoint.unsubscribe(self.now, id);
                self.commanded();
            }
        }
        assert_eq!(self.endpoint.transactions(), 0, "transactions are left");
        assert_eq!(self.endpoint.connections(), 0, "connections are left");
        assert_eq!(
            self.endpoint.poll_timeout(),
            None,
            "time is left: {:?}",
            self.user
        );
        assert!(
            self.user.asked.values().all(|is_over| *is_over),
            "no end of a request"
        );
        assert!(self.user.subscriptions.is_empty(), "subscriptions are left");
        assert!(self.user.watchers.is_empty(), "watchers are left");
        assert!(self.user.publications.is_empty(), "publications are left");
        assert_eq!(self.endpoint.subscriptions(), 0, "subscriptions are left");
        assert_eq!(
            self.endpoint.sessions(),
            0,
            "sessions are left: {:?}",
            self.user
        );
    }
}

/// More than all bounded timers one behind the other.
const SILENCE: Duration = Duration::from_secs(3_600 * 2);
