use std::collections::VecDeque;

use comity_xmpp::Stanza;
use comity_xmpp::stream::SendId;

use super::config::Limits;
use crate::handover::Tracking;

/// Stanzas that wait for a stream, or for room on it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    parcels: VecDeque<Parcel>,
    bytes: usize,
}

/// A stanza that was taken.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) stanza: Stanza,
    pub(super) id: SendId,
    pub(super) tracking: Tracking,
}

impl Parcel {
    /// The id, if the application knows it.
    pub(super) fn told_id(&self) -> Option<SendId> {
        match self.tracking {
            Tracking::Tracked => Some(self.id),
            Tracking::Untracked => None,
        }
    }
}

impl Queue {
    pub(super) fn has_room(&self, stanza: &Stanza, limits: &Limits) -> bool {
        let bytes = self.bytes.saturating_add(stanza.held_bytes());
        self.parcels.len() < limits.max_waiting_stanzas && bytes <= limits.max_waiting_bytes
    }

    pub(super) fn push(&mut self, parcel: Parcel) {
        self.bytes = self.bytes.saturating_add(parcel.stanza.held_bytes());
        self.parcels.push_back(parcel);
    }

    pub(super) fn first(&self) -> Option<&Parcel> {
        self.parcels.front()
    }

    pub(super) fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes = self.bytes.saturating_sub(parcel.stanza.held_bytes());
        Some(parcel)
    }
}
