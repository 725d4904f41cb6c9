//! Where transactions are kept, and how they are found.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Table;
use super::entry::{Entry, Machine, Place};
use crate::flow::Flow;
use crate::transaction::traffic::TransactionId;

impl Table {
    pub(super) fn insert(
        &mut self,
        machine: Machine,
        flow: Flow,
        request: Bytes,
        place: Place,
    ) -> TransactionId {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        self.held += request.len();
        let entry = Some(Entry {
            serial,
            machine,
            flow,
            request,
            last: Bytes::new(),
            interval: Duration::ZERO,
            place,
        });
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(free) = self.entries.get_mut(slot as usize) {
                    *free = entry;
                }
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.note(slot, flow);
        TransactionId { slot, serial }
    }

    /// Puts a transaction on another flow.
    pub(super) fn bind(&mut self, slot: u32, flow: Flow) {
        let Some(entry) = self.entry_mut(slot) else {
            return;
        };
        let former = std::mem::replace(&mut entry.flow, flow);
        if former != flow {
            self.unbind(slot, former);
            self.note(slot, flow);
        }
    }

    /// Notes on what a transaction depends: a server on connections only, to which it answers.
    fn note(&mut self, slot: u32, flow: Flow) {
        let is_client = self
            .entry(slot)
            .is_some_and(|entry| matches!(entry.place, Place::Client { .. }));
        if is_client || matches!(flow, Flow::Connection(_)) {
            self.bound.entry(flow).or_default().insert(slot);
        }
    }

    fn unbind(&mut self, slot: u32, flow: Flow) {
        if let Some(slots) = self.bound.get_mut(&flow) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.bound.remove(&flow);
            }
        }
    }

    pub(super) fn remove(&mut self, now: Instant, slot: u32) {
        let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.free.push(slot);
        let held = entry.held();
        self.held -= held;
        self.unbind(slot, entry.flow);
        for timer in timers_of(slot) {
            self.timers.stop(timer);
        }
        match entry.place {
            Place::Client { branch, .. } => {
                self.clients.remove(&branch);
            }
            Place::Server {
                key, merge, source, ..
            } => {
                self.servers.remove(&key);
                if let Some(merge) = merge {
                    self.merges.remove(&merge);
                }
                self.sources.end(now, source.ip(), held);
            }
        }
        if self.len() == 0 {
            self.release();
        }
    }

    /// Gives back what a flood left behind.
    fn release(&mut self) {
        if self.entries.capacity() > KEPT {
            self.entries = Vec::new();
            self.free = Vec::new();
            self.timers.clear();
            self.servers.shrink_to(KEPT);
            self.merges.shrink_to(KEPT);
            self.clients.shrink_to(KEPT);
        }
    }

    /// Whether a source may get one more answer for which nothing is kept, and counts it.
    pub(crate) fn may_answer(&mut self, now: Instant, source: IpAddr) -> bool {
        self.sources.may_answer(now, source)
    }

    pub(super) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    pub(super) fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn live(&self, id: TransactionId) -> Option<&Entry> {
        self.entry(id.slot)
            .filter(|entry| entry.serial == id.serial)
    }
}

/// The timer that repeats and the one that ends.
pub(super) fn timers_of(slot: u32) -> [u32; 2] {
    let again = slot.wrapping_mul(2);
    [again, again.wrapping_add(1)]
}

/// For how many transactions room is kept when there is none.
const KEPT: usize = 1024;
