use std::time::Instant;

use comity_identity::DomainName;
use comity_xmpp::stream::SendId;
use comity_xmpp::{Stanza, StanzaCondition};
use tokio::sync::mpsc;

use super::config::Config;
use super::driver::Driver;
use super::event::Event;
use crate::handover::{self, Handover, Refusal, Taken, Tracking};

/// A component and its server.
///
/// Clones speak for the same component. It ends in order when [`shutdown`](Self::shutdown) is called,
/// when the last clone is dropped, or when the receiver of its events is dropped.
#[derive(Clone, Debug)]
pub struct Link {
    commands: mpsc::Sender<Command>,
    domain: DomainName,
}

impl Link {
    /// Begins to connect to the server, on the current tokio runtime. `seed` comes from the operating
    /// system.
    ///
    /// The events must be read: while [`Limits::max_unread_events`](super::Limits) of them wait,
    /// nothing is read from the server.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(config: Config, seed: [u8; 32]) -> (Self, mpsc::Receiver<Event>) {
        let (commands, obeyed) = mpsc::channel(MAX_COMMANDS);
        let (events, receiver) = mpsc::channel(config.limits.max_unread_events.max(1));
        let domain = config.component.domain.clone();
        let driver = Driver::new(Instant::now(), config, events, seed);
        tokio::spawn(driver.run(obeyed));
        (Self { commands, domain }, receiver)
    }

    /// The domain of the component.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// Sends a stanza from the domain of the component.
    ///
    /// If this is dropped before it is ready, the stanza may have been taken all the same.
    ///
    /// # Errors
    ///
    /// The stanza was not taken and is given back with the reason.
    pub async fn send(&self, stanza: Stanza) -> Result<(), Rejected> {
        let closed = SendError::Closed;
        let sent = handover::post(&self.commands, Command::Send, stanza, closed).await;
        sent.map_err(Rejected::of)
    }

    /// Does the same, and gives an id with which [`Event::Sent`] or [`Event::Undelivered`] tells once
    /// how it ends. To a task other than the one that waits for this they may come before it is ready.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send); no event comes.
    pub async fn send_tracked(&self, stanza: Stanza) -> Result<SendId, Rejected> {
        let closed = SendError::Closed;
        let sent = handover::post_tracked(&self.commands, Command::Send, stanza, closed).await;
        sent.map_err(Rejected::of)
    }

    /// Hands many over at once, in their order; the answers are in the same one. None if the runtime
    /// ends.
    pub(crate) async fn send_all(
        &self,
        stanzas: Vec<(Stanza, Tracking)>,
    ) -> Option<Vec<Taken<SendError>>> {
        let closed = SendError::Closed;
        handover::post_all(&self.commands, Command::Send, stanzas, closed).await
    }

    /// Ends the stream in order, and returns when the connection has ended.
    ///
    /// Stanzas that wait come back in [`Event::Undelivered`], so the events should be read meanwhile,
    /// or their receiver dropped.
    pub async fn shutdown(&self) {
        // Nobody is there to be told if it has ended already.
        let _ = self.commands.send(Command::Shutdown).await;
        self.commands.closed().await;
    }
}

/// What the application wants of the driver.
#[derive(Debug)]
pub(super) enum Command {
    Send(Handover<SendError>),
    Shutdown,
}

/// A stanza that was not taken, with the reason.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct Rejected {
    /// The stanza.
    pub stanza: Box<Stanza>,
    /// Why it was not taken.
    pub reason: SendError,
}

impl Rejected {
    fn of((stanza, reason): (Box<Stanza>, SendError)) -> Self {
        Self { stanza, reason }
    }
}

/// Why a stanza was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The link has ended.
    #[error("the link has ended")]
    Closed,
    /// The application does not read its events.
    #[error("too many events wait to be read")]
    EventsUnread,
    /// Too much waits for the server already.
    #[error("too much waits for the server")]
    Full,
    /// The sender is not in the domain of the component (XEP-0114 §3).
    #[error("the sender is not in the domain of the component")]
    NotLocal,
}

impl Refusal for SendError {
    fn condition(self) -> StanzaCondition {
        match self {
            Self::Closed | Self::EventsUnread | Self::Full => StanzaCondition::ResourceConstraint,
            Self::NotLocal => StanzaCondition::InternalServerError,
        }
    }

    fn passes(self) -> bool {
        match self {
            Self::EventsUnread | Self::Full => true,
            Self::Closed | Self::NotLocal => false,
        }
    }
}

/// Commands that the driver has not taken; more wait outside.
const MAX_COMMANDS: usize = 64;
