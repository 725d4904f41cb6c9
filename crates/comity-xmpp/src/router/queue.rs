use std::collections::VecDeque;

use crate::Stanza;
use crate::stream::SendId;

/// Stanzas that wait for the stream of one pair, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    parcels: VecDeque<(Parcel, usize)>,
    bytes: usize,
}

/// A stanza on its way, and under which id its sender waits for news of it.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) stanza: Stanza,
    pub(super) id: Option<SendId>,
}

impl Queue {
    /// Whether a stanza of `len` bytes may wait too.
    pub(super) fn has_room(&self, len: usize, max_stanzas: usize, max_bytes: usize) -> bool {
        self.parcels.len() < max_stanzas && self.bytes.saturating_add(len) <= max_bytes
    }

    pub(super) fn push(&mut self, parcel: Parcel, len: usize) {
        self.bytes += len;
        self.parcels.push_back((parcel, len));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Parcel> {
        self.parcels.front().map(|(parcel, _)| parcel)
    }

    /// Takes the first stanza; gives it with its bytes.
    pub(super) fn pop(&mut self) -> Option<(Parcel, usize)> {
        let (parcel, len) = self.parcels.pop_front()?;
        self.bytes -= len;
        Some((parcel, len))
    }

    /// What all of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_parcels(self) -> impl Iterator<Item = Parcel> {
        self.parcels.into_iter().map(|(parcel, _)| parcel)
    }
}
