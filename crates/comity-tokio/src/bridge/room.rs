//! The room for stanzas on their way to the streams.

use std::sync::Arc;

use comity_xmpp::Stanza;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for so many stanzas, and for so many bytes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    stanzas: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// The place of a stanza. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _stanza: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new(max_stanzas: usize, max_bytes: usize) -> Self {
        let semaphore = |max: usize| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self {
            stanzas: semaphore(max_stanzas),
            bytes: semaphore(max_bytes),
        }
    }

    /// A place for a stanza, if there is room for it.
    pub(super) fn take(&self, stanza: &Stanza) -> Option<Place> {
        let held = u32::try_from(stanza.held_bytes()).ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(held).ok()?;
        let stanza = Arc::clone(&self.stanzas).try_acquire_owned().ok()?;
        Some(Place {
            _stanza: stanza,
            bytes,
        })
    }
}

impl Place {
    /// The bytes that its stanza keeps in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.num_permits()
    }
}

#[cfg(test)]
mod tests {
    use comity_xmpp::StanzaKind;

    use super::*;

    fn stanza() -> Stanza {
        let (from, to) = ("a.example".parse().unwrap(), "b.example".parse().unwrap());
        Stanza::new(StanzaKind::Presence, from, to)
    }

    #[test]
    fn a_room_has_an_end_in_stanzas_and_in_bytes() {
        let bytes = stanza().held_bytes();
        for (room, fits) in [
            (Room::new(2, usize::MAX), 2),
            (Room::new(usize::MAX, 2 * bytes - 1), 1),
            (Room::new(usize::MAX, 2 * bytes), 2),
            (Room::new(usize::MAX, 3 * bytes - 1), 2),
            (Room::new(0, usize::MAX), 0),
        ] {
            let fill = || Vec::from_iter((0..4).map_while(|_| room.take(&stanza())));
            let places = fill();
            assert_eq!(places.len(), fits);
            assert!(places.iter().all(|place| place.bytes() == bytes));
            drop(places);
            assert_eq!(fill().len(), fits);
        }
    }
}
