//! Stanzas on their way to the task that owns a stream.

use std::fmt;

use comity_xmpp::stream::SendId;
use comity_xmpp::{Stanza, StanzaCondition};
use tokio::sync::{mpsc, oneshot};

/// Stanzas for a driver, and the place of its answer.
#[derive(Debug)]
pub(crate) struct Handover<E> {
    stanzas: Vec<(Stanza, Tracking)>,
    reply: oneshot::Sender<Vec<Taken<E>>>,
}

/// What came of a stanza that was handed over: it was taken, with an id if it is tracked; or it comes
/// back with the reason.
pub(crate) type Taken<E> = Result<Option<SendId>, (Box<Stanza>, E)>;

/// Whether it is told when a stanza has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tracking {
    Tracked,
    Untracked,
}

/// Why a driver does not take a stanza.
pub(crate) trait Refusal: Copy + fmt::Display {
    /// What the sender of the stanza is told.
    fn condition(self) -> StanzaCondition;

    /// Whether the stanza may be taken a little later.
    fn passes(self) -> bool;
}

impl<E: Refusal> Handover<E> {
    /// Takes the stanzas one by one, and answers. Behind one that may be taken later none is taken, so
    /// that they stay in their order.
    pub(crate) fn take(self, mut take: impl FnMut(Stanza, Tracking) -> Taken<E>) {
        let mut held = None;
        let take_next = |(stanza, tracking)| {
            let taken = match held {
                Some(reason) => Err((Box::new(stanza), reason)),
                None => take(stanza, tracking),
            };
            let refused = taken.as_ref().err().map(|(_, reason)| *reason);
            held = refused.filter(|reason| reason.passes());
            taken
        };
        let taken = self.stanzas.into_iter().map(take_next).collect();
        // Whoever sent them may have stopped to wait.
        drop(self.reply.send(taken));
    }

    /// Gives all back.
    pub(crate) fn refuse(self, reason: E) {
        self.take(|stanza, _| Err((Box::new(stanza), reason)));
    }
}

/// Hands a stanza to the driver that obeys these commands.
pub(crate) async fn post<C, E: Refusal>(
    commands: &mpsc::Sender<C>,
    command: impl FnOnce(Handover<E>) -> C,
    stanza: Stanza,
    closed: E,
) -> Result<(), (Box<Stanza>, E)> {
    let parcel = (stanza.clone(), Tracking::Untracked);
    match post_one(commands, command, parcel, closed).await {
        Some(taken) => taken.map(drop),
        None => Err((Box::new(stanza), closed)),
    }
}

/// The same, and gives the id by which it is told when the stanza has left.
pub(crate) async fn post_tracked<C, E: Refusal>(
    commands: &mpsc::Sender<C>,
    command: impl FnOnce(Handover<E>) -> C,
    stanza: Stanza,
    closed: E,
) -> Result<SendId, (Box<Stanza>, E)> {
    let parcel = (stanza.clone(), Tracking::Tracked);
    match post_one(commands, command, parcel, closed).await {
        Some(Ok(Some(id))) => Ok(id),
        Some(Err(refused)) => Err(refused),
        // Without an id it was not taken to be tracked.
        Some(Ok(None)) | None => Err((Box::new(stanza), closed)),
    }
}

/// Hands one over; none if the runtime ends, which takes the stanza with it.
async fn post_one<C, E: Refusal>(
    commands: &mpsc::Sender<C>,
    command: impl FnOnce(Handover<E>) -> C,
    parcel: (Stanza, Tracking),
    closed: E,
) -> Option<Taken<E>> {
    let taken = post_all(commands, command, vec![parcel], closed).await;
    taken.and_then(|mut taken| taken.pop())
}

/// Hands stanzas over in their order. The answers are in the same order; none if the runtime ends.
pub(crate) async fn post_all<C, E: Refusal>(
    commands: &mpsc::Sender<C>,
    command: impl FnOnce(Handover<E>) -> C,
    stanzas: Vec<(Stanza, Tracking)>,
    closed: E,
) -> Option<Vec<Taken<E>>> {
    let (reply, answer) = oneshot::channel();
    let handover = Handover { stanzas, reply };
    match commands.reserve().await {
        Ok(permit) => permit.send(command(handover)),
        Err(_gone) => handover.refuse(closed),
    }
    answer.await.ok()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use comity_xmpp::StanzaKind;

    use super::*;
    use crate::component::SendError;

    #[tokio::test]
    async fn behind_what_may_be_taken_later_nothing_is_taken() {
        let (commands, mut obeyed) = mpsc::channel(1);
        let stanza = |id: &str| {
            let (from, to) = ("a.example".parse().unwrap(), "b.example".parse().unwrap());
            (
                Stanza::new(StanzaKind::Message, from, to).with_id(id),
                Tracking::Tracked,
            )
        };
        let stanzas = ["1", "never", "3", "later", "5"].map(stanza);
        let driver = tokio::spawn(async move {
            let handover: Handover<SendError> = obeyed.recv().await.unwrap();
            handover.take(|stanza, _| match stanza.id() {
                Some("never") => Err((Box::new(stanza), SendError::NotLocal)),
                Some("later") => Err((Box::new(stanza), SendError::Full)),
                Some(number) => Ok(Some(id(number.parse().unwrap()))),
                None => panic!("{stanza:?}"),
            });
        });
        let answers = post_all(
            &commands,
            |handover| handover,
            stanzas.into(),
            SendError::Closed,
        );
        let told = |taken: Taken<SendError>| match taken {
            Ok(id) => Ok(id.unwrap()),
            Err((stanza, reason)) => Err((stanza.id().unwrap().to_owned(), reason)),
        };
        let told: Vec<_> = answers.await.unwrap().into_iter().map(told).collect();
        let refused = |id: &str, reason| Err((id.to_owned(), reason));
        let expected = [
            Ok(id(1)),
            refused("never", SendError::NotLocal),
            Ok(id(3)),
            refused("later", SendError::Full),
            refused("5", SendError::Full),
        ];
        assert_eq!(told, expected);
        driver.await.unwrap();
        let late = post(
            &commands,
            |handover| handover,
            stanza("6").0,
            SendError::Closed,
        );
        assert_eq!(
            late.await.err().map(|(_, reason)| reason),
            Some(SendError::Closed)
        );
    }

    fn id(number: u64) -> SendId {
        SendId::new(NonZeroU64::new(number).unwrap())
    }
}
